#pragma once

#include "../../core/counter_random.hpp"
#include "../layer.hpp"
#include "dropout_training_cpu.hpp"
#include "dropout_training_cuda.hpp"

#include <cstdint>
#include <string>
#include <type_traits>

namespace hookcam::detail {

/// Dropout in training: it zeroes an element with its probability p, and multiplies the others by 1 / (1 − p). Srivastava
/// et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014). Nothing is kept for backward,
/// which draws the same numbers again.
template <class Layer>
struct dropout_in_training : layer<dropout_in_training<Layer>> {
    static constexpr bool in_place = true;
    /// Its functions get random numbers first.
    static constexpr bool draws = true;

    [[nodiscard]] static std::string type_name() { return Layer::type_name(); }

    void forward(counter_random const& draw, auto const& x, auto& y) const { run(draw, x, y); }
    void backward(counter_random const& draw, auto const& grad_y, auto& grad_x) const {
        run(draw, grad_y, grad_x);
    }

private:
    static void run(counter_random const& draw, auto const& from, auto& to) {
        using T = std::remove_cv_t<typename std::remove_cvref_t<decltype(to)>::value_type>;
        constexpr double p = Layer::drop_probability;
        constexpr auto dropped = static_cast<std::uint64_t>(p * 0x1p32 + 0.5);
        constexpr auto scale = static_cast<T>(p < 1 ? 1 / (1 - p) : 0);
        kernels::dropout_training(device_of(from), draw, dropped, scale, from.size(), from.data(), to.data());
    }
};

} // namespace hookcam::detail
