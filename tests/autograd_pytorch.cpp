// Runs every computation that autograd_pytorch.py knows too: autograd_pytorch INPUTS OUTPUTS, both safetensors. Of a
// computation `name` the inputs are `name.0`, `name.1`, …, and what comes back are `name.y`, `name.grad.0` and, under
// `name.second.0`, the gradients of Σ square(gradient), where that is asked for.

#include "layers_pytorch.hpp"

#include <hookcam/autograd.hpp>
#include <hookcam/io.hpp>

namespace {

namespace hc = hookcam;

struct session {
    hc::state_dict given;
    hc::state_dict results{};

    template <std::size_t... Ranks, class Function>
    void run(std::string const& name, Function const& function, bool twice = true) {
        run_indexed<Ranks...>(name, function, twice, std::make_index_sequence<sizeof...(Ranks)>{});
    }

private:
    template <std::size_t... Ranks, class Function, std::size_t... I>
    void run_indexed(std::string const& name, Function const& function, bool twice,
                     std::index_sequence<I...>) {
        std::tuple const inputs{
            hc::variable{compared::tensor<Ranks>(compared::entry(given, name + '.' + std::to_string(I)))}...};
        auto const y = std::apply(function, inputs);
        compared::store(results, name + ".y", y.value());
        // The sum of squares of the result, so that every element has a gradient of its own.
        auto const gradients =
            hc::grad(sum(square(y)), std::tie(std::get<I>(inputs)...), {.create_graph = twice});
        (compared::store(results, name + ".grad." + std::to_string(I), std::get<I>(gradients).value()), ...);
        if (!twice)
            return;
        auto const again =
            hc::grad((... + sum(square(std::get<I>(gradients)))), std::tie(std::get<I>(inputs)...));
        (compared::store(results, name + ".second." + std::to_string(I), std::get<I>(again).value()), ...);
    }
};

} // namespace

int main(int, char** argv) {
    session all{hookcam::read_weights(std::filesystem::path{argv[1]})};
    auto const one = [&](char const* name, auto const& function) { all.run<2>(name, function); };
    auto const two = [&](char const* name, auto const& function) { all.run<2, 3>(name, function); };
    one("exp", [](auto const& x) { return exp(x); });
    one("log", [](auto const& x) { return log(x); });
    one("sqrt", [](auto const& x) { return sqrt(x) * x; });
    one("tanh", [](auto const& x) { return tanh(x); });
    one("sigmoid", [](auto const& x) { return sigmoid(x); });
    one("relu", [](auto const& x) { return relu(x - 1.0); });
    one("abs", [](auto const& x) { return abs(x - 1.0); });
    one("clip", [](auto const& x) { return clip(x, 0.7, 1.2) * x; });
    one("pow", [](auto const& x) { return pow(x, 2.5); });
    two("add", [](auto const& a, auto const& b) { return a + b; });
    two("subtract", [](auto const& a, auto const& b) { return a - b; });
    two("multiply", [](auto const& a, auto const& b) { return a * b; });
    two("divide", [](auto const& a, auto const& b) { return a / b; });
    two("power", [](auto const& a, auto const& b) { return pow(a, b); });
    two("maximum", [](auto const& a, auto const& b) { return maximum(a, b); });
    two("minimum", [](auto const& a, auto const& b) { return minimum(a, b); });
    two("where", [](auto const& a, auto const& b) { return where(a > b, a * a, b); });
    one("sum", [](auto const& x) { return sum<0>(x); });
    one("mean", [](auto const& x) { return x * mean<1>(x, hc::keep_dims); });
    one("amax", [](auto const& x) { return max<1>(x); });
    one("var", [](auto const& x) { return variance<0>(x); });
    one("logsumexp", [](auto const& x) { return logsumexp<-1>(x); });
    one("softmax", [](auto const& x) { return softmax<1>(x); });
    one("log_softmax", [](auto const& x) { return log_softmax<1>(x); });
    one("transpose", [](auto const& x) { return transpose(x) * 2.0; });
    one("reshape", [](auto const& x) { return reshape(x, 2, -1, 1); });
    one("slice", [](auto const& x) { return slice<1>(x, 0, 3, 2); });
    one("select", [](auto const& x) { return select<0>(x, -1); });
    one("pad", [](auto const& x) { return pad<1>(x, 1, 2, 3.0) * 0.5; });
    one("cat", [](auto const& x) { return concatenate<0>(x, x * x); });
    one("stack", [](auto const& x) { return stack<1>(x, x * x); });
    one("gather", [](auto const& x) { return gather<1>(x, xt::xtensor<int, 2>{{0, 0}, {2, 1}}); });
    one("cross_entropy", [](auto const& x) { return cross_entropy(x, std::array{1, 0, 2, 2}); });
    all.run<3, 2>("matmul", [](auto const& a, auto const& b) { return matmul(a, b); });
    all.run<4, 3>("bmm", [](auto const& a, auto const& b) { return matmul(a, b); });
    all.run<2, 2, 1>("linear", [](auto const& x, auto const& w, auto const& b) { return linear(x, w, b); });
    all.run<4, 4, 1>("conv2d", [](auto const& x, auto const& w, auto const& b) {
        return conv2d<hc::stride<2>, hc::padding<1, 2>, hc::dilation<2, 1>, hc::groups<2>>(x, w, b);
    });
    hookcam::write_safetensors(argv[2], all.results);
}
