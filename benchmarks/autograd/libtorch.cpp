// The same as hookcam.cpp, with libtorch.
#include "timing.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace {

template <class Step>
void measure(char const* what, Step const& step) {
    auto const options = at::TensorOptions{}.dtype(at::kFloat);
    auto x = at::full({1, 1}, 0.5, options).requires_grad_(true);
    auto w = at::full({1, 1}, 0.9, options).requires_grad_(true);
    timing::report(what, timing::chain, [&] {
        auto y = x;
        for (int i = 0; i < timing::chain; ++i)
            y = step(y, w);
        y.backward();
        x.mutable_grad().reset();
        w.mutable_grad().reset();
    });
}

at::Tensor tensor(float scale, std::vector<std::int64_t> const& sizes) {
    auto made = at::empty(sizes);
    auto* const data = made.data_ptr<float>();
    for (std::int64_t i = 0; i < made.numel(); ++i)
        data[i] = scale * (static_cast<float>(i * 7919 % 1000) / 500.0F - 1.0F);
    return made;
}

} // namespace

int main() {
    at::set_num_threads(1);
    using at::Tensor;
    measure("add a number", [](Tensor const& y, Tensor const&) { return y + 1.0F; });
    measure("multiply by a number", [](Tensor const& y, Tensor const&) { return y * 0.9F; });
    measure("add", [](Tensor const& y, Tensor const& w) { return y + w; });
    measure("multiply", [](Tensor const& y, Tensor const& w) { return y * w; });
    measure("divide", [](Tensor const& y, Tensor const& w) { return y / w; });
    measure("exp of minus", [](Tensor const& y, Tensor const&) { return (-y).exp(); });
    measure("tanh", [](Tensor const& y, Tensor const&) { return y.tanh(); });
    measure("sigmoid", [](Tensor const& y, Tensor const&) { return y.sigmoid(); });
    measure("relu", [](Tensor const& y, Tensor const&) { return y.relu(); });
    measure("sum, kept", [](Tensor const& y, Tensor const&) { return y.sum(1, true); });
    measure("transpose", [](Tensor const& y, Tensor const&) { return y.transpose(0, 1); });
    measure("matmul", [](Tensor const& y, Tensor const& w) { return y.matmul(w); });

    auto const x = tensor(1.0F, {64, 512});
    auto w1 = tensor(0.05F, {512, 512}).requires_grad_(true),
         w2 = tensor(0.05F, {512, 512}).requires_grad_(true);
    auto b1 = tensor(0.05F, {512}).requires_grad_(true), b2 = tensor(0.05F, {512}).requires_grad_(true);
    timing::report("two linear layers of 512", 1, [&] {
        auto const y = at::linear(at::linear(x, w1, b1).relu(), w2, b2);
        (y * y).mean().backward();
        for (auto* leaf : {&w1, &w2, &b1, &b2})
            leaf->mutable_grad().reset();
    });
}
