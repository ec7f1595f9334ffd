#define BOOST_TEST_MODULE compose
#include "hook_networks.hpp"
#include "own_layers.hpp"

#include <concepts>
#include <functional>
#include <set>
#include <string_view>
#include <type_traits>
#include <utility>

// Composition, paths and models; and layers of one's own.

using namespace hooked;

namespace {

template <class Body, class Shortcut = hc::identity<>>
using block = hc::sequential<hc::residual<Body, Shortcut>, hc::relu<>>;

template <std::size_t In, std::size_t Out, std::size_t Stride>
using resnet_body = hc::sequential<
    hc::named<"conv1", hc::conv2d<In, Out, hc::kernel<3>, hc::padding<1>, hc::stride<Stride>, hc::no_bias>>,
    hc::named<"bn1", hc::batch_norm2d<Out>>, hc::relu<>,
    hc::named<"conv2", hc::conv2d<Out, Out, hc::kernel<3>, hc::padding<1>, hc::no_bias>>,
    hc::named<"bn2", hc::batch_norm2d<Out>>>;

/// As PyTorch writes a small ResNet: one shortcut of option A, one with a convolution of its own.
using resnet = hc::sequential<
    hc::named<"conv1", hc::conv2d<3, 4, hc::kernel<3>, hc::padding<1>, hc::no_bias>>,
    hc::named<"bn1", hc::batch_norm2d<4>>, hc::relu<>,
    hc::named<"layer1", hc::indexed<block<resnet_body<4, 4, 1>>,
                                    block<resnet_body<4, 8, 2>, hc::pad_shortcut<4, 8, hc::stride<2>>>>>,
    hc::named<
        "layer2",
        hc::indexed<block<
            resnet_body<8, 8, 2>,
            hc::named<"downsample", hc::indexed<hc::conv2d<8, 8, hc::kernel<1>, hc::stride<2>, hc::no_bias>,
                                                hc::batch_norm2d<8>>>>>>,
    hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"linear", hc::linear<8, 10>>>;

} // namespace

// --- paths -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(paths_are_pytorchs_in_order_of_execution_a_composite_before_its_children) {
    BOOST_TEST(hc::paths<nested>() == nested_paths, boost::test_tools::per_element());
    // What `[name for name, _ in model.named_modules()]` says for the same modules, without those that have
    // no name here.
    std::vector<std::string> const expected{"conv1",
                                            "bn1",
                                            "layer1",
                                            "layer1.0",
                                            "layer1.0.conv1",
                                            "layer1.0.bn1",
                                            "layer1.0.conv2",
                                            "layer1.0.bn2",
                                            "layer1.1",
                                            "layer1.1.conv1",
                                            "layer1.1.bn1",
                                            "layer1.1.conv2",
                                            "layer1.1.bn2",
                                            "layer2",
                                            "layer2.0",
                                            "layer2.0.conv1",
                                            "layer2.0.bn1",
                                            "layer2.0.conv2",
                                            "layer2.0.bn2",
                                            "layer2.0.downsample",
                                            "layer2.0.downsample.0",
                                            "layer2.0.downsample.1",
                                            "linear"};
    BOOST_TEST(hc::paths<resnet>() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(unnamed_layers_and_composites_add_nothing_to_paths) {
    using net =
        hc::sequential<hc::relu<>, hc::sequential<hc::sequential<hc::named<"a", hc::relu<>>>, hc::flatten<>>,
                       hc::residual<hc::named<"b", hc::relu<>>, hc::named<"c", hc::relu<>>>>;
    BOOST_TEST(hc::paths<net>() == (std::vector<std::string>{"a", "b", "c"}),
               boost::test_tools::per_element());
    BOOST_TEST(hc::paths<hc::relu<>>().empty());
    BOOST_TEST(hc::paths<hc::tap<"t">>() == std::vector<std::string>{"t"}, boost::test_tools::per_element());
    // The same name at another depth is another path.
    using deep = hc::named<"a", hc::sequential<hc::named<"a", hc::sequential<hc::tap<"a">>>, hc::tap<"b">>>;
    BOOST_TEST(hc::paths<deep>() == (std::vector<std::string>{"a", "a.a", "a.a.a", "a.b"}),
               boost::test_tools::per_element());
}

namespace {

template <class Indices>
struct many;
template <std::size_t... Indices>
struct many<std::index_sequence<Indices...>> {
    template <std::size_t>
    using one = hc::relu<>;
    using type = hc::indexed<one<Indices>...>;
};

} // namespace

BOOST_AUTO_TEST_CASE(indexed_names_its_children_from_0) {
    using net = typename many<std::make_index_sequence<112>>::type;
    auto const& paths = hc::paths<net>();
    BOOST_TEST_REQUIRE(paths.size() == 112u);
    for (std::size_t i = 0; i < paths.size(); ++i)
        BOOST_TEST(paths[i] == std::to_string(i));
    static_assert(hc::hookable<net, "111"> && !hc::hookable<net, "112"> && !hc::hookable<net, "00">);
}

BOOST_AUTO_TEST_CASE(layers_and_composites_are_found_by_path_at_any_depth) {
    static_assert(hc::hookable<resnet, "layer2.0.downsample.0">);
    static_assert(hc::hookable<resnet, "layer1.1"> && hc::hookable<resnet, "">);
    static_assert(!hc::hookable<resnet, "layer1.2"> && !hc::hookable<resnet, "layer1."> &&
                  !hc::hookable<resnet, ".layer1"> && !hc::hookable<resnet, "layer"> &&
                  !hc::hookable<resnet, "layer1.0.conv1.weight"> && !hc::hookable<resnet, "downsample">);
    auto const m = with_noise<nested>();
    std::size_t calls = 0;
    auto const note = [&](auto const& layer, auto const&...) {
        ++calls;
        using type = typename std::remove_cvref_t<decltype(layer)>::type;
        static_assert(std::is_same_v<type, hc::conv2d<3, 3, hc::kernel<1>>>);
        BOOST_TEST(layer.path() == "block.conv2");
    };
    static_cast<void>(hc::attach<"block.conv2">(m, hc::on_forward(note))(two_images()));
    BOOST_TEST(calls == 1u);
}

// --- shapes ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(output_shape_follows_every_join) {
    static_assert(std::same_as<hc::output_shape<nested, hc::image<2, 4, 4>>, hc::features<4>>);
    static_assert(std::same_as<hc::output_shape<resnet, hc::image<3, 16, 16>>, hc::features<10>>);
    static_assert(std::same_as<hc::output_shape<resnet, hc::image<>>, hc::features<10>>);
    static_assert(std::same_as<hc::output_shape<hc::flatten<>, hc::image<3, 4, 5>>, hc::features<60>>);
    static_assert(
        std::same_as<hc::output_shape<hc::sequential<hc::conv2d<3, 8, hc::kernel<3>>>, hc::image<3>>,
                     hc::image<8>>);
    static_assert(std::same_as<hc::output_shape<mine::scale<3>, hc::image<3, 4, 5>>, hc::image<3, 4, 5>>);
    // And the plan arrives where the types say.
    auto const m = with_noise<nested>();
    BOOST_TEST(m(two_images()).shape()[1] == 4u);
}

BOOST_AUTO_TEST_CASE(joins_that_are_known_at_run_time_only_throw) {
    auto const m = with_noise<nested>();
    auto p = hc::plan(m);
    BOOST_CHECK_EXCEPTION(p(noise<double, 4>({1, 2, 8, 8}, 1)), hc::error, [](hc::error const& e) {
        return e.kind() == hc::error_kind::shape &&
               std::string_view{e.what()}.find("48") != std::string_view::npos;
    });
    BOOST_CHECK_THROW(p(noise<double, 4>({1, 3, 4, 4}, 1)), hc::error);
    BOOST_TEST(p(two_images()).shape()[0] == 2u); // usable after that
    // The halves of a residual.
    using halves = hc::residual<hc::avg_pool2d<2>, hc::identity<>>;
    hc::model<halves, double> const h;
    auto q = hc::plan(h);
    BOOST_CHECK_THROW(q(two_images()), hc::error);
}

// --- values ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(residual_is_the_sum_of_body_and_shortcut_and_so_is_its_gradient) {
    using net = hc::residual<hc::named<"body", hc::linear<2, 2>>, hc::named<"shortcut", hc::linear<2, 2>>>;
    hc::model<net, double> m;
    double const values[] = {1, 2, 3, 4, 0.5, -0.5, 5, 6, 7, 8, 1, 2};
    std::copy(std::begin(values), std::end(values), m.data());
    auto p = hc::plan(m, all_gradients{});
    auto const y = p(xt::xtensor<double, 2>{{1, 2}}, xt::xtensor<double, 2>{{1, 10}});
    check_same(y, xt::xtensor<double, 2>{{5 + 0.5 + 17 + 1, 11 - 0.5 + 23 + 2}});
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{31 + 75, 42 + 86}});
    check_same(p.parameter_gradient("body.weight"), xt::xtensor<double, 2>{{1, 2}, {10, 20}});
    check_same(p.parameter_gradient("shortcut.bias"), xt::xtensor<double, 1>{1, 10});
    // With a layer in place at the head of each branch: the other one still sees the input.
    using both = hc::residual<hc::relu<>, hc::sequential<hc::relu<>, hc::named<"s", hc::linear<2, 2>>>>;
    hc::model<hc::sequential<hc::residual<hc::relu<>>>, double> const n;
    check_same(n(xt::xtensor<double, 2>{{-1, 2}}), xt::xtensor<double, 2>{{-1, 4}});
    hc::model<both, double> const b;
    check_same(b(xt::xtensor<double, 2>{{-1, 2}}), xt::xtensor<double, 2>{{0, 2}});
}

BOOST_AUTO_TEST_CASE(a_resnet_like_nest_has_the_gradients_of_finite_differences) {
    auto m = with_noise<resnet>(5);
    for (auto const& entry : m.entries())
        if (entry.key.ends_with("running_var"))
            for (std::size_t i = 0; i < entry.size; ++i)
                entry.data[i] = std::abs(entry.data[i]) + 0.5;
    auto x = noise<double, 4>({2, 3, 8, 8}, 6);
    auto const g = noise<double, 2>({2, 10}, 7);
    auto p = hc::plan<hc::image<3, 8, 8>>(m, all_gradients{});
    auto const y = p(x, g);
    check_same(y, m(x));
    xt::xtensor<double, 4> const of_input = p.input_gradient();
    check_near(of_input, differences(x.data(), x.size(), g, [&] { return m(x); }), 1e-6);
    for (auto const& entry : m.entries())
        if (entry.is_learned)
            BOOST_TEST_CONTEXT(entry.key)
    check_near(p.parameter_gradient(entry.key), differences(entry.data, entry.size, g, [&] { return m(x); }),
               1e-6);
}

// --- models ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(keys_of_the_state_dict_are_pytorchs) {
    hc::model<resnet> const m;
    std::vector<std::string> keys;
    for (auto const& entry : m.entries())
        keys.emplace_back(entry.key);
    std::vector<std::string> expected;
    auto const add = [&](std::string const& path, std::vector<std::string> const& names) {
        for (auto const& name : names)
            expected.push_back(path + '.' + name);
    };
    std::vector<std::string> const norm{"weight", "bias", "running_mean", "running_var"};
    auto const add_block = [&](std::string const& path) {
        add(path + ".conv1", {"weight"});
        add(path + ".bn1", norm);
        add(path + ".conv2", {"weight"});
        add(path + ".bn2", norm);
    };
    add("conv1", {"weight"});
    add("bn1", norm);
    add_block("layer1.0");
    add_block("layer1.1");
    add_block("layer2.0");
    add("layer2.0.downsample.0", {"weight"});
    add("layer2.0.downsample.1", norm);
    add("linear", {"weight", "bias"});
    BOOST_TEST(keys == expected, boost::test_tools::per_element());
    BOOST_TEST((m.optional_keys().front() == "bn1.num_batches_tracked"));
    BOOST_TEST(m.optional_keys().size() == 8u);
    auto const conv = m.parameter("layer2.0.downsample.0.weight");
    BOOST_TEST(std::vector<std::size_t>(conv.shape().begin(), conv.shape().end()) ==
                   (std::vector<std::size_t>{8, 8, 1, 1}),
               boost::test_tools::per_element());
    BOOST_CHECK_THROW((void)m.parameter("conv1.bias"), hc::error);
}

BOOST_AUTO_TEST_CASE(parameters_are_zero_scales_and_variances_one_until_something_is_loaded) {
    hc::model<hc::sequential<resnet, hc::named<"scale", mine::scale<3>>>, double> const m;
    for (auto const& entry : m.entries()) {
        bool const is_one = entry.key.ends_with("running_var") || entry.key == "scale.factor" ||
                            (entry.key.ends_with(".weight") && entry.shape.size() == 1);
        for (std::size_t i = 0; i < entry.size; ++i)
            BOOST_TEST(entry.data[i] == (is_one ? 1 : 0), entry.key);
    }
}

BOOST_AUTO_TEST_CASE(a_model_copies_deeply) {
    auto m = by_hand();
    auto copy = m;
    copy.parameter("b.bias").data()[0] = 5;
    BOOST_TEST(m(by_hand_input())(0, 0) == 9);
    BOOST_TEST(copy(by_hand_input())(0, 0) == 13);
    BOOST_TEST(copy.data() != m.data());
}

BOOST_AUTO_TEST_CASE(plans_stay_valid_when_the_model_moves_and_when_it_is_assigned_to) {
    auto m = by_hand();
    auto p = hc::plan(m, all_gradients{});
    auto const open = hc::with_runtime_hooks(m);
    auto moved = std::move(m);
    BOOST_TEST(p(by_hand_input(), xt::xtensor<double, 2>{{1}})(0, 0) == 9);
    BOOST_TEST(open(by_hand_input())(0, 0) == 9);
    auto other = by_hand();
    other.parameter("b.bias").data()[0] = 5;
    moved = other; // copies into the memory that is there
    BOOST_TEST(p(by_hand_input(), xt::xtensor<double, 2>{{1}})(0, 0) == 13);
    BOOST_TEST(open(by_hand_input())(0, 0) == 13);
    moved = *&moved;
    BOOST_TEST(moved(by_hand_input())(0, 0) == 13);
    // What was moved from can be assigned to.
    m = other;
    BOOST_TEST(m(by_hand_input())(0, 0) == 13);
    static_assert(std::is_nothrow_move_constructible_v<hc::model<affine>> &&
                  std::is_nothrow_move_assignable_v<hc::model<affine>>);
    // A plan can be a member, and moves too.
    auto q = std::move(p);
    BOOST_TEST(q(by_hand_input(), xt::xtensor<double, 2>{{1}})(0, 0) == 13);
}

BOOST_AUTO_TEST_CASE(a_model_is_small_whatever_it_holds) {
    static_assert(sizeof(hc::model<resnet>) == sizeof(void*));
    static_assert(std::is_empty_v<resnet> && std::is_trivially_copyable_v<resnet>);
    BOOST_TEST(hc::model<resnet>{}.size() > 1000u);
}

BOOST_AUTO_TEST_CASE(a_vector_runs_through_layers_of_any_rank) {
    hc::model<hc::sequential<hc::relu<>, hc::softmax<>>, double> const m;
    auto const y = m(xt::xtensor<double, 2>{{-1, 0}, {3, 3}});
    check_same(y, xt::xtensor<double, 2>{{0.5, 0.5}, {0.5, 0.5}});
    check_same(m(xt::xtensor<double, 1>{-1, 0}), xt::xtensor<double, 2>{{0.5, 0.5}});
}

// --- a user's layers ---------------------------------------------------------------------------------------

namespace {

using with_own_layers = hc::sequential<
    hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, hc::named<"swish", mine::swish<>>,
    hc::named<"block", hc::sequential<hc::residual<hc::named<"scale", mine::scale<3>>, mine::swish<>>>>,
    hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"fc", hc::linear<3, 4>>>;

} // namespace

BOOST_AUTO_TEST_CASE(layers_of_ones_own_have_the_gradients_of_finite_differences) {
    auto m = with_noise<with_own_layers>();
    auto x = two_images();
    auto const g = two_gradients();
    auto p = hc::plan<hc::image<2, 4, 4>>(m, all_gradients{});
    p(x, g);
    xt::xtensor<double, 4> const of_input = p.input_gradient();
    check_near(of_input, differences(x.data(), x.size(), g, [&] { return m(x); }), difference_tolerance);
    for (auto const& entry : m.entries())
        check_near(p.parameter_gradient(entry.key),
                   differences(entry.data, entry.size, g, [&] { return m(x); }), difference_tolerance);
}

BOOST_AUTO_TEST_CASE(one_weight_in_two_places_is_two_layers_of_the_same_numbers_whose_gradients_add) {
    using network =
        hc::sequential<hc::named<"once", hc::linear<3, 3>>, hc::tanh<>, hc::named<"again", hc::linear<3, 3>>>;
    auto m = with_noise<network>();
    std::size_t const size = m.size() / 2;
    auto const share = [&] { std::copy_n(m.data(), size, m.data() + size); };
    share();
    auto const x = noise<double, 2>({2, 3}, 2);
    auto const g = noise<double, 2>({2, 3}, 3);
    auto p = hc::plan(m, all_gradients{});
    p(x, g);
    for (std::string const name : {"weight", "bias"}) {
        auto sum = numbers(p.parameter_gradient("once." + name));
        auto const more = numbers(p.parameter_gradient("again." + name));
        std::transform(sum.begin(), sum.end(), more.begin(), sum.begin(), std::plus{});
        auto shared = m.parameter("once." + name);
        check_near(sum, differences(shared.data(), shared.size(), g, [&] { return share(), m(x); }),
                   difference_tolerance);
    }
}

BOOST_AUTO_TEST_CASE(layers_of_ones_own_compose_and_have_paths_keys_and_names) {
    BOOST_TEST(hc::paths<with_own_layers>() ==
                   (std::vector<std::string>{"conv", "swish", "block", "block.scale", "fc"}),
               boost::test_tools::per_element());
    hc::model<with_own_layers> m;
    BOOST_TEST(m.parameter("block.scale.factor").size() == 3u);
    BOOST_TEST(mine::scale<3>::type_name() == "mine::scale<3>");
    static_assert(std::is_empty_v<mine::scale<3>> && std::is_trivially_copyable_v<mine::swish<>>);
}

namespace {

std::size_t policy_calls = 0;
struct count_policy_calls {
    void operator()(auto const&...) const { ++policy_calls; }
};

} // namespace

BOOST_AUTO_TEST_CASE(layers_of_ones_own_are_hooked_like_ours) {
    auto const m = with_noise<with_own_layers>();
    auto const x = two_images();
    auto const g = two_gradients();
    std::vector<std::string> typed, at_run_time;
    auto const note = [](std::vector<std::string>& to) {
        return [&to](auto const& layer, auto const&...) { to.emplace_back(layer.path()); };
    };
    auto const name = [](std::vector<std::string>& to) {
        return [&to](auto const&, auto const& of, auto const&) { to.emplace_back(of); };
    };
    auto p = hc::plan<hc::image<2, 4, 4>>(
        hc::attach<"block.scale">(
            hc::attach<"swish">(m, hc::on_forward(note(typed)), hc::on_backward(note(typed))),
            hc::on_forward_pre(note(typed)), hc::on_backward_pre(note(typed)),
            hc::on_parameter_gradient(name(typed))),
        all_gradients{});
    p(x, g);
    BOOST_TEST(typed == (std::vector<std::string>{"swish", "block.scale", "block.scale", "factor", "swish"}),
               boost::test_tools::per_element());
    auto const open = hc::with_runtime_hooks(m);
    auto const h1 = open.at("swish").register_forward_hook(note(at_run_time));
    auto const h2 = open.at("block.scale").register_backward_hook(note(at_run_time));
    auto const h3 = open.at("block.scale").register_parameter_gradient_hook(name(at_run_time));
    auto q = hc::plan<hc::image<2, 4, 4>>(open, all_gradients{});
    q(x, g);
    BOOST_TEST(at_run_time == (std::vector<std::string>{"swish", "factor", "block.scale"}),
               boost::test_tools::per_element());
    check_same(q.input_gradient(), p.input_gradient());
    // As a policy.
    policy_calls = 0;
    hc::model<mine::swish<hc::slot<hc::events::forward, count_policy_calls>>, double> const alone;
    static_cast<void>(alone(x));
    BOOST_TEST(policy_calls == 1u);
}

BOOST_AUTO_TEST_CASE(layers_of_ones_own_explain_like_ours) {
    auto const m = with_noise<with_own_layers>();
    auto const x = two_images();
    auto const check = [&](auto const& cam, auto const& activation, auto const& gradient) {
        // ReLU(Σ mean(G)·A), by the formula; sums of 16 and 3 numbers up to about one: 1e-13 is plenty.
        for (std::size_t n = 0; n < 2; ++n)
            for (std::size_t i = 0; i < 16; ++i) {
                double sum = 0;
                for (std::size_t c = 0; c < 3; ++c) {
                    double mean = 0;
                    for (std::size_t k = 0; k < 16; ++k)
                        mean += gradient(n, c, k / 4, k % 4) / 16;
                    sum += mean * activation(n, c, i / 4, i % 4);
                }
                BOOST_TEST(std::abs(cam.raw(n, i / 4, i % 4) - std::max(sum, 0.0)) < 1e-13);
            }
    };
    auto const a = hc::activations<"swish", "block.scale">(m, x);
    auto const g = hc::gradients<"swish", "block.scale">(m, x);
    check(hc::grad_cam<"swish">(m, x), get<"swish">(a), get<"swish">(g));
    check(hc::grad_cam<"block.scale">(m, x), get<"block.scale">(a), get<"block.scale">(g));
    auto const open = hc::with_runtime_hooks(m);
    check_same(hc::grad_cam(open, "block.scale", x).raw, hc::grad_cam<"block.scale">(m, x).raw);
}
