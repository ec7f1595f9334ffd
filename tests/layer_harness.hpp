#pragma once

#include <hookcam/layers/layer.hpp>
#include <hookcam/tensor/memory.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

/// Runs single layers on memory of their own and compares them with their references, with finite differences
/// and with literal numbers.
namespace harness {

namespace hc = hookcam;

/// `size` numbers from −1 to 1, the same on every machine.
inline std::vector<double> noise(std::size_t size, std::uint32_t seed) {
    std::mt19937 next{seed};
    std::vector<double> values(size);
    for (auto& value : values)
        value = static_cast<double>(next()) / 2147483648.0 - 1.0;
    return values;
}

/// `size` numbers around zero in random order, 0.05 from one another and 0.025 from zero at least: no finite
/// difference crosses a kink of ReLU or of a maximum.
inline std::vector<double> separated(std::size_t size, std::uint32_t seed) {
    std::mt19937 next{seed};
    std::vector<double> values(size);
    for (std::size_t i = 0; i < size; ++i)
        values[i] = 0.05 * (static_cast<double>(i) + 0.5 - static_cast<double>(size / 2));
    for (std::size_t i = size; i > 1; --i)
        std::swap(values[i - 1], values[next() % i]);
    return values;
}

/// Small whole numbers for literal results: 7·i mod 11 − 5.
inline std::vector<double> counted(std::size_t size) {
    std::vector<double> values(size);
    for (std::size_t i = 0; i < size; ++i)
        values[i] = static_cast<double>(i * 7 % 11) - 5;
    return values;
}

/// The same for parameters: 5·i mod 7 − 3.
inline std::vector<double> counted_parameters(std::size_t size) {
    std::vector<double> values(size);
    for (std::size_t i = 0; i < size; ++i)
        values[i] = static_cast<double>(i * 5 % 7) - 3;
    return values;
}

template <class T>
std::vector<T> converted(std::vector<double> const& values) {
    std::vector<T> result(values.size());
    std::transform(values.begin(), values.end(), result.begin(),
                   [](double value) { return static_cast<T>(value); });
    return result;
}

template <class T>
std::vector<double> widened(std::vector<T> const& values) {
    return {values.begin(), values.end()};
}

/// Rounding that a sum of `terms` products of numbers up to one may gather: the type's epsilon for each term.
template <class T>
constexpr double rounding(std::size_t terms) {
    return static_cast<double>(std::numeric_limits<T>::epsilon()) * static_cast<double>(terms);
}

/// Equal sizes, and every element within `tolerance`; NaN equals NaN, infinity itself.
template <class T>
void check_near(std::string const& what, std::vector<T> const& got, std::vector<double> const& expected,
                double tolerance) {
    BOOST_TEST_CONTEXT(what) {
        BOOST_TEST_REQUIRE(got.size() == expected.size());
        double largest = 0;
        for (std::size_t i = 0; i < got.size(); ++i) {
            auto const value = static_cast<double>(got[i]);
            if (value == expected[i] || (std::isnan(value) && std::isnan(expected[i])))
                continue;
            double const difference = std::abs(value - expected[i]);
            largest = difference <= largest ? largest : difference; // a lone NaN becomes the largest
            if (!(difference <= tolerance)) {
                BOOST_TEST(false, "element " << i << " is " << value << ", expected " << expected[i]);
                return;
            }
        }
        BOOST_TEST(largest <= tolerance);
    }
}

/// A layer with everything that a plan would hand it. What the layer must set starts as NaN.
template <class Layer, class T, std::size_t Rank = 3>
struct bench {
    using parameter_list = typename Layer::parameters;

    std::size_t batch;
    hc::extents in;
    hc::extents out = Layer::output_extents(in);
    std::vector<T> x = std::vector<T>(batch * in.count());
    std::vector<T> y = unset(batch * out.count());
    std::vector<T> grad_y = std::vector<T>(batch * out.count());
    std::vector<T> grad_x = unset(batch * in.count());
    std::vector<T> parameters = std::vector<T>(parameter_list::size);
    std::vector<T> gradients = unset(parameter_list::size);
    hc::memory<unsigned char> scratch{};
    hc::memory<unsigned char> state{};

    bench(std::size_t images, hc::extents const& sizes) : batch{images}, in{sizes} {
        if constexpr (hc::detail::has_scratch<Layer>)
            scratch = hc::memory<unsigned char>{Layer::scratch_bytes(in, out)};
        if constexpr (hc::detail::has_state<Layer>)
            state = hc::memory<unsigned char>{batch * Layer::state_bytes(in, out)};
    }

    void fill(std::vector<double> const& input, std::uint32_t seed) {
        x = converted<T>(input);
        grad_y = converted<T>(noise(grad_y.size(), seed + 1));
        parameters = converted<T>(noise(parameters.size(), seed + 2));
        // Batch norm takes the root of a variance.
        visit_parameters([&](auto parameter, std::size_t from) {
            if (parameter.name.view() == "running_var")
                for (std::size_t i = 0; i < parameter.sizes.count(); ++i)
                    parameters[from + i] = std::abs(parameters[from + i]) + T(0.5);
        });
    }

    void forward(bool keeps_state = true) {
        y = unset(y.size());
        run_forward(x.data(), y.data(), keeps_state);
    }

    /// Writes the output over the input's memory, and returns it.
    std::vector<T> forward_in_place() {
        static_assert(Layer::in_place);
        auto memory = x;
        run_forward(memory.data(), memory.data(), true);
        return memory;
    }

    void backward() {
        grad_x = unset(grad_x.size());
        auto const gy = view(grad_y.data(), out);
        auto gx = view(grad_x.data(), in);
        auto const front = std::tuple_cat(
            when<hc::detail::takes_own<Layer>>(own(true)),
            when<Layer::backward_reads::template has<hc::input>>(view(std::as_const(x).data(), in)),
            when<Layer::backward_reads::template has<hc::output>>(view(std::as_const(y).data(), out)));
        std::apply([&](auto const&... given) { Layer{}.backward(given..., gy, gx); }, front);
    }

    void backward_parameters() {
        gradients = unset(gradients.size());
        auto const gy = view(std::as_const(grad_y).data(), out);
        auto const input = view(std::as_const(x).data(), in);
        hc::belongings<Layer, T, hc::cpu> const to{gradients.data(), scratch.data(), nullptr};
        Layer{}.backward_parameters(own(true), input, gy, to);
    }

    /// The functional whose gradients the backward functions give: Σ grad_y·y.
    double functional() {
        forward();
        double sum = 0;
        for (std::size_t i = 0; i < y.size(); ++i)
            sum += static_cast<double>(y[i] * grad_y[i]);
        return sum;
    }

    /// Calls `visit(parameter, offset)` for every parameter of the layer.
    template <class Visit>
    static void visit_parameters(Visit&& visit) {
        visit_each(visit, parameter_list{});
    }

    /// Where a parameter lies in `parameters`.
    static std::size_t offset_of(std::string_view name) {
        std::size_t found = parameter_list::size;
        visit_parameters([&](auto parameter, std::size_t from) {
            if (parameter.name.view() == name)
                found = from;
        });
        return found;
    }

private:
    static std::vector<T> unset(std::size_t size) {
        return std::vector<T>(size, std::numeric_limits<T>::quiet_NaN());
    }
    template <class Value>
    auto view(Value* data, hc::extents const& sizes) const {
        return hc::detail::batch_view<Rank>(data, batch, sizes);
    }
    template <bool Wanted, class Value>
    static auto when(Value value) {
        if constexpr (Wanted)
            return std::tuple{value};
        else
            return std::tuple{};
    }
    /// The parameters are constant, as in a plan; their gradients are not.
    hc::belongings<Layer, T const, hc::cpu> own(bool keeps_state) {
        return {parameters.data(), scratch.data(), keeps_state ? state.data() : nullptr};
    }
    void run_forward(T const* from, T* to, bool keeps_state) {
        auto const input = view(from, in);
        auto output = view(to, out);
        if constexpr (hc::detail::takes_own<Layer>)
            Layer{}.forward(own(keeps_state), input, output);
        else
            Layer{}.forward(input, output);
    }
    template <class Visit, class... Parameters>
    static void visit_each(Visit& visit, hc::parameters<Parameters...>) {
        [[maybe_unused]] std::size_t from = 0;
        (..., (visit(Parameters{}, from), from += Parameters::sizes.count()));
    }
};

/// What every layer of the library is: an empty, trivial class.
template <class Layer>
constexpr bool is_free() {
    return std::is_empty_v<Layer> && std::is_trivially_copyable_v<Layer> &&
           std::is_trivially_default_constructible_v<Layer> && sizeof(Layer) == 1;
}

/// Compares the layer's gradients with central differences of Σ grad_y·y in double. With steps of 1e-5 the
/// rounding of the functional leaves about 1e-16·|Σ|/1e-5 = 1e-10, the third derivative about 1e-10 too: 1e-8
/// of the largest gradient is a hundred times that.
template <class Layer, std::size_t Rank>
void check_differences(bench<Layer, double, Rank>& at) {
    constexpr double step = 1e-5;
    constexpr double bound = 1e-8;
    at.forward();
    at.backward();
    auto const differences = [&](std::vector<double>& of, std::size_t from, std::size_t count) {
        std::vector<double> result(count);
        for (std::size_t i = 0; i < count; ++i) {
            double const before = of[from + i];
            of[from + i] = before + step;
            double const above = at.functional();
            of[from + i] = before - step;
            double const below = at.functional();
            of[from + i] = before;
            result[i] = (above - below) / (2 * step);
        }
        return result;
    };
    auto const largest = [](std::vector<double> const& of) {
        double most = 1;
        for (auto const value : of)
            most = std::max(most, std::abs(value));
        return most;
    };
    check_near("gradient of the input", at.grad_x, differences(at.x, 0, at.x.size()),
               bound * largest(at.grad_x));
    if constexpr (Layer::parameters::any_learned) {
        at.backward_parameters();
        at.visit_parameters([&](auto parameter, std::size_t from) {
            if constexpr (decltype(parameter)::is_learned) {
                auto const first = at.gradients.begin() + static_cast<std::ptrdiff_t>(from);
                std::vector<double> const got(first,
                                              first + static_cast<std::ptrdiff_t>(parameter.sizes.count()));
                check_near("gradient of " + std::string{parameter.name.view()}, got,
                           differences(at.parameters, from, got.size()), bound * largest(got));
            }
        });
    }
}

} // namespace harness
