#pragma once

#include "batch_norm2d/batch_norm2d_cpu.hpp"
#include "batch_norm2d/batch_norm2d_cuda.hpp"
#include "layer.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam::detail {

/// What runs in its place in training; whoever trains defines it (train/batch_norm_in_training.hpp).
template <class Layer>
struct batch_norm_in_training;

/// The base of every batch norm, by CRTP: all but the shape of its input, N,C or N,C and a plane.
template <class Derived, std::size_t Channels, class... Policies>
struct batch_norm : layer<Derived, Policies...> {
    static constexpr std::size_t channels = Channels;
    static constexpr double epsilon = find_policy<policy::eps, eps<1e-5>, Policies...>::value;

    /// What a training step replaces of the running statistics.
    static constexpr double update_share = find_policy<policy::momentum, momentum<0.1>, Policies...>::value;
    using in_training = batch_norm_in_training<Derived>;

    static constexpr bool is_affine = detail::is_affine<affine, Policies...>;
    using mean = statistic<"running_mean", Channels>;
    using variance = initially_one<statistic<"running_var", Channels>>;
    using parameters = std::conditional_t<is_affine,
                                          hookcam::parameters<initially_one<parameter<"weight", Channels>>,
                                                              parameter<"bias", Channels>, mean, variance>,
                                          hookcam::parameters<mean, variance>>;
    using ignored_entries = list<statistic<"num_batches_tracked", 1>>;
    static constexpr bool in_place = true;
    static constexpr bool has_device_kernels = true;

    void forward(auto const& own, auto const& x, auto& y) const {
        kernels::batch_norm2d(device_of(x), arguments(x), tensors(own), x.data(), y.data());
    }

    /// What becomes of a channel: x·scale + shift.
    [[nodiscard]] static auto scale_and_shift(auto const& own, std::size_t channel) {
        return kernels::normalization(kernels::batch_norm2d_parameters{1, Channels, 1, epsilon}, tensors(own),
                                      channel);
    }

    /// The same for a kernel of a device.
    [[nodiscard]] static kernels::channel_norm channel_norm(auto const& own) {
        auto const of = tensors(own);
        return {static_cast<float>(epsilon), of.weight, of.bias, of.mean, of.variance};
    }

    void backward(auto const& own, auto const& grad_y, auto& grad_x) const {
        kernels::batch_norm2d_backward(device_of(grad_y), arguments(grad_y), tensors(own), grad_y.data(),
                                       grad_x.data());
    }

    void backward_parameters(auto const& own, auto const& x, auto const& grad_y,
                             auto const& gradients) const requires is_affine {
        kernels::batch_norm2d_backward_parameters(device_of(x), arguments(x), tensors(own), x.data(),
                                                  grad_y.data(), get<"weight">(gradients).data(),
                                                  get<"bias">(gradients).data());
    }

private:
    static kernels::batch_norm2d_parameters arguments(auto const& x) {
        kernels::batch_norm2d_parameters of{x.shape()[0], Channels, 1, epsilon};
        for (std::size_t axis = 2; axis < x.dimension(); ++axis)
            of.plane *= x.shape()[axis];
        return of;
    }

    template <class Own>
    static kernels::batch_norm2d_tensors<std::remove_const_t<typename Own::value_type>>
    tensors(Own const& own) {
        return {data_or_null<"weight">(own), data_or_null<"bias">(own), get<"running_mean">(own).data(),
                get<"running_var">(own).data()};
    }
};

} // namespace hookcam::detail
