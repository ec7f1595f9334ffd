#define BOOST_TEST_MODULE cuda_plan_layers
#include <boost/test/unit_test.hpp>

#include "device_harness.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// Plans on a device for the layers that cuda_plan.cpp has not, and for layers that run on the host all the same, against
// the processor in double.

using device_harness::check_near;
namespace hc = hookcam;

namespace {

template <class Network, class T>
hc::model<Network, T> filled() {
    hc::model<Network, T> made;
    std::uint32_t seed = 0;
    for (auto const& entry : made.entries()) {
        auto const values = device_harness::noise(entry.size, ++seed);
        bool const is_variance = entry.key.ends_with("running_var");
        std::transform(values.begin(), values.end(), entry.data, [&](float value) {
            return static_cast<T>(is_variance ? std::abs(value) + 0.5f : value);
        });
    }
    return made;
}

template <class Tensor>
std::vector<double> wide(Tensor const& of) {
    return {of.begin(), of.end()};
}
template <class View>
std::vector<float> fetched(View const& of) {
    auto const tensor = of.to_host();
    return {tensor.begin(), tensor.end()};
}

template <class Shape, class Network, hc::fixed_string Path>
void check_plan() {
    using request = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<Path>>>;
    auto const model = filled<Network, double>();
    auto const there = hc::to<device_harness::device_type>(filled<Network, float>());
    auto expected = hc::plan<Shape>(model, request{});
    auto look = hc::plan<Shape>(there, request{});
    for (std::size_t const batch : {2U, 5U, 1U}) {
        xt::xtensor<float, 4> x({batch, Shape::value[0], Shape::value[1], Shape::value[2]});
        auto const values = device_harness::noise(x.size(), 99);
        std::copy(values.begin(), values.end(), x.begin());
        auto const y = fetched(look.forward(x));
        check_near("y", y, wide(expected.forward(xt::xtensor<double, 4>{x})));
        xt::xtensor<float, 2> seed({batch, y.size() / batch});
        auto const weights = device_harness::noise(seed.size(), 98);
        std::copy(weights.begin(), weights.end(), seed.begin());
        for (int times = 0; times < 2; ++times) { // backward may run again
            look.backward(seed);
            expected.backward(xt::xtensor<double, 2>{seed});
            check_near("gradient", fetched(look.template gradient<Path>()),
                       wide(expected.template gradient<Path>()));
            check_near("gradient of the input", fetched(look.input_gradient()),
                       wide(expected.input_gradient()));
            for (auto const& entry : model.entries())
                if (entry.is_learned)
                    check_near(std::string{entry.key}, fetched(look.parameter_gradient(entry.key)),
                               wide(expected.parameter_gradient(entry.key)));
        }
    }
}

} // namespace

// Between a norm and the layer in front stands what is not linear: a norm takes away the gradient of a bias.
BOOST_AUTO_TEST_CASE(layers_with_kernels) {
    using net = hc::sequential<
        hc::zero_pad2d<1, 0, 2, 1>, hc::named<"groups", hc::group_norm<2, 4>>,
        hc::named<"up", hc::conv_transpose2d<4, 6, hc::kernel<3>, hc::stride<2>, hc::padding<1>,
                                             hc::output_padding<1>, hc::groups<2>>>,
        hc::gelu<>, hc::instance_norm2d<6>, hc::lp_pool2d<2, 2>,
        hc::named<"image", hc::layer_norm<hc::image<6, 8, 8>>>, hc::upsample<2, hc::bilinear>,
        hc::adaptive_max_pool2d<3, 5>, hc::upsample<2>,
        hc::named<"channels", hc::instance_norm2d<6, hc::affine>>, hc::gelu<>,
        hc::named<"rows", hc::layer_norm<hc::shape<10>, hc::no_bias>>, hc::global_max_pool2d<>, hc::flatten<>,
        hc::named<"features", hc::batch_norm1d<6>>, hc::layer_norm<hc::features<6>, hc::no_affine>,
        hc::named<"fc", hc::linear<6, 3>>>;
    check_plan<hc::image<4, 5, 7>, net, "up">();
}

namespace {

/// A layer without kernels for a device, with all that a layer may ask for: gain₀·sin(x) + gain₁·x.
template <class... Policies>
struct wave : hc::layer<wave<Policies...>, Policies...> {
    using parameters = hc::parameters<hc::parameter<"gain", 2>>;

    static constexpr std::size_t scratch_bytes(hc::extents const&, hc::extents const&) {
        return sizeof(double);
    }
    static constexpr std::size_t state_bytes(hc::extents const&, hc::extents const& out) {
        return out.count() * sizeof(double);
    }

    void forward(auto const& own, auto const& x, auto& y) const {
        auto const gain = hc::get<"gain">(own);
        auto* const scratch = hc::detail::scratch_of(own);
        auto* const slopes = static_cast<double*>(own.state);
        for (std::size_t i = 0; i < x.size(); ++i) {
            *scratch = std::sin(x.data()[i]);
            y.data()[i] = gain(0) * *scratch + gain(1) * x.data()[i];
            if (slopes != nullptr)
                slopes[i] = std::cos(static_cast<double>(x.data()[i]));
        }
    }
    void backward(auto const& own, auto const& grad_y, auto& grad_x) const {
        using value = std::remove_cvref_t<decltype(grad_x.data()[0])>;
        auto const gain = hc::get<"gain">(own);
        auto const* const slopes = static_cast<double const*>(own.state);
        for (std::size_t i = 0; i < grad_y.size(); ++i)
            grad_x.data()[i] = grad_y.data()[i] * (gain(0) * static_cast<value>(slopes[i]) + gain(1));
    }
    void backward_parameters(auto const&, auto const& x, auto const& grad_y, auto const& gradients) const {
        auto gain = hc::get<"gain">(gradients);
        gain(0) = gain(1) = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            gain(0) += grad_y.data()[i] * std::sin(x.data()[i]);
            gain(1) += grad_y.data()[i] * x.data()[i];
        }
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(layers_on_the_host) {
    using net =
        hc::sequential<hc::named<"conv1", hc::conv2d<2, 4, hc::kernel<3>, hc::padding<1>, hc::on_host>>,
                       hc::relu<hc::on_host>, hc::named<"wave", wave<hc::on_host>>,
                       hc::max_pool2d<2, hc::on_host>, hc::flatten<hc::on_host>, hc::sigmoid<hc::on_host>,
                       hc::named<"fc1", hc::linear<4 * 3 * 4, 11, hc::on_host>>, hc::relu<>,
                       hc::named<"fc", hc::linear<11, 3>>>;
    check_plan<hc::image<2, 7, 9>, net, "wave">();
}
