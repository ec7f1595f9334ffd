#pragma once

#include "../layer.hpp"
#include "batch_norm2d_cpu.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam {

namespace policy {
struct affine {};
} // namespace policy

/// Leaves weight and bias out of a normalization, as PyTorch's `affine=False`.
struct no_affine {
    using kind = policy::affine;
};

/// Batch norm as inference runs it, with the statistics that training measured: N,C,H,W keeps its shape, and
/// y = x·scale + shift in each channel with scale = weight / sqrt(running_var + eps) and
/// shift = bias − running_mean·scale.
///
/// Policies: `eps` (else 1e-5), `no_affine`.
template <std::size_t Channels, class... Policies>
struct batch_norm2d : layer<batch_norm2d<Channels, Policies...>, Policies...> {
    static_assert(
        detail::check_policies<batch_norm2d, detail::list<policy::eps, policy::affine>, Policies...>::value);
    static_assert(Channels > 0, "hookcam::batch_norm2d: must have at least one channel; give their number");

    static constexpr double epsilon = detail::find_policy<policy::eps, eps<1e-5>, Policies...>::value;
    static_assert(epsilon >= 0, "hookcam::batch_norm2d: eps must not be negative; PyTorch's default is 1e-5");

    static constexpr bool is_affine = !detail::has_policy<policy::affine, Policies...>;
    using mean = statistic<"running_mean", Channels>;
    using variance = initially_one<statistic<"running_var", Channels>>;
    using parameters = std::conditional_t<is_affine,
                                          hookcam::parameters<initially_one<parameter<"weight", Channels>>,
                                                              parameter<"bias", Channels>, mean, variance>,
                                          hookcam::parameters<mean, variance>>;
    using ignored_entries = detail::list<statistic<"num_batches_tracked", 1>>;
    static constexpr bool in_place = true;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::batch_norm2d: the input must be images; put the layer in front of flatten<>", in);
        require(
            in[0] == Channels || in[0] == dynamic,
            "hookcam::batch_norm2d: the input must have as many channels as the layer's first argument says; "
            "correct one of them",
            in);
        return extents{Channels, in[1], in[2]};
    }

    void forward(auto const& own, auto const& x, auto& y) const {
        kernels::batch_norm2d(device_of(x), arguments(x), tensors(own), x.data(), y.data());
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
        return {x.shape()[0], Channels, x.shape()[2] * x.shape()[3], epsilon};
    }

    template <class Own>
    static auto tensors(Own const& own) {
        kernels::batch_norm2d_tensors<std::remove_const_t<typename Own::value_type>> found;
        if constexpr (is_affine) {
            found.weight = get<"weight">(own).data();
            found.bias = get<"bias">(own).data();
        }
        found.mean = get<"running_mean">(own).data();
        found.variance = get<"running_var">(own).data();
        return found;
    }
};

} // namespace hookcam
