// What an operation on a tensor of one element costs, forward and backward, and what two linear layers take.
// libtorch.cpp beside this does the same.
#include "timing.hpp"

#include <hookcam/autograd.hpp>

namespace hc = hookcam;

namespace {

template <class Step>
void measure(char const* what, Step const& step) {
    auto const x = hc::variable{xt::xtensor<float, 2>{{0.5F}}};
    auto const w = hc::variable{xt::xtensor<float, 2>{{0.9F}}};
    timing::report(what, timing::chain, [&] {
        auto y = x;
        for (int i = 0; i < timing::chain; ++i)
            y = step(y, w);
        y.backward();
        x.zero_grad();
        w.zero_grad();
    });
}

template <class... Sizes>
auto tensor(float scale, Sizes... sizes) {
    auto made = xt::xtensor<float, sizeof...(Sizes)>::from_shape({static_cast<std::size_t>(sizes)...});
    for (std::size_t i = 0; i < made.size(); ++i)
        made.data()[i] = scale * (static_cast<float>(i * 7919 % 1000) / 500.0F - 1.0F);
    return made;
}

} // namespace

int main() {
    measure("add a number", [](auto const& y, auto const&) { return y + 1.0F; });
    measure("multiply by a number", [](auto const& y, auto const&) { return y * 0.9F; });
    measure("add", [](auto const& y, auto const& w) { return y + w; });
    measure("multiply", [](auto const& y, auto const& w) { return y * w; });
    measure("divide", [](auto const& y, auto const& w) { return y / w; });
    measure("exp of minus", [](auto const& y, auto const&) { return exp(-y); });
    measure("tanh", [](auto const& y, auto const&) { return tanh(y); });
    measure("sigmoid", [](auto const& y, auto const&) { return sigmoid(y); });
    measure("relu", [](auto const& y, auto const&) { return relu(y); });
    measure("sum, kept", [](auto const& y, auto const&) { return sum<1>(y, hc::keep_dims); });
    measure("transpose", [](auto const& y, auto const&) { return transpose(y); });
    measure("matmul", [](auto const& y, auto const& w) { return matmul(y, w); });

    auto const x = hc::constant(tensor(1.0F, 64, 512));
    auto const w1 = hc::variable{tensor(0.05F, 512, 512)}, w2 = hc::variable{tensor(0.05F, 512, 512)};
    auto const b1 = hc::variable{tensor(0.05F, 512)}, b2 = hc::variable{tensor(0.05F, 512)};
    timing::report("two linear layers of 512", 1, [&] {
        auto const y = linear(relu(linear(x, w1, b1)), w2, b2);
        mean(y * y).backward();
        for (auto const& w : {w1, w2})
            w.zero_grad();
        for (auto const& b : {b1, b2})
            b.zero_grad();
    });
}
