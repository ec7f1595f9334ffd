#pragma once

#include "../tensor/device_view.hpp"
#include "../tensor/memory.hpp"
#include "score_cuda.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hookcam::detail {

/// Room for at least so many numbers in a stream's order.
template <class T>
[[nodiscard]] T* room_of(memory<T>& of, std::size_t size, memory_place& where) {
    if (of.size() < size)
        of = memory<T>(size, &where);
    return of.data();
}

/// Which class of each image is explained, on a device: what somebody asked for, the class with the largest logit and the
/// one that is explained, and the gradient of its logit.
template <class T>
class choice_on_device {
public:
    /// What is asked for, an element an image, `kernels::predicted_class` at first. It comes to the device by `send`.
    [[nodiscard]] std::vector<std::uint32_t>& ask(std::size_t images) {
        m_wanted.assign(images, kernels::predicted_class);
        return m_wanted;
    }

    /// Copies what is asked for, where something else lies there.
    void send(memory_place& stream) {
        make_room(m_wanted.size(), stream);
        if (m_asked == m_wanted)
            return;
        m_asked.clear(); // where the copy throws, nobody knows what lies there
        stream.copy_in(m_classes.data(), m_wanted.data(), m_wanted.size() * sizeof(std::uint32_t));
        m_asked = m_wanted;
    }

    /// Chooses by a kernel. Returns a view of the gradient of the scores, with respect to the logits.
    template <class Logits>
    [[nodiscard]] auto choose(Logits const& logits) {
        auto const on = logits.device();
        std::size_t const images = logits.shape()[0];
        std::size_t const classes = logits.shape()[1];
        auto* const gradient = room_of(m_gradient, images * classes, *on.stream);
        on.launch(kernel_grid{images}, kernels::choose_logit{narrow(classes), logits.data(), m_classes.data(),
                                                             row(1), row(2), gradient});
        return device_view<T, 2, decltype(logits.device())>{on, gradient, logits.shape()};
    }

    /// The same by what was chosen elsewhere.
    template <class Index>
    void put(memory_place& stream, std::vector<Index> const& predicted, std::vector<Index> const& target) {
        make_room(predicted.size(), stream);
        for (std::size_t which : {std::size_t{1}, std::size_t{2}}) {
            auto const& from = which == 1 ? predicted : target;
            m_wanted.resize(from.size());
            std::transform(from.begin(), from.end(), m_wanted.begin(),
                           [](Index index) { return static_cast<std::uint32_t>(index); });
            stream.copy_in(row(which), m_wanted.data(), m_wanted.size() * sizeof(std::uint32_t));
        }
    }

    /// For each image, where they lie.
    template <class Device>
    [[nodiscard]] device_view<std::uint32_t const, 1, Device> predicted(Device on) const {
        return {on, row(1), {m_images}};
    }
    /// For each image, where they lie.
    template <class Device>
    [[nodiscard]] device_view<std::uint32_t const, 1, Device> target(Device on) const {
        return {on, row(2), {m_images}};
    }

    /// Copies both here.
    void copy_to(memory_place& stream, std::vector<std::size_t>& predicted,
                 std::vector<std::size_t>& target) {
        m_read.resize(2 * m_images);
        stream.copy_out(m_read.data(), row(1), m_read.size() * sizeof(std::uint32_t));
        auto const middle = m_read.begin() + static_cast<std::ptrdiff_t>(m_images);
        predicted.assign(m_read.begin(), middle);
        target.assign(middle, m_read.end());
    }

private:
    memory<std::uint32_t> m_classes; ///< three rows: asked for, predicted, explained
    memory<T> m_gradient;
    std::size_t m_images = 0;
    std::vector<std::uint32_t> m_wanted;
    std::vector<std::uint32_t> m_asked; ///< lies in the first row
    std::vector<std::uint32_t> m_read;

    void make_room(std::size_t images, memory_place& stream) {
        if (m_images == images)
            return;
        m_images = 0;
        m_asked.clear();
        m_classes = memory<std::uint32_t>(3 * images, &stream);
        m_images = images;
    }

    [[nodiscard]] std::uint32_t* row(std::size_t which) { return m_classes.data() + which * m_images; }
    [[nodiscard]] std::uint32_t const* row(std::size_t which) const {
        return m_classes.data() + which * m_images;
    }
};

} // namespace hookcam::detail
