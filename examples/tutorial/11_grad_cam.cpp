// Grad-CAM by hand, from two hooks; then the library's in a line, and how far the two are apart.
#include "sample.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>
#include <string_view>
#include <utility>

/// Keeps what passes a layer in both directions, and makes a map of it.
class grad_cam {
public:
    grad_cam(hc::model<simple_cnn> const& model, std::string_view layer)
        : m_open{hc::with_runtime_hooks(model)},
          m_forward{m_open.at(layer).register_forward_hook(
              [this](auto const&, auto const&, auto const& output) { m_activation = output; })},
          // The gradient of the layer's output is there before the layer's own backward, which nobody needs.
          m_backward{m_open.at(layer).register_backward_pre_hook(
              [this](auto const&, auto const& grad_output) { m_gradient = grad_output; })} {}
    grad_cam(grad_cam const&) = delete; // the hooks write to this very object

    /// The map, 1×1×32×32 from 0 to 1, and the class that it explains: the predicted one unless another is given.
    std::pair<xt::xtensor<float, 4>, std::size_t> operator()(xt::xtensor<float, 4> const& image,
                                                             std::optional<std::size_t> target = {}) {
        auto plan = hc::plan(m_open, hc::gradients_request<>{});
        auto const logits = plan.forward(image);
        auto const predicted = std::max_element(logits.begin(), logits.end()) - logits.begin();
        auto const explained = target.value_or(static_cast<std::size_t>(predicted));
        xt::xtensor<float, 2> one_hot = xt::zeros_like(logits);
        one_hot(0, explained) = 1;
        plan.backward(one_hot);

        // How much each channel speaks for the class: its gradient's mean over height and width.
        xt::xtensor<float, 4> const weights = xt::mean(m_gradient, {2, 3}, xt::keep_dims);
        xt::xtensor<float, 4> const evidence = xt::sum(weights * m_activation, {1}, xt::keep_dims);
        auto map = m_enlarge(xt::maximum(evidence, 0.F)); // what speaks against the class does not count
        map -= xt::amin(map)();
        if (float const high = xt::amax(map)(); high > 0)
            map /= high;
        return {map, explained};
    }

private:
    decltype(hc::with_runtime_hooks(std::declval<hc::model<simple_cnn> const&>())) m_open;
    xt::xarray<float> m_activation, m_gradient;
    hc::scoped_hook m_forward, m_backward;              // taken off with this object
    hc::model<hc::upsample<4, hc::bilinear>> m_enlarge; // conv3's 8×8 to the image's 32×32
};

int main(int count, char** arguments) {
    sample const all{count, arguments};
    grad_cam explain{all.model, "conv3"};
    auto const [map, target] = explain(all.image(102));
    std::cout << "picture 102 is a " << hc::cifar10_classes[target]
              << "; evidence at row 25, column 13: " << map(0, 0, 25, 13) << '\n';

    // The library's, for all pictures at once.
    auto const cam = hc::grad_cam<"conv3">(all.model, all.images);
    float apart = 0;
    for (std::size_t i = 0; i < all.pictures.size(); ++i) {
        auto const by_hand = explain(all.image(i)).first;
        auto const* by_library = &cam.heatmap(i, 0, 0);
        for (float const value : by_hand)
            apart = std::max(apart, std::abs(value - *by_library++));
    }
    std::cout << "200 maps are " << (apart < 1e-4F ? "the library's\n" : "not the library's\n");

    // A map that is zero everywhere says nothing of the picture; the result tells it from one that does.
    constexpr auto nothing = hc::cam_status::no_positive_evidence;
    std::cout << std::ranges::count(cam.status, nothing) << " of them are " << to_string(nothing)
              << ", the first that of picture " << std::ranges::find(cam.status, nothing) - cam.status.begin()
              << '\n';
}
