#pragma once

#include "../core/error.hpp"
#include "../core/fixed_string.hpp"
#include "../core/instruction_set.hpp"
#include "../plan/plan.hpp"
#include "../tensor/memory.hpp"
#include "../tensor/view.hpp"
#include "choice_on_device.hpp"
#include "heatmap.hpp"
#include "heatmap_cuda.hpp"
#include "score.hpp"
#include "status.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hookcam {

/// The maps of one layer for a batch of images.
template <class T>
struct cam_map {
    xt::xtensor<T, 3> raw; ///< N,h,w: ReLU of the weighted sum of the layer's channels, at the layer's size
    xt::xtensor<T, 3> heatmap;      ///< N,H,W: at the input's size, from 0 to 1
    std::vector<cam_status> status; ///< of each image
};

/// What Grad-CAM finds: the maps of one layer as members, those of several by `get<"path">()`.
template <class T, std::size_t OutputRank, fixed_string... Paths>
struct grad_cam_result {
    xt::xtensor<T, OutputRank + 1> logits;         ///< the network's output, the batch first
    std::vector<std::size_t> predicted;            ///< of each image, the class with the largest logit
    std::vector<std::size_t> target;               ///< of each image, the class that is explained
    std::array<cam_map<T>, sizeof...(Paths)> maps; ///< in the order of the paths

    /// The maps of one of the paths.
    template <fixed_string Path>
    [[nodiscard]] cam_map<T> const& get() const {
        constexpr auto index = detail::index_of_path<Path>(path_list<Paths...>{});
        static_assert(
            index < sizeof...(Paths),
            "hookcam::grad_cam: the path must be one that was asked for; add it to the call or the request");
        return maps[index];
    }
};

/// What Grad-CAM finds at one layer: its maps are members.
template <class T, std::size_t OutputRank, fixed_string Path>
struct grad_cam_result<T, OutputRank, Path> : cam_map<T> {
    xt::xtensor<T, OutputRank + 1> logits; ///< the network's output, the batch first
    std::vector<std::size_t> predicted;    ///< of each image, the class with the largest logit
    std::vector<std::size_t> target;       ///< of each image, the class that is explained

    /// The maps, as for several layers.
    template <fixed_string Asked>
        requires(Asked.view() == Path.view())
    [[nodiscard]] cam_map<T> const& get() const { return *this; }
};

namespace detail {

/// Shows in its arguments the layer's shape.
template <class Shape, bool IsSpatial>
struct layer_must_be_spatial {
    static_assert(
        IsSpatial,
        "hookcam::grad_cam: the chosen layer must have a spatial output (C×H×W); pick a convolution, a "
        "pooling layer, or a block of them");
    static constexpr bool value = true;
};

template <class T>
concept a_target = std::integral<std::remove_cvref_t<T>>;

template <class T>
concept some_targets = std::ranges::sized_range<T> && std::integral<std::ranges::range_value_t<T>>;

/// A view of one image of a batch.
template <std::size_t Rank, class View>
[[nodiscard]] auto one_image(View& batch, std::size_t n) {
    std::array<std::size_t, Rank> shape{};
    std::size_t size = 1;
    for (std::size_t axis = 0; axis < Rank; ++axis)
        size *= shape[axis] = static_cast<std::size_t>(batch.shape()[axis + 1]);
    return view_of<Rank>(batch.data() + n * size, shape);
}

/// What every Grad-CAM request does: forward, one backward from the scores' gradients. It is written with
/// what any user has: `forward`, `backward` and the kept tensors of a plan.
template <class Score>
class cam_walk {
public:
    cam_walk() = default;
    explicit cam_walk(Score score) : m_score{std::move(score)} {}

    /// True where a kernel chooses the classes, and nothing waits for the device before the maps are made.
    template <class Plan>
    static constexpr bool chooses_there =
        a_gpu<typename Plan::device_type>&& std::is_same_v<Score, logit_score>;

    /// Forward, backward, and `make_maps()`; logits and classes go to `result`.
    template <class Plan, class Input, class Result, class MakeMaps, class... Target>
    void run(Plan& plan, Input const& input, Result& result,
             choice_on_device<typename Plan::value_type>& choice, MakeMaps const& make_maps,
             Target const&... target) const {
        if constexpr (chooses_there<Plan>) {
            run_there(plan, input, choice, make_maps, target...);
            auto const output = plan.output();
            result.logits.resize(output.shape());
            output.copy_to(result.logits.data());
            choice.copy_to(*output.device().stream, result.predicted, result.target);
        } else {
            run_here(plan, input, result, target...);
            make_maps();
        }
    }

    /// The same where a kernel chooses; nothing is copied from there.
    template <class Plan, class Input, class MakeMaps, class... Target>
    void run_there(Plan& plan, Input const& input, choice_on_device<typename Plan::value_type>& choice,
                   MakeMaps const& make_maps, Target const&... target) const {
        static_assert(takes_one<Target...>() && output_must_be_a_vector<Plan::output_shape::rank>::value);
        plan.take(input);
        auto const output = plan.output();
        auto& asked = choice.ask(plan.batch());
        (for_targets(target, asked.size(),
                     [&](std::size_t n, std::size_t index) {
                         check_target(index, output.shape()[1]);
                         asked[n] = static_cast<std::uint32_t>(index);
                     }),
         ...);
        choice.send(*output.device().stream);
        plan.repeat([&] {
            plan.backward(choice.choose(plan.forward()));
            make_maps();
        });
    }

    /// Forward and backward; the classes are chosen here.
    template <class Plan, class Input, class Result, class... Target>
    void run_here(Plan& plan, Input const& input, Result& result, Target const&... target) const {
        static_assert(takes_one<Target...>());
        constexpr std::size_t rank = Plan::output_shape::rank;
        auto const output = plan.forward(input);
        std::size_t const batch = plan.batch();
        result.logits.resize(output.shape());
        auto const read = [&]() -> decltype(auto) {
            if constexpr (is_device_view<std::remove_const_t<decltype(output)>>) {
                output.copy_to(result.logits.data());
                return std::as_const(result.logits);
            } else {
                detail::fill(result.logits, output);
                return (output);
            }
        };
        auto const& seen = read();
        result.predicted.resize(batch);
        result.target.resize(batch);
        for (std::size_t n = 0; n < batch; ++n) {
            result.predicted[n] = m_score.target(one_image<rank>(seen, n));
            result.target[n] = result.predicted[n];
        }
        (for_targets(target, batch, [&](std::size_t n, std::size_t index) { result.target[n] = index; }),
         ...);
        auto gradient = plan.gradient_to_fill();
        for (std::size_t n = 0; n < batch; ++n) {
            auto const one = one_image<rank>(seen, n);
            check_target(result.target[n], static_cast<std::size_t>(one.shape()[0]));
            auto to = one_image<rank>(gradient, n);
            m_score.gradient(one, result.target[n], to);
        }
        plan.backward();
    }

private:
    [[no_unique_address]] Score m_score;

    template <class... Target>
    static constexpr bool takes_one() {
        static_assert(
            sizeof...(Target) <= 1,
            "hookcam::grad_cam: must be given at most one target argument; for a batch give a range");
        return true;
    }

    /// Calls `set(image, class)` for what is given.
    template <class Target, class Set>
    static void for_targets(Target const& given, std::size_t images, Set const& set) {
        if constexpr (a_target<Target>) {
            for (std::size_t n = 0; n < images; ++n)
                set(n, checked_index(given));
        } else {
            static_assert(
                some_targets<Target const&>,
                "hookcam::grad_cam: the target must be a class's number, or a range of one for each image");
            if (std::ranges::size(given) != images)
                throw error{error_kind::use, "hookcam::grad_cam: must be given one target for each image, " +
                                                 std::to_string(images) + "; got " +
                                                 std::to_string(std::ranges::size(given))};
            std::size_t n = 0;
            for (auto const& target : given)
                set(n++, checked_index(target));
        }
    }

    template <class Integer>
    static std::size_t checked_index(Integer given) {
        if constexpr (std::is_signed_v<Integer>)
            if (given < 0)
                throw error{error_kind::use,
                            "hookcam::grad_cam: a target must be a class's number from 0; got " +
                                std::to_string(given)};
        return static_cast<std::size_t>(given);
    }

    static void check_target(std::size_t target, std::size_t classes) {
        if (target >= classes)
            throw error{error_kind::use,
                        "hookcam::grad_cam: a target must be one of the network's classes, 0 to " +
                            std::to_string(classes - 1) + "; got " + std::to_string(target)};
    }
};

/// What making maps needs, kept from call to call: the processor's sums, or a device's memory.
template <class T>
struct map_scratch {
    std::vector<sum_type<T>> sums;
    memory<double> weights;
    memory<T> raw;
    memory<T> heatmap;
    memory<cam_status> status;

    /// Makes the maps on a device, from what lies there.
    template <class Device>
    void make(Device const& on, kernels::grad_cam_sizes const& of, T const* activation, T const* gradient) {
        auto& stream = *on.stream;
        kernels::grad_cam_maps(on, of, activation, gradient, room_of(weights, of.batch * of.channels, stream),
                               room_of(raw, of.batch * of.height * of.width, stream),
                               room_of(heatmap, of.batch * of.to_height * of.to_width, stream),
                               room_of(status, of.batch, stream));
    }
};

/// The sizes of maps, of activations N,C,h,w and images of H×W.
template <class Activation>
[[nodiscard]] kernels::grad_cam_sizes sizes_of_maps(Activation const& activation, std::size_t height,
                                                    std::size_t width) {
    auto const size = [&](std::size_t axis) { return static_cast<std::size_t>(activation.shape()[axis]); };
    return {size(0), size(1), size(2), size(3), height, width};
}

inline namespace HOOKCAM_INSTRUCTION_SET {

/// Maps of a batch from activations and gradients N,C,h,w, for images of H×W. On a device they lie in the scratch until
/// `collect_maps` copies them.
template <class T, class Activation, class Gradient>
void make_maps(Activation const& activation, Gradient const& gradient, std::size_t height, std::size_t width,
               map_scratch<T>& scratch, cam_map<T>& to) {
    auto const of = sizes_of_maps(activation, height, width);
    to.raw.resize({of.batch, of.height, of.width});
    to.heatmap.resize({of.batch, height, width});
    to.status.resize(of.batch);
    auto const device = device_of(activation);
    if constexpr (a_gpu<std::remove_const_t<decltype(device)>>) {
        scratch.make(device, of, activation.data(), gradient.data());
    } else {
        std::size_t const pixels = of.height * of.width;
        scratch.sums.resize(pixels);
        for (std::size_t n = 0; n < of.batch; ++n) {
            auto* const raw = to.raw.data() + n * pixels;
            auto* const heatmap = to.heatmap.data() + n * height * width;
            auto const at = n * of.channels * pixels;
            kernels::grad_cam_map(device, of.channels, pixels, activation.data() + at, gradient.data() + at,
                                  scratch.sums.data(), raw);
            to.status[n] = kernels::status_of_map(device, pixels, raw);
            kernels::resize_bilinear(device, of.height, of.width, raw, height, width, heatmap);
            kernels::normalize_map(device, height * width, heatmap);
        }
    }
}

/// Copies maps that were made on a device to this program's memory. `plan` says where.
template <class Plan, class T>
void collect_maps([[maybe_unused]] Plan const& plan, [[maybe_unused]] map_scratch<T> const& scratch,
                  [[maybe_unused]] cam_map<T>& to) {
    if constexpr (a_gpu<typename Plan::device_type>) {
        auto& stream = *plan.output().device().stream;
        stream.copy_out(to.raw.data(), scratch.raw.data(), to.raw.size() * sizeof(T));
        stream.copy_out(to.heatmap.data(), scratch.heatmap.data(), to.heatmap.size() * sizeof(T));
        stream.copy_out(to.status.data(), scratch.status.data(), to.status.size() * sizeof(cam_status));
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

/// Grad-CAM (Selvaraju et al., 2017) at one or several layers in one pass, for a score that is the predicted
/// class's logit unless another is given. A plan with this request runs backward no further than the layers'
/// outputs. It is called as `plan(image)`, `plan(image, target)`, `plan(batch, targets)` with one target for
/// each image, and returns a `grad_cam_result` that is good until the next call.
template <class Score, fixed_string... Paths>
class scored_grad_cam_request : public gradients_request<Paths...> {
public:
    static_assert(sizeof...(Paths) > 0, "hookcam::grad_cam: must name a layer; give at least one path");

    template <class T, std::size_t OutputRank>
    struct storage {
        grad_cam_result<T, OutputRank, Paths...> result;
        detail::choice_on_device<T> choice;
        std::array<detail::map_scratch<T>, sizeof...(Paths)> scratch;
    };

    scored_grad_cam_request() = default;
    /// For a score that holds something, as a mask.
    explicit scored_grad_cam_request(Score score) : m_walk{std::move(score)} {}

    template <class Plan, class Input, class... Target>
    auto const& run(Plan& plan, Input const& input, Target const&... target) {
        static_assert((true && ... && is_spatial<Plan, Paths>()));
        auto& kept = plan.storage();
        auto const make_maps = [&] {
            auto const sizes = plan.input_sizes();
            (detail::make_maps(plan.template activation<Paths>(), plan.template gradient<Paths>(), sizes[1],
                               sizes[2], kept.scratch[index<Paths>], map<Paths>(kept.result)),
             ...);
        };
        m_walk.run(plan, input, kept.result, kept.choice, make_maps, target...);
        (detail::collect_maps(plan, kept.scratch[index<Paths>], map<Paths>(kept.result)), ...);
        return std::as_const(kept.result);
    }

private:
    [[no_unique_address]] detail::cam_walk<Score> m_walk;

    template <class Plan, fixed_string Path>
    static constexpr bool is_spatial() {
        constexpr auto sizes =
            detail::sizes_at<typename Plan::network_type>(Path.view(), Plan::input_shape::value).sizes;
        return detail::layer_must_be_spatial<
            detail::shape_at<typename Plan::network_type, Path, typename Plan::input_shape>,
            sizes.rank == 3>::value;
    }

    template <fixed_string Path>
    static constexpr std::size_t index = detail::index_of_path<Path>(path_list<Paths...>{});

    template <fixed_string Path, class T, std::size_t Rank>
    static cam_map<T>& map(grad_cam_result<T, Rank, Paths...>& result) {
        if constexpr (sizeof...(Paths) == 1)
            return result;
        else
            return result.maps[index<Path>];
    }
};

/// Grad-CAM of the predicted class, or of a target that is given.
template <fixed_string... Paths>
using grad_cam_request = scored_grad_cam_request<logit_score, Paths...>;

// slots: begin
/// Grad-CAM at a layer whose path is given when the plan is made, for a model with run-time hooks: one
/// instantiation serves every path. The plan's `chosen_activation()` and `chosen_gradient()` are what the map
/// was made of. A layer without spatial output throws at the first call and lists those that have one.
template <class Score = logit_score>
class grad_cam_at : public gradients_request<> {
public:
    static constexpr bool chooses_path = true;

    template <class T, std::size_t OutputRank>
    struct storage {
        grad_cam_result<T, OutputRank, ""> result;
        detail::choice_on_device<T> choice;
        detail::map_scratch<T> scratch;
    };

    /// At a path such as "layer2.1"; an unknown one throws when the plan is made, and lists what there is.
    explicit grad_cam_at(std::string_view path, Score score = {}) : m_path{path}, m_walk{std::move(score)} {}

    /// The path that was given.
    [[nodiscard]] std::string const& path() const noexcept { return m_path; }

    template <class Plan, class Input, class... Target>
    auto const& run(Plan& plan, Input const& input, Target const&... target) {
        auto& kept = plan.storage();
        cam_map<typename Plan::value_type>& maps = kept.result;
        plan.require_chosen_rank(3);
        auto const make_maps = [&] {
            auto const sizes = plan.input_sizes();
            detail::make_maps(plan.chosen_activation(), plan.chosen_gradient(), sizes[1], sizes[2],
                              kept.scratch, maps);
        };
        m_walk.run(plan, input, kept.result, kept.choice, make_maps, target...);
        detail::collect_maps(plan, kept.scratch, maps);
        return std::as_const(kept.result);
    }

private:
    std::string m_path;
    [[no_unique_address]] detail::cam_walk<Score> m_walk;
};
// slots: end

inline namespace HOOKCAM_INSTRUCTION_SET {

/// Grad-CAM once: `grad_cam<"conv3">(model, image)`, or with a target, or one for each image of a batch. The
/// model may have hooks attached. The result owns its memory.
template <fixed_string Path, fixed_string... More, class Model, class Input, class... Target>
    requires detail::can_be_planned<Model>
[[nodiscard]] auto grad_cam(Model const& of, Input const& image, Target const&... target) {
    auto once = plan(of, grad_cam_request<Path, More...>{});
    return once(image, target...);
}

/// The same for another score, one of ours or your own: `grad_cam_of<"conv3">(model, probability_score{},
/// image)`.
template <fixed_string Path, fixed_string... More, class Model, class Input, class Score, class... Target>
    requires detail::can_be_planned<Model>
[[nodiscard]] auto grad_cam_of(Model const& of, Score score, Input const& image, Target const&... target) {
    auto once = plan(of, scored_grad_cam_request<Score, Path, More...>{std::move(score)});
    return once(image, target...);
}

// slots: begin
/// Grad-CAM once at a layer given at run time: `grad_cam(open, "layer2.1", image)`. The result owns its
/// memory.
template <class Opened, class Input, class... Target>
    requires(detail::source_of<std::remove_cvref_t<Opened>>::type::run_time_hooks)
[[nodiscard]] auto grad_cam(Opened const& open, std::string_view path, Input const& image,
                            Target const&... target) {
    auto once = plan(open, grad_cam_at<>{path});
    return once(image, target...);
}
// slots: end

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
