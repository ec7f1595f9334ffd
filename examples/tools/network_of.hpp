#pragma once

#include "network.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/io/load_state_dict.hpp>
#include <hookcam/plan/to.hpp>
#if defined(TOOLS_HAVE_CUDA)
#include <hookcam/cuda/cuda.hpp>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace tools {

/// A `network` of a type, for images 3×Side×Side, on a device. This is what is compiled once for each network; all paths
/// share it.
template <class Network, std::size_t Side, class Device>
class network_of final : public network {
public:
    void require_spatial(std::string_view layer) const override { look_at(layer).require_chosen_rank(3); }

    void load(hookcam::state_dict const& weights) override {
        hookcam::model<Network> here;
        hookcam::load_state_dict(here, weights, {.strict = true, .strip_prefix = "module."});
        m_model = hookcam::to<Device>(here);
    }

    [[nodiscard]] xt::xtensor<float, 2> logits(xt::xtensor<float, 4> const& images) override {
        return brought_here(m_plan(images));
    }

    [[nodiscard]] explanation explain(std::string_view layer, xt::xtensor<float, 3> const& image,
                                      std::optional<std::size_t> target) const override {
        auto look = look_at(layer);
        auto const& cam = target ? look(image, *target) : look(image);
        auto const activation = brought_here(look.chosen_activation());
        auto const gradient = brought_here(look.chosen_gradient());
        return {.predicted = cam.predicted[0],
                .target = cam.target[0],
                .logits = {cam.logits.begin(), cam.logits.end()},
                .status = cam.status[0],
                .heatmap = first_of<2>(cam.heatmap),
                .raw = first_of<2>(cam.raw),
                .activation = first_of<3>(activation),
                .gradient = first_of<3>(gradient)};
    }

private:
    using shape = hookcam::image<3, Side, Side>;
    using model = hookcam::model<Network, float, Device>;

    [[nodiscard]] auto look_at(std::string_view layer) const {
        return hookcam::plan<shape>(m_open, hookcam::grad_cam_at<>{layer});
    }

    /// What a plan returned, in this program's memory.
    template <class View>
    static auto brought_here(View const& view) {
        if constexpr (requires { view.to_host(); })
            return view.to_host();
        else
            return view;
    }

    /// A copy of what a batch of one holds.
    template <std::size_t Rank>
    static xt::xtensor<float, Rank> first_of(auto const& batch) {
        std::array<std::size_t, Rank> sizes{};
        std::copy_n(batch.shape().begin() + 1, Rank, sizes.begin());
        xt::xtensor<float, Rank> one{sizes};
        std::copy_n(batch.data(), one.size(), one.data());
        return one;
    }

    model m_model;
    decltype(hookcam::with_runtime_hooks(std::declval<model const&>())) m_open =
        hookcam::with_runtime_hooks(std::as_const(m_model));
    hookcam::planned<model, hookcam::logits_request, shape> m_plan = hookcam::plan<shape>(m_model);
};

/// Makes it on the device that is asked for, which `find_device` has found.
template <class Network, std::size_t Side>
[[nodiscard]] std::unique_ptr<network> make_network([[maybe_unused]] device on) {
#if defined(TOOLS_HAVE_CUDA)
    if (on == device::cuda)
        return std::make_unique<network_of<Network, Side, hookcam::cuda>>();
#endif
    return std::make_unique<network_of<Network, Side, hookcam::cpu>>();
}

} // namespace tools
