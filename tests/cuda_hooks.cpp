#define BOOST_TEST_MODULE cuda_hooks
#include <boost/test/unit_test.hpp>

#include "device_tensors.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Hooks of a model on a device: they see views of its memory, and return what lies there or here. Doubling is exact, so
// what a hook doubles is compared bit by bit with weights that are twice as large.

namespace hc = hookcam;

namespace {

using device_harness::filled_tensor;
using net = hc::sequential<hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, hc::flatten<>,
                           hc::named<"fc", hc::linear<3 * 5 * 4, 6>>>;
using shape = hc::image<2, 5, 4>;
using everything = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>;
using tensor = xt::xarray<float>;

hc::model<net> filled(float of_conv = 1) {
    hc::model<net> made;
    for (auto const& entry : made.entries()) {
        auto const values = device_harness::noise(entry.size, 7);
        float const factor = entry.key.starts_with("conv") ? of_conv : 1;
        std::transform(values.begin(), values.end(), entry.data, [=](float value) { return value * factor; });
    }
    return made;
}

auto const x = filled_tensor<4>({3, 2, 5, 4}, 1);
auto const grad_y = filled_tensor<2>({3, 6}, 2);

struct seen {
    tensor output, input_gradient, weight_gradient;
};

/// Forward and backward with hooks.
template <class Hooked>
seen run(Hooked const& hooked) {
    auto plan = hc::plan<shape>(hooked, everything{});
    seen found;
    found.output = plan.forward(x).to_host();
    plan.backward(grad_y);
    found.input_gradient = plan.input_gradient().to_host();
    found.weight_gradient = plan.parameter_gradient("conv.weight").to_host();
    return found;
}

} // namespace

BOOST_AUTO_TEST_CASE(hooks_that_look_see_what_is_there_and_change_nothing) {
    auto const model = hc::to<device_harness::device_type>(filled());
    auto const plain = run(model);
    tensor input, output, grad_input, grad_output, weight, grad_weight;
    std::string path, names;
    auto const watched = hc::attach<"conv">(
        model, hc::on_forward([&](auto const& layer, auto const& in, auto const& out) {
            path = layer.path();
            input = in.to_host();
            output = out.to_host();
            weight = layer.parameter("weight").to_host();
            BOOST_TEST((out.shape() == std::array<std::size_t, 4>{3, 3, 5, 4}));
        }),
        hc::on_backward([&](auto const&, auto const& of_input, auto const& of_output) {
            grad_input = of_input.to_host();
            grad_output = of_output.to_host();
        }),
        hc::on_parameter_gradient([&](auto const&, std::string_view name, auto const& gradient) {
            names += std::string{name} + ' ';
            if (name == "weight")
                grad_weight = gradient.to_host();
        }));
    auto const found = run(watched);
    BOOST_TEST((found.output == plain.output));
    BOOST_TEST((found.input_gradient == plain.input_gradient));
    BOOST_TEST((found.weight_gradient == plain.weight_gradient));
    BOOST_TEST(path == "conv");
    BOOST_TEST(names == "weight bias ");
    BOOST_TEST((input == x));
    BOOST_TEST((grad_input == plain.input_gradient));
    BOOST_TEST((grad_weight == plain.weight_gradient));
    auto const here = filled();
    BOOST_TEST((weight == here.parameter("conv.weight")));
    BOOST_TEST(output.size() == 3U * 3 * 5 * 4);
    BOOST_TEST(grad_output.size() == output.size());
}

BOOST_AUTO_TEST_CASE(replacements_from_here_and_from_there) {
    auto const model = hc::to<device_harness::device_type>(filled());
    auto const doubled = run(hc::to<device_harness::device_type>(filled(2)));
    auto const plain = run(model);

    // From the processor's memory.
    auto const from_here =
        run(hc::attach<"conv">(model, hc::on_forward([](auto const&, auto const&, auto const& out) {
                                   return tensor{out.to_host() * 2.0f};
                               })));
    BOOST_TEST((from_here.output == doubled.output));

    // From the device's, by a kernel of one's own in the stream's order.
    auto const from_there = run(hc::attach<"conv">(
        model, hc::on_forward([](auto const&, auto const&, auto const& out) {
            hc::device_tensor<float, 4, device_harness::device_type> made{out.device(), out.shape()};
            hc::kernels::add(out.device(), out.size(), out.data(), out.data(), made.data());
            return made;
        })));
    BOOST_TEST((from_there.output == doubled.output));

    auto const backward = run(hc::attach<"conv">(
        model,
        hc::on_backward_pre([](auto const&, auto const& grad) { return tensor{grad.to_host() * 2.0f}; }),
        hc::on_parameter_gradient([](auto const&, std::string_view, auto const& gradient) {
            return tensor{gradient.to_host() * 4.0f};
        })));
    BOOST_TEST((backward.output == plain.output));
    BOOST_TEST((backward.input_gradient == tensor{plain.input_gradient * 2.0f}));
    BOOST_TEST((backward.weight_gradient == tensor{plain.weight_gradient * 8.0f}));
}

BOOST_AUTO_TEST_CASE(a_replacement_of_another_shape_throws_and_the_plan_goes_on) {
    auto const model = hc::to<device_harness::device_type>(filled());
    bool wrong = true;
    auto const hooked =
        hc::attach<"conv">(model, hc::on_forward([&](auto const&, auto const&, auto const& out) {
                               return wrong ? tensor{xt::zeros<float>({1, 2, 3, 4})} : tensor{out.to_host()};
                           }));
    auto plan = hc::plan<shape>(hooked);
    BOOST_CHECK_EXCEPTION(plan.forward(x), hc::error,
                          [](hc::error const& e) { return e.kind() == hc::error_kind::hook; });
    wrong = false;
    BOOST_TEST((plan.forward(x).to_host() == run(model).output));
}
