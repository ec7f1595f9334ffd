#define BOOST_TEST_MODULE layers_training
#include "layer_harness.hpp"

#include <hookcam/layers/batch_norm1d/batch_norm1d.hpp>
#include <hookcam/layers/batch_norm2d/batch_norm2d.hpp>
#include <hookcam/layers/batch_norm2d/batch_norm2d_reference.hpp>
#include <hookcam/layers/batch_norm_in_training.hpp>
#include <hookcam/layers/dropout/dropout.hpp>
#include <hookcam/layers/dropout/dropout_in_training.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

// What layers are in training, one by one: batch norm, dropout.

namespace hc = hookcam;
using namespace harness;

namespace {

/// A batch norm in training, with all that a plan would hand it.
template <class Layer, class T, std::size_t Rank>
struct norm_bench {
    using half = typename Layer::in_training;
    static constexpr std::size_t size = half::parameters::size;
    static constexpr std::size_t channels = Layer::channels;

    std::size_t batch;
    hc::extents in;
    std::vector<T> x, grad_y;
    std::vector<T> own = converted<T>(noise(size, 7));
    std::vector<T> y = std::vector<T>(batch * in.count());
    std::vector<T> grad_x = y;
    std::vector<T> measured = std::vector<T>(size);
    std::vector<T> gradients = std::vector<T>(size);
    std::vector<T> state = std::vector<T>(half::batch_state);
    std::vector<double> scratch = std::vector<double>(half::scratch_bytes(in, in) / sizeof(double));

    norm_bench(std::size_t images, hc::extents const& sizes)
        : batch{images},
          in{sizes},
          x{converted<T>(noise(images * sizes.count(), 3))},
          grad_y{converted<T>(noise(images * sizes.count(), 4))} {
        for (auto& value : x) // far from zero: cancellation would show
            value += T(5);
    }

    auto belongings() {
        return hc::belongings<half, T const, hc::cpu>{own.data(), scratch.data(), state.data()};
    }
    auto view(std::vector<T>& of) const { return hc::detail::batch_view<Rank>(of.data(), batch, in); }

    void forward() {
        auto to = view(y);
        half{}.forward(belongings(), hc::belongings<half, T, hc::cpu>{measured.data(), nullptr, nullptr},
                       view(x), to);
    }
    void backward() {
        auto to = view(grad_x);
        if constexpr (half::parameters::any_learned)
            half{}.backward_parameters(belongings(), view(x), view(grad_y),
                                       hc::belongings<half, T, hc::cpu>{gradients.data(), nullptr, nullptr});
        half{}.backward(belongings(), view(x), view(grad_y), to);
    }
    double functional() {
        forward();
        double sum = 0;
        for (std::size_t i = 0; i < y.size(); ++i)
            sum += static_cast<double>(y[i]) * static_cast<double>(grad_y[i]);
        return sum;
    }
};

template <class Layer, std::size_t Rank, class T>
void check_reference(std::size_t batch, hc::extents const& in) {
    norm_bench<Layer, T, Rank> at{batch, in};
    at.forward();
    constexpr std::size_t channels = Layer::channels;
    hc::kernels::batch_norm2d_parameters const sizes{batch, channels, in.count() / channels, Layer::epsilon};
    auto const x = widened(at.x);
    auto const own = widened(at.own);
    std::vector<double> expected(x.size());
    hc::reference::batch_norm2d_training(sizes, Layer::is_affine ? own.data() : nullptr,
                                         Layer::is_affine ? own.data() + channels : nullptr, x.data(),
                                         expected.data());
    // Normal elements are below 2; x of up to 6, less its mean, over a deviation of some 0.58 loses 6 / 0.58 epsilons
    // in T for each rounding of the mean, and there are four roundings.
    check_near("y", at.y, expected, rounding<T>(4 * 11));
    std::size_t const first = Layer::is_affine ? 2 * channels : 0;
    // A mean of 5 and a variance of 1/3 are rounded a few times; the reference sums in order, in double.
    double const bound = rounding<T>(12) + rounding<double>(6 * batch * sizes.plane);
    for (std::size_t c = 0; c < channels; ++c) {
        auto const found = hc::reference::measure_channel(sizes, x.data(), c);
        BOOST_TEST(std::abs(static_cast<double>(at.measured[first + c]) - found.mean) <= bound);
        BOOST_TEST(std::abs(static_cast<double>(at.measured[first + channels + c]) - found.unbiased) <=
                   bound);
    }
}

template <class Layer, std::size_t Rank>
void check_norm(std::size_t batch, hc::extents const& in) {
    BOOST_TEST_CONTEXT(Layer::type_name()) {
        static_assert(is_free<typename Layer::in_training>());
        BOOST_TEST(Layer::in_training::type_name() == Layer::type_name());
        check_reference<Layer, Rank, float>(batch, in);
        check_reference<Layer, Rank, double>(batch, in);

        norm_bench<Layer, double, Rank> at{batch, in};
        at.forward();
        at.backward();
        constexpr double step = 1e-5;
        auto const differences = [&](std::vector<double>& of, std::size_t count) {
            std::vector<double> result(count);
            for (std::size_t i = 0; i < count; ++i) {
                double const before = of[i];
                of[i] = before + step;
                double const above = at.functional();
                of[i] = before - step;
                double const below = at.functional();
                of[i] = before;
                result[i] = (above - below) / (2 * step);
            }
            return result;
        };
        // See check_differences: 1e-10 of the difference itself, gradients of up to some tens.
        check_near("gradient of the input", at.grad_x, differences(at.x, at.x.size()), 1e-7);
        if constexpr (Layer::is_affine) {
            std::vector<double> const got(at.gradients.begin(),
                                          at.gradients.begin() + static_cast<long>(2 * at.channels));
            check_near("gradients of weight and bias", got, differences(at.own, 2 * at.channels), 1e-7);
        }
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(batch_norm_normalizes_by_its_batch) {
    check_norm<hc::batch_norm2d<3>, 3>(2, hc::extents{3, 2, 3});
    check_norm<hc::batch_norm2d<2, hc::no_affine>, 3>(3, hc::extents{2, 2, 2});
    check_norm<hc::batch_norm2d<2, hc::eps<0.5>>, 3>(1, hc::extents{2, 2, 1});
    check_norm<hc::batch_norm1d<5>, 1>(4, hc::extents{5});
    check_norm<hc::batch_norm1d<5, hc::no_affine>, 1>(2, hc::extents{5});
    // Planes of whole groups of vectors, of whole vectors and of a rest, for any width.
    check_reference<hc::batch_norm2d<2>, 3, float>(3, hc::extents{2, 11, 13});
    check_reference<hc::batch_norm2d<2>, 3, double>(3, hc::extents{2, 11, 13});
}

BOOST_AUTO_TEST_CASE(one_value_has_no_variance) {
    using half = hc::batch_norm2d<3>::in_training;
    half::check_batch(2, hc::extents{3, 1, 1});
    half::check_batch(1, hc::extents{3, 1, 2});
    BOOST_CHECK_EXCEPTION(half::check_batch(1, hc::extents{3, 1, 1}), hc::error, [](hc::error const& thrown) {
        return thrown.kind() == hc::error_kind::shape &&
               std::string{thrown.what()} ==
                   "hookcam::batch_norm2d<3>: must get more than one value for each "
                   "channel in training; give a larger batch";
    });
}

namespace {

/// What dropout makes of ones.
template <class Layer, class T>
std::vector<T> dropped(hc::counter_random const& draw, std::size_t size) {
    std::vector<T> x(size, T{1});
    auto const from = hc::detail::batch_view<1>(x.data(), 1, hc::extents{size});
    std::vector<T> y(size, T(-1));
    auto to = hc::detail::batch_view<1>(y.data(), 1, hc::extents{size});
    typename Layer::in_training const layer{};
    layer.forward(draw, from, to);
    std::vector<T> in_place = x;
    auto both = hc::detail::batch_view<1>(in_place.data(), 1, hc::extents{size});
    layer.forward(draw, both, both);
    BOOST_TEST((in_place == y));
    std::vector<T> grad(size, T(-1));
    auto to_grad = hc::detail::batch_view<1>(grad.data(), 1, hc::extents{size});
    layer.backward(draw, from, to_grad);
    BOOST_TEST((grad == y)); // the derivative of the same mask
    return y;
}

} // namespace

BOOST_AUTO_TEST_CASE(dropout_keeps_as_many_as_its_probability_says_and_their_mean) {
    hc::counter_random const draw{5, hc::random_use::dropout, 2, 1};
    constexpr std::size_t size = 100'003;
    auto const y = dropped<hc::dropout<hc::probability<0.3>>, float>(draw, size);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size; ++i) {
        bool const is_kept = draw.uniform<double>(i) >= 0.3;
        BOOST_REQUIRE(y[i] == (is_kept ? static_cast<float>(1 / 0.7) : 0.f));
        kept += is_kept;
    }
    // Five standard deviations of a binomial distribution: 5·sqrt(n·0.21) = 725.
    BOOST_TEST(std::abs(static_cast<double>(kept) - 0.7 * size) < 725);
    // A float and a double drop the same.
    auto const as_double = dropped<hc::dropout<hc::probability<0.3>>, double>(draw, size);
    BOOST_TEST(std::equal(y.begin(), y.end(), as_double.begin(),
                          [](float a, double b) { return (a == 0) == (b == 0); }));
}

BOOST_AUTO_TEST_CASE(dropout_of_nothing_and_of_all) {
    hc::counter_random const draw{5, hc::random_use::dropout};
    auto const all = [](std::vector<float> const& of, float value) {
        return std::all_of(of.begin(), of.end(), [&](float v) { return v == value; });
    };
    BOOST_TEST(all(dropped<hc::dropout<hc::probability<0.0>>, float>(draw, 1000), 1.f));
    BOOST_TEST(all(dropped<hc::dropout<hc::probability<1.0>>, float>(draw, 1000), 0.f));
}
