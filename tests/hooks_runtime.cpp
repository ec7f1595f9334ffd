#define BOOST_TEST_MODULE hooks_runtime
#include "hook_networks.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

// Hooks at run time: each test is a line of the hook contract.

using namespace hooked;

namespace {

using view = hc::any_view<double const>;
using layer_view = hc::layer_view<double>;

xt::xtensor<double, 2> const one{{1}};

/// A plan of all gradients for `affine`, run once.
template <class Open>
auto run_backward(Open const& open) {
    auto p = hc::plan(open, all_gradients{});
    p(by_hand_input(), one);
    return p;
}

auto const look = [](auto const&...) {};

} // namespace

// --- the events --------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(forward_pre_hooks_see_layer_and_input_and_replace_the_input) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    std::vector<double> seen;
    auto const handle =
        open.at("b").register_forward_pre_hook([&](layer_view const& layer, view const& input) {
            BOOST_TEST(layer.path() == "b");
            seen = numbers(input);
            return input + 1.0;
        });
    BOOST_TEST(open(by_hand_input())(0, 0) == 2 * 6.5 - 4 + 1);
    BOOST_TEST(seen == (std::vector{5.5, 3.0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(forward_hooks_see_layer_input_and_output_and_replace_the_output) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    std::vector<double> in, out;
    auto const handle =
        open.at("a").register_forward_hook([&](auto const& layer, auto const& input, auto const& output) {
            static_assert(std::is_same_v<decltype(layer), layer_view const&>);
            static_assert(std::is_same_v<decltype(output), view const&>);
            in = numbers(input);
            out = numbers(output);
            return output * 2.0;
        });
    BOOST_TEST(open(by_hand_input())(0, 0) == 2 * 11 - 6 + 1);
    BOOST_TEST(in == (std::vector{1.0, 2.0}), boost::test_tools::per_element());
    BOOST_TEST(out == (std::vector{5.5, 3.0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(backward_pre_hooks_see_layer_and_grad_output_and_replace_it) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    std::vector<double> seen;
    auto const handle =
        open.at("a").register_backward_pre_hook([&](auto const& layer, auto const& grad_output) {
            BOOST_TEST(layer.path() == "a");
            seen = numbers(grad_output);
            return grad_output * 10.0;
        });
    auto const p = run_backward(open);
    BOOST_TEST(seen == (std::vector{2.0, -1.0}), boost::test_tools::per_element());
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{30, 20}});
    check_same(p.parameter_gradient("a.bias"), xt::xtensor<double, 1>{20, -10});
}

BOOST_AUTO_TEST_CASE(backward_hooks_see_layer_grad_input_and_grad_output_and_replace_grad_input) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    std::vector<double> in, out;
    auto const handle = open.at("b").register_backward_hook(
        [&](auto const& layer, auto const& grad_input, auto const& grad_output) {
            BOOST_TEST(layer.path() == "b");
            in = numbers(grad_input);
            out = numbers(grad_output);
            return grad_input * 10.0;
        });
    auto const p = run_backward(open);
    BOOST_TEST(in == (std::vector{2.0, -1.0}), boost::test_tools::per_element());
    BOOST_TEST(out == std::vector{1.0}, boost::test_tools::per_element());
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{30, 20}});
    check_same(p.parameter_gradient("b.weight"), xt::xtensor<double, 2>{{5.5, 3}});
}

BOOST_AUTO_TEST_CASE(parameter_gradient_hooks_see_layer_name_and_gradient_and_replace_it) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    std::vector<std::string> names;
    auto const note = [&](layer_view const& layer, std::string_view name, view const& gradient) {
        names.push_back(std::string{layer.path()} + '/' + std::string{name});
        return -gradient;
    };
    auto const at_a = open.at("a").register_parameter_gradient_hook(note);
    auto p = run_backward(open);
    BOOST_TEST(names == (std::vector<std::string>{"a/weight", "a/bias"}), boost::test_tools::per_element());
    check_same(p.parameter_gradient("a.weight"), xt::xtensor<double, 2>{{-2, -4}, {1, 2}});
    check_same(p.parameter_gradient("b.bias"), one);
    names.clear();
    auto const at_network = open.at("").register_parameter_gradient_hook(note);
    p.backward(one);
    BOOST_TEST(names == (std::vector<std::string>{"a/weight", "a/bias", "/a.weight", "/a.bias", "/b.weight",
                                                  "/b.bias"}),
               boost::test_tools::per_element());
    check_same(p.parameter_gradient("a.weight"), xt::xtensor<double, 2>{{2, 4}, {-1, -2}});
    // Silent where nobody asked for them.
    names.clear();
    auto q = hc::plan(open, hc::with_input_gradient<hc::gradients_request<>>{});
    q(by_hand_input(), one);
    BOOST_TEST(names.empty());
}

BOOST_AUTO_TEST_CASE(taps_composites_and_the_network_have_hooks_too) {
    auto const m = with_noise<nested>();
    auto const open = hc::with_runtime_hooks(m);
    auto const x = two_images();
    auto const put = noise<double, 4>({2, 3, 4, 4}, 7);
    hc::model<behind_tap, double> head;
    std::copy_n(m.data() + (m.size() - head.size()), head.size(), head.data());
    auto const expected = head(put);
    auto const replace_output = [&](auto const&, auto const&, auto const&) { return put; };
    auto const replace_input = [&](auto const&, auto const&) { return put; };
    auto p = hc::plan<hc::image<2, 4, 4>>(open);
    {
        hc::scoped_hook const hook = open.at("tap").register_forward_hook(replace_output);
        check_same(p(x), expected);
    }
    {
        hc::scoped_hook const hook = open.at("block").register_forward_hook(replace_output);
        check_same(p(x), expected);
    }
    {
        hc::scoped_hook const hook = open.at("features").register_forward_pre_hook(replace_input);
        check_same(p(x), expected);
    }
    {
        hc::scoped_hook const hook = open.at("features.0").register_forward_pre_hook(replace_input);
        check_same(p(x), expected);
    }
    {
        hc::scoped_hook const hook =
            open.at("").register_forward_pre_hook([](auto const&, auto const& input) { return input * 0.5; });
        check_same(p(x), m(xt::xtensor<double, 4>{x * 0.5}));
    }
    check_same(p(x), m(x));
}

BOOST_AUTO_TEST_CASE(a_name_around_a_name_is_a_place_of_its_own) {
    using net = hc::named<"net", hc::named<"inner", hc::linear<2, 2>>>;
    hc::model<net, double> const m;
    auto const open = hc::with_runtime_hooks(m);
    std::vector<std::string> order;
    std::vector<hc::hook_handle> handles;
    for (auto const* path : {"", "net", "net.inner"})
        handles.push_back(open.at(path).register_forward_hook(
            [&](auto const& layer, auto const&...) { order.emplace_back(layer.path()); }));
    static_cast<void>(open(by_hand_input()));
    BOOST_TEST(order == (std::vector<std::string>{"net.inner", "net", ""}), boost::test_tools::per_element());
    auto p = hc::plan(open, all_gradients{});
    p(by_hand_input(), xt::xtensor<double, 2>{{1, 1}});
    BOOST_TEST(order.size() == 6u);
}

// --- what a hook may return --------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(any_expression_of_the_shape_replaces_and_another_shape_throws) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    auto p = hc::plan(open);
    auto const with = [&](auto hook) {
        hc::scoped_hook const scope = open.at("t").register_forward_hook(std::move(hook));
        return p(by_hand_input())(0, 0);
    };
    BOOST_TEST(with([](auto const&, auto const&, auto const& out) { return out / 2.0; }) == 5);
    BOOST_TEST(with([](auto const&, auto const&, auto const&) { return xt::xtensor<int, 2>{{3, 1}}; }) == 6);
    BOOST_TEST(with([](auto const&, auto const&, auto const&) {
                   return xt::xarray<float>{{3.0f, 1.0f}};
               }) == 6);
    BOOST_TEST(with([](auto const&, auto const&, auto const& out) { return out > 4.0; }) == 3);
    BOOST_TEST(with([](auto const&, auto const&, auto const&) {
                   return xt::xtensor<double, 2, xt::layout_type::column_major>{{1, 2}};
               }) == 1);
    xt::xtensor<double, 2> const kept{{7, 8}};
    BOOST_TEST(with([&](auto const&, auto const&, auto const&) -> auto const& { return kept; }) == 7);
    auto const refused = [](hc::error const& e) {
        std::string_view const what = e.what();
        return e.kind() == hc::error_kind::hook && what.find("1x2") != what.npos &&
               what.find("2x1") != what.npos;
    };
    auto const turned = [](auto const&...) { return xt::xtensor<double, 2>{{1}, {2}}; };
    BOOST_CHECK_EXCEPTION(with(turned), hc::error, refused);
    BOOST_TEST(p(by_hand_input())(0, 0) == 9);
    hc::scoped_hook const before = open.at("t").register_backward_pre_hook(turned);
    auto q = hc::plan(open, all_gradients{});
    BOOST_CHECK_EXCEPTION(q(by_hand_input(), one), hc::error, refused);
}

BOOST_AUTO_TEST_CASE(the_gradient_passes_straight_through_a_replacement) {
    auto const m = with_noise<nested>();
    auto const open = hc::with_runtime_hooks(m);
    auto x = two_images();
    auto const g = two_gradients();
    auto const shift = noise<double, 4>({2, 3, 4, 4}, 8);
    auto const at_block =
        open.at("block.conv1").register_forward_hook([&](auto const&, auto const&, auto const& out) {
            return out - shift;
        });
    auto const at_tap =
        open.at("tap").register_forward_pre_hook([&](auto const&, auto const& in) { return in + shift; });
    auto p = hc::plan<hc::image<2, 4, 4>>(open, all_gradients{});
    p(x, g);
    xt::xtensor<double, 4> const of_input = p.input_gradient();
    // A shift has the derivative one: straight through is exact.
    check_near(of_input, differences(x.data(), x.size(), g, [&] { return p.forward(x); }),
               difference_tolerance);
    // The same bits as the typed form.
    auto const typed = hc::attach<"block.conv1">(
        hc::attach<"tap">(m, hc::on_forward_pre([&](auto const&, auto const& in) { return in + shift; })),
        hc::on_forward([&](auto const&, auto const&, auto const& out) { return out - shift; }));
    auto q = hc::plan<hc::image<2, 4, 4>>(typed, all_gradients{});
    check_same(p(x, g), q(x, g));
    check_same(p.input_gradient(), q.input_gradient());
    for (auto const& entry : m.entries())
        check_same(p.parameter_gradient(entry.key), q.parameter_gradient(entry.key));
}

// --- order -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(pre_hooks_run_outside_in_forward_hooks_inside_out_backward_mirrored) {
    auto const m = with_noise<nested>();
    auto const open = hc::with_runtime_hooks(m);
    std::vector<std::string> lines;
    auto const note = [&lines](std::string const& event) {
        return [&lines, event](layer_view const& layer, auto const&...) {
            lines.push_back(event + ' ' + std::string{layer.path()});
        };
    };
    std::vector<hc::hook_handle> handles;
    for (auto const& path : hc::paths<nested>()) {
        auto const at = open.at(path);
        handles.push_back(at.register_forward_pre_hook(note("pre")));
        handles.push_back(at.register_forward_hook(note("forward")));
        handles.push_back(at.register_backward_pre_hook(note("backward_pre")));
        handles.push_back(at.register_backward_hook(note("backward")));
        handles.push_back(at.register_parameter_gradient_hook(
            [&lines](auto const& layer, std::string_view name, auto const&) {
                lines.push_back("gradient " + std::string{layer.path()} + ' ' + std::string{name});
            }));
    }
    auto p = hc::plan<hc::image<2, 4, 4>>(open, all_gradients{});
    p(two_images(), two_gradients());
    std::vector<std::string> const expected{"pre conv",
                                            "forward conv",
                                            "pre block",
                                            "pre block.conv1",
                                            "forward block.conv1",
                                            "pre block.conv2",
                                            "forward block.conv2",
                                            "forward block",
                                            "pre tap",
                                            "forward tap",
                                            "pre features",
                                            "pre features.0",
                                            "forward features.0",
                                            "pre features.1",
                                            "forward features.1",
                                            "forward features",
                                            "pre fc",
                                            "forward fc",
                                            "backward_pre fc",
                                            "gradient fc weight",
                                            "gradient fc bias",
                                            "backward fc",
                                            "backward_pre features",
                                            "backward_pre features.1",
                                            "backward features.1",
                                            "backward_pre features.0",
                                            "backward features.0",
                                            "backward features",
                                            "backward_pre tap",
                                            "backward tap",
                                            "backward_pre block",
                                            "backward_pre block.conv2",
                                            "gradient block.conv2 weight",
                                            "gradient block.conv2 bias",
                                            "backward block.conv2",
                                            "backward_pre block.conv1",
                                            "gradient block.conv1 weight",
                                            "gradient block.conv1 bias",
                                            "backward block.conv1",
                                            "gradient block conv1.weight",
                                            "gradient block conv1.bias",
                                            "gradient block conv2.weight",
                                            "gradient block conv2.bias",
                                            "backward block",
                                            "backward_pre conv",
                                            "gradient conv weight",
                                            "gradient conv bias",
                                            "backward conv"};
    BOOST_TEST(lines == expected, boost::test_tools::per_element());

    // In inference the backward hooks are silent.
    lines.clear();
    auto q = hc::plan<hc::image<2, 4, 4>>(open);
    q(two_images());
    BOOST_TEST(lines == (std::vector<std::string>(expected.begin(), expected.begin() + 18)),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(
    hooks_run_in_order_of_registration_prepend_puts_first_and_later_ones_see_what_earlier_returned) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    std::string order;
    std::vector<double> seen;
    std::vector<hc::hook_handle> handles;
    auto const note = [&](char what) {
        return [&order, &seen, what](auto const&, auto const&... tensors) {
            order += what;
            auto const& last = std::get<sizeof...(tensors) - 1>(std::tie(tensors...));
            seen.push_back(last.data()[0]);
            return last * 2.0;
        };
    };
    auto const t = open.at("t");
    for (bool const first : {false, true}) {
        char const from = first ? 'A' : 'a';
        auto const letter = [&](int i) { return static_cast<char>(from + i); };
        handles.push_back(t.register_forward_pre_hook(note(letter(0)), first));
        handles.push_back(t.register_forward_pre_hook(note(letter(1)), first));
        handles.push_back(t.register_forward_hook(note(letter(2)), first));
        handles.push_back(t.register_forward_hook(note(letter(3)), first));
        handles.push_back(t.register_backward_pre_hook(note(letter(4)), first));
        handles.push_back(t.register_backward_pre_hook(note(letter(5)), first));
    }
    auto p = run_backward(open);
    BOOST_TEST(order == "BAabDCcdFEef");
    BOOST_TEST(seen == (std::vector{5.5, 11., 22., 44., 88., 176., 352., 704., 2., 4., 8., 16.}),
               boost::test_tools::per_element());
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{48, 32}});

    // Backward hooks: a later one sees the grad_input that an earlier one returned.
    for (auto& handle : handles)
        handle.remove();
    seen.clear();
    auto const triple = [&](auto const&, auto const& grad_input, auto const& grad_output) {
        seen.push_back(grad_input.data()[0]);
        BOOST_TEST(grad_output.data()[0] == 2);
        return grad_input * 3.0;
    };
    auto const second = t.register_backward_hook(triple);
    auto const third = t.register_backward_hook(triple);
    auto const first = t.register_backward_hook(triple, true);
    p(by_hand_input(), one);
    BOOST_TEST(seen == (std::vector{2., 6., 18.}), boost::test_tools::per_element());
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{81, 54}});
}

// --- watching changes nothing ------------------------------------------------------------------------------

using scalars = std::tuple<float, double>;

BOOST_AUTO_TEST_CASE_TEMPLATE(an_opened_model_and_hooks_that_look_leave_every_bit_as_it_is, T, scalars) {
    auto const m = with_noise<nested, T>();
    auto const x = two_images<T>();
    auto const g = two_gradients<T>();
    auto const open = hc::with_runtime_hooks(m);
    auto p = hc::plan<hc::image<2, 4, 4>>(m, all_gradients{});
    auto q = hc::plan<hc::image<2, 4, 4>>(open, all_gradients{});
    p(x, g);
    auto const check = [&] {
        check_same(q(x, g), p.output());
        check_same(q.input_gradient(), p.input_gradient());
        for (auto const& entry : m.entries())
            check_same(q.parameter_gradient(entry.key), p.parameter_gradient(entry.key));
    };
    check();
    std::vector<hc::hook_handle> handles;
    std::size_t calls = 0;
    auto const count = [&](auto const&...) { ++calls; };
    auto const hook_all = [&](std::string const& path) {
        auto const at = open.at(path);
        handles.push_back(at.register_forward_pre_hook(count));
        handles.push_back(at.register_forward_hook(count));
        handles.push_back(at.register_backward_pre_hook(count));
        handles.push_back(at.register_backward_hook(count));
        handles.push_back(at.register_parameter_gradient_hook(count));
    };
    hook_all("");
    for (auto const& path : nested_paths)
        hook_all(path);
    check();
    // Four events at ten places; eight gradients of parameters at their layers, four at the block, eight at
    // the network.
    BOOST_TEST(calls == 4 * 10 + 8 + 4 + 8u);
    check_same(open(x), m(x));
    for (auto& handle : handles)
        handle.remove();
    calls = 0;
    check();
    BOOST_TEST(calls == 0u);
}

BOOST_AUTO_TEST_CASE(a_watcher_sees_the_true_value) {
    using net = hc::sequential<hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>,
                               hc::named<"relu", hc::relu<>>>;
    auto const m = with_noise<net>();
    auto const x = two_images();
    hc::model<hc::sequential<hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, double> alone;
    std::copy_n(m.data(), alone.size(), alone.data());
    auto const pre_relu = alone(x);
    auto const open = hc::with_runtime_hooks(m);
    std::size_t calls = 0;
    double const* kept = nullptr;
    auto const at_conv = open.at("conv").register_forward_hook(
        [&](auto const&, auto const&, auto const& output) { kept = output.data(); });
    auto const at_relu =
        open.at("relu").register_forward_hook([&](auto const&, auto const& input, auto const&) {
            ++calls;
            check_same(input, pre_relu);
        });
    auto const at_network =
        open.at("").register_forward_hook([&](auto const&, auto const& input, auto const&) {
            ++calls;
            check_same(input, x);
            // Even the pointer that an earlier hook took still holds what it saw.
            check_same(xt::adapt(kept, pre_relu.size(), xt::no_ownership(), std::array{pre_relu.size()}),
                       pre_relu);
        });
    static_cast<void>(open(x));
    BOOST_TEST(calls == 2u);
}

// --- the first layer, and how far backward goes ------------------------------------------------------------

BOOST_AUTO_TEST_CASE(where_no_gradient_of_the_input_exists_the_hook_gets_an_empty_view) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    std::vector<std::size_t> sizes;
    auto const hook = open.at("a").register_backward_hook(
        [&](auto const&, auto const& grad_input, auto const& grad_output) {
            sizes.push_back(grad_input.size());
            BOOST_TEST(numbers(grad_output) == (std::vector{2.0, -1.0}), boost::test_tools::per_element());
            return grad_input * 2.0; // replaces what there is
        });
    auto p = hc::plan(open, hc::gradients_request<>{});
    p(by_hand_input(), one);
    auto q = hc::plan(open, hc::with_input_gradient<hc::gradients_request<>>{});
    q(by_hand_input(), one);
    BOOST_TEST(sizes == (std::vector<std::size_t>{0, 2}), boost::test_tools::per_element());
    check_same(q.input_gradient(), xt::xtensor<double, 2>{{6, 4}});
    // A network without a single parameter.
    hc::model<hc::sequential<hc::named<"relu", hc::relu<>>>, double> const none;
    auto const open_none = hc::with_runtime_hooks(none);
    auto const empty = open_none.at("relu").register_backward_hook(
        [&](auto const&, auto const& grad_input, auto const&) { sizes.push_back(grad_input.size()); });
    auto r = hc::plan(open_none, hc::gradients_request<>{});
    r(two_images(), two_images());
    BOOST_TEST(sizes.back() == 0u);
}

namespace {

/// A layer that counts how often its backward runs.
std::atomic<int> backward_runs{0};

template <class... Policies>
struct counting_identity : hc::layer<counting_identity<Policies...>, Policies...> {
    void forward(auto const& x, auto& y) const { std::copy_n(x.data(), x.size(), y.data()); }
    void backward(auto const& grad_y, auto& grad_x) const {
        ++backward_runs;
        std::copy_n(grad_y.data(), grad_y.size(), grad_x.data());
    }
};

using four_counted =
    hc::sequential<hc::named<"c0", counting_identity<>>, hc::named<"c1", counting_identity<>>,
                   hc::named<"c2", counting_identity<>>, hc::named<"c3", counting_identity<>>>;

template <class Plan>
int runs_of_backward(Plan& p) {
    p.forward(two_images());
    backward_runs = 0;
    p.backward(two_images());
    return backward_runs;
}

} // namespace

BOOST_AUTO_TEST_CASE(backward_goes_as_far_as_the_hooks_that_are_there_now) {
    hc::model<four_counted, double> const m;
    auto const open = hc::with_runtime_hooks(m);
    auto p = hc::plan<hc::image<2, 4, 4>>(open, hc::gradients_request<>{});
    BOOST_TEST(runs_of_backward(p) == 0);
    auto at_3 = open.at("c3").register_backward_pre_hook(look);
    BOOST_TEST(runs_of_backward(p) == 0);
    auto at_2 = open.at("c2").register_backward_pre_hook(look);
    BOOST_TEST(runs_of_backward(p) == 1);
    auto at_1 = open.at("c1").register_backward_hook(look);
    BOOST_TEST(runs_of_backward(p) == 3);
    auto forward = open.at("c0").register_forward_hook(look);
    auto parameters = open.at("c0").register_parameter_gradient_hook(look);
    BOOST_TEST(runs_of_backward(p) == 3); // widen nothing
    at_1.remove();
    BOOST_TEST(runs_of_backward(p) == 1);
    // The hook of the first layer gets an empty grad_input: its backward does not run.
    auto at_0 = open.at("c0").register_backward_hook(look);
    BOOST_TEST(runs_of_backward(p) == 3);
    at_0.remove();
    at_2.remove();
    at_3.remove();
    BOOST_TEST(runs_of_backward(p) == 0);
    // At the network: the gradient of the output is there anyway.
    auto const whole = open.at("").register_backward_pre_hook(look);
    BOOST_TEST(runs_of_backward(p) == 0);
    // A request and a hook: the furthest decides.
    auto q = hc::plan<hc::image<2, 4, 4>>(open, hc::gradients_request<"c1">{});
    BOOST_TEST(runs_of_backward(q) == 2);
    auto const far = open.at("c0").register_backward_pre_hook(look);
    BOOST_TEST(runs_of_backward(q) == 3);
    auto r = hc::plan<hc::image<2, 4, 4>>(open, hc::with_input_gradient<hc::gradients_request<>>{});
    BOOST_TEST(runs_of_backward(r) == 4);
}

BOOST_AUTO_TEST_CASE(typed_hooks_and_run_time_hooks_work_together) {
    auto const m = by_hand();
    std::string order;
    auto const say = [&order](char what) { return [&order, what](auto const&...) { order += what; }; };
    auto const scale = [](double by) {
        return [by](auto const&, auto const&... tensors) {
            return std::get<sizeof...(tensors) - 1>(std::tie(tensors...)) * by;
        };
    };
    auto const watched = hc::attach<"t">(
        m, hc::on_forward(say('f'), scale(2)), hc::on_forward_pre(say('p')),
        hc::on_backward_pre(say('b'), scale(3)),
        hc::on_backward(say('c'), [](auto const&, auto const& in, auto const&) { return in * 5.0; }));
    auto const open = hc::with_runtime_hooks(watched);
    auto const t = open.at("t");
    auto const h1 = t.register_forward_hook(say('F'));
    auto const h2 = t.register_forward_hook(scale(10));
    auto const h3 = t.register_forward_pre_hook(say('P'));
    auto const h4 = t.register_backward_pre_hook(say('B'));
    auto const h5 = t.register_backward_hook(say('C'));
    auto const p = run_backward(open);
    // Typed ones first.
    BOOST_TEST(order == "pPfFbBcC");
    BOOST_TEST(p.output()(0, 0) == 2 * 110 - 60 + 1);
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{45, 30}});

    // Attached to what is open: the hooks of both are called, those attached before it was opened too.
    order.clear();
    auto const again = hc::attach<"t">(open, hc::on_forward(say('x')));
    BOOST_TEST(again(by_hand_input())(0, 0) == 2 * 110 - 60 + 1);
    BOOST_TEST(order == "pPfxF");
    // A transform attached below run-time hooks.
    auto const bent = hc::attach<"t">(
        m, hc::on_forward(hc::transform([](auto const&, auto const&, auto const& y) { return y * 2.0; },
                                        [](auto const&, auto const& g) { return g * 2.0; })));
    auto const open_bent = hc::with_runtime_hooks(bent);
    auto const q = run_backward(open_bent);
    check_same(q.input_gradient(), xt::xtensor<double, 2>{{6, 4}});
    // A typed hook asks for gradients by type, also where no run-time hook does.
    order.clear();
    auto s = hc::plan(open, hc::gradients_request<>{});
    s(by_hand_input(), one);
    BOOST_TEST(order == "pPfFbBcC");
}

// --- changes while things run ------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_walk_takes_the_hooks_as_they_are_when_it_begins) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    auto const t = open.at("t");
    std::string order;
    hc::hook_handle self, next, added;
    self = t.register_forward_hook([&](auto const&...) {
        order += 'a';
        self.remove(); // itself
        next.remove(); // one that has not been called yet
        added = t.register_forward_hook([&](auto const&...) { order += 'c'; });
    });
    next = t.register_forward_hook([&](auto const&...) { order += 'b'; });
    auto p = hc::plan(open);
    p(by_hand_input());
    BOOST_TEST(order == "ab");
    p(by_hand_input());
    BOOST_TEST(order == "abc");
    p(by_hand_input());
    BOOST_TEST(order == "abcc");
}

BOOST_AUTO_TEST_CASE(forward_and_backward_are_walks_of_their_own) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    std::string order;
    auto p = hc::plan(open, hc::with_input_gradient<hc::gradients_request<>>{});
    auto handle = open.at("t").register_backward_hook([&](auto const&...) { order += 'a'; });
    p.forward(by_hand_input());
    handle.remove(); // (in PyTorch it would still be called: #25723)
    p.backward(one);
    BOOST_TEST(order == "");
    p.forward(by_hand_input());
    auto const late =
        open.at("t").register_backward_hook([&](auto const&, auto const& grad_input, auto const&) {
            order += 'b';
            return grad_input * 2.0;
        });
    p.backward(one);
    BOOST_TEST(order == "b");
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{6, 4}});
    // A hook of the forward walk can register one for the backward walk that follows.
    std::vector<hc::hook_handle> handles;
    auto const forward = open.at("a").register_forward_hook([&](auto const&...) {
        handles.push_back(open.at("b").register_backward_pre_hook([&](auto const&...) { order += 'c'; }));
    });
    p(by_hand_input(), one);
    BOOST_TEST(order == "bcb");
    p.backward(one); // and again from the same activations
    BOOST_TEST(order == "bcbcb");
}

BOOST_AUTO_TEST_CASE(hooks_belong_to_what_was_opened) {
    auto const m = by_hand();
    auto const a = hc::with_runtime_hooks(m);
    auto const b = hc::with_runtime_hooks(m);
    auto p = hc::plan(a);
    auto q = hc::plan(a);
    int calls = 0;
    auto const handle = a.at("t").register_forward_hook([&](auto const&...) { ++calls; });
    p(by_hand_input());
    q(by_hand_input()); // made before the hook was registered
    BOOST_TEST(calls == 2);
    static_cast<void>(b(by_hand_input()));
    static_cast<void>(m(by_hand_input()));
    BOOST_TEST(calls == 2);
}

BOOST_AUTO_TEST_CASE(handles_remove_once_move_and_outlive_what_they_came_from) {
    auto const m = by_hand();
    hc::hook_handle outlives;
    int calls = 0;
    auto const count = [&](auto const&...) { ++calls; };
    {
        auto const open = hc::with_runtime_hooks(m);
        outlives = open.at("t").register_forward_hook(count);
        auto first = open.at("t").register_forward_hook(count);
        auto second = std::move(first);
        first.remove(); // NOLINT: a handle that was moved from removes nothing
        static_cast<void>(open(by_hand_input()));
        BOOST_TEST(calls == 2);
        second.remove();
        second.remove();
        static_cast<void>(open(by_hand_input()));
        BOOST_TEST(calls == 3);
        // Letting a handle go leaves the hook.
        { auto const let_go = open.at("t").register_forward_hook(count); }
        static_cast<void>(open(by_hand_input()));
        BOOST_TEST(calls == 5);
        hc::hook_handle{}.remove();
    }
    outlives.remove();
    outlives.remove();
    static_assert(!std::is_copy_constructible_v<hc::hook_handle>);
    static_assert(std::is_nothrow_move_constructible_v<hc::hook_handle>);
}

BOOST_AUTO_TEST_CASE(a_scoped_hook_removes_by_itself) {
    auto const m = by_hand();
    std::optional<hc::scoped_hook> outlives;
    int calls = 0;
    auto const count = [&](auto const&...) { ++calls; };
    {
        auto const open = hc::with_runtime_hooks(m);
        auto const run = [&] {
            calls = 0;
            static_cast<void>(open(by_hand_input()));
            return calls;
        };
        {
            hc::scoped_hook const scope = open.at("t").register_forward_hook(count);
            BOOST_TEST(run() == 1);
            hc::scoped_hook replaced = open.at("t").register_forward_hook(count);
            BOOST_TEST(run() == 2);
            replaced = open.at("a").register_forward_hook(count); // removes the one that it held
            BOOST_TEST(run() == 2);
            auto moved = std::move(replaced);
            BOOST_TEST(run() == 2);
            moved.remove();
            BOOST_TEST(run() == 1);
        }
        BOOST_TEST(run() == 0);
        // By an exception too.
        try {
            hc::scoped_hook const scope =
                open.at("t").register_forward_hook([](auto const&...) { throw std::runtime_error{"no"}; });
            static_cast<void>(open(by_hand_input()));
            BOOST_TEST(false, "must throw");
        } catch (std::runtime_error const&) {
        }
        BOOST_TEST(run() == 0);
        outlives.emplace(open.at("t").register_forward_hook(count));
    }
    outlives.reset();
}

BOOST_AUTO_TEST_CASE(a_hook_may_own_another_hooks_scope) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    int calls = 0;
    auto owned = std::make_shared<hc::scoped_hook>(
        open.at("a").register_forward_hook([&](auto const&...) { ++calls; }));
    auto owner = open.at("t").register_forward_hook([owned](auto const&...) {});
    owned.reset();
    static_cast<void>(open(by_hand_input()));
    BOOST_TEST(calls == 1);
    owner.remove(); // its closure dies here, and takes the other hook off
    static_cast<void>(open(by_hand_input()));
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(a_hook_keeps_its_state_when_others_come_and_go_and_may_be_move_only) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    int last = 0;
    auto const counts = open.at("t").register_forward_hook(
        [&last, calls = std::make_unique<int>(0)](auto const&...) mutable { last = ++*calls; });
    int last_of_copy = 0;
    // Registers another hook while it runs: the count must not be one of an older copy.
    std::vector<hc::hook_handle> others;
    auto const plain = open.at("t").register_forward_hook([&, calls = 0](auto const&...) mutable {
        others.push_back(open.at("a").register_forward_hook(look));
        last_of_copy = ++calls;
    });
    for (int i = 0; i < 3; ++i)
        static_cast<void>(open(by_hand_input()));
    BOOST_TEST(last == 3);
    BOOST_TEST(last_of_copy == 3);
}

BOOST_AUTO_TEST_CASE(a_removed_hook_is_let_go_also_by_a_walk_that_threw) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    auto p = hc::plan(open, all_gradients{});
    auto const held = std::make_shared<int>(0);
    auto handle =
        open.at("t").register_forward_hook([held](auto const&...) { throw std::runtime_error{"no"}; });
    BOOST_CHECK_THROW(p(by_hand_input(), one), std::runtime_error);
    handle.remove();
    BOOST_TEST(held.use_count() == 1);
    handle = open.at("t").register_backward_hook([held](auto const&...) { throw std::runtime_error{"no"}; });
    BOOST_CHECK_THROW(p(by_hand_input(), one), std::runtime_error);
    handle.remove();
    BOOST_TEST(held.use_count() == 1);
    p(by_hand_input(), one);
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{3, 2}});
}

BOOST_AUTO_TEST_CASE(a_throwing_hook_leaves_the_model_untouched_and_the_plan_usable) {
    auto const m = with_noise<nested>();
    std::vector<double> const before(m.data(), m.data() + m.size());
    auto const open = hc::with_runtime_hooks(m);
    auto const x = two_images();
    auto const g = two_gradients();
    auto p = hc::plan<hc::image<2, 4, 4>>(open, all_gradients{});
    auto expected = hc::plan<hc::image<2, 4, 4>>(m, all_gradients{});
    expected(x, g);
    auto const fails = [](auto const&...) { throw std::runtime_error{"no"}; };
    auto const block = open.at("block");
    auto const check = [&](hc::hook_handle handle) {
        BOOST_CHECK_THROW(p(x, g), std::runtime_error);
        BOOST_TEST(std::vector<double>(m.data(), m.data() + m.size()) == before);
        BOOST_CHECK_THROW(p(x, g), std::runtime_error); // it stays registered
        handle.remove();
        check_same(p(x, g), expected.output());
        check_same(p.input_gradient(), expected.input_gradient());
        check_same(p.parameter_gradient("conv.weight"), expected.parameter_gradient("conv.weight"));
    };
    check(block.register_forward_pre_hook(fails));
    check(block.register_forward_hook(fails));
    check(block.register_backward_pre_hook(fails));
    check(block.register_backward_hook(fails));
    check(block.register_parameter_gradient_hook(fails));
}

BOOST_AUTO_TEST_CASE(registering_and_removing_while_other_threads_walk_is_safe) {
    auto const m = with_noise<nested>();
    auto const open = hc::with_runtime_hooks(m);
    auto const x = two_images();
    auto const g = two_gradients();
    auto alone = hc::plan<hc::image<2, 4, 4>>(m, all_gradients{});
    alone(x, g);
    auto const y = numbers(alone.output()), dx = numbers(alone.input_gradient());
    std::atomic<int> calls{0}, wrong{0};
    std::atomic<bool> done{false};
    auto const count = [&](auto const&...) { ++calls; };
    auto const stays = open.at("conv").register_forward_hook(count);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            auto p = hc::plan<hc::image<2, 4, 4>>(open, all_gradients{});
            do {
                p(x, g);
                wrong += numbers(p.output()) != y || numbers(p.input_gradient()) != dx;
            } while (!done);
        });
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            for (int round = 0; round < 100; ++round) {
                std::vector<hc::scoped_hook> scopes;
                for (auto const& path : nested_paths) {
                    scopes.emplace_back(open.at(path).register_forward_hook(count));
                    scopes.emplace_back(open.at(path).register_backward_hook(count, true));
                }
            }
            done = true;
        });
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(wrong == 0);
    BOOST_TEST(calls > 0);
    // All but the first are gone.
    calls = 0;
    static_cast<void>(open(x));
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(registering_copies_no_hook_that_another_thread_may_be_calling) {
    auto const m = by_hand();
    auto const open = hc::with_runtime_hooks(m);
    int last = 0;
    auto const counts =
        open.at("t").register_forward_hook([&last, calls = 0](auto const&...) mutable { last = ++calls; });
    std::thread other{[&] {
        for (int round = 0; round < 500; ++round)
            hc::scoped_hook const scope = open.at("a").register_forward_hook(look);
    }};
    auto p = hc::plan(open);
    for (int round = 0; round < 500; ++round)
        p(by_hand_input());
    other.join();
    BOOST_TEST(last == 500);
}

BOOST_AUTO_TEST_CASE(one_model_and_one_opened_model_serve_many_threads) {
    auto const m = with_noise<nested, float>();
    auto const open = hc::with_runtime_hooks(m);
    auto const watched = hc::attach_all(m, hc::on_forward([](auto const&...) {}));
    auto const x = two_images<float>();
    auto const expected = m(x);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            for (int round = 0; round < 10; ++round)
                wrong += numbers(i % 3 == 0 ? m(x) : i % 3 == 1 ? open(x) : watched(x)) != numbers(expected);
        });
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(wrong == 0);
}

// --- paths -------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_unknown_path_throws_and_lists_what_there_is) {
    auto const m = with_noise<nested>();
    auto const open = hc::with_runtime_hooks(m);
    auto const lists = [](hc::error const& e) {
        std::string const what = e.what();
        bool all = e.kind() == hc::error_kind::use && what.find("\"block.conv3\"") != what.npos;
        for (auto const& path : nested_paths)
            all = all && what.find(' ' + path) != what.npos;
        return all;
    };
    BOOST_CHECK_EXCEPTION((void)open.at("block.conv3"), hc::error, lists);
    for (auto const* path : {"bloc", "block.", ".", "block.conv", "0", "features.2", "conv.weight"})
        BOOST_CHECK_THROW((void)open.at(path), hc::error);
    BOOST_CHECK_EXCEPTION((void)hc::plan(open, hc::grad_cam_at<>{"block.conv3"}), hc::error, lists);
}

BOOST_AUTO_TEST_CASE(a_layer_view_has_path_type_name_and_parameters_by_name) {
    auto const m = with_noise<nested>();
    auto const open = hc::with_runtime_hooks(m);
    std::vector<std::string> names;
    std::vector<hc::hook_handle> handles;
    for (auto const& path : nested_paths)
        handles.push_back(open.at(path).register_forward_hook(
            [&](layer_view const& layer, auto const&...) { names.push_back(layer.type_name()); }));
    handles.push_back(
        open.at("block.conv1").register_forward_hook([&](layer_view const& layer, auto const&...) {
            auto const weight = layer.parameter("weight");
            BOOST_TEST(weight.dimension() == 4u);
            BOOST_TEST(weight.data() == m.parameter("block.conv1.weight").data());
            BOOST_CHECK_THROW((void)layer.parameter("gamma"), hc::error);
        }));
    handles.push_back(open.at("").register_forward_hook([&](layer_view const& layer, auto const&...) {
        BOOST_TEST(layer.parameter("fc.bias").data() == m.parameter("fc.bias").data());
    }));
    static_cast<void>(open(two_images()));
    BOOST_TEST_REQUIRE(names.size() == nested_paths.size());
    BOOST_TEST(names[0] == "conv2d<2, 3, kernel<3>, padding<1>>");
    BOOST_TEST(names[1] == "conv2d<3, 3, kernel<1>>");
    BOOST_TEST(names.back() == "linear<12, 4>");
}

BOOST_AUTO_TEST_CASE(views_are_of_the_rank_that_the_tensor_has) {
    auto const m = with_noise<nested>();
    auto const open = hc::with_runtime_hooks(m);
    std::vector<std::size_t> ranks;
    auto const note = [&](auto const&, view const& input, view const& output) {
        ranks.push_back(input.dimension());
        ranks.push_back(output.dimension());
    };
    auto const at_conv = open.at("conv").register_forward_hook(note);
    auto const at_fc = open.at("fc").register_forward_hook(note);
    auto const whole = open.at("").register_forward_hook(note);
    static_cast<void>(open(two_images()));
    BOOST_TEST(ranks == (std::vector<std::size_t>{4, 4, 2, 2, 4, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(grad_cam_at_a_path_given_as_a_string_is_the_typed_one_and_sees_the_hooks) {
    auto const m = with_noise<nested>();
    auto const open = hc::with_runtime_hooks(m);
    auto const x = two_images();
    auto const check = [&](auto const& typed, std::string const& path) {
        auto const cam = hc::grad_cam(open, path, x);
        check_same(cam.raw, typed.raw);
        check_same(cam.heatmap, typed.heatmap);
    };
    check(hc::grad_cam<"conv">(m, x), "conv");
    check(hc::grad_cam<"block">(m, x), "block");
    check(hc::grad_cam<"block.conv2">(m, x), "block.conv2");
    check(hc::grad_cam<"features.0">(m, x), "features.0");
    // The activation is the layer's output after the user's hooks.
    auto const put = noise<double, 4>({2, 3, 4, 4}, 7);
    auto const replace = [&](auto const&, auto const&, auto const&) { return put; };
    auto const handle = open.at("tap").register_forward_hook(replace);
    auto p = hc::plan(open, hc::grad_cam_at<>{"tap"});
    p(x);
    check_same(p.chosen_activation(), put);
    check(hc::grad_cam<"tap">(hc::attach<"tap">(m, hc::on_forward(replace)), x), "tap");
}
