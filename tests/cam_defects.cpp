#define BOOST_TEST_MODULE cam_defects
#include <boost/test/unit_test.hpp>

#include "cam_networks.hpp"
#include "own_layers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

// What is known to go wrong where class activation maps are made, a test each, named by what must not happen.

using namespace cam;

namespace {

/// Convolution, batch norm, ReLU, twice, between them a block of two branches of other sizes; dropout.
template <class Relu = hc::relu<>>
using branched = hc::sequential<
    hc::named<"a", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, hc::named<"norm", hc::batch_norm2d<3>>,
    Relu,
    hc::named<
        "block",
        hc::concat<hc::sequential<hc::named<"b", hc::conv2d<3, 4, hc::kernel<3>, hc::padding<1>>>, Relu,
                                  hc::named<"c", hc::conv2d<4, 2, hc::kernel<1>>>>,
                   hc::residual<hc::sequential<Relu, hc::named<"d", hc::conv2d<3, 3, hc::kernel<1>>>>>>>,
    Relu, hc::named<"e", hc::conv2d<5, 6, hc::kernel<2>>>, Relu, hc::dropout<>, hc::adaptive_avg_pool2d<2>,
    hc::flatten<>, hc::named<"fc", hc::linear<24, 4>>>;

template <class A, class B>
bool same_bits(A const& a, B const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// The same path in two plans.
template <hc::fixed_string Path>
void check_that_in_place_changes_nothing() {
    auto const image = random_images(2, 31);
    hc::model<branched<>, double> const in_place = randomized<hc::model<branched<>, double>>(30);
    hc::model<branched<mine::relu_out_of_place<>>, double> const beside =
        randomized<hc::model<branched<mine::relu_out_of_place<>>, double>>(30);
    auto one = hc::plan(in_place, hc::grad_cam_request<Path>{});
    auto other = hc::plan(beside, hc::grad_cam_request<Path>{});
    BOOST_TEST(same_bits(one(image).raw, other(image).raw));
    BOOST_TEST(same_bits(one.template activation<Path>(), other.template activation<Path>()));
    BOOST_TEST(same_bits(one.template gradient<Path>(), other.template gradient<Path>()));
    // What the layer made, not what a ReLU left of it.
    auto const kept = one.template activation<Path>();
    BOOST_TEST(*std::min_element(kept.begin(), kept.end()) < 0);
}

/// Spearman's: the correlation of two maps' ranks, equals in the middle of theirs; 0 where a map is flat.
template <class A, class B>
double rank_correlation(A const& a, B const& b) {
    auto const ranks = [](auto const& of) {
        std::vector<double> result;
        for (auto const value : of) {
            auto const less = std::count_if(of.begin(), of.end(), [=](auto other) { return other < value; });
            auto const more = std::count_if(of.begin(), of.end(), [=](auto other) { return other > value; });
            result.push_back(static_cast<double>(less - more));
        }
        return result;
    };
    auto const x = ranks(a), y = ranks(b);
    auto const product = [](auto const& u, auto const& v) {
        return std::inner_product(u.begin(), u.end(), v.begin(), 0.0);
    };
    double const both = std::sqrt(product(x, x) * product(y, y));
    return both > 0 ? product(x, y) / both : 0;
}

} // namespace

// --- what is captured --------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_activation_is_not_overwritten_by_the_layer_behind_that_works_in_place) {
    check_that_in_place_changes_nothing<"a">();
    check_that_in_place_changes_nothing<"norm">();
    check_that_in_place_changes_nothing<"block.b">();
    check_that_in_place_changes_nothing<"block.c">();
    check_that_in_place_changes_nothing<"block.d">();
    check_that_in_place_changes_nothing<"block">();
    check_that_in_place_changes_nothing<"e">();
}

BOOST_AUTO_TEST_CASE(layers_named_in_any_order_and_on_branches_are_not_paired_with_anothers_gradient) {
    auto const model = randomized<hc::model<branched<>, double>>(32);
    auto const image = random_images(2, 33);
    std::vector<int> const targets{1, 3};
    auto const all = hc::grad_cam<"e", "block.d", "a", "block", "block.c", "block.b">(model, image, targets);
    auto const check = [&]<hc::fixed_string Path>(hc::path_list<Path>) {
        auto const alone = hc::grad_cam<Path>(model, image, targets);
        BOOST_TEST(same_bits(all.template get<Path>().raw, alone.raw));
        BOOST_TEST(same_bits(all.template get<Path>().heatmap, alone.heatmap));
    };
    check(hc::path_list<"a">{});
    check(hc::path_list<"block.b">{});
    check(hc::path_list<"block.c">{});
    check(hc::path_list<"block.d">{});
    check(hc::path_list<"block">{});
    check(hc::path_list<"e">{});
}

BOOST_AUTO_TEST_CASE(several_layers_in_one_pass_are_the_layers_one_by_one) {
    using network = hc::sequential<hc::named<"a", hc::conv2d<2, 4, hc::kernel<3>>>, hc::relu<>,
                                   hc::named<"b", hc::conv2d<4, 5, hc::kernel<2>>>, hc::relu<>, hc::flatten<>,
                                   hc::named<"fc", hc::linear<5 * 2 * 2, 3>>>;
    auto const model = randomized<hc::model<network, double>>(13);
    auto const image = random_images(1, 14);
    auto const both = hc::grad_cam<"b", "a">(model, image); // the order is the caller's, not the network's
    BOOST_TEST((both.get<"a">().raw == hc::grad_cam<"a">(model, image).raw));
    BOOST_TEST((both.get<"b">().raw == hc::grad_cam<"b">(model, image).raw));
    BOOST_TEST(both.get<"a">().raw.shape()[1] == 3U);
    BOOST_TEST(both.get<"b">().raw.shape()[1] == 2U);
    BOOST_TEST(both.get<"b">().heatmap.shape()[1] == side);
}

BOOST_AUTO_TEST_CASE(explanations_that_exist_at_once_do_not_disturb_one_another) {
    auto const model = randomized<hc::model<branched<>, double>>(34);
    auto const first = random_images(1, 35);
    auto const second = random_images(2, 36);
    auto const of_first = hc::grad_cam<"a">(model, first);
    auto const of_second = hc::grad_cam<"e">(model, second, 2);

    auto at_a = hc::plan(model, hc::grad_cam_request<"a">{});
    auto at_e = hc::plan(model, hc::grad_cam_request<"e">{});
    std::size_t calls = 0;
    auto const watched = hc::attach<"a">(model, hc::on_forward([&](auto const&...) { ++calls; }));
    auto at_watched = hc::plan(watched, hc::grad_cam_request<"a">{});
    auto const open = hc::with_runtime_hooks(model);
    auto at_open = hc::plan(open, hc::grad_cam_at<>{"e"});
    for (int round = 0; round < 2; ++round) {
        auto const& a = at_a(first);
        auto const& e = at_e(second, 2);
        auto const& w = at_watched(first);
        auto const& o = at_open(second, 2);
        BOOST_TEST(same_bits(a.raw, of_first.raw));
        BOOST_TEST(same_bits(e.raw, of_second.raw));
        BOOST_TEST(same_bits(w.raw, of_first.raw));
        BOOST_TEST(same_bits(o.raw, of_second.raw));
    }
    BOOST_TEST(calls == 2U); // of its own walks, and of no other plan's
}

BOOST_AUTO_TEST_CASE(no_backward_runs_in_front_of_the_layer_and_none_for_parameters) {
    auto const model = randomized<hc::model<branched<>, double>>(37);
    auto const count = [](auto const& plan, std::string const& words) {
        auto const steps = plan.steps();
        return std::count_if(steps.begin(), steps.end(),
                             [&](std::string const& step) { return step.find(words) != std::string::npos; });
    };
    auto const at_e = hc::plan(model, hc::grad_cam_request<"e">{});
    BOOST_TEST(count(at_e, "backward") == 4); // those of the layers behind it; dropout does nothing
    BOOST_TEST(count(at_e, "backward conv2d") == 0);
    BOOST_TEST(count(at_e, "backward to parameters") == 0);
    auto const at_c = hc::plan(model, hc::grad_cam_request<"block.c">{});
    BOOST_TEST(count(at_c, "backward conv2d") == 1); // of e
    BOOST_TEST(count(at_c, "backward to parameters") == 0);
}

// --- what is left behind -----------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_explanation_does_not_move_running_statistics_or_parameters) {
    auto const model = randomized<hc::model<branched<>, double>>(38);
    auto const copy = model;
    auto const images = random_images(3, 39);
    (void)hc::grad_cam<"norm">(model, images);
    BOOST_TEST(std::equal(model.data(), model.data() + model.size(), copy.data()));
}

BOOST_AUTO_TEST_CASE(an_explanation_does_not_destroy_gradients_that_were_computed) {
    auto const model = randomized<hc::model<branched<>, double>>(40);
    auto const images = random_images(2, 41);
    auto plan = hc::plan(model, hc::with_parameter_gradients<hc::gradients_request<>>{});
    plan.forward(images);
    plan.backward(xt::xtensor<double, 2>{{1, 2, 3, 4}, {4, 3, 2, 1}});
    auto const gradients = [&] {
        std::vector<std::vector<double>> all;
        for (auto const& entry : model.entries())
            if (entry.is_learned) {
                auto const one = plan.parameter_gradient(entry.key);
                all.emplace_back(one.data(), one.data() + one.size());
            }
        return all;
    };
    auto const computed = gradients();
    (void)hc::grad_cam<"a">(model, images);
    BOOST_TEST((gradients() == computed));
}

BOOST_AUTO_TEST_CASE(an_explanation_changes_nothing_also_when_a_hook_throws) {
    auto const model = randomized<hc::model<head, double>>(19);
    auto const copy = model;
    auto const image = random_images(1, 20);
    auto const open = hc::with_runtime_hooks(model);
    auto look = hc::plan(open, hc::grad_cam_at<>{"conv"});
    auto const first = look(image).heatmap;
    {
        hc::scoped_hook const throwing = open.at("conv").register_backward_pre_hook(
            [](auto const&, auto const&) { throw std::runtime_error{"no"}; });
        BOOST_CHECK_THROW(look(image), std::runtime_error);
    }
    BOOST_TEST((look(image).heatmap == first));
    BOOST_TEST(std::equal(model.data(), model.data() + model.size(), copy.data()));
}

BOOST_AUTO_TEST_CASE(an_exception_is_not_swallowed_and_a_scoped_hook_does_not_outlive_it) {
    struct unusual : std::exception {};
    auto const model = randomized<hc::model<head, double>>(42);
    auto const image = random_images(1, 43);
    auto const open = hc::with_runtime_hooks(model);
    std::size_t calls = 0;
    auto const explain = [&] {
        hc::scoped_hook const scope = open.at("conv").register_forward_hook(
            [&](auto const&, auto const&, auto const&) { throw(++calls, unusual{}); });
        return hc::grad_cam(open, "conv", image);
    };
    BOOST_CHECK_THROW(explain(), unusual);
    BOOST_TEST(same_bits(hc::grad_cam(open, "conv", image).raw, hc::grad_cam<"conv">(model, image).raw));
    BOOST_TEST(calls == 1U);
}

BOOST_AUTO_TEST_CASE(a_hook_that_removes_itself_during_the_explanation_does_not_trip_it) {
    auto const model = randomized<hc::model<head, double>>(44);
    auto const image = random_images(1, 45);
    auto const open = hc::with_runtime_hooks(model);
    std::size_t calls = 0, later = 0;
    hc::hook_handle handle, added;
    handle = open.at("conv").register_forward_hook([&](auto const&, auto const&, auto const&) {
        ++calls;
        handle.remove();
        added = open.at("conv").register_backward_pre_hook([&](auto const&, auto const&) { ++later; });
    });
    auto const plain = hc::grad_cam<"conv">(model, image);
    BOOST_TEST(same_bits(hc::grad_cam(open, "conv", image).raw, plain.raw));
    BOOST_TEST(same_bits(hc::grad_cam(open, "conv", image).raw, plain.raw));
    BOOST_TEST(calls == 1U);
    BOOST_TEST(later == 2U); // backward is a walk of its own, after the registration
}

// --- what differs from call to call, or from image to image ------------------------------------------------

BOOST_AUTO_TEST_CASE(a_map_does_not_change_from_call_to_call) {
    // Dropout and batch norm are as in inference, sums are taken in one order.
    auto const model = randomized<hc::model<branched<>, float>>(46);
    xt::xtensor<float, 4> const images = xt::cast<float>(random_images(3, 47));
    auto const first = hc::grad_cam<"a">(model, images);
    auto look = hc::plan(model, hc::grad_cam_request<"a">{});
    for (int call = 0; call < 100; ++call)
        BOOST_TEST(same_bits(look(images).heatmap, first.heatmap));
}

BOOST_AUTO_TEST_CASE(an_image_of_a_batch_gets_the_map_that_it_gets_alone) {
    auto const model = randomized<hc::model<head, float>>(9);
    xt::xtensor<float, 4> images = xt::cast<float>(random_images(3, 10));
    std::vector<int> const targets{3, 0, 2};
    auto const all = hc::grad_cam<"conv">(model, images, targets);
    for (std::size_t n = 0; n < 3; ++n) {
        auto const alone = hc::grad_cam<"conv">(model, xt::view(images, n), targets[n]);
        // Batches of another size may sum in another order: 1e-5 of a maximum that is 1.
        BOOST_TEST(distance(xt::view(all.heatmap, n), xt::view(alone.heatmap, 0)) < 1e-5);
        BOOST_TEST(all.target[n] == static_cast<std::size_t>(targets[n]));
    }
    // The neighbours' values change no bit.
    xt::view(images, 0) *= -3.0F;
    xt::view(images, 2) += 1.0F;
    auto const other = hc::grad_cam<"conv">(model, images, targets);
    BOOST_TEST((xt::view(other.heatmap, 1) == xt::view(all.heatmap, 1)));
    BOOST_TEST((xt::view(other.raw, 1) == xt::view(all.raw, 1)));
    BOOST_TEST((xt::view(other.logits, 1) == xt::view(all.logits, 1)));
}

BOOST_AUTO_TEST_CASE(a_weak_image_is_not_dimmed_by_a_strong_neighbour) {
    auto const model = randomized<hc::model<branched<>, double>>(48);
    auto images = random_images(2, 49);
    xt::view(images, 1) *= 1000.0;
    auto const cam = hc::grad_cam<"e">(model, images);
    for (std::size_t n = 0; n < 2; ++n) {
        auto const map = xt::eval(xt::view(cam.heatmap, n));
        BOOST_TEST(*std::max_element(map.begin(), map.end()) == 1.0);
    }
}

BOOST_AUTO_TEST_CASE(batch_norm_does_not_let_a_neighbour_into_an_images_score) {
    auto const model = randomized<hc::model<branched<>, double>>(50);
    auto images = random_images(2, 51);
    auto const before = hc::grad_cam<"a">(model, images, 1);
    xt::view(images, 1) *= -5.0;
    auto const after = hc::grad_cam<"a">(model, images, 1);
    BOOST_TEST((xt::view(after.raw, 0) == xt::view(before.raw, 0)));
    BOOST_TEST((xt::view(after.logits, 0) == xt::view(before.logits, 0)));
}

// --- targets -----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(targets_that_do_not_fit_are_errors_and_the_plan_goes_on) {
    auto const model = randomized<hc::model<head, double>>(11);
    auto const images = random_images(2, 12);
    auto plan = hc::plan(model, hc::grad_cam_request<"conv">{});
    std::vector<std::size_t> const one{1};
    std::vector<std::size_t> const three{1, 2, 3};
    BOOST_CHECK_EXCEPTION(plan(images, one), hc::error, is_use_error());
    BOOST_CHECK_EXCEPTION(plan(images, three), hc::error, is_use_error());
    BOOST_CHECK_EXCEPTION(plan(images, 4), hc::error, is_use_error());
    BOOST_CHECK_EXCEPTION(plan(images, -1), hc::error, is_use_error());
    BOOST_TEST(plan(images, 3).target[1] == 3U);
    // Without a target each image explains its own prediction.
    auto const& cam = plan(images);
    BOOST_TEST(cam.target == cam.predicted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_sure_network_does_not_lose_its_map_to_a_saturated_softmax) {
    auto model = randomized<hc::model<head, double>>(52);
    auto bias = model.parameter("fc.bias");
    bias(2) += 30; // a probability of one, but for the thirteenth digit
    auto const image = random_images(1, 53);
    auto const largest = [](auto const& of) {
        double most = 0;
        for (auto const value : of)
            most = std::max(most, std::abs(value));
        return most;
    };
    auto logit = hc::plan(model, hc::grad_cam_request<"conv">{});
    auto probability = hc::plan(model, hc::scored_grad_cam_request<hc::probability_score, "conv">{});
    BOOST_TEST(logit(image).predicted[0] == 2U);
    BOOST_TEST(probability(image).predicted[0] == 2U);
    double weight = 0;
    for (std::size_t k = 0; k < channels; ++k)
        weight = std::max(weight, std::abs(model.parameter("fc.weight")(2, k)));
    // The default is the logit, whose gradient knows nothing of the others.
    BOOST_TEST(std::abs(largest(logit.gradient<"conv">()) - weight / (side * side)) < rounding);
    BOOST_TEST(largest(probability.gradient<"conv">()) < 1e-9);
}

BOOST_AUTO_TEST_CASE(a_map_is_not_blind_to_the_class_and_to_the_head) {
    // Adebayo et al., "Sanity checks for saliency maps" (2018): with another head the map must be another. Sums of
    // six channels with independent weights correlate by 1/√6 = 0.4 either way, their mean over 40 networks by
    // 0.07; the bound is four times that.
    constexpr std::size_t networks = 40;
    double heads = 0, classes = 0;
    for (unsigned n = 0; n < networks; ++n) {
        auto const model = randomized<hc::model<head, double>>(100 + n);
        auto other = model;
        auto const strange = randomized<hc::model<head, double>>(200 + n);
        auto const from = strange.parameter("fc.weight");
        std::copy(from.data(), from.data() + from.size(), other.parameter("fc.weight").data());
        auto const image = random_images(1, 300 + n);
        auto const map = hc::grad_cam<"conv">(model, image, 0).heatmap;
        heads += rank_correlation(map, hc::grad_cam<"conv">(other, image, 0).heatmap) / networks;
        classes += rank_correlation(map, hc::grad_cam<"conv">(model, image, 1).heatmap) / networks;
    }
    BOOST_TEST(std::abs(heads) < 0.28);
    BOOST_TEST(std::abs(classes) < 0.28);
    BOOST_TEST_MESSAGE("ranks correlate by " << heads << " with another head, " << classes
                                             << " with another class");
}

// --- maps --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_largest_element_is_one_however_small_the_map) {
    for (float const scale : {1e30F, 1.0F, 1e-6F, 1e-8F, 1e-30F, std::numeric_limits<float>::denorm_min()}) {
        std::array<float, 4> map{0, scale, 3 * scale, 2 * scale};
        hc::kernels::normalize_map(hc::cpu{}, 4, map.data());
        BOOST_TEST(*std::max_element(map.begin(), map.end()) == 1.0F);
        BOOST_TEST(std::abs(map[1] - 1.0F / 3.0F) < 1e-7F); // 3·scale is rounded
    }
}

BOOST_AUTO_TEST_CASE(a_weak_map_is_not_dimmed_by_a_constant_beside_its_maximum) {
    auto model = randomized<hc::model<head, float>>(57);
    xt::xtensor<float, 4> const image = xt::cast<float>(random_images(1, 58));
    auto const strong = hc::grad_cam<"conv">(model, image, 1);
    for (int step = 0; step < 4; ++step) {
        auto weight = model.parameter("fc.weight");
        for (std::size_t i = 0; i < weight.size(); ++i)
            weight.data()[i] *= 0x1p-20F; // to 2⁻⁸⁰, which changes no digit
        auto const weak = hc::grad_cam<"conv">(model, image, 1);
        BOOST_TEST(same_bits(weak.heatmap, strong.heatmap));
    }
}

BOOST_AUTO_TEST_CASE(blank_and_flat_maps_say_so_and_nothing_is_ever_nan) {
    std::array<float, 2> const ones{1, 1};
    std::array<double, 2> sums{};
    std::array<float, 2> map{};
    auto const status = [&](std::array<float, 2> const& activation, std::array<float, 2> const& gradient) {
        hc::kernels::grad_cam_map(hc::cpu{}, 1, 2, activation.data(), gradient.data(), sums.data(),
                                  map.data());
        auto const found = hc::kernels::status_of_map(hc::cpu{}, 2, map.data());
        hc::kernels::normalize_map(hc::cpu{}, 2, map.data());
        return found;
    };
    BOOST_TEST((status(ones, {-1, -1}) == hc::cam_status::no_positive_evidence));
    BOOST_TEST((map == std::array{0.0F, 0.0F}));
    BOOST_TEST((status(ones, ones) == hc::cam_status::flat));
    BOOST_TEST((map == std::array{0.0F, 0.0F}));
    BOOST_TEST((status({1, 2}, ones) == hc::cam_status::ok));
    BOOST_TEST((map == std::array{0.0F, 1.0F}));
    float const huge = std::numeric_limits<float>::max();
    BOOST_TEST((status({huge, -huge}, {huge, huge}) == hc::cam_status::ok));
    BOOST_TEST((map == std::array{1.0F, 0.0F}));
    BOOST_TEST((status({huge, huge}, {huge, -huge}) == hc::cam_status::no_positive_evidence));
    BOOST_TEST(hc::to_string(hc::cam_status::flat) == "flat");
}

BOOST_AUTO_TEST_CASE(constant_channels_constant_maps_and_dead_layers_give_no_nan_and_say_so) {
    auto model = randomized<hc::model<head, double>>(59);
    auto const image = random_images(1, 60);
    auto const fill = [&](char const* key, double value) {
        auto to = model.parameter(key);
        std::fill_n(to.data(), to.size(), value);
    };
    auto const check = [&](hc::cam_status status, double everywhere) {
        auto const cam = hc::grad_cam<"conv">(model, image, 1);
        BOOST_TEST((cam.status[0] == status));
        for (auto const value : cam.raw)
            BOOST_TEST(value == everywhere);
        for (auto const value : cam.heatmap)
            BOOST_TEST(value == 0.0);
    };
    fill("conv.weight", 0); // every channel is its bias
    fill("conv.bias", 1);
    fill("fc.weight", 1);
    check(hc::cam_status::flat, double(channels) / (side * side));
    fill("conv.bias", 0); // nothing comes out of the layer
    check(hc::cam_status::no_positive_evidence, 0);
    fill("conv.bias", 1);
    fill("fc.weight", 0); // no class looks at it
    check(hc::cam_status::no_positive_evidence, 0);
}

BOOST_AUTO_TEST_CASE(a_map_without_positive_evidence_does_not_look_like_a_failure) {
    auto model = randomized<hc::model<head, double>>(61);
    auto const positive = [](auto parameter) {
        for (std::size_t i = 0; i < parameter.size(); ++i)
            parameter.data()[i] = std::abs(parameter.data()[i]);
    };
    positive(model.parameter("conv.weight"));
    positive(model.parameter("conv.bias"));
    auto weight = model.parameter("fc.weight");
    for (std::size_t k = 0; k < channels; ++k) {
        weight(0, k) = std::abs(weight(0, k));
        weight(1, k) = -std::abs(weight(1, k));
    }
    xt::xtensor<double, 4> const image = xt::abs(random_images(1, 62));
    auto const against = hc::grad_cam<"conv">(model, image, 1);
    BOOST_TEST((against.status[0] == hc::cam_status::no_positive_evidence));
    BOOST_TEST(xt::amax(against.raw)() == 0.0);
    BOOST_TEST(xt::amax(against.heatmap)() == 0.0);
    auto const in_favour = hc::grad_cam<"conv">(model, image, 0);
    BOOST_TEST((in_favour.status[0] == hc::cam_status::ok));
    BOOST_TEST(xt::amin(in_favour.raw)() > 0.0);
}

BOOST_AUTO_TEST_CASE(the_flat_map_of_a_layer_behind_the_global_pool_is_told) {
    using network = hc::sequential<hc::named<"conv", hc::conv2d<2, channels, hc::kernel<3>, hc::padding<1>>>,
                                   hc::named<"pool", hc::adaptive_avg_pool2d<1>>, hc::flatten<>,
                                   hc::named<"fc", hc::linear<channels, 4>>>;
    auto const model = randomized<hc::model<network, double>>(63);
    auto const image = random_images(1, 64);
    // A class in whose favour the layer speaks: what it sums to is the logit without its bias.
    auto const logits = model(image);
    std::size_t target = 0;
    while (logits(0, target) <= model.parameter("fc.bias")(target))
        BOOST_TEST_REQUIRE(++target < 4U);
    BOOST_TEST((hc::grad_cam<"pool">(model, image, target).status[0] == hc::cam_status::flat));
    BOOST_TEST((hc::grad_cam<"conv">(model, image, target).status[0] == hc::cam_status::ok));
}

// --- resizing ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_resize_is_pytorchs_with_half_pixel_centres) {
    std::array<double, 4> const from{0, 1, 2, 3};
    std::array<double, 16> to{};
    hc::kernels::resize_bilinear(hc::cpu{}, 2, 2, from.data(), 4, 4, to.data());
    std::array<double, 16> const up{0,   .25,  .75,  1,   .5, .75,  1.25, 1.5,
                                    1.5, 1.75, 2.25, 2.5, 2,  2.25, 2.75, 3};
    BOOST_TEST(to == up, boost::test_tools::per_element());
    std::array<double, 2> down{};
    hc::kernels::resize_bilinear(hc::cpu{}, 1, 4, from.data(), 1, 2, down.data());
    BOOST_TEST((down == std::array{.5, 2.5}));
    std::array<double, 4> same{};
    hc::kernels::resize_bilinear(hc::cpu{}, 2, 2, from.data(), 2, 2, same.data());
    BOOST_TEST(same == from, boost::test_tools::per_element());
    std::array<double, 3> wide{};
    hc::kernels::resize_bilinear(hc::cpu{}, 1, 1, from.data() + 2, 1, 3, wide.data());
    BOOST_TEST((wide == std::array{2.0, 2.0, 2.0}));
}

BOOST_AUTO_TEST_CASE(a_resize_of_any_size_is_pixel_for_pixel_that_formula) {
    // Wider than what is made at a time, taller, smaller, and one axis as it was.
    struct sizes {
        std::size_t from_height, from_width, to_height, to_width;
    };
    for (auto const [h, w, to_h, to_w] :
         {sizes{7, 9, 33, 601}, {40, 700, 11, 300}, {5, 3, 5, 256}, {1, 6, 9, 7}}) {
        std::vector<double> from(h * w), to(to_h * to_w);
        for (std::size_t i = 0; i < from.size(); ++i)
            from[i] = static_cast<double>(i * 7919 % 101);
        hc::kernels::resize_bilinear(hc::cpu{}, h, w, from.data(), to_h, to_w, to.data());
        double furthest = 0;
        for (std::size_t i = 0; i < to_h; ++i)
            for (std::size_t j = 0; j < to_w; ++j) {
                auto const at = [](std::size_t pixel, std::size_t size, std::size_t to_size) {
                    return std::max((static_cast<double>(pixel) + 0.5) * static_cast<double>(size) /
                                            static_cast<double>(to_size) -
                                        0.5,
                                    0.0);
                };
                double const y = at(i, h, to_h), x = at(j, w, to_w);
                auto const top = static_cast<std::size_t>(y), left = static_cast<std::size_t>(x);
                double expected = 0; // each pixel of the original, as far as it is near
                for (std::size_t k = top; k <= top + 1; ++k)
                    for (std::size_t l = left; l <= left + 1; ++l)
                        expected += from[std::min(k, h - 1) * w + std::min(l, w - 1)] *
                                    (1 - std::abs(y - static_cast<double>(k))) *
                                    (1 - std::abs(x - static_cast<double>(l)));
                furthest = std::max(furthest, std::abs(to[i * to_w + j] - expected));
            }
        // A place is rounded to 2⁻⁵² of up to 700, and neighbours differ by up to 100.
        BOOST_TEST(furthest < 1e-10);
    }
}

BOOST_AUTO_TEST_CASE(a_heatmap_does_not_leave_the_numbers_from_0_to_1) {
    auto const model = randomized<hc::model<branched<>, double>>(65);
    auto const images = random_images(20, 66);
    auto const cam = hc::grad_cam<"e">(model, images);
    BOOST_TEST(cam.raw.shape()[1] == side - 1); // resized by a fraction
    for (std::size_t n = 0; n < 20; ++n) {
        auto const map = xt::eval(xt::view(cam.heatmap, n));
        auto const [low, high] = std::minmax_element(map.begin(), map.end());
        BOOST_TEST(*low == 0.0);
        BOOST_TEST(*high == (cam.status[n] == hc::cam_status::ok ? 1.0 : 0.0));
    }
}

BOOST_AUTO_TEST_CASE(a_mirrored_image_does_not_get_another_map_than_the_mirrored_one) {
    // Columns of the window are mirrored too, and the layers behind see all pixels alike.
    using network =
        hc::sequential<hc::named<"conv", hc::conv2d<2, channels, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                       hc::named<"narrow", hc::conv2d<channels, 3, hc::kernel<1>, hc::stride<2>>>,
                       hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"fc", hc::linear<3, 4>>>;
    auto model = randomized<hc::model<network, double>>(67);
    auto weight = model.parameter("conv.weight");
    for (std::size_t o = 0; o < channels; ++o)
        for (std::size_t c = 0; c < 2; ++c)
            for (std::size_t i = 0; i < 3; ++i)
                weight(o, c, i, 2) = weight(o, c, i, 0);
    auto const image = random_images(1, 68);
    xt::xtensor<double, 4> const mirrored = xt::flip(image, 3);
    for (std::size_t target = 0; target < 4; ++target) {
        auto const check = [&](auto const& cam, auto const& other) {
            // Mirrored, sums are taken in another order.
            BOOST_TEST(distance(xt::eval(xt::flip(cam.heatmap, 2)), other.heatmap) < rounding);
        };
        check(hc::grad_cam<"conv">(model, image, target), hc::grad_cam<"conv">(model, mirrored, target));
        check(hc::grad_cam<"narrow">(model, image, target), hc::grad_cam<"narrow">(model, mirrored, target));
    }
}
