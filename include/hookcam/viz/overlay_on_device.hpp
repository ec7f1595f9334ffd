#pragma once

#include "../core/error.hpp"
#include "../core/shape_text.hpp"
#include "../explain/choice_on_device.hpp"
#include "../explain/overlay_cuda.hpp"
#include "../explain/status.hpp"
#include "../tensor/device_tensor.hpp"
#include "../tensor/device_view.hpp"
#include "../tensor/memory.hpp"
#include "colormap.hpp"
#include "overlay.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

namespace hookcam {

namespace detail {

[[nodiscard]] inline kernels::overlay_paint paint_of(colormap const& colours, double alpha) {
    check_alpha(alpha);
    kernels::overlay_paint paint{};
    static_assert(colormap::entries == kernels::overlay_paint::entries);
    for (std::size_t i = 0; i < colormap::entries; ++i)
        for (unsigned c = 0; c < 3; ++c)
            paint.colours[i] |= std::uint32_t{colours.colours[i][c]} << (8 * c);
    paint.heat_part = static_cast<float>(alpha);
    paint.picture_part = 1 - paint.heat_part;
    return paint;
}

/// Throws unless pictures N,H,W,3 have pixels, and there is a map for each.
template <class Pictures, class Maps>
void check_pictures(Pictures const& pictures, Maps const& maps) {
    auto const& shape = pictures.shape();
    if (shape[3] == 3 && pictures.size() != 0 && maps.size() != 0 && maps.shape()[0] == shape[0])
        return;
    throw error{error_kind::shape,
                "hookcam::overlay: the pictures must be N,H,W,3 bytes, with a map for each; they "
                "are " +
                    shape_text(shape) + ", and the maps " + shape_text(maps.shape())};
}

} // namespace detail

/// Heatmaps laid over pictures of their size where both lie, on a device: `overlay` of each picture. `heat` is N,H,W and is
/// taken as it is; `pictures` are N,H,W,3 bytes, and so is the result, in the order of the stream of `heat`, which must
/// outlive it. A byte may be one off where alpha · colour + (1 − alpha) · picture lies in the middle between two, since
/// kernels compute in float. Throws `error_kind::shape` for sizes that do not fit and `error_kind::use` for an alpha
/// outside 0 to 1.
template <class Byte, class T, class Device>
    requires(
        std::same_as<std::remove_const_t<Byte>, std::uint8_t>&& std::same_as<std::remove_const_t<T>, float>)
[[nodiscard]] auto overlay(device_view<Byte, 4, Device> const& pictures,
                           device_view<T, 3, Device> const& heat, colormap const& colours = jet,
                           double alpha = 0.4) {
    auto const paint = detail::paint_of(colours, alpha);
    detail::check_pictures(pictures, heat);
    auto const& shape = pictures.shape();
    if (heat.shape()[1] != shape[1] || heat.shape()[2] != shape[2])
        throw error{error_kind::shape,
                    "hookcam::overlay: the heatmaps must have one value a pixel; the pictures are " +
                        detail::shape_text(shape) + ", and the heatmaps " + detail::shape_text(heat.shape())};
    auto const on = heat.device();
    memory<std::uint32_t> table(colormap::entries, on.stream);
    device_tensor<std::uint8_t, 4, Device> made{on, shape};
    detail::in_order_of(*on.stream, {pictures.device().stream}, [&] {
        kernels::overlay(on, heat.size(), paint, heat.data(), pictures.data(), table.data(), made.data());
    });
    return made;
}

/// What `overlay_on_device` returns: views of its memory, good until its next call.
template <class Device>
struct overlaid {
    device_view<std::uint8_t const, 4, Device> pictures; ///< N,H,W,3: under their maps
    device_view<cam_status const, 1, Device> status;     ///< what each map says
};

/// Lays raw maps of Grad-CAM over pictures, on a device and again and again: resized to the pictures' size, minus their
/// minimum, over their maximum where that is positive, coloured and blended as by `overlay`, in one pass over the pictures.
/// A second call of a size allocates nothing. Beside `overlay`'s rounding, a value at the edge between two colours may get
/// either, since the range of a map is found at fewer pixels than all; a map that is the same everywhere has the colour
/// of 0.
template <class Device>
class overlay_on_device {
public:
    /// In the order of a device's stream, which must outlive it. Throws `error_kind::use` where there is none, or for an
    /// alpha outside 0 to 1.
    explicit overlay_on_device(Device device, colormap const& colours = jet, double alpha = 0.4)
        : m_device{device},
          m_paint{detail::paint_of(colours, alpha)} {
        if (device.stream == nullptr)
            throw error{error_kind::use, "hookcam::overlay_on_device: the device must have a stream; make it "
                                         "of one, as cuda{&stream}"};
        m_colours = memory<std::uint32_t>(colormap::entries, device.stream);
    }

    /// Lays raw maps N,h,w over pictures N,H,W,3. Throws `error_kind::shape` for sizes that do not fit.
    template <class Byte, class T>
        requires(std::same_as<std::remove_const_t<Byte>, std::uint8_t>&&
                     std::same_as<std::remove_const_t<T>, float>)
    overlaid<Device>
    operator()(device_view<Byte, 4, Device> const& pictures, device_view<T, 3, Device> const& raw) {
        detail::check_pictures(pictures, raw);
        auto const& shape = pictures.shape();
        kernels::overlay_sizes const of{shape[0], raw.shape()[1], raw.shape()[2], shape[1], shape[2]};
        auto& stream = *m_device.stream;
        kernels::overlay_room const room{m_colours.data(), detail::room_of(m_ranges, of.images, stream),
                                         detail::room_of(m_status, of.images, stream),
                                         detail::room_of(m_rows, of.to_height, stream),
                                         detail::room_of(m_columns, of.to_width, stream)};
        auto* const made = detail::room_of(m_made, pictures.size(), stream);
        detail::in_order_of(stream, {pictures.device().stream, raw.device().stream}, [&] {
            kernels::overlay_maps(m_device, of, m_paint, raw.data(), pictures.data(), room, made);
        });
        return {{m_device, made, shape}, {m_device, room.status, {of.images}}};
    }

private:
    Device m_device;
    kernels::overlay_paint m_paint;
    memory<std::uint32_t> m_colours;
    memory<kernels::map_range> m_ranges;
    memory<cam_status> m_status;
    memory<kernels::resize_place> m_rows;
    memory<kernels::resize_place> m_columns;
    memory<std::uint8_t> m_made;
};

} // namespace hookcam
