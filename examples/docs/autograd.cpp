// What docs/concepts/autograd.md shows.
#include <hookcam/autograd.hpp>
#include <hookcam/layers/conv2d/conv2d.hpp>
#include <hookcam/layers/max_pool2d/max_pool2d.hpp>

#include <cmath>
#include <iostream>

namespace hc = hookcam;

namespace {

void write(char const* what, double value) {
    std::cout << what << ' ' << value << '\n';
}

} // namespace

int main() {
    // Leaves, constants and what is made of them.
    auto w = hc::variable{xt::xtensor<double, 2>{{1.0, 2.0}, {3.0, 4.0}}}; // a leaf: its gradient is wanted
    auto b = hc::variable{xt::xtensor<double, 1>{0.5, -0.5}};
    xt::xtensor<double, 2> const x{{1.0, 0.0}, {0.0, 1.0}, {1.0, 1.0}}; // an xtensor expression is a constant
    auto const y = matmul(x, w) + b;                                    // shapes broadcast as NumPy's do
    auto const loss = mean(square(y - 1.0));
    loss.backward();
    write("loss", loss.item());
    write("db", b.grad()(0));
    w.mutable_value() -= 0.1 * w.grad(); // a step; it is not recorded
    w.zero_grad();
    b.zero_grad();

    // Reductions name their axes by type.
    auto const centred = y.detach() - mean<0>(y.detach(), hc::keep_dims);
    write("variance", (sum<0>(square(centred)) / 2.0).value()(0));

    // A function of one's own, and its gradient.
    auto const softsign =
        hc::functional::operation([](auto const& of) { return of / (1.0 + xt::abs(of)); },
                                  [](auto const& grad, auto const& result, auto const& of) {
                                      return grad * (1.0 - xt::abs(result)) / (1.0 + xt::abs(of));
                                  });
    auto const v = hc::variable{xt::xtensor<double, 1>{1.0}};
    softsign(v).backward();
    write("softsign", v.grad()(0));

    // A gradient that is itself differentiated: a penalty on its length, and a product with the Hessian.
    auto const u = hc::variable{xt::xtensor<double, 1>{1.0, 2.0}};
    auto const f = sum(pow(u, 3)) + select<0>(u, 0) * select<0>(u, 1);
    auto const gradient = hc::grad(f, u, {.create_graph = true});
    auto const penalty = square(sqrt(sum(square(gradient))) - 1.0);
    write("penalty", hc::grad(penalty, u, {.retain_graph = true}).value()(0));
    auto const direction = hc::constant(xt::xtensor<double, 1>{1.0, -1.0});
    write("Hessian times direction", hc::grad(sum(gradient * direction), u).value()(0));

    // Layers, by their own kernels.
    using convolution = hc::conv2d<1, 2, hc::kernel<3>, hc::padding<1>>;
    auto const image = hc::constant(xt::xtensor<double, 4>{{{{1.0, 2.0}, {3.0, 4.0}}}});
    auto const weight = hc::variable{xt::xtensor<double, 4>{{{{0., 1., 0.}, {1., 1., 1.}, {0., 1., 0.}}},
                                                            {{{0., 0., 0.}, {0., 2., 0.}, {0., 0., 0.}}}}};
    auto const bias = hc::variable{xt::xtensor<double, 1>{0.0, 1.0}};
    auto const seen = relu(hc::functional::apply<convolution>(image, weight, bias));
    auto const pooled = hc::functional::apply<hc::max_pool2d<2>>(seen);
    sum(pooled).backward();
    write("pooled", pooled.value()(0, 1, 0, 0));
    write("dweight", weight.grad()(1, 0, 1, 1));

    // Hooks that are known when the program is compiled live in the graph itself.
    auto const scaled = hooked(square(v), [](auto const& grad) { return grad * 10.0; });
    v.zero_grad();
    scaled.backward();
    write("hooked", v.grad()(0));
}
