// Pruning by a mask: channels whose kernels are small are silenced by a hook, and the model stays as it is. The hook
// brings its own backward, so that nothing is learned through a silenced channel.
#include "sample.hpp"

#include <algorithm>
#include <functional>
#include <iostream>
#include <string_view>
#include <vector>

/// 1×C×1×1: one for the channels whose kernels are the largest by the sum of their absolute values, zero for the rest.
xt::xtensor<float, 4> mask_of(hc::model<simple_cnn> const& model, std::string_view key, std::size_t keep) {
    xt::xtensor<float, 1> const sizes = xt::sum(xt::abs(model.parameter(key)), {1, 2, 3});
    std::vector<float> sorted(sizes.begin(), sizes.end());
    std::ranges::sort(sorted, std::greater{});
    auto mask = xt::xtensor<float, 4>::from_shape({1, sizes.size(), 1, 1});
    for (std::size_t channel = 0; channel < sizes.size(); ++channel)
        mask(0, channel, 0, 0) = sizes(channel) >= sorted[keep - 1] ? 1 : 0;
    return mask;
}

/// A slot that multiplies a layer's output, and on the way back its gradient, by a mask.
auto masked_by(xt::xtensor<float, 4> const& mask) {
    auto const forward = [mask](auto const&, auto const&, auto const& output) { return output * mask; };
    auto const backward = [mask](auto const&, auto const& gradient) { return gradient * mask; };
    return hc::on_forward(hc::transform(forward, backward));
}

int main(int count, char** arguments) {
    sample const all{count, arguments};
    auto const report = [&](auto const& model) {
        auto const logits = model(all.images);
        std::size_t correct = 0;
        for (std::size_t i = 0; i < all.pictures.size(); ++i) {
            auto const* const row = &logits(i, 0);
            correct +=
                static_cast<std::size_t>(std::max_element(row, row + 10) - row) == all.pictures.label(i);
        }
        std::cout << correct << " of 200 correct\n";
    };
    std::cout << "all 128 channels of conv3: ";
    report(all.model);
    for (auto const keep : {96U, 64U, 32U}) {
        std::cout << "the largest " << keep << " of them: ";
        report(hc::attach<"conv3">(all.model, masked_by(mask_of(all.model, "conv3.weight", keep))));
    }

    // Backward knows of the mask: the silenced channels' kernels have no gradient.
    auto const pruned = hc::attach<"conv3">(all.model, masked_by(mask_of(all.model, "conv3.weight", 32)));
    auto plan = hc::plan(pruned, hc::with_parameter_gradients<hc::gradients_request<>>{});
    plan.backward(xt::ones_like(plan.forward(all.images)));
    xt::xtensor<float, 1> const sizes = xt::sum(xt::abs(plan.parameter_gradient("conv3.weight")), {1, 2, 3});
    std::cout << "kernels without a gradient: " << std::ranges::count(sizes, 0.F) << '\n';
}
