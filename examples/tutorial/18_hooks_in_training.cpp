// Gradient descent, tamed by hooks on tensors: one clips, one scales, one takes the step.
#include <hookcam/autograd.hpp>

#include <iomanip>
#include <iostream>

namespace hc = hookcam;

namespace {

/// Fits y = slope·x + offset to three points by ten steps. `prepare(slope, offset)` registers hooks.
template <class Prepare>
void fit(char const* title, Prepare const& prepare) {
    xt::xtensor<double, 1> const x{1.0, 2.0, 30.0}, y{3.0, 5.0, 61.0}; // 2·x + 1, one far away
    auto slope = hc::variable{0.0}, offset = hc::variable{0.0};
    prepare(slope, offset);
    double loss = 0;
    for (int step = 0; step < 10; ++step) {
        auto const error = mean(square(slope * x + offset - y));
        error.backward(); // the hooks see the gradients, and take the step
        loss = error.item();
    }
    std::cout << title << std::setprecision(3) << loss << '\n';
}

/// Called when a leaf has its gradient: the step of an optimiser, as soon as it can be taken.
auto const take_a_step = [](auto& parameter) {
    parameter.mutable_value() -= 0.1 * parameter.grad();
    parameter.zero_grad();
};

} // namespace

int main() {
    fit("the gradients as they are:    ", [](auto& slope, auto& offset) {
        slope.register_post_accumulate_grad_hook(take_a_step);
        offset.register_post_accumulate_grad_hook(take_a_step);
    });
    fit("the slope's gradient clipped: ", [](auto& slope, auto& offset) {
        slope.register_hook([](auto const& grad) { return xt::clip(grad, -2.0, 2.0); });
        slope.register_post_accumulate_grad_hook(take_a_step);
        offset.register_post_accumulate_grad_hook(take_a_step);
    });
    fit("the slope's gradient scaled:  ", [](auto& slope, auto& offset) {
        slope.register_hook([](auto const& grad) { return grad / 200.0; });
        slope.register_post_accumulate_grad_hook(take_a_step);
        offset.register_post_accumulate_grad_hook(take_a_step);
    });
}
