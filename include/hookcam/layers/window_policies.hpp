#pragma once

#include "../core/policies.hpp"
#include "../core/window.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam::detail {

/// The two windows, along rows and along columns, that a layer's policies describe.
template <class Kernel, class Stride, class Padding, class Dilation>
struct windows {
    static constexpr bool is_same = std::is_same_v<Padding, padding_same>;

    static_assert(
        Kernel::height > 0 && Kernel::width > 0,
        "hookcam::kernel: a window must have at least one row and one column; give sizes above zero");
    static_assert(Stride::height > 0 && Stride::width > 0,
                  "hookcam::stride: a window must move by at least one; give steps above zero");
    static_assert(
        Dilation::height > 0 && Dilation::width > 0,
        "hookcam::dilation: the elements of a window must be at least one apart; give distances above zero");
    static_assert(!is_same || (Stride::height == 1 && Stride::width == 1),
                  "hookcam::padding_same: must come with stride 1; give the padding in numbers");

    static constexpr window make(std::size_t kernel, std::size_t stride, std::size_t dilation,
                                 std::size_t padding) {
        std::size_t const lost = dilation * (kernel - 1);
        std::size_t const before = is_same ? lost / 2 : padding;
        return {kernel, stride, dilation, before, is_same ? lost - before : padding};
    }

    using numbers = std::conditional_t<is_same, padding<0>, Padding>;
    static constexpr window rows = make(Kernel::height, Stride::height, Dilation::height, numbers::height);
    static constexpr window columns = make(Kernel::width, Stride::width, Dilation::width, numbers::width);
};

} // namespace hookcam::detail
