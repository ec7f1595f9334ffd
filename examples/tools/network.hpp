#pragma once

#include "device.hpp"

#include <hookcam/data/normalize.hpp>
#include <hookcam/data/picture.hpp>
#include <hookcam/data/resize.hpp>
#include <hookcam/explain/status.hpp>
#include <hookcam/io/state_dict.hpp>
#include <hookcam/tensor/xtensor.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tools {

/// What Grad-CAM found in one image.
struct explanation {
    std::size_t predicted = 0;
    std::size_t target = 0;
    std::vector<float> logits;
    hookcam::cam_status status{};
    xt::xtensor<float, 2> heatmap;    ///< H,W: the image's size
    xt::xtensor<float, 2> raw;        ///< h,w: the layer's size
    xt::xtensor<float, 3> activation; ///< C,h,w
    xt::xtensor<float, 3> gradient;   ///< C,h,w
};

/// A network with its weights, whatever its type: what a program needs that chooses it by name. Images are
/// 3×S×S, normalized; S and the number of classes K are those of its entry. `hookcam::error` is thrown as everywhere.
class network {
public:
    network() = default;
    network(network const&) = delete;
    network& operator=(network const&) = delete;
    virtual ~network() = default;

    /// Throws `error_kind::use` unless the layer is there and has a spatial output, and lists what there is.
    virtual void require_spatial(std::string_view layer) const = 0;

    /// Takes the weights of a file, with or without the prefix `module.` that PyTorch's DataParallel puts
    /// before all keys.
    virtual void load(hookcam::state_dict const& weights) = 0;

    /// The logits N,K of images N,3,S,S.
    [[nodiscard]] virtual xt::xtensor<float, 2> logits(xt::xtensor<float, 4> const& images) = 0;

    /// Explains the target, or else the predicted class, of an image 3,S,S.
    [[nodiscard]] virtual explanation explain(std::string_view layer, xt::xtensor<float, 3> const& image,
                                              std::optional<std::size_t> target) const = 0;
};

/// A network that there is.
struct network_entry {
    std::string_view name;
    std::size_t side;              ///< its input's height and width
    std::size_t shorter_side;      ///< of a photograph, before its middle becomes the input
    hookcam::longer_side rounding; ///< of its longer side then
    hookcam::normalization input;  ///< how bytes become its input
    std::size_t classes;
    std::span<std::string_view const> class_names; ///< by class; none where they are not known
    std::unique_ptr<network> (*make)(device on);   ///< without weights yet

    /// Whether files of CIFAR-10 hold pictures and labels for it.
    [[nodiscard]] bool is_for_cifar10() const;

    /// The picture at the input's size: as it is where it has that; else its shorter side resized, then its
    /// middle.
    [[nodiscard]] hookcam::picture fit(hookcam::picture const& photo) const;
};

/// The networks of one family.
[[nodiscard]] std::span<network_entry const> simple_cnns();
[[nodiscard]] std::span<network_entry const> cifar_resnets();
[[nodiscard]] std::span<network_entry const> squeezenets();

} // namespace tools
