#pragma once

#include "../../core/instruction_set.hpp"
#include "../blocked_map.hpp"
#include "../layer.hpp"
#include "pad_shortcut_cpu.hpp"
#include "pad_shortcut_cuda.hpp"

#include <algorithm>
#include <cstddef>

namespace hookcam {

/// The shortcut without parameters of He et al., "Deep residual learning for image recognition" (2015),
/// option A: every stride-th pixel from the first, between channels of zeros. N,In,H,W becomes N,Out,H',W'
/// with H' = H over stride, rounded up; (Out − In)/2 channels of zeros come in front, the rest behind.
///
/// Policies: `stride` (else 1).
template <std::size_t In, std::size_t Out, class... Policies>
struct pad_shortcut : layer<pad_shortcut<In, Out, Policies...>, Policies...> {
    static_assert(detail::check_policies<pad_shortcut, detail::list<policy::stride>, Policies...>::value);
    static_assert(
        In > 0 && Out >= In,
        "hookcam::pad_shortcut: must have at least as many output as input channels; correct the counts");

    using step = detail::find_policy<policy::stride, stride<1>, Policies...>;
    static constexpr bool has_device_kernels = true;
    static_assert(step::height > 0 && step::width > 0,
                  "hookcam::pad_shortcut: the stride must be at least one; give steps above zero");

    [[nodiscard]] static constexpr extents output_extents(extents const& in) {
        require(in.rank == 3,
                "hookcam::pad_shortcut: the input must be images; put the layer in front of flatten<>", in);
        require(
            in[0] == In || in[0] == dynamic,
            "hookcam::pad_shortcut: the input must have as many channels as the layer's first argument says; "
            "correct one of them",
            in);
        return extents{Out, kept(in[1], step::height), kept(in[2], step::width)};
    }

    template <class Set = detail::instruction_set>
    void forward(auto const& x, auto& y) const {
        kernels::pad_shortcut(device_of(x), arguments(x, y), x.data(), y.data());
    }

    template <class Set = detail::instruction_set>
    void backward(auto const& grad_y, auto& grad_x) const {
        kernels::pad_shortcut_backward(device_of(grad_y), arguments(grad_x, grad_y), grad_y.data(),
                                       grad_x.data());
    }

private:
    static constexpr std::size_t kept(std::size_t size, std::size_t every) {
        return size == dynamic ? dynamic : (size + every - 1) / every;
    }
    static kernels::pad_shortcut_parameters arguments(auto const& x, auto const& y) {
        return {x.shape()[0], In,           Out,          x.shape()[2], x.shape()[3],
                y.shape()[2], y.shape()[3], step::height, step::width};
    }
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <std::size_t In, std::size_t Out, class... Policies>
struct blocked_map<pad_shortcut<In, Out, Policies...>> {
    static constexpr bool exists = true;
    static constexpr bool is_by_planes = false; // channels move
    using layer = pad_shortcut<In, Out, Policies...>;

    template <class T>
    static void run(cpu, std::size_t batch, blocked_layout const& in, blocked_layout const& out, T const* x,
                    T* y) {
        constexpr std::size_t lanes = width<T>;
        constexpr std::size_t before = (Out - In) / 2;
        auto const copy_pixel = [&](T const* from, T* to) {
            unroll<(Out + lanes - 1) / lanes>(
                [&](auto block) { store(to + block * out.plane(), vector<T>{}); });
            unroll<(In + lanes - 1) / lanes>([&](auto block) {
                // A block's channels may end up in two.
                constexpr std::size_t first = before + block * lanes;
                constexpr std::size_t channels = std::min(lanes, In - block * lanes);
                constexpr std::size_t here = std::min(channels, lanes - first % lanes);
                T const* const seen = from + block * in.plane();
                T* const place = to + first / lanes * out.plane();
                std::copy_n(seen, here, place + first % lanes);
                if constexpr (here < channels)
                    std::copy_n(seen + here, channels - here, place + out.plane());
            });
        };
        for (std::size_t n = 0; n < batch; ++n, x += in.image(), y += out.image())
            for (std::size_t i = 0; i < out.height; ++i)
                for (std::size_t j = 0; j < out.width; ++j)
                    copy_pixel(x + in.first() + i * layer::step::height * in.row() +
                                   j * layer::step::width * lanes,
                               y + out.first() + i * out.row() + j * lanes);
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
