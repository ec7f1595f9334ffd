#pragma once

#include "../tensor/blocked.hpp"
#include "../tensor/device.hpp"
#include "../tensor/simd.hpp"
#include "fusion.hpp"

#include <cstddef>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// y = x·scale + shift in each channel, or its positive part, or that clamped, over blocked images: what `finish` says of sums that lie in
/// memory already.
template <class T>
void scale_and_shift_blocked(cpu, detail::sum_finish<T> const& finish, std::size_t batch,
                             detail::blocked_layout const& in, detail::blocked_layout const& out, T const* x,
                             T* y) noexcept {
    constexpr std::size_t lanes = detail::width<T>;
    auto const most = detail::broadcast(finish.largest);
    detail::for_each_row_of_both(in, out, batch, x, y, [&](T const* from, T* to, std::size_t block) {
        auto const scale = detail::load(finish.scale + block * lanes);
        auto const shift = detail::load(finish.shift + block * lanes);
        detail::vector<T> const zero{};
        for (std::size_t i = 0; i < in.width * lanes; i += lanes) {
            auto made = detail::multiply_add_all<T>(detail::load(from + i), scale, shift);
            if (finish.rectifies)
                made = made < zero ? zero : made;
            if (finish.clamps())
                made = most < made ? most : made;
            detail::store(to + i, made);
        }
    });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
