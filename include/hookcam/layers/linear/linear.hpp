#pragma once

#include "../layer.hpp"
#include "linear_cpu.hpp"
#include "linear_cuda.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <type_traits>

namespace hookcam {

/// y = x·Wᵀ + b for feature vectors: N,In becomes N,Out. W is Out×In, b has Out elements.
/// Policies: `no_bias`.
template <std::size_t In, std::size_t Out, class... Policies>
struct linear : layer<linear<In, Out, Policies...>, Policies...> {
    static_assert(detail::check_policies<linear, detail::list<policy::bias>, Policies...>::value);
    static_assert(In > 0 && Out > 0,
                  "hookcam::linear: must have at least one input and one output; give both counts");

    static constexpr bool has_device_kernels = true;
    static constexpr bool has_bias = !detail::has_policy<policy::bias, Policies...>;
    using parameters =
        std::conditional_t<has_bias,
                           hookcam::parameters<parameter<"weight", Out, In>, parameter<"bias", Out>>,
                           hookcam::parameters<parameter<"weight", Out, In>>>;

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 1,
                "hookcam::linear: the input must be feature vectors; put flatten<> in front of it", in);
        require(in[0] == In || in[0] == dynamic,
                "hookcam::linear: the input must have as many features as the layer's first argument says; "
                "correct one of them",
                in);
        return extents{Out};
    }

    /// One vector is multiplied with weights that are packed by input (see `kernels::linear_one`).
    [[nodiscard]] static constexpr std::size_t packed_size(std::size_t batch) noexcept {
        return batch == 1 ? In * kernels::linear_packed_row(Out) : 0;
    }
    static void pack(auto const& own, auto* packed) {
        kernels::linear_pack(In, Out, get<"weight">(own).data(), packed);
    }

    /// A row of sums, enough for doubles, and the list of inputs that are not zero.
    [[nodiscard]] static constexpr std::size_t scratch_bytes(extents const&, extents const&) noexcept {
        return In * sizeof(std::size_t) + kernels::linear_packed_row(Out) * sizeof(double);
    }

    void forward(auto const& own, auto const& x, auto& y) const {
        auto const device = device_of(x);
        if (own.packed == nullptr) {
            kernels::linear(device, own.workers, x.shape()[0], In, Out, x.data(), get<"weight">(own).data(),
                            detail::data_or_null<"bias">(own), y.data());
            return;
        }
        if constexpr (packs_on<decltype(device)>) {
            auto* const sums = detail::scratch_of(own);
            auto* const live =
                static_cast<std::size_t*>(static_cast<void*>(sums + kernels::linear_packed_row(Out)));
            kernels::linear_one(device, own.workers, In, Out, x.data(), own.packed,
                                detail::data_or_null<"bias">(own), y.data(), live, sums);
        }
    }

    /// On a device: the same, and what is done to each sum before it is stored.
    void forward(auto const& own, auto const& x, auto& y, kernels::sum_ending const& ending) const {
        kernels::linear(device_of(x), own.workers, x.shape()[0], In, Out, x.data(), get<"weight">(own).data(),
                        detail::data_or_null<"bias">(own), y.data(), ending);
    }

    void backward(auto const& own, auto const& grad_y, auto& grad_x) const {
        auto const device = device_of(grad_y);
        if constexpr (packs_on<decltype(device)>)
            if (own.packed != nullptr) {
                backward_of_one(own, grad_y, grad_x, [](std::size_t* at) {
                    std::iota(at, at + In, std::size_t{0});
                    return In;
                });
                return;
            }
        kernels::linear_backward(device, own.workers, grad_y.shape()[0], In, Out, grad_y.data(),
                                 get<"weight">(own).data(), grad_x.data());
    }

    /// The same where x is not zero, for one vector; elsewhere grad_x is set to zero.
    void backward_but_at_zeros(auto const& own, auto const& x, auto const& grad_y, auto& grad_x) const {
        if (own.packed != nullptr)
            backward_of_one(own, grad_y, grad_x, [&](std::size_t* at) {
                std::fill_n(grad_x.data(), In, 0);
                return kernels::list_nonzero(In, x.data(), at);
            });
        else
            backward(own, grad_y, grad_x);
    }

    void backward_parameters(auto const&, auto const& x, auto const& grad_y, auto const& gradients) const {
        kernels::linear_backward_parameters(device_of(x), gradients.workers, x.shape()[0], In, Out, x.data(),
                                            grad_y.data(), get<"weight">(gradients).data(),
                                            detail::data_or_null<"bias">(gradients));
    }

private:
    /// On a GPU one vector is a kernel of its own, without packed weights.
    template <class Device>
    static constexpr bool packs_on = !detail::a_gpu<std::remove_const_t<Device>>;

    /// For one vector, at the inputs that `list` writes down. Which way it takes depends on grad_y alone.
    static void backward_of_one(auto const& own, auto const& grad_y, auto& grad_x, auto list) {
        auto const device = device_of(grad_y);
        if (kernels::is_sparse(Out, grad_y.data())) {
            kernels::linear_one_backward(device, own.workers, In, Out, grad_y.data(),
                                         get<"weight">(own).data(), grad_x.data());
            return;
        }
        constexpr std::size_t row = kernels::linear_packed_row(Out);
        auto* const padded = detail::scratch_of(own);
        std::copy_n(grad_y.data(), Out, padded);
        std::fill(padded + Out, padded + row, 0);
        auto* const at = static_cast<std::size_t*>(static_cast<void*>(padded + row));
        std::size_t const count = list(at);
        kernels::linear_one_backward_at(device, Out, at, count, padded, own.packed, grad_x.data());
    }
};

namespace detail {

template <std::size_t In, std::size_t Out, class... Policies>
inline constexpr bool can_skip_zeros<hookcam::linear<In, Out, Policies...>> = true;

template <std::size_t In, std::size_t Out, class... Policies>
inline constexpr auto ends_with<hookcam::linear<In, Out, Policies...>> = fusion::rectifier;

} // namespace detail

} // namespace hookcam
