#define BOOST_TEST_MODULE explain
#include <boost/test/unit_test.hpp>

#include "cam_networks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>

using namespace cam;

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

namespace {

/// A user's own score: minus the logarithm of the target's probability, what training makes small.
struct cross_entropy {
    std::size_t target(auto const& output) const {
        return static_cast<std::size_t>(std::max_element(output.begin(), output.end()) - output.begin());
    }
    void gradient(auto const& output, std::size_t target, auto& gradient) const {
        double total = 0;
        for (auto const logit : output)
            total += std::exp(logit);
        for (std::size_t c = 0; c < output.size(); ++c)
            gradient(c) = std::exp(output(c)) / total - (c == target ? 1 : 0);
    }
};

} // namespace

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
    auto const of_entropy = hc::grad_cam_of<"conv">(model, cross_entropy{}, image, target);
    auto const of_margin = hc::grad_cam_of<"conv">(model, hc::margin_score{}, image, target);
    for (std::size_t i = 0; i < side; ++i)
        for (std::size_t j = 0; j < side; ++j) {
            double probability = 0;
            double entropy = 0;
            double margin = 0;
            for (std::size_t k = 0; k < channels; ++k) {
                double mean = 0;
                for (std::size_t c = 0; c < 4; ++c)
                    mean += p[c] * weight(c, k);
                probability += p[target] * (weight(target, k) - mean) / (side * side) * a(0, k, i, j);
                entropy -= (weight(target, k) - mean) / (side * side) * a(0, k, i, j);
                margin += (weight(target, k) - weight(rival, k)) / (side * side) * a(0, k, i, j);
            }
            BOOST_TEST(std::abs(of_probability.raw(0, i, j) - std::max(probability, 0.0)) < rounding);
            BOOST_TEST(std::abs(of_entropy.raw(0, i, j) - std::max(entropy, 0.0)) < rounding);
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
