#pragma once

#include "layer_harness.hpp"
#include "xtensor.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/layers/conv2d/conv2d_reference.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

// What the tests of kernels over blocked channels and of fusion share.

namespace blocked {

namespace hc = hookcam;
using namespace harness;

using direct = hc::algorithm<hc::method::direct>;

template <class T, std::size_t Rank>
xt::xtensor<T, Rank> filled(std::array<std::size_t, Rank> const& shape, std::vector<double> const& values) {
    auto made = xt::xtensor<T, Rank>::from_shape(shape);
    std::copy(values.begin(), values.end(), made.data());
    return made;
}

template <class T>
xt::xtensor<T, 4> images(std::size_t batch, hc::extents const& of, std::uint32_t seed) {
    return filled<T, 4>({batch, of[0], of[1], of[2]}, noise(batch * of.count(), seed));
}

template <class Model>
void fill_with_noise(Model& model, std::uint32_t seed) {
    for (auto const& entry : model.entries()) {
        auto values = noise(entry.size, ++seed);
        if (entry.key.ends_with("running_var")) // batch norm takes the root of a variance
            for (auto& value : values)
                value = std::abs(value) + 0.5;
        std::transform(values.begin(), values.end(), entry.data,
                       [](double v) { return static_cast<typename Model::value_type>(v); });
    }
}

template <class View>
auto numbers(View const& of) {
    return std::vector<std::remove_cv_t<typename View::value_type>>(of.begin(), of.end());
}

/// Equal bits, the sign of a zero among them; a NaN equals a NaN.
inline bool same(std::vector<float> const& a, std::vector<float> const& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
        return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y) ||
               (std::isnan(x) && std::isnan(y));
    });
}

inline bool mentions(std::vector<std::string> const& steps, std::string const& text) {
    return std::any_of(steps.begin(), steps.end(),
                       [&](auto const& step) { return step.find(text) != std::string::npos; });
}

// --- the direct convolution -----------------------------------------------------------------------------------

/// A convolution's forward by a plan against the reference, which computes in double whatever T is.
template <class T, class Layer>
void check_conv(hc::extents const& in) {
    std::size_t const batch = 2;
    using network = hc::sequential<hc::named<"conv", Layer>>;
    hc::model<network, T> model;
    fill_with_noise(model, 1);
    auto const x = images<T>(batch, in, 2);
    auto plan = hc::plan(model);
    auto const y = plan(x);

    auto const out = Layer::output_extents(in);
    hc::kernels::conv2d_parameters const sizes{
        batch, in[0],  out[0], Layer::group_count,   in[1],
        in[2], out[1], out[2], Layer::windows::rows, Layer::windows::columns};
    std::vector<double> const wide_x(x.begin(), x.end());
    std::vector<double> const own(model.data(), model.data() + model.size());
    std::size_t const weights = sizes.out_channels * sizes.terms();
    std::vector<double> expected(y.size());
    hc::reference::conv2d(sizes, wide_x.data(), own.data(),
                          own.size() > weights ? own.data() + weights : nullptr, expected.data());
    check_near("y", numbers(y), expected, rounding<T>(sizes.terms() + 1));

    auto const steps = plan.steps();
    BOOST_TEST(mentions(steps, "to blocked"));
}

// --- fusion

/// A network whose layers are fused where nobody watches. `text` is the line of the fused step. Watching any of the
/// paths changes no bit of the output, and who watches sees what a plan keeps there.
template <class Network, hc::fixed_string... Paths>
void check_fusion(hc::extents const& in, std::string const& text, std::uint32_t seed) {
    BOOST_TEST_CONTEXT(text) {
        hc::model<Network> model;
        fill_with_noise(model, seed);
        auto x = images<float>(2, in, seed + 1);
        x(0, 0, 1, 1) = std::numeric_limits<float>::quiet_NaN(); // passes through all of them alike
        auto plan = hc::plan(model);
        auto const output = numbers(plan(x));
        BOOST_TEST(mentions(plan.steps(), text));

        auto const check_path = [&]<hc::fixed_string Path>(hc::path_list<Path>) {
            BOOST_TEST_CONTEXT("at " << Path.view()) {
                std::vector<float> seen;
                auto const watched = hc::attach<Path>(
                    model,
                    hc::on_forward([&](auto const&, auto const&, auto const& y) { seen = numbers(y); }));
                BOOST_TEST(same(numbers(watched(x)), output));
                auto kept = hc::plan(model, hc::activations_request<Path>{});
                BOOST_TEST(same(numbers(kept(x)), output));
                BOOST_TEST(same(seen, numbers(kept.template activation<Path>())));
                BOOST_TEST(!seen.empty());
                BOOST_TEST(!mentions(kept.steps(), text));
            }
        };
        (check_path(hc::path_list<Paths>{}), ...);
    }
}

} // namespace blocked
