#pragma once

#include "../tensor/device_view.hpp"
#include "../tensor/memory.hpp"
#include "grad_cam.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace hookcam {

namespace detail {

/// Shows in its argument the device.
template <class Device, bool HasMemory>
struct maps_must_be_made_there {
    static_assert(
        HasMemory,
        "hookcam::grad_cam_on_device_request: the model must be on a device with memory of its own; "
        "take a grad_cam_request, or copy the model there");
    static constexpr bool value = true;
};

} // namespace detail

/// Grad-CAM's maps of a batch, where they were made: views of a device's memory, good until the plan's next call.
template <class T, std::size_t OutputRank, class Device>
struct device_cam {
    device_view<T const, 3, Device> heatmap; ///< N,H,W of the input, from 0 to 1
    device_view<T const, 3, Device> raw;     ///< N,h,w of the layer, before it was resized and normalised
    xt::xtensor<T, OutputRank + 1> const& logits; ///< of the network, in this program's memory
    std::vector<std::size_t> const& predicted;    ///< the class of the largest logit, for each image
    std::vector<std::size_t> const& target;       ///< the class that the map explains, for each image
};

/// Grad-CAM at a layer, for a model on a device, whose maps stay there: whoever goes on with them by kernels of his own, or
/// wants some of them only, need not wait for the others. It is called as `scored_grad_cam_request` is. Maps whose values
/// are all equal are zeros, and nothing says so.
template <class Score, fixed_string Path>
class scored_grad_cam_on_device_request : public gradients_request<Path> {
public:
    template <class T, std::size_t OutputRank>
    struct storage {
        xt::xtensor<T, OutputRank + 1> logits;
        std::vector<std::size_t> predicted;
        std::vector<std::size_t> target;
        detail::map_scratch<T> scratch;
    };

    scored_grad_cam_on_device_request() = default;
    /// For a score that holds something, as a mask.
    explicit scored_grad_cam_on_device_request(Score score) : m_walk{std::move(score)} {}

    template <class Plan, class Input, class... Target>
    auto run(Plan& plan, Input const& input, Target const&... target) {
        using T = typename Plan::value_type;
        using device = typename Plan::device_type;
        static_assert(detail::maps_must_be_made_there<device, detail::a_gpu<device>>::value);
        auto& kept = plan.storage();
        m_walk.run(plan, input, kept, target...);
        auto const activation = plan.template activation<Path>();
        auto const gradient = plan.template gradient<Path>();
        auto const& shape = activation.shape();
        auto const sizes = plan.input_sizes();
        auto const on = activation.device();
        kernels::grad_cam_sizes const of{shape[0], shape[1], shape[2], shape[3], sizes[1], sizes[2]};
        auto& scratch = kept.scratch;
        auto* const weights = scratch.room(scratch.weights, of.batch * of.channels, *on.stream);
        auto* const raw = scratch.room(scratch.raw, of.batch * of.height * of.width, *on.stream);
        auto* const heatmap =
            scratch.room(scratch.heatmap, of.batch * of.to_height * of.to_width, *on.stream);
        kernels::grad_cam_maps(on, of, activation.data(), gradient.data(), weights, raw, heatmap);
        return device_cam<T, Plan::output_shape::rank, device>{
            {on, heatmap, {of.batch, of.to_height, of.to_width}},
            {on, raw, {of.batch, of.height, of.width}},
            kept.logits,
            kept.predicted,
            kept.target};
    }

private:
    [[no_unique_address]] detail::cam_walk<Score> m_walk;
};

/// Grad-CAM of the predicted class, or of a target that is given, whose maps stay on the device.
template <fixed_string Path>
using grad_cam_on_device_request = scored_grad_cam_on_device_request<logit_score, Path>;

} // namespace hookcam
