#define BOOST_TEST_MODULE explain
#include <boost/test/unit_test.hpp>

#include "xtensor.hpp"

#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace hc = hookcam;

namespace {

// Global average pool and a linear head: the network for which class activation maps have a closed form (Zhou
// et al., 2016). With u_k = W[c,k]/(H·W), the gradient at the pool's input is u_k everywhere.
constexpr std::size_t channels = 6;
constexpr std::size_t side = 5;
using head =
    hc::sequential<hc::named<"conv", hc::conv2d<2, channels, hc::kernel<3>, hc::padding<1>>>,
                   hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"fc", hc::linear<channels, 4>>>;

template <class Model>
Model randomized(unsigned seed) {
    Model model;
    std::mt19937 generator{seed};
    std::normal_distribution<typename Model::value_type> some{0, 1};
    std::generate_n(model.data(), model.size(), [&] { return some(generator); });
    return model;
}

xt::xtensor<double, 4> random_images(std::size_t batch, unsigned seed) {
    xt::xtensor<double, 4> images = xt::xtensor<double, 4>::from_shape({batch, 2, side, side});
    std::mt19937 generator{seed};
    std::normal_distribution<double> some{0, 1};
    std::generate(images.begin(), images.end(), [&] { return some(generator); });
    return images;
}

template <class A, class B>
double distance(A const& a, B const& b) {
    double largest = 0;
    auto at = b.begin();
    for (auto const value : a) {
        double const difference = std::abs(value - *at++);
        if (!(difference <= largest))
            largest = difference;
    }
    return largest;
}

auto is_use_error() {
    return [](hc::error const& e) { return e.kind() == hc::error_kind::use; };
}

// Doubles: a few hundred additions of numbers near one.
constexpr double rounding = 1e-12;

} // namespace

BOOST_AUTO_TEST_CASE(behind_a_global_average_the_map_is_the_class_activation_map) {
    auto const model = randomized<hc::model<head, double>>(1);
    auto const image = random_images(1, 2);
    auto const weight = model.parameter("fc.weight");
    auto const bias = model.parameter("fc.bias");
    auto const kept = hc::activations<"conv">(model, image);
    auto const& a = hc::get<"conv">(kept);
    for (std::size_t target = 0; target < 4; ++target) {
        auto const cam = hc::grad_cam<"conv">(model, image, target);
        auto const slopes = hc::gradients<"conv">(model, image, target);
        auto const& g = hc::get<"conv">(slopes);
        double sum = 0;
        for (std::size_t i = 0; i < side; ++i)
            for (std::size_t j = 0; j < side; ++j) {
                double map = 0;
                for (std::size_t k = 0; k < channels; ++k) {
                    double const u = weight(target, k) / (side * side);
                    BOOST_TEST(std::abs(g(0, k, i, j) - u) < rounding);
                    map += u * a(0, k, i, j);
                }
                sum += map;
                BOOST_TEST(std::abs(cam.raw(0, i, j) - std::max(map, 0.0)) < rounding);
            }
        // Completeness: what the map sums to, before the ReLU, is the logit without its bias.
        BOOST_TEST(std::abs(sum - (cam.logits(0, target) - bias(target))) < rounding);
        BOOST_TEST(cam.target[0] == target);
    }
}

BOOST_AUTO_TEST_CASE(scores_other_than_the_logit) {
    auto const model = randomized<hc::model<head, double>>(3);
    auto const image = random_images(1, 4);
    auto const weight = model.parameter("fc.weight");
    auto const logits = model(image);
    std::array<double, 4> p{};
    double total = 0;
    for (std::size_t c = 0; c < 4; ++c)
        total += p[c] = std::exp(logits(0, c));
    for (auto& one : p)
        one /= total;
    auto const kept = hc::activations<"conv">(model, image);
    auto const& a = hc::get<"conv">(kept);

    std::size_t const target = 2;
    std::size_t rival = 0;
    for (std::size_t c = 0; c < 4; ++c)
        if (c != target && logits(0, c) > logits(0, rival))
            rival = c;
    auto const of_probability = hc::grad_cam_of<"conv">(model, hc::probability_score{}, image, target);
    auto const of_margin = hc::grad_cam_of<"conv">(model, hc::margin_score{}, image, target);
    for (std::size_t i = 0; i < side; ++i)
        for (std::size_t j = 0; j < side; ++j) {
            double probability = 0;
            double margin = 0;
            for (std::size_t k = 0; k < channels; ++k) {
                double mean = 0;
                for (std::size_t c = 0; c < 4; ++c)
                    mean += p[c] * weight(c, k);
                probability += p[target] * (weight(target, k) - mean) / (side * side) * a(0, k, i, j);
                margin += (weight(target, k) - weight(rival, k)) / (side * side) * a(0, k, i, j);
            }
            BOOST_TEST(std::abs(of_probability.raw(0, i, j) - std::max(probability, 0.0)) < rounding);
            BOOST_TEST(std::abs(of_margin.raw(0, i, j) - std::max(margin, 0.0)) < rounding);
        }
    // Both targets are offered, and they are not the same map.
    auto const of_logit = hc::grad_cam<"conv">(model, image, target);
    BOOST_TEST(distance(of_logit.heatmap, of_probability.heatmap) > 0.01);
}

BOOST_AUTO_TEST_CASE(the_sum_over_a_mask_explains_a_segmentation) {
    using network = hc::sequential<hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>,
                                   hc::relu<>, hc::named<"out", hc::conv2d<3, 2, hc::kernel<1>>>>;
    auto const model = randomized<hc::model<network, double>>(5);
    auto const image = random_images(1, 6);
    xt::xtensor<int, 2> mask = xt::zeros<int>({side, side});
    mask(1, 2) = mask(3, 3) = 1;
    auto plan = hc::plan(model, hc::scored_grad_cam_request<hc::mask_score<xt::xtensor<int, 2>>, "conv">{
                                    hc::mask_score{mask}});
    plan(image, 1);
    auto const weight = model.parameter("out.weight");
    for (std::size_t k = 0; k < 3; ++k)
        for (std::size_t i = 0; i < side; ++i)
            for (std::size_t j = 0; j < side; ++j) {
                double const expected =
                    mask(i, j) != 0 && plan.activation<"conv">()(0, k, i, j) > 0 ? weight(1, k, 0, 0) : 0;
                BOOST_TEST(plan.gradient<"conv">()(0, k, i, j) == expected);
            }
}

BOOST_AUTO_TEST_CASE(twice_the_logits_give_twice_the_raw_map_and_the_same_heatmap) {
    auto model = randomized<hc::model<head, double>>(7);
    auto const image = random_images(1, 8);
    auto const once = hc::grad_cam<"conv">(model, image, 1);
    for (auto& entry : model.entries())
        if (entry.key.substr(0, 3) == "fc.")
            std::transform(entry.data, entry.data + entry.size, entry.data, [](double x) { return 2 * x; });
    auto const twice = hc::grad_cam<"conv">(model, image, 1);
    BOOST_TEST((twice.raw == 2.0 * once.raw));
    BOOST_TEST((twice.heatmap == once.heatmap)); // a power of two changes no digit
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

BOOST_AUTO_TEST_CASE(the_gradient_at_a_layer_is_that_of_finite_differences) {
    // The change of a logit when the layer's output changes, seen by a hook that adds a step to it.
    using network = hc::sequential<hc::named<"a", hc::conv2d<2, 4, hc::kernel<3>>>, hc::relu<>,
                                   hc::named<"b", hc::conv2d<4, 5, hc::kernel<2>>>, hc::flatten<>,
                                   hc::named<"fc", hc::linear<5 * 2 * 2, 3>>>;
    auto const model = randomized<hc::model<network, double>>(15);
    auto const image = random_images(1, 16);
    auto const slopes = hc::gradients<"a">(model, image, 2);
    auto const& g = hc::get<"a">(slopes);
    double const h = 1e-6;
    for (std::size_t at = 0; at < g.size(); ++at) {
        double step = h;
        auto const nudged =
            hc::attach<"a">(model, hc::on_forward([&](auto const&, auto const&, auto const& output) {
                                xt::xtensor<double, 4> changed = output;
                                changed.data()[at] += step;
                                return changed;
                            }));
        double const up = nudged(image)(0, 2);
        step = -h;
        double const down = nudged(image)(0, 2);
        BOOST_TEST(std::abs((up - down) / (2 * h) - g.data()[at]) < 1e-8);
    }
}

BOOST_AUTO_TEST_CASE(what_an_explanation_calls_the_activation_is_behind_the_hooks) {
    auto const model = randomized<hc::model<head, double>>(17);
    auto const image = random_images(1, 18);
    auto const plain = hc::activations<"conv">(model, image);
    auto const doubled = hc::attach<"conv">(
        model, hc::on_forward([](auto const&, auto const&, auto const& output) { return 2.0 * output; }),
        hc::on_backward_pre([](auto const&, auto const& grad_output) { return 3.0 * grad_output; }));
    auto const seen = hc::activations<"conv">(doubled, image);
    BOOST_TEST((hc::get<"conv">(seen) == 2.0 * hc::get<"conv">(plain)));
    auto const slopes = hc::gradients<"conv">(doubled, image, 1);
    BOOST_TEST(std::abs(hc::get<"conv">(slopes)(0, 0, 0, 0) -
                        3 * model.parameter("fc.weight")(1, 0) / (side * side)) < rounding);
    auto const cam = hc::grad_cam<"conv">(doubled, image, 1);
    BOOST_TEST(distance(cam.raw, xt::eval(6.0 * hc::grad_cam<"conv">(model, image, 1).raw)) < rounding);
}

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

BOOST_AUTO_TEST_CASE(the_largest_element_is_one_however_small_the_map) {
    for (float const scale : {1e30F, 1.0F, 1e-6F, 1e-8F, 1e-30F, std::numeric_limits<float>::denorm_min()}) {
        std::array<float, 4> map{0, scale, 3 * scale, 2 * scale};
        hc::kernels::normalize_map(hc::cpu{}, 4, map.data());
        BOOST_TEST(*std::max_element(map.begin(), map.end()) == 1.0F);
        BOOST_TEST(std::abs(map[1] - 1.0F / 3.0F) < 1e-7F); // 3·scale is rounded
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

BOOST_AUTO_TEST_CASE(a_path_given_as_a_string_is_checked_at_run_time) {
    auto const model = randomized<hc::model<head, double>>(21);
    auto const image = random_images(1, 22);
    auto const open = hc::with_runtime_hooks(model);
    auto const says = [](char const* part) {
        return [part](hc::error const& e) {
            return e.kind() == hc::error_kind::use && std::string{e.what()}.find(part) != std::string::npos;
        };
    };
    BOOST_CHECK_EXCEPTION(static_cast<void>(hc::grad_cam(open, "conv9", image)), hc::error,
                          says("take one of: conv fc"));
    BOOST_CHECK_EXCEPTION(static_cast<void>(hc::grad_cam(open, "fc", image)), hc::error,
                          says("take one of: conv"));
    auto const typed = hc::grad_cam<"conv">(model, image, 3);
    auto const chosen = hc::grad_cam(open, "conv", image, 3);
    BOOST_TEST((typed.raw == chosen.raw));
    BOOST_TEST((typed.heatmap == chosen.heatmap));
}
