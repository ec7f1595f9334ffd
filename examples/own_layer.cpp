// Layers written outside the library, without parameters and with, and one that is another in training, in a network that is
// hooked and explained like any other.
#include <hookcam/hookcam.hpp>
#include <hookcam/train.hpp>

#include <cmath>
#include <iostream>

namespace hc = hookcam;

// [swish]
/// x·sigmoid(x), element by element.
template <class... Policies>
struct swish : hc::layer<swish<Policies...>, Policies...> {
    using backward_reads = hc::reads<hc::input>; // so the plan keeps the input for backward

    void forward(auto const& x, auto& y) const {
        for (std::size_t i = 0; i < x.size(); ++i)
            y.data()[i] = x.data()[i] / (1 + std::exp(-x.data()[i]));
    }

    void backward(auto const& x, auto const& grad_y, auto& grad_x) const {
        for (std::size_t i = 0; i < x.size(); ++i) {
            auto const s = 1 / (1 + std::exp(-x.data()[i]));
            grad_x.data()[i] = grad_y.data()[i] * s * (1 + x.data()[i] * (1 - s));
        }
    }
};
// [swish]

// [scale]
/// Multiplies each channel by a learned number.
template <std::size_t Channels, class... Policies>
struct scale : hc::layer<scale<Channels, Policies...>, Policies...> {
    using parameters = hc::parameters<hc::initially_one<hc::parameter<"gain", Channels>>>;

    static constexpr hc::extents output_extents(hc::extents const& in) {
        hc::require(in.rank == 3 && (in[0] == Channels || in[0] == hc::dynamic),
                    "scale: the input must have the layer's channels; correct one of them", in);
        return in;
    }

    void forward(auto const& own, auto const& x, auto& y) const { multiply(own, x, y); }
    void backward(auto const& own, auto const& grad_y, auto& grad_x) const { multiply(own, grad_y, grad_x); }

    void backward_parameters(auto const&, auto const& x, auto const& grad_y, auto const& gradients) const {
        auto gain = hc::get<"gain">(gradients);
        gain.fill(0);
        each(x, [&](std::size_t channel, std::size_t i) { gain(channel) += x.data()[i] * grad_y.data()[i]; });
    }

private:
    static void multiply(auto const& own, auto const& x, auto& y) {
        auto const gain = hc::get<"gain">(own);
        each(x, [&](std::size_t channel, std::size_t i) { y.data()[i] = gain(channel) * x.data()[i]; });
    }

    static void each(auto const& x, auto function) {
        std::size_t const pixels = x.shape()[2] * x.shape()[3];
        for (std::size_t i = 0; i < x.size(); ++i)
            function(i / pixels % Channels, i);
    }
};
// [scale]

/// Adds noise in training; hands its input on in inference.
template <class... Policies>
struct noise : hc::layer<noise<Policies...>, Policies...> {
    struct in_training : hc::layer<in_training> {
        static constexpr bool draws = true;

        void forward(hc::counter_random const& draw, auto const& x, auto& y) const {
            for (std::size_t i = 0; i < x.size(); ++i)
                y.data()[i] = x.data()[i] + draw.uniform<float>(i) - 0.5F;
        }
        void backward(hc::counter_random const&, auto const& grad_y, auto& grad_x) const {
            std::copy(grad_y.begin(), grad_y.end(), grad_x.begin());
        }
    };
    static constexpr bool is_view = true;
};

using network = hc::sequential<hc::named<"conv", hc::conv2d<1, 4, hc::kernel<3>, hc::padding<1>>>,
                               hc::named<"swish", swish<>>, hc::named<"scale", scale<4>>, noise<>,
                               hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"fc", hc::linear<4, 2>>>;

int main() {
    hc::model<network> model;
    for (std::size_t i = 0; i < model.size(); ++i)
        model.data()[i] = std::sin(static_cast<float>(i));
    auto image = xt::xtensor<float, 3>::from_shape({1, 6, 6});
    for (std::size_t i = 0; i < image.size(); ++i)
        image.data()[i] = std::cos(static_cast<float>(i));

    auto const watched =
        hc::attach<"swish">(model, hc::on_forward([](auto const& layer, auto const&, auto const&) {
                                std::cout << layer.path() << " is a " << layer.type_name() << '\n';
                            }));
    auto const cam = hc::grad_cam<"scale">(watched, image);
    std::cout << "class " << cam.target[0] << ", " << to_string(cam.status[0]) << '\n';

    // The derivative with respect to the first gain, and by finite differences.
    auto plan = hc::plan(model, hc::with_parameter_gradients<hc::gradients_request<>>{});
    xt::xtensor<float, 2> const first{{1, 0}};
    plan(image, first);
    float const derivative = plan.parameter_gradient("scale.gain")(0);
    float const step = 0.01F;
    auto gain = model.parameter("scale.gain");
    gain(0) += step;
    float const up = model(image)(0, 0);
    gain(0) -= 2 * step;
    float const down = model(image)(0, 0);
    // The network is linear in the gain: what is left is rounding, 1e-7 of numbers near one over 2·step.
    float const error = std::abs(derivative - (up - down) / (2 * step));
    std::cout << (error < 1e-4F ? "the gradients agree\n" : "the gradients differ\n");

    // In training the noise is there, and nowhere else.
    auto training = hc::training_plan(model);
    bool const differs = training.forward(image)(0, 0) != model(image)(0, 0);
    std::cout << (differs ? "training is noisy\n" : "training is quiet\n");
    return error < 1e-4F && differs ? 0 : 1;
}
