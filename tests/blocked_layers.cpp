#define BOOST_TEST_MODULE blocked_layers
#include "layer_harness.hpp"

#include <hookcam/layers/blocked_pointwise_cpu.hpp>
#include <hookcam/layers/max_pool2d/max_pool2d_blocked_cpu.hpp>
#include <hookcam/layers/max_pool2d/max_pool2d_cpu.hpp>
#include <hookcam/layers/relu/relu_cpu.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

// Layers over blocked channels give the bits of the same layers over N,C,H,W.

namespace hc = hookcam;
using namespace harness;

namespace {

using hc::detail::blocked_layout;

template <class T>
bool same(std::vector<T> const& a, std::vector<T> const& b) {
    using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](T x, T y) {
        return std::bit_cast<bits>(x) == std::bit_cast<bits>(y) || (std::isnan(x) && std::isnan(y));
    });
}

blocked_layout with_border(blocked_layout of, std::size_t border) {
    of.border = border;
    return of;
}

template <class T>
std::vector<T> in_blocks(blocked_layout const& layout, std::size_t batch, std::vector<T> const& dense) {
    std::vector<T> made(batch * layout.image(), std::numeric_limits<T>::quiet_NaN());
    hc::detail::to_blocked(layout, batch, dense.data(), made.data());
    return made;
}

template <class T>
std::vector<T> from_blocks(blocked_layout const& layout, std::size_t batch, std::vector<T> const& blocked) {
    std::vector<T> made(batch * layout.channels * layout.height * layout.width);
    hc::detail::from_blocked(layout, batch, blocked.data(), made.data());
    return made;
}

/// Few different numbers, so that there are ties, a corner of minus infinities, and in the second half some NaN.
template <class T>
std::vector<T> tied(std::size_t size, std::uint32_t seed) {
    auto values = converted<T>(noise(size, seed));
    for (std::size_t i = 0; i < size; ++i) {
        values[i] = std::round(3 * values[i]) / 2;
        if (i % 53 == 7 && 2 * i >= size)
            values[i] = std::numeric_limits<T>::quiet_NaN();
        if (i < 9)
            values[i] = -std::numeric_limits<T>::infinity();
    }
    return values;
}

template <class T>
void check_pool(hc::extents const& in, hc::window const& rows, hc::window const& columns, bool up = false) {
    constexpr std::size_t batch = 2;
    std::size_t const height = rows.count(in[1], up), width = columns.count(in[2], up);
    blocked_layout const x_layout{in[0], in[1], in[2], hc::detail::width<T>, 2};
    blocked_layout const y_layout{in[0], height, width, hc::detail::width<T>, 1};
    auto const x = tied<T>(batch * in.count(), 1);
    auto const grad_y = converted<T>(noise(batch * in[0] * height * width, 2));

    std::vector<T> y(grad_y.size()), grad_x(x.size());
    std::vector<std::int32_t> chosen(y.size());
    hc::kernels::pool2d_parameters const dense{
        {batch * in[0], in[1], in[2], height, width}, rows, columns, true};
    hc::kernels::max_pool2d(hc::cpu{}, dense, x.data(), y.data(), chosen.data());
    hc::kernels::max_pool2d_backward(hc::cpu{}, dense, chosen.data(), grad_y.data(), grad_x.data());

    std::vector<T> found_y(batch * y_layout.image());
    std::vector<T> numbers(batch * with_border(y_layout, 0).image());
    auto const x_in_blocks = in_blocks(x_layout, batch, x);
    hc::kernels::blocked_max_pool2d(hc::cpu{}, {x_layout, y_layout, rows, columns}, batch, x_in_blocks.data(),
                                    found_y.data(), numbers.data());
    BOOST_TEST(same(from_blocks(y_layout, batch, found_y), y));
    T* const nothing_chosen = nullptr;
    std::vector<T> again(found_y.size());
    hc::kernels::blocked_max_pool2d(hc::cpu{}, {x_layout, y_layout, rows, columns}, batch, x_in_blocks.data(),
                                    again.data(), nothing_chosen);
    BOOST_TEST(same(again, found_y));

    auto const gradient_layout = with_border(x_layout, 0);
    std::vector<T> found_x(batch * gradient_layout.image(), std::numeric_limits<T>::quiet_NaN());
    hc::kernels::blocked_max_pool2d_backward(
        hc::cpu{}, {gradient_layout, with_border(y_layout, 0), rows, columns}, batch,
        static_cast<T const*>(numbers.data()), in_blocks(with_border(y_layout, 0), batch, grad_y).data(),
        found_x.data());
    BOOST_TEST(same(from_blocks(gradient_layout, batch, found_x), grad_x));
}

template <class T>
void check_pools() {
    BOOST_TEST_CONTEXT(sizeof(T)) {
        // kernel, stride, dilation, padding before and after
        check_pool<T>(hc::extents{17, 8, 8}, {2, 2, 1, 0, 0}, {2, 2, 1, 0, 0});
        check_pool<T>(hc::extents{3, 9, 7}, {2, 2, 1, 0, 0}, {2, 2, 1, 0, 0});
        check_pool<T>(hc::extents{3, 9, 7}, {3, 2, 1, 1, 1}, {3, 2, 1, 1, 1});
        check_pool<T>(hc::extents{20, 7, 11}, {3, 1, 2, 1, 1}, {2, 3, 1, 1, 1});
        check_pool<T>(hc::extents{16, 6, 5}, {3, 2, 1, 0, 0}, {3, 2, 1, 0, 0}, true);
        check_pool<T>(hc::extents{5, 4, 4}, {2, 5, 2, 1, 1}, {1, 1, 1, 0, 0});
    }
}

BOOST_AUTO_TEST_CASE(pooling_gives_the_bits_of_the_dense_one) {
    check_pools<float>();
    check_pools<double>();
}

template <class T>
void check_relu() {
    blocked_layout const layout{19, 5, 6, hc::detail::width<T>, 1};
    constexpr std::size_t batch = 2;
    auto const x = tied<T>(batch * 19 * 30, 3);
    auto const grad_y = converted<T>(noise(x.size(), 4));
    std::vector<T> y(x.size()), grad_x(x.size());
    hc::kernels::relu(hc::cpu{}, x.size(), x.data(), y.data());
    hc::kernels::relu_backward(hc::cpu{}, y.size(), y.data(), grad_y.data(), grad_x.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
        T const expected = x[i] < 0 ? T{0} : x[i];
        BOOST_TEST((y[i] == expected || (std::isnan(y[i]) && std::isnan(expected))));
        BOOST_TEST(grad_x[i] == (y[i] <= 0 ? T{0} : grad_y[i]));
    }

    auto const y_layout = with_border(layout, 2), gradients = with_border(layout, 0);
    std::vector<T> found(batch * y_layout.image());
    hc::kernels::blocked_relu(hc::cpu{}, layout, y_layout, batch, in_blocks(layout, batch, x).data(),
                              found.data());
    BOOST_TEST(same(from_blocks(y_layout, batch, found), y));
    auto const slopes = in_blocks(gradients, batch, grad_y);
    std::vector<T> found_gradient(slopes.size());
    hc::kernels::blocked_relu_backward(hc::cpu{}, y_layout, gradients, batch,
                                       static_cast<T const*>(found.data()), slopes.data(),
                                       found_gradient.data());
    BOOST_TEST(same(from_blocks(gradients, batch, found_gradient), grad_x));

    std::vector<T> scale(gradients.blocks() * gradients.block);
    std::iota(scale.begin(), scale.end(), T{1});
    hc::kernels::blocked_scale_backward(hc::cpu{}, gradients, batch, static_cast<T const*>(scale.data()),
                                        slopes.data(), found_gradient.data());
    auto scaled = grad_y;
    for (std::size_t i = 0; i < scaled.size(); ++i)
        scaled[i] *= scale[i / 30 % 19];
    BOOST_TEST(same(from_blocks(gradients, batch, found_gradient), scaled));
}

BOOST_AUTO_TEST_CASE(relu_and_scale_give_the_bits_of_the_dense_ones) {
    check_relu<float>();
    check_relu<double>();
}

template <class T>
void check_copies(hc::extents const& of, std::size_t block, std::size_t border) {
    BOOST_TEST_CONTEXT(hc::to_string(of) << " in blocks of " << block) {
        blocked_layout const layout{of[0], of[1], of[2], block, border};
        auto const dense = converted<T>(noise(2 * of.count(), 5));
        auto blocked = in_blocks(layout, 2, dense);
        BOOST_TEST(same(from_blocks(layout, 2, blocked), dense));
        // Pixel by pixel: its channels are neighbours, those that fill up are zero, nothing else was written.
        std::size_t untouched = 0;
        for (auto const number : blocked)
            untouched += std::isnan(number);
        BOOST_TEST(untouched == blocked.size() - 2 * layout.blocks() * block * of[1] * of[2]);
        for (std::size_t c = 0; c < layout.blocks() * block; ++c)
            for (std::size_t p = 0; p < of[1] * of[2]; ++p) {
                T const found = blocked[layout.image() + c / block * layout.plane() + layout.first() +
                                        p / of[2] * layout.row() + p % of[2] * block + c % block];
                T const expected = c < of[0] ? dense[of.count() + c * of[1] * of[2] + p] : T{0};
                if (found != expected)
                    BOOST_TEST(found == expected, "channel " << c << " pixel " << p);
            }
    }
}

BOOST_AUTO_TEST_CASE(copies_to_blocks_and_back_are_exact) {
    for (auto const border : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        for (auto const& of : {hc::extents{1, 1, 1}, hc::extents{17, 4, 4}, hc::extents{33, 7, 7},
                               hc::extents{16, 1, 40}, hc::extents{5, 9, 2}, hc::extents{3, 4, 35}}) {
            check_copies<float>(of, hc::detail::width<float>, border);
            check_copies<double>(of, hc::detail::width<double>, border);
            check_copies<float>(of, 3, border);
        }
    }
}

} // namespace
