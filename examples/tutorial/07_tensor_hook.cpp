// A hook on a tensor of any computation: it sees the gradient on its way back, and may change it.
#include <hookcam/autograd.hpp>

#include <iostream>

namespace hc = hookcam;

int main() {
    auto x = hc::variable{xt::xtensor<double, 1>{2.0}};
    auto y = pow(x, 2.0);
    auto z = pow(y, 3.0);

    auto handle = y.register_hook([](auto const& grad) {
        std::cout << "the gradient of y is " << grad(0) << ", and is halved\n";
        return grad / 2.0;
    });
    z.backward({.retain_graph = true});
    std::cout << "the gradient of x is " << x.grad()(0) << '\n';

    handle.remove();
    x.zero_grad();
    z.backward();
    std::cout << "and without the hook  " << x.grad()(0) << '\n';
}
