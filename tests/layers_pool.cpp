#define BOOST_TEST_MODULE layers_pool
#include "network_harness.hpp"

#include <hookcam/layers/adaptive_avg_pool2d/adaptive_avg_pool2d_reference.hpp>
#include <hookcam/layers/adaptive_max_pool2d/adaptive_max_pool2d_reference.hpp>
#include <hookcam/layers/avg_pool2d/avg_pool2d_reference.hpp>
#include <hookcam/layers/lp_pool2d/lp_pool2d_reference.hpp>
#include <hookcam/layers/max_pool2d/max_pool2d_reference.hpp>

#include <limits>

namespace hc = hookcam;
using namespace harness;
using hc::avg_pool2d;
using hc::ceil_mode;
using hc::count_exclude_pad;
using hc::dilation;
using hc::extents;
using hc::kernel;
using hc::max_pool2d;
using hc::padding;
using hc::stride;

namespace {

constexpr std::size_t batch = 2;

hc::kernels::pool2d_parameters sizes_of(extents const& in, extents const& out, hc::window const& rows,
                                        hc::window const& columns, bool counts) {
    return {{batch * in[0], in[1], in[2], out[1], out[2]}, rows, columns, counts};
}

template <class T, class Layer>
void check_max_reference(extents const& in, hc::window const& rows, hc::window const& columns) {
    bench<Layer, T> at{batch, in};
    at.fill(separated(at.x.size(), 1), 1);
    // Some equal neighbours: the first must get the gradient.
    for (std::size_t i = 0; i + 1 < at.x.size(); i += 5)
        at.x[i + 1] = at.x[i];
    at.forward();
    at.backward();
    auto const sizes = sizes_of(in, at.out, rows, columns, true);
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    std::vector<double> y(at.y.size());
    std::vector<double> grad_x(x.size());
    hc::reference::max_pool2d(sizes, x.data(), y.data());
    hc::reference::max_pool2d_backward(sizes, x.data(), y.data(), grad_y.data(), grad_x.data());
    check_near("y", at.y, y, 0);
    // An element can be the largest of every window that sees it.
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(rows.kernel * columns.kernel));
    auto const kept = at.y;
    at.forward(false);
    BOOST_TEST((at.y == kept));
}

template <class Layer>
void check_max(extents const& in, hc::window const& rows, hc::window const& columns) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_max_reference<float, Layer>(in, rows, columns);
        check_max_reference<double, Layer>(in, rows, columns);
        bench<Layer, double> at{batch, in};
        at.fill(separated(at.x.size(), 2), 2);
        check_differences(at);
    }
}

template <class T, class Layer>
void check_average_reference(extents const& in, hc::window const& rows, hc::window const& columns,
                             bool counts) {
    bench<Layer, T> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    auto const sizes = sizes_of(in, at.out, rows, columns, counts);
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    std::vector<double> y(at.y.size());
    std::vector<double> grad_x(x.size());
    hc::reference::avg_pool2d(sizes, x.data(), y.data());
    hc::reference::avg_pool2d_backward(sizes, grad_y.data(), grad_x.data());
    check_near("y", at.y, y, rounding<T>(rows.kernel * columns.kernel));
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(rows.kernel * columns.kernel));
}

template <class Layer>
void check_average(extents const& in, hc::window const& rows, hc::window const& columns, bool counts = true) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_average_reference<float, Layer>(in, rows, columns, counts);
        check_average_reference<double, Layer>(in, rows, columns, counts);
        bench<Layer, double> at{batch, in};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

template <class T, class Layer>
void check_adaptive_reference(extents const& in) {
    bench<Layer, T> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    hc::kernels::pool2d_sizes const sizes{batch * in[0], in[1], in[2], at.out[1], at.out[2]};
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    std::vector<double> y(at.y.size());
    std::vector<double> grad_x(x.size());
    hc::reference::adaptive_avg_pool2d(sizes, x.data(), y.data());
    hc::reference::adaptive_avg_pool2d_backward(sizes, grad_y.data(), grad_x.data());
    check_near("y", at.y, y, rounding<T>(in[1] * in[2]));
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(at.out[1] * at.out[2]));
}

template <class Layer>
void check_adaptive(extents const& in) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_adaptive_reference<float, Layer>(in);
        check_adaptive_reference<double, Layer>(in);
        bench<Layer, double> at{batch, in};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

template <class T, class Layer>
void check_adaptive_max_reference(extents const& in) {
    bench<Layer, T> at{batch, in};
    at.fill(separated(at.x.size(), 1), 1);
    // Some equal neighbours: the first must get the gradient.
    for (std::size_t i = 0; i + 1 < at.x.size(); i += 5)
        at.x[i + 1] = at.x[i];
    at.forward();
    at.backward();
    hc::kernels::pool2d_sizes const sizes{batch * in[0], in[1], in[2], at.out[1], at.out[2]};
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    std::vector<double> y(at.y.size());
    std::vector<double> grad_x(x.size());
    hc::reference::adaptive_max_pool2d(sizes, x.data(), y.data());
    hc::reference::adaptive_max_pool2d_backward(sizes, x.data(), y.data(), grad_y.data(), grad_x.data());
    check_near("y", at.y, y, 0);
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(at.out[1] * at.out[2]));
    auto const kept = at.y;
    at.forward(false);
    BOOST_TEST((at.y == kept));
}

template <class Layer>
void check_adaptive_max(extents const& in) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_adaptive_max_reference<float, Layer>(in);
        check_adaptive_max_reference<double, Layer>(in);
        bench<Layer, double> at{batch, in};
        at.fill(separated(at.x.size(), 2), 2);
        check_differences(at);
    }
}

template <class T, class Layer>
void check_norm_reference(extents const& in, std::size_t norm, hc::window const& rows,
                          hc::window const& columns) {
    bench<Layer, T> at{batch, in};
    at.fill(separated(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    auto const sizes = sizes_of(in, at.out, rows, columns, true);
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    std::vector<double> y(at.y.size());
    std::vector<double> grad_x(x.size());
    hc::reference::lp_pool2d(sizes, static_cast<double>(norm), x.data(), y.data());
    hc::reference::lp_pool2d_backward(sizes, static_cast<double>(norm), x.data(), y.data(), grad_y.data(),
                                      grad_x.data());
    // A power rounds `norm` times, the sum once a term, the root divides that by the norm and rounds itself.
    std::size_t const terms = rows.kernel * columns.kernel;
    check_near("y", at.y, y, rounding<T>(terms + 4) * *std::max_element(y.begin(), y.end()));
    // (|x|/y)^(norm − 1) is at most 1, and an element is seen by `terms` windows at most.
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(terms * ((norm - 1) * (terms + 5) + norm + 2)));
}

template <class Layer>
void check_norm(extents const& in, std::size_t norm, hc::window const& rows, hc::window const& columns) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_norm_reference<float, Layer>(in, norm, rows, columns);
        check_norm_reference<double, Layer>(in, norm, rows, columns);
        // From 0.1 up: a step of 1e-5 then is small beside the distance to the kink at zero.
        bench<Layer, double> at{batch, in};
        at.fill(separated(at.x.size(), 2), 2);
        for (auto& value : at.x)
            value *= 4;
        check_differences(at);
    }
}

/// The output for whole numbers. The literals carry twelve digits.
template <class Layer>
void check_literal(extents const& in, std::vector<double> const& expected) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        bench<Layer, double> at{1, in};
        at.x = counted(at.x.size());
        at.forward();
        check_near("y", at.y, expected, 1e-12);
    }
}

} // namespace

// Sizes by type, without running anything.
static_assert(max_pool2d<2>::output_extents(extents{32, 32, 32}) == extents{32, 16, 16});
static_assert(max_pool2d<3, stride<2>>::output_extents(extents{96, 110, 110}) == extents{96, 54, 54});
static_assert(max_pool2d<3, stride<2>, ceil_mode>::output_extents(extents{96, 110, 110}) ==
              extents{96, 55, 55});
static_assert(max_pool2d<3, stride<2>, ceil_mode>::output_extents(extents{96, 109, 109}) ==
              extents{96, 54, 54});
static_assert(max_pool2d<3, kernel<3, 2>>::output_extents(extents{1, 9, 9}) == extents{1, 3, 4});
static_assert(max_pool2d<3, dilation<2>, padding<2>, stride<1>>::output_extents(extents{1, 6, 6}) ==
              extents{1, 6, 6});
static_assert(avg_pool2d<3, kernel<3, 5>, padding<1, 2>, stride<1>>::output_extents(extents{2, 7, 9}) ==
              extents{2, 7, 9});
static_assert(avg_pool2d<2>::output_extents(extents{hc::dynamic, 7, hc::dynamic}) ==
              extents{hc::dynamic, 3, hc::dynamic});
static_assert(hc::adaptive_avg_pool2d<1>::output_extents(extents{64, hc::dynamic, 8}) == extents{64, 1, 1});
static_assert(hc::adaptive_avg_pool2d<6, 7>::output_extents(extents{64, 2, 80}) == extents{64, 6, 7});
static_assert(hc::adaptive_max_pool2d<6, 7>::output_extents(extents{64, 2, 80}) == extents{64, 6, 7});
static_assert(hc::global_avg_pool2d<>::output_extents(extents{64, hc::dynamic, 8}) == extents{64, 1, 1});
static_assert(hc::global_max_pool2d<>::output_extents(extents{hc::dynamic, 9, 8}) ==
              extents{hc::dynamic, 1, 1});
static_assert(hc::lp_pool2d<2, 3, kernel<3, 2>, stride<1>>::output_extents(extents{4, 7, 8}) ==
              extents{4, 5, 7});
static_assert(hc::lp_pool2d<2, 2>::output_extents(extents{4, 7, hc::dynamic}) == extents{4, 3, hc::dynamic});

BOOST_AUTO_TEST_CASE(the_number_of_windows_is_pytorchs) {
    struct row {
        std::size_t input, kernel, stride, padding, dilation;
        bool up;
        std::size_t output;
    };
    // What torch.nn.functional.max_pool2d answered. In the first eight the last window would have begun
    // behind the input and is left out; in 1,3,3 and its like the only window is larger than the input.
    constexpr row rows[] = {
        {1, 2, 2, 1, 1, true, 1},   {1, 2, 3, 1, 1, true, 1},    {2, 1, 2, 0, 1, true, 1},
        {2, 1, 2, 0, 2, true, 1},   {2, 1, 3, 0, 1, true, 1},    {2, 1, 3, 0, 2, true, 1},
        {2, 2, 3, 1, 1, true, 1},   {2, 2, 3, 1, 2, true, 1},    {5, 3, 2, 0, 1, true, 2},
        {2, 2, 2, 1, 1, true, 2},   {6, 5, 3, 2, 2, false, 1},   {5, 2, 3, 0, 1, false, 2},
        {13, 5, 1, 0, 1, true, 9},  {13, 2, 1, 0, 2, false, 11}, {13, 3, 1, 0, 1, true, 11},
        {8, 2, 3, 1, 2, false, 3},  {6, 3, 1, 0, 1, true, 4},    {5, 1, 2, 0, 1, false, 3},
        {13, 3, 3, 0, 1, true, 5},  {1, 3, 2, 1, 1, false, 1},   {8, 3, 2, 0, 1, true, 4},
        {8, 5, 3, 2, 1, true, 4},   {1, 1, 1, 0, 2, false, 1},   {13, 1, 3, 0, 2, false, 5},
        {7, 1, 3, 0, 1, true, 3},   {6, 3, 3, 1, 1, true, 3},    {5, 2, 1, 0, 1, false, 4},
        {7, 5, 1, 1, 1, false, 5},  {1, 3, 3, 0, 1, true, 1},    {1, 2, 3, 0, 2, true, 1},
        {1, 2, 3, 1, 2, true, 1},   {1, 1, 3, 0, 1, true, 1},    {8, 3, 1, 0, 1, false, 6},
        {6, 3, 2, 0, 1, false, 2},  {8, 5, 2, 2, 1, true, 5},    {13, 5, 3, 2, 2, false, 3},
        {6, 3, 2, 1, 2, false, 2},  {13, 1, 1, 0, 2, false, 13}, {6, 5, 1, 0, 1, true, 2},
        {7, 5, 3, 2, 2, true, 2},   {6, 3, 3, 1, 2, true, 2},    {6, 3, 2, 0, 2, true, 2},
        {13, 2, 2, 1, 1, false, 7}, {7, 2, 3, 1, 1, true, 3},    {8, 5, 2, 0, 2, true, 1},
        {5, 1, 3, 0, 2, false, 2},  {6, 2, 1, 0, 1, true, 5},    {7, 3, 1, 1, 1, false, 7},
    };
    for (auto const& [input, size, step, border, distance, up, output] : rows)
        BOOST_TEST_CONTEXT(input << ", kernel " << size << ", stride " << step << ", padding " << border
                                 << ", dilation " << distance << ", up " << up) {
            hc::window const window{size, step, distance, border, border};
            BOOST_TEST_REQUIRE(window.fits(input, up));
            BOOST_TEST(window.count(input, up) == output);
        }
}

BOOST_AUTO_TEST_CASE(the_number_of_windows_is_what_one_counts) {
    for (std::size_t input = 1; input <= 9; ++input)
        for (std::size_t size = 1; size <= 4; ++size)
            for (std::size_t step = 1; step <= 4; ++step)
                for (std::size_t distance = 1; distance <= 3; ++distance)
                    for (std::size_t before = 0; before <= 2; ++before)
                        for (std::size_t after = 0; after <= 2; ++after) {
                            hc::window const window{size, step, distance, before, after};
                            if (std::max(before, after) > window.span() / 2)
                                continue; // no layer takes more
                            std::size_t const padded = before + input + after;
                            std::size_t down = 0;
                            std::size_t up = 0;
                            for (std::size_t begin = 0; begin < padded; begin += step) {
                                bool const is_inside = begin + window.span() <= padded;
                                // Rounded up, one more window may reach out of the padded input by less than
                                // a stride, if it begins in front of the padding behind the input.
                                if (is_inside)
                                    ++down;
                                if (begin + window.span() < padded + step && begin < before + input)
                                    ++up;
                            }
                            BOOST_TEST(window.fits(input) == (down > 0));
                            if (down > 0)
                                BOOST_TEST(window.count(input) == down);
                            if (window.fits(input, true))
                                BOOST_TEST(window.count(input, true) == up);
                        }
}

BOOST_AUTO_TEST_CASE(max_pool_agrees_with_the_reference_and_with_finite_differences) {
    // kernel, stride, dilation, padding before and after
    check_max<max_pool2d<2>>(extents{3, 6, 5}, {2, 2, 1, 0, 0}, {2, 2, 1, 0, 0});
    check_max<max_pool2d<3, stride<2>, padding<1>>>(extents{2, 6, 7}, {3, 2, 1, 1, 1}, {3, 2, 1, 1, 1});
    check_max<max_pool2d<3, stride<2>, ceil_mode>>(extents{2, 6, 7}, {3, 2, 1, 0, 0}, {3, 2, 1, 0, 0});
    check_max<max_pool2d<3, kernel<3, 2>, stride<1, 2>, padding<0, 1>, ceil_mode>>(
        extents{2, 5, 4}, {3, 1, 1, 0, 0}, {2, 2, 1, 1, 1});
    check_max<max_pool2d<3, stride<1>, dilation<2>, padding<2>>>(extents{1, 6, 5}, {3, 1, 2, 2, 2},
                                                                 {3, 1, 2, 2, 2});
    check_max<max_pool2d<2, dilation<2, 3>, stride<2>, ceil_mode>>(extents{1, 7, 8}, {2, 2, 2, 0, 0},
                                                                   {2, 2, 3, 0, 0});
    check_max<max_pool2d<3, stride<2>, ceil_mode>>(extents{2, 2, 2}, {3, 2, 1, 0, 0}, {3, 2, 1, 0, 0});
    check_max<max_pool2d<1, stride<2>>>(extents{2, 5, 3}, {1, 2, 1, 0, 0}, {1, 2, 1, 0, 0});
}

BOOST_AUTO_TEST_CASE(avg_pool_agrees_with_the_reference_and_with_finite_differences) {
    check_average<avg_pool2d<2>>(extents{3, 6, 5}, {2, 2, 1, 0, 0}, {2, 2, 1, 0, 0});
    check_average<avg_pool2d<3, stride<2>, padding<1>, ceil_mode>>(extents{2, 6, 7}, {3, 2, 1, 1, 1},
                                                                   {3, 2, 1, 1, 1});
    check_average<avg_pool2d<3, stride<2>, padding<1>, ceil_mode, count_exclude_pad>>(
        extents{2, 6, 7}, {3, 2, 1, 1, 1}, {3, 2, 1, 1, 1}, false);
    check_average<avg_pool2d<3, kernel<3, 2>, stride<1, 2>, padding<1, 0>, count_exclude_pad>>(
        extents{2, 4, 5}, {3, 1, 1, 1, 1}, {2, 2, 1, 0, 0}, false);
    check_average<avg_pool2d<3, stride<2>, ceil_mode>>(extents{2, 2, 4}, {3, 2, 1, 0, 0}, {3, 2, 1, 0, 0});
}

BOOST_AUTO_TEST_CASE(adaptive_avg_pool_agrees_with_the_reference_and_with_finite_differences) {
    check_adaptive<hc::adaptive_avg_pool2d<1>>(extents{3, 8, 7});
    check_adaptive<hc::adaptive_avg_pool2d<3, 2>>(extents{2, 7, 5});
    check_adaptive<hc::adaptive_avg_pool2d<3, 5>>(extents{2, 2, 3});
    check_adaptive<hc::adaptive_avg_pool2d<4>>(extents{2, 8, 4});
}

BOOST_AUTO_TEST_CASE(adaptive_max_pool_agrees_with_the_reference_and_with_finite_differences) {
    check_adaptive_max<hc::adaptive_max_pool2d<1>>(extents{3, 8, 7});
    check_adaptive_max<hc::adaptive_max_pool2d<3, 2>>(extents{2, 7, 5});
    check_adaptive_max<hc::adaptive_max_pool2d<3, 5>>(extents{2, 2, 3});
    check_adaptive_max<hc::adaptive_max_pool2d<4>>(extents{2, 8, 4});
}

BOOST_AUTO_TEST_CASE(lp_pool_agrees_with_the_reference_and_with_finite_differences) {
    using hc::lp_pool2d;
    check_norm<lp_pool2d<2, 2>>(extents{3, 6, 5}, 2, {2, 2, 1, 0, 0}, {2, 2, 1, 0, 0});
    check_norm<lp_pool2d<1, 3, stride<2>>>(extents{2, 6, 7}, 1, {3, 2, 1, 0, 0}, {3, 2, 1, 0, 0});
    check_norm<lp_pool2d<3, 3, kernel<3, 2>, stride<1>>>(extents{2, 4, 5}, 3, {3, 1, 1, 0, 0},
                                                         {2, 1, 1, 0, 0});
    check_norm<lp_pool2d<6, 2>>(extents{2, 4, 4}, 6, {2, 2, 1, 0, 0}, {2, 2, 1, 0, 0});
}

BOOST_AUTO_TEST_CASE(a_norm_of_zero_has_no_gradient) {
    // PyTorch's is NaN there.
    bench<hc::lp_pool2d<2, 2>, double> at{1, extents{1, 2, 4}};
    at.x = {0, 0, 3, 0, 0, 0, 0, -4};
    at.grad_y = {1, 1};
    at.forward();
    at.backward();
    check_near("y", at.y, {0, 5}, 0);
    check_near("grad_x", at.grad_x, {0, 0, 0.6, 0, 0, 0, 0, -0.8}, 1e-15);
}

BOOST_AUTO_TEST_CASE(pools_work_in_networks_and_with_hooks) {
    auto const check = []<class Layer>(Layer) {
        check_network<
            hc::sequential<hc::named<"before", hc::conv2d<2, 4, hc::kernel<2>>>, hc::named<"layer", Layer>,
                           hc::sigmoid<>, hc::named<"after", hc::conv2d<4, 2, hc::kernel<1>>>>,
            hc::image<2, 7, 6>>(3);
        check_network<hc::sequential<hc::named<"layer", Layer>, hc::relu<>>, hc::image<3, 4, 5>>(4);
    };
    check(hc::adaptive_max_pool2d<2, 3>{});
    check(hc::global_max_pool2d<>{});
    check(hc::global_avg_pool2d<>{});
    check(hc::lp_pool2d<2, 2, stride<1>>{});
}

BOOST_AUTO_TEST_CASE(agrees_with_pytorch) {
    // torch.nn.functional's max_pool2d, avg_pool2d, lp_pool2d and adaptive ones on whole numbers.
    check_literal<max_pool2d<3, stride<2>, padding<1>, ceil_mode>>(extents{1, 6, 5},
                                                                   {4, 5, 5, 4, 4, 5, 5, 4, 4, 5, 4, 4});
    check_literal<max_pool2d<2, stride<1>, dilation<2>>>(extents{1, 5, 4}, {-1, 5, 5, 1, 0, 4});
    check_literal<max_pool2d<3, kernel<3, 2>, stride<2, 1>, padding<1, 0>>>(extents{1, 5, 4},
                                                                            {2, 4, 5, 3, 5, 5, 4, 5, 5});
    check_literal<avg_pool2d<3, stride<2>, padding<1>, ceil_mode>>(
        extents{1, 6, 5},
        {-0.222222222222, 0.555555555556, 0.555555555556, -0.777777777778, -0.444444444444, -0.222222222222,
         0.666666666667, -0.111111111111, 0, 1, 0.333333333333, 0.666666666667});
    check_literal<avg_pool2d<3, stride<2>, padding<1>, ceil_mode, count_exclude_pad>>(
        extents{1, 6, 5}, {-0.5, 0.833333333333, 1.25, -1.166666666667, -0.444444444444, -0.333333333333, 1,
                           -0.111111111111, 0, 3, 0.666666666667, 2});
    check_literal<avg_pool2d<2, padding<1>, ceil_mode>>(extents{1, 3, 4},
                                                        {-1.25, 0, 1.25, -0.75, 0.75, -1.25});
    check_literal<avg_pool2d<2, padding<1>, ceil_mode, count_exclude_pad>>(extents{1, 3, 4},
                                                                           {-5, 0, 5, -1.5, 0.75, -2.5});
    check_literal<avg_pool2d<3, stride<2>, ceil_mode>>(
        extents{1, 6, 4},
        {-0.555555555556, 0.166666666667, 0.444444444444, -0.666666666667, -0.333333333333, -1.75});
    check_literal<hc::adaptive_avg_pool2d<3, 2>>(
        extents{1, 7, 5},
        {-0.888888888889, 0.888888888889, -0.555555555556, 0, -0.222222222222, -0.888888888889});
    check_literal<hc::adaptive_avg_pool2d<3, 5>>(
        extents{1, 2, 3}, {-5, -1.5, 2, 0, -2, 0, 0.75, 1.5, -0.5, -2.5, 5, 3, 1, -1, -3});
    check_literal<hc::adaptive_max_pool2d<3, 2>>(extents{1, 7, 5}, {4, 5, 4, 5, 5, 4});
    check_literal<hc::adaptive_max_pool2d<3, 5>>(extents{1, 2, 3},
                                                 {-5, 2, 2, 2, -2, 5, 5, 2, 2, -2, 5, 5, 1, 1, -3});
    check_literal<hc::global_max_pool2d<>>(extents{2, 3, 3}, {5, 5});
    check_literal<hc::lp_pool2d<2, 3, kernel<3, 2>, stride<2, 1>>>(
        extents{1, 5, 4},
        {8, 6.557438524302, 8.426149773176, 7.615773105864, 7.416198487096, 8.246211251235});
    check_literal<hc::lp_pool2d<4, 2>>(extents{1, 5, 4},
                                       {5.185427592735, 5.472655503843, 4.382849839123, 5.948412563526});
    // Of the magnitudes: for odd norms PyTorch keeps the signs.
    check_literal<hc::lp_pool2d<3, 2, stride<1>>>(
        extents{1, 3, 4},
        {5.440121825415, 4.747459398523, 5.818647867497, 4.918684734459, 4.918684734459, 5.748897078945});
}

BOOST_AUTO_TEST_CASE(max_pool_passes_nan_and_chooses_among_equals_as_pytorch) {
    float const nan = std::numeric_limits<float>::quiet_NaN();
    float const least = -std::numeric_limits<float>::infinity();
    bench<max_pool2d<2, stride<1>>, float> at{1, extents{1, 3, 3}};
    at.x = {1, nan, 2, nan, 3, 3, least, 3, 3};
    at.grad_y = {1, 1, 1, 1};
    at.forward();
    at.backward();
    check_near("y", at.y, {nan, nan, nan, 3}, 0);
    check_near("grad_x", at.grad_x, {0, 1, 0, 2, 1, 0, 0, 0, 0}, 0);

    bench<hc::adaptive_max_pool2d<2>, float> parts{1, extents{1, 3, 3}};
    parts.x = at.x;
    parts.grad_y = at.grad_y;
    parts.forward();
    parts.backward();
    check_near("y", parts.y, {nan, nan, nan, 3}, 0);
    check_near("grad_x", parts.grad_x, {0, 1, 0, 2, 1, 0, 0, 0, 0}, 0);

    bench<max_pool2d<2>, float> lowest{1, extents{1, 2, 2}};
    lowest.x = {least, least, least, least};
    lowest.grad_y = {1};
    lowest.forward();
    lowest.backward();
    check_near("y", lowest.y, {least}, 0);
    check_near("grad_x", lowest.grad_x, {1, 0, 0, 0}, 0);

    bench<hc::global_max_pool2d<>, float> none{1, extents{1, 2, 2}};
    none.x = lowest.x;
    none.grad_y = {1};
    none.forward();
    none.backward();
    check_near("y", none.y, {least}, 0);
    check_near("grad_x", none.grad_x, {1, 0, 0, 0}, 0);
}

BOOST_AUTO_TEST_CASE(a_dilated_window_that_sees_padding_only_is_minus_infinity_and_takes_no_gradient) {
    // Its elements are at −1 and 2 of an input of two.
    bench<max_pool2d<2, dilation<3>, padding<1>>, double> at{1, extents{1, 2, 2}};
    at.x = {1, 2, 3, 4};
    at.grad_y = {1};
    at.forward();
    at.backward();
    check_near("y", at.y, {-std::numeric_limits<double>::infinity()}, 0);
    check_near("grad_x", at.grad_x, {0, 0, 0, 0}, 0);
}

BOOST_AUTO_TEST_CASE(refuses_inputs_that_do_not_fit) {
    auto const says = [](std::string_view part) {
        return [part](hc::error const& e) { return std::string_view{e.what()}.find(part) == 0; };
    };
    BOOST_CHECK_EXCEPTION((void)max_pool2d<3>::output_extents(extents{1, 2, 9}), hc::error,
                          says("hookcam::max_pool2d: the window must not be larger"));
    BOOST_CHECK_EXCEPTION((void)max_pool2d<3>::output_extents(extents{9}), hc::error,
                          says("hookcam::max_pool2d: the input must be images"));
    BOOST_CHECK_EXCEPTION((void)avg_pool2d<3>::output_extents(extents{1, 9, 2}), hc::error,
                          says("hookcam::avg_pool2d: the window must not be larger"));
    BOOST_CHECK_EXCEPTION((void)avg_pool2d<3>::output_extents(extents{9, 9}), hc::error,
                          says("hookcam::avg_pool2d: the input must be images"));
    BOOST_CHECK_EXCEPTION((void)hc::adaptive_avg_pool2d<3>::output_extents(extents{9}), hc::error,
                          says("hookcam::adaptive_avg_pool2d: the input must be images"));
    BOOST_CHECK_EXCEPTION((void)hc::adaptive_avg_pool2d<3>::output_extents(extents{1, 0, 3}), hc::error,
                          says("hookcam::adaptive_avg_pool2d: the input must have at least one row"));
    BOOST_CHECK_EXCEPTION((void)hc::global_max_pool2d<>::output_extents(extents{9}), hc::error,
                          says("hookcam::adaptive_max_pool2d: the input must be images"));
    BOOST_CHECK_EXCEPTION((void)hc::global_max_pool2d<>::output_extents(extents{1, 3, 0}), hc::error,
                          says("hookcam::adaptive_max_pool2d: the input must have at least one row"));
    BOOST_CHECK_EXCEPTION((void)(hc::lp_pool2d<2, 3>::output_extents(extents{1, 9, 2})), hc::error,
                          says("hookcam::lp_pool2d: the window must not be larger than the input"));
    BOOST_CHECK_EXCEPTION((void)(hc::lp_pool2d<2, 3>::output_extents(extents{9})), hc::error,
                          says("hookcam::lp_pool2d: the input must be images"));
}
