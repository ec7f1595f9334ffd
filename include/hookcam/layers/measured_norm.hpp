#pragma once

#include "group_norm/group_norm_cpu.hpp"
#include "group_norm/group_norm_cuda.hpp"
#include "layer.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam::detail {

/// The base of a normalization that measures its statistics on each input by itself, by CRTP. All of them are
/// group norms: `Derived::arguments(x)` says of which channels and groups, and `Derived::groups_in(in)` how many
/// groups one input has. `Affine` are its parameters: none, "weight", or "weight" and "bias".
///
/// Without a weight, backward needs only the output and one number a group, so that the layer may run in place.
template <class Derived, class Affine, class... Policies>
struct measured_norm : layer<Derived, Policies...> {
    static constexpr double epsilon = find_policy<policy::eps, eps<1e-5>, Policies...>::value;
    using parameters = Affine;
    static constexpr bool has_weight = parameters::count > 0;
    static constexpr bool has_bias = parameters::count > 1;
    static constexpr bool in_place = true;
    static constexpr bool has_device_kernels = true;
    using backward_reads = std::conditional_t<has_weight, reads<input>, reads<output>>;

    /// One number a group; enough for doubles.
    [[nodiscard]] static constexpr std::size_t state_bytes(extents const& in, extents const&) noexcept
        requires(!has_weight) {
        return Derived::groups_in(in) * sizeof(double);
    }

    [[nodiscard]] static std::size_t device_scratch_bytes(std::size_t batch, extents const& in,
                                                          extents const&) requires has_weight {
        return kernels::group_norm_cuda_scratch(batch, Derived::groups_in(in));
    }

    void forward(auto const& own, auto const& x, auto& y) const {
        kernels::group_norm(device_of(x), Derived::arguments(x), data_or_null<"weight">(own),
                            data_or_null<"bias">(own), x.data(), y.data(), inverses(own));
    }

    void backward(auto const& own, auto const& read, auto const& grad_y, auto& grad_x) const {
        if constexpr (has_weight)
            kernels::group_norm_backward(device_of(read), Derived::arguments(read),
                                         data_or_null<"weight">(own), read.data(), grad_y.data(),
                                         grad_x.data());
        else
            kernels::group_norm_backward_from_output(device_of(read), Derived::arguments(read), inverses(own),
                                                     read.data(), grad_y.data(), grad_x.data());
    }

    void backward_parameters(auto const& own, auto const& x, auto const& grad_y,
                             auto const& gradients) const requires has_weight {
        kernels::group_norm_backward_parameters(device_of(x), Derived::arguments(x), x.data(), grad_y.data(),
                                                data_or_null<"weight">(gradients),
                                                data_or_null<"bias">(gradients), scratch_of(own));
    }

private:
    /// Null in a plan without a backward.
    template <class Own>
    static auto inverses(Own const& own) {
        return static_cast<std::remove_const_t<typename Own::value_type>*>(own.state);
    }
};

/// One weight and one bias a channel, or nothing.
template <bool IsAffine, std::size_t... Sizes>
using weight_and_bias = std::conditional_t<
    IsAffine, hookcam::parameters<initially_one<parameter<"weight", Sizes...>>, parameter<"bias", Sizes...>>,
    hookcam::parameters<>>;

} // namespace hookcam::detail
