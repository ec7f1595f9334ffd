#pragma once

#include "../tensor/device_view.hpp"
#include "choice_on_device.hpp"
#include "grad_cam.hpp"
#include "status.hpp"

#include <cstddef>
#include <cstdint>
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

/// What classes are chosen by where no kernel chooses them, in this program's memory.
template <class T, std::size_t OutputRank>
struct choice_here {
    xt::xtensor<T, OutputRank + 1> logits;
    std::vector<std::size_t> predicted;
    std::vector<std::size_t> target;
};

} // namespace detail

/// What Grad-CAM finds in a batch, where it was found: views of a device's memory, good until the plan's next call.
template <class T, std::size_t OutputRank, class Device>
struct device_cam {
    device_view<T const, 3, Device> heatmap; ///< N,H,W of the input, from 0 to 1
    device_view<T const, 3, Device> raw;     ///< N,h,w of the layer, before it was resized and normalised
    device_view<cam_status const, 1, Device> status;       ///< what each raw map says
    device_view<T const, OutputRank + 1, Device> logits;   ///< of the network
    device_view<std::uint32_t const, 1, Device> predicted; ///< the class of the largest logit, for each image
    device_view<std::uint32_t const, 1, Device> target; ///< the class that the map explains, for each image
};

/// Grad-CAM at a layer, for a model on a device, of which nothing is copied to this program's memory: whoever goes on with
/// the maps by kernels of his own, or wants some of them only, need not wait for the others. It is called as
/// `scored_grad_cam_request` is. For the logit of a class, a kernel chooses the classes too; for another score they are
/// chosen in this program, from a copy of the logits.
template <class Score, fixed_string Path>
class scored_grad_cam_on_device_request : public gradients_request<Path> {
public:
    template <class T, std::size_t OutputRank>
    struct storage {
        detail::choice_on_device<T> choice;
        detail::map_scratch<T> scratch;
        detail::choice_here<T, OutputRank> seen;
    };

    scored_grad_cam_on_device_request() = default;
    /// For a score that holds something, as a mask.
    explicit scored_grad_cam_on_device_request(Score score) : m_walk{std::move(score)} {}

    template <class Plan, class Input, class... Target>
    auto run(Plan& plan, Input const& input, Target const&... target) {
        using device = typename Plan::device_type;
        static_assert(detail::maps_must_be_made_there<device, detail::a_gpu<device>>::value);
        auto& kept = plan.storage();
        auto const make_maps = [&] {
            auto const sizes = plan.input_sizes();
            auto const activation = plan.template activation<Path>();
            kept.scratch.make(activation.device(), detail::sizes_of_maps(activation, sizes[1], sizes[2]),
                              activation.data(), plan.template gradient<Path>().data());
        };
        if constexpr (detail::cam_walk<Score>::template chooses_there<Plan>) {
            m_walk.run_there(plan, input, kept.choice, make_maps, target...);
        } else {
            m_walk.run_here(plan, input, kept.seen, target...);
            make_maps();
            kept.choice.put(*plan.output().device().stream, kept.seen.predicted, kept.seen.target);
        }
        return found(plan);
    }

private:
    [[no_unique_address]] detail::cam_walk<Score> m_walk;

    template <class Plan>
    static auto found(Plan& plan) {
        auto const& [choice, scratch, seen] = plan.storage();
        auto const logits = plan.output();
        auto const on = logits.device();
        auto const shape = plan.template activation<Path>().shape();
        auto const sizes = plan.input_sizes();
        std::size_t const batch = plan.batch();
        return device_cam<typename Plan::value_type, Plan::output_shape::rank, typename Plan::device_type>{
            {on, scratch.heatmap.data(), {batch, sizes[1], sizes[2]}},
            {on, scratch.raw.data(), {batch, shape[2], shape[3]}},
            {on, scratch.status.data(), {batch}},
            logits,
            choice.predicted(on),
            choice.target(on)};
    }
};

/// Grad-CAM of the predicted class, or of a target that is given, of which nothing leaves the device.
template <fixed_string Path>
using grad_cam_on_device_request = scored_grad_cam_on_device_request<logit_score, Path>;

} // namespace hookcam
