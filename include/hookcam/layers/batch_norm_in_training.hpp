#pragma once

#include "../core/error.hpp"
#include "batch_norm2d/batch_norm2d_training_cpu.hpp"
#include "batch_norm2d/batch_norm2d_training_cuda.hpp"
#include "layer.hpp"

#include <cstddef>
#include <string>
#include <type_traits>

namespace hookcam::detail {

/// A batch norm in training: it normalizes by what it measures on the batch, and leaves the measured mean and unbiased
/// variance for the running statistics, as PyTorch does. Ioffe, Szegedy, "Batch normalization" (2015).
template <class Layer>
struct batch_norm_in_training : layer<batch_norm_in_training<Layer>> {
    using parameters = typename Layer::parameters;
    using backward_reads = reads<input>;
    static constexpr std::size_t channels = Layer::channels;
    /// How much of the running statistics a step replaces.
    static constexpr double update_share = Layer::update_share;
    /// What forward leaves for backward, once for the whole batch, in elements.
    static constexpr std::size_t batch_state = 4 * channels;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        return Layer::output_extents(in);
    }
    [[nodiscard]] static std::string type_name() { return Layer::type_name(); }
    [[nodiscard]] static constexpr std::size_t scratch_bytes(extents const&, extents const&) noexcept {
        return 2 * channels * sizeof(double);
    }

    /// One value has no variance.
    static void check_batch(std::size_t batch, extents const& in) {
        if (batch * (in.count() / channels) < 2)
            throw error{error_kind::shape, "hookcam::" + Layer::type_name() +
                                               ": must get more than one value for each channel in training; "
                                               "give a larger batch"};
    }

    void forward(auto const& own, auto const& measured, auto const& x, auto& y) const {
        auto const device = device_of(x);
        auto const found = state_of(own);
        kernels::batch_norm2d_measure(device, arguments(own, x), x.data(), found,
                                      get<"running_mean">(measured).data(),
                                      get<"running_var">(measured).data(), sums_of(own));
        kernels::batch_norm2d_training(device, arguments(own, x), found, data_or_null<"weight">(own),
                                       data_or_null<"bias">(own), x.data(), y.data());
    }

    /// Runs in front of `backward`, which finds its sums.
    void backward_parameters(auto const& own, auto const& x, auto const& grad_y,
                             auto const& gradients) const {
        kernels::batch_norm2d_training_sums(device_of(x), arguments(own, x), x.data(), grad_y.data(),
                                            state_of(own), data_or_null<"weight">(gradients),
                                            data_or_null<"bias">(gradients), sums_of(own));
    }

    void backward(auto const& own, auto const& x, auto const& grad_y, auto& grad_x) const {
        auto const device = device_of(x);
        auto const found = state_of(own);
        if constexpr (!parameters::any_learned)
            kernels::batch_norm2d_training_sums(device, arguments(own, x), x.data(), grad_y.data(), found,
                                                decltype(found.mean){}, decltype(found.mean){}, sums_of(own));
        kernels::batch_norm2d_training_backward(device, arguments(own, x), found, data_or_null<"weight">(own),
                                                x.data(), grad_y.data(), grad_x.data());
    }

private:
    static kernels::batch_norm2d_parameters arguments(auto const& own, auto const& x) {
        return {x.shape()[0], channels, x.size() / (x.shape()[0] * channels), Layer::epsilon, own.workers};
    }
    template <class Own>
    static auto state_of(Own const& own) {
        using T = std::remove_const_t<typename Own::value_type>;
        auto* const first = static_cast<T*>(own.state);
        return kernels::batch_norm2d_measured<T>{first, first + channels, first + 2 * channels,
                                                 first + 3 * channels};
    }
    static double* sums_of(auto const& own) { return static_cast<double*>(own.scratch); }
};

} // namespace hookcam::detail
