#pragma once

#include "../../tensor/blocked.hpp"
#include "../../tensor/device.hpp"
#include "../../tensor/simd.hpp"
#include "../pool2d_blocked_cpu.hpp"
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

/// Calls `visit(x, y, row)` for each row of windows, in order: pointers to its plane and to its first output.
template <class X, class Y, class Visit>
void for_each_row_of_windows(blocked_pool2d_parameters const& of, std::size_t batch, X* x, Y* y,
                             Visit visit) {
    for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t block = 0; block < of.y.blocks(); ++block)
            for (std::size_t row = 0; row < of.y.height; ++row)
                visit(x + n * of.x.image() + block * of.x.plane() + of.x.first(),
                      y + n * of.y.image() + block * of.y.plane() + of.y.first() + row * of.y.row(), row);
}

/// Calls `visit(y, window)` for each window of a row, in order: a pointer to its output, and a function that calls its
/// argument with the place in the plane of each element that the window sees, in order.
template <class Y, class Visit>
void for_each_window_of_row(blocked_pool2d_parameters const& of, std::size_t row, Y* y, Visit visit) {
    auto const rows = seen_by(of.rows, row, of.x.height);
    for (std::size_t j = 0; j < of.y.width; ++j, y += of.y.block) {
        auto const columns = seen_by(of.columns, j, of.x.width);
        visit(
            y, [&](auto element) __attribute__((always_inline)) {
                for (std::size_t i = rows.begin; i < rows.end; i += of.rows.dilation)
                    for (std::size_t column = columns.begin; column < columns.end;
                         column += of.columns.dilation)
                        element(i * of.x.row() + column * of.x.block);
            });
    }
}

/// True where windows are squares of two by two beside each other, whole ones alone.
[[nodiscard]] constexpr bool sees_squares(blocked_pool2d_parameters const& of) noexcept {
    auto const squares = [](window const& w, std::size_t in, std::size_t out) {
        return w.kernel == 2 && w.stride == 2 && w.dilation == 1 && w.before == 0 && 2 * out <= in;
    };
    return squares(of.rows, of.x.height, of.y.height) && squares(of.columns, of.x.width, of.y.width);
}

/// The maxima of a row of squares, and which element of each it is. False where some of it may be NaN; what was written
/// is not all right then.
template <class T>
[[nodiscard]] bool choose_of_squares(T const* x, T const* below, std::size_t count, T* y,
                                     T* chosen) noexcept {
    using namespace detail;
    constexpr std::size_t lanes = width<T>;
    vector<T> any{}; // a sum of all: NaN, if one is
    for (std::size_t j = 0; j < count; ++j, x += 2 * lanes, below += 2 * lanes) {
        vector<T> const seen[]{load(x), load(x + lanes), load(below), load(below + lanes)};
        any = any + ((seen[0] + seen[1]) + (seen[2] + seen[3]));
        auto largest = seen[0];
        vector<T> number{};
        unroll<3>([&](auto i) __attribute__((always_inline)) {
            auto const is_larger = seen[i + 1] > largest;
            largest = is_larger ? seen[i + 1] : largest;
            number = is_larger ? broadcast(static_cast<T>(i + 1)) : number;
        });
        store(y + j * lanes, largest);
        store(chosen + j * lanes, number);
    }
    return !has_nan<T>(any);
}

/// y = the largest element that each window sees, and in `chosen`, where it is not null, which one of these that is, as a
/// number that a vector of T holds; −1 where a window sees none. It is chosen as `max_pool2d` does. `chosen` lies like y
/// without a border.
template <class T>
void blocked_max_pool2d(cpu, blocked_pool2d_parameters const& of, std::size_t batch, T const* x, T* y,
                        T* chosen) noexcept {
    using namespace detail;
    bool const is_of_squares = chosen != nullptr && sees_squares(of);
    for_each_row_of_windows(of, batch, x, y, [&](T const* plane, T* first, std::size_t row) {
        if (is_of_squares &&
            choose_of_squares(plane + 2 * row * of.x.row(), plane + (2 * row + 1) * of.x.row(), of.y.width,
                              first, chosen)) {
            chosen += of.y.width * width<T>;
            return;
        }
        for_each_window_of_row(of, row, first, [&](T* to, auto window) {
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

/// Adds each element of grad_y to the element of grad_x that was chosen for it, where `slope_of(y, slope)` has made of it
/// what goes there; `y` is the element's place in a batch with the layout `y_layout`.
template <class T, class Slope>
void spread_to_chosen(blocked_pool2d_parameters const& of, std::size_t batch, T const* chosen,
                      detail::blocked_layout const& y_layout, T const* y, T const* grad_y, T* grad_x,
                      Slope slope_of) noexcept {
    using namespace detail;
    constexpr std::size_t lanes = width<T>;
    bool const is_written_once = has_tiles_for_windows(of);
    bool const is_of_squares = is_written_once && sees_squares(of);
    if (!is_written_once)
        std::fill_n(grad_x, batch * of.x.image(), T{0});
    std::size_t n = 0; // of the row's plane, in order
    std::size_t block = 0;
    for_each_row_of_windows(of, batch, grad_x, grad_y, [&](T* plane, T const* from, std::size_t row) {
        T const* seen =
            y + n * y_layout.image() + block * y_layout.plane() + y_layout.first() + row * y_layout.row();
        if (row + 1 == of.y.height && ++block == of.y.blocks()) {
            block = 0;
            ++n;
        }
        if (is_of_squares) {
            T* to = plane + 2 * row * of.x.row();
            for (std::size_t j = 0; j < of.y.width; ++j, to += 2 * lanes) {
                auto const slope = vector<T>{} + slope_of(seen + j * lanes, load(from + j * lanes));
                auto const number = load(chosen + j * lanes);
                unroll<4>([&](auto i) __attribute__((always_inline)) {
                    auto const is_here = number == broadcast(static_cast<T>(std::size_t{i}));
                    store(to + i / 2 * of.x.row() + i % 2 * lanes, is_here ? slope : vector<T>{});
                });
            }
            chosen += of.y.width * lanes;
            return;
        }
        for_each_window_of_row(of, row, from, [&](T const* slope_at, auto window) {
            auto const slope = slope_of(seen, load(slope_at));
            seen += lanes;
            auto const number = load(chosen);
            chosen += lanes;
            T next{0};
            window([&](std::size_t at) __attribute__((always_inline)) {
                auto const here = is_written_once ? vector<T>{} : load(plane + at);
                store(plane + at, here + (number == broadcast(next) ? slope : vector<T>{}));
                next += T{1};
            });
        });
    });
}

/// Adds each element of grad_y to the element of grad_x that was chosen for it.
template <class T>
void blocked_max_pool2d_backward(cpu, blocked_pool2d_parameters const& of, std::size_t batch, T const* chosen,
                                 T const* grad_y, T* grad_x) noexcept {
    spread_to_chosen(of, batch, chosen, of.y, grad_y, grad_y, grad_x,
                     [](T const*, detail::vector<T> slope) { return slope; });
}

/// The same through a ReLU in front of the pooling, of whose outputs those that were chosen are y: the gradient of its
/// input. `y_layout` is that of y, which has a border of its own.
template <class T>
void blocked_rectified_max_pool2d_backward(cpu, blocked_pool2d_parameters const& of, std::size_t batch,
                                           T const* chosen, detail::blocked_layout const& y_layout,
                                           T const* y, T const* grad_y, T* grad_x) noexcept {
    spread_to_chosen(of, batch, chosen, y_layout, y, grad_y, grad_x,
                     [](T const* largest, detail::vector<T> slope) {
                         return detail::load(largest) <= detail::vector<T>{} ? detail::vector<T>{} : slope;
                     });
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::kernels
