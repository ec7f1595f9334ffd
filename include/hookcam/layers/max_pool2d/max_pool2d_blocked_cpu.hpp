#pragma once

#include "../../tensor/blocked.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "../pool2d_parameters.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace hookcam::kernels {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A pooling over images whose channels are blocked by a vector's width.
struct blocked_pool2d_parameters {
    detail::blocked_layout x;
    detail::blocked_layout y;
    window rows;
    window columns;
};

/// Calls `visit(x, y, window)` for each window, in order: pointers to its plane and to its output, and a function that
/// calls its argument with the place in the plane of each element that the window sees, in order.
template <class X, class Y, class Visit>
void for_each_blocked_window(blocked_pool2d_parameters const& of, std::size_t batch, X* x, Y* y,
                             Visit visit) {
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t block = 0; block < of.y.blocks(); ++block) {
            X* const plane = x + n * of.x.image() + block * of.x.plane() + of.x.first();
            for (std::size_t i = 0; i < of.y.height; ++i) {
                auto const rows = seen_by(of.rows, i, of.x.height);
                Y* at = y + n * of.y.image() + block * of.y.plane() + of.y.first() + i * of.y.row();
                for (std::size_t j = 0; j < of.y.width; ++j, at += of.y.block) {
                    auto const columns = seen_by(of.columns, j, of.x.width);
                    visit(
                        plane, at, [&](auto element) __attribute__((always_inline)) {
                            for (std::size_t row = rows.begin; row < rows.end; row += of.rows.dilation)
                                for (std::size_t column = columns.begin; column < columns.end;
                                     column += of.columns.dilation)
                                    element(row * of.x.row() + column * of.x.block);
                        });
                }
            }
        }
}

/// y = the largest element that each window sees, and in `chosen`, where it is not null, which one of these that is, as a
/// number that a vector of T holds; −1 where a window sees none. It is chosen as `max_pool2d` does. `chosen` lies like y
/// without a border.
template <class T>
void blocked_max_pool2d(cpu, blocked_pool2d_parameters const& of, std::size_t batch, T const* x, T* y,
                        T* chosen) noexcept {
    using namespace detail;
    for_each_blocked_window(of, batch, x, y, [&](T const* plane, T* to, auto window) {
        auto largest = broadcast(-std::numeric_limits<T>::infinity());
        auto number = broadcast(T{0});
        T next{0};
        window([&](std::size_t at) __attribute__((always_inline)) {
            auto const here = load(plane + at);
            auto const is_larger = (here > largest) | (here != here);
            largest = is_larger ? here : largest;
            number = is_larger ? broadcast(next) : number;
            next += T{1};
        });
        store(to, largest);
        if (chosen != nullptr) {
            store(chosen, next == T{0} ? broadcast(T{-1}) : number);
            chosen += width<T>;
        }
    });
}

/// True where every element of x is in one window: then each is written once.
[[nodiscard]] constexpr bool has_tiles_for_windows(blocked_pool2d_parameters const& of) noexcept {
    auto const tiles = [](window const& w, std::size_t in, std::size_t out) {
        return w.kernel == w.stride && w.dilation == 1 && w.before == 0 && in == out * w.kernel;
    };
    return tiles(of.rows, of.x.height, of.y.height) && tiles(of.columns, of.x.width, of.y.width) &&
           of.x.border == 0 && of.x.blocks_apart == 0;
}

/// Adds each element of grad_y, as `slope_of(pointer to it)` gives it, to the element of grad_x that was chosen for it.
template <class T, class Slope>
void spread_to_chosen(blocked_pool2d_parameters const& of, std::size_t batch, T const* chosen,
                      T const* grad_y, T* grad_x, Slope slope_of) noexcept {
    using namespace detail;
    bool const is_written_once = has_tiles_for_windows(of);
    if (!is_written_once)
        std::fill_n(grad_x, batch * of.x.image(), T{0});
    for_each_blocked_window(of, batch, grad_x, grad_y, [&](T* plane, T const* from, auto window) {
        auto const slope = slope_of(from);
        auto const number = load(chosen);
        chosen += width<T>;
        T next{0};
        window([&](std::size_t at) __attribute__((always_inline)) {
            auto const here = is_written_once ? vector<T>{} : load(plane + at);
            store(plane + at, here + (number == broadcast(next) ? slope : vector<T>{}));
            next += T{1};
        });
    });
}

/// Adds each element of grad_y to the element of grad_x that was chosen for it.
template <class T>
void blocked_max_pool2d_backward(cpu, blocked_pool2d_parameters const& of, std::size_t batch, T const* chosen,
                                 T const* grad_y, T* grad_x) noexcept {
    spread_to_chosen(of, batch, chosen, grad_y, grad_x, [](T const* from) { return detail::load(from); });
}

/// The same through a ReLU in front of the pooling, of whose outputs those that were chosen are y: the gradient of its
/// input. `y_layout` is that of y, which has a border of its own.
template <class T>
void blocked_rectified_max_pool2d_backward(cpu, blocked_pool2d_parameters const& of, std::size_t batch,
                                           T const* chosen, detail::blocked_layout const& y_layout,
                                           T const* y, T const* grad_y, T* grad_x) noexcept {
    using namespace detail;
    std::size_t image = 0;
    std::size_t block = 0;
    std::size_t row = 0;
    std::size_t column = 0;
    spread_to_chosen(
        of, batch, chosen, grad_y, grad_x, [&](T const* from) __attribute__((always_inline)) {
            auto const largest = load(y + image * y_layout.image() + block * y_layout.plane() +
                                      y_layout.first() + row * y_layout.row() + column * y_layout.block);
            // In the order of the windows.
            if (++column == of.y.width) {
                column = 0;
                if (++row == of.y.height) {
                    row = 0;
                    if (++block == of.y.blocks()) {
                        block = 0;
                        ++image;
                    }
                }
            }
            return largest <= vector<T>{} ? vector<T>{} : load(from);
        });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
