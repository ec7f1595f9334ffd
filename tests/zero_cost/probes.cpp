// What the zero-cost proofs compare: each probe is compiled with hookcam's headers and with their slot-free
// twin, and must become the same machine code. With HOOKED a hook that the compiler cannot see through is
// attached, and the code must differ.

#include "../../examples/networks/simple_cnn.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace hc = hookcam;

using images = xt::xtensor<float, 4>;

#ifdef HOOKED
extern "C" void observed();
#endif

namespace {

/// What a plan is made of: the model, and in the control the model with a hook.
template <hc::fixed_string Path, class Network>
decltype(auto) probed(hc::model<Network> const& of) {
#ifdef HOOKED
    return hc::attach<Path>(of, hc::on_forward([](auto const&, auto const&, auto const&) { observed(); }));
#else
    return (of);
#endif
}

template <class View>
void copy_out(View const& from, float* to) {
    std::copy_n(from.data(), from.size(), to);
}

using relu_network = hc::sequential<hc::named<"relu", hc::relu<>>>;

using conv_network = hc::sequential<hc::named<"conv", hc::conv2d<3, 8, hc::kernel<3>, hc::padding<1>>>>;

/// The block of a residual network, with its batch norms, in front of a classifier.
using block_network = hc::sequential<
    hc::named<
        "block",
        hc::sequential<hc::residual<hc::sequential<
                           hc::named<"conv1", hc::conv2d<8, 8, hc::kernel<3>, hc::padding<1>, hc::no_bias>>,
                           hc::named<"bn1", hc::batch_norm2d<8>>, hc::relu<>,
                           hc::named<"conv2", hc::conv2d<8, 8, hc::kernel<3>, hc::padding<1>, hc::no_bias>>,
                           hc::named<"bn2", hc::batch_norm2d<8>>>>,
                       hc::relu<>>>,
    hc::flatten<>, hc::named<"fc", hc::linear<8 * 8 * 8, 10>>>;

} // namespace

// A layer's own functions, as a plan calls them.

extern "C" void relu_layer(hc::tensor_view<float const, 4> const& x, hc::tensor_view<float, 4>& y,
                           hc::tensor_view<float const, 4> const& grad_y, hc::tensor_view<float, 4>& grad_x) {
    hc::relu<> const layer;
    layer.forward(x, y);
    layer.backward(y, grad_y, grad_x);
}

extern "C" void conv2d_layer(float* parameters, float* gradients, void* scratch,
                             hc::tensor_view<float const, 4> const& x, hc::tensor_view<float, 4>& y,
                             hc::tensor_view<float const, 4> const& grad_y,
                             hc::tensor_view<float, 4>& grad_x) {
    using layer_type = hc::conv2d<3, 8, hc::kernel<3>, hc::padding<1>>;
    layer_type const layer;
    hc::belongings<layer_type, float const, hc::cpu> const own{parameters, scratch, nullptr};
    hc::belongings<layer_type, float, hc::cpu> const to{gradients, scratch, nullptr};
    layer.forward(own, x, y);
    layer.backward(own, grad_y, grad_x);
    layer.backward_parameters(own, x, grad_y, to);
}

// Networks: the model made, the plan made, run, and both destroyed.

extern "C" void relu(images const& x, images const& grad_y, float* y, float* grad_x) {
    hc::model<relu_network> const model;
    auto plan = hc::plan(probed<"relu">(model), hc::with_input_gradient<hc::gradients_request<>>{});
    copy_out(plan.forward(x), y);
    plan.backward(grad_y);
    copy_out(plan.input_gradient(), grad_x);
}

extern "C" void conv2d(images const& x, images const& grad_y, float* y, float* grad_x, float* grad_weight) {
    using request = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>;
    hc::model<conv_network> const model;
    auto plan = hc::plan<hc::image<3, 8, 8>>(probed<"conv">(model), request{});
    copy_out(plan.forward(x), y);
    plan.backward(grad_y);
    copy_out(plan.input_gradient(), grad_x);
    copy_out(plan.parameter_gradient("conv.weight"), grad_weight);
}

extern "C" void block(images const& x, xt::xtensor<float, 2> const& grad_y, float* y, float* activation,
                      float* gradient) {
    hc::model<block_network> const model;
    auto plan = hc::plan<hc::image<8, 8, 8>>(
        probed<"block">(model), hc::with_parameter_gradients<hc::gradients_request<"block.conv1">>{});
    copy_out(plan.forward(x), y);
    plan.backward(grad_y);
    copy_out(plan.activation<"block.conv1">(), activation);
    copy_out(plan.gradient<"block.conv1">(), gradient);
}

extern "C" void simple_cnn_forward(images const& x, float* y) {
    hc::model<networks::simple_cnn> const model;
    auto plan = hc::plan<hc::image<3, 32, 32>>(probed<"conv1">(model));
    copy_out(plan(x), y);
}

extern "C" void simple_cnn_grad_cam(images const& x, float* heatmap) {
    hc::model<networks::simple_cnn> const model;
    auto look = hc::plan<hc::image<3, 32, 32>>(probed<"conv1">(model), hc::grad_cam_request<"conv3">{});
    copy_out(look(x).heatmap, heatmap);
}

// What no code shows: sizes and properties, as numbers.

namespace {

struct fact {
    std::size_t size, alignment;
    bool is_empty, is_trivially_copyable, is_trivially_destructible;
};

template <class... Types>
inline constexpr fact facts[] = {{sizeof(Types), alignof(Types), std::is_empty_v<Types>,
                                  std::is_trivially_copyable_v<Types>,
                                  std::is_trivially_destructible_v<Types>}...};

template <class Network>
using plan_of = decltype(hc::plan(std::declval<hc::model<Network> const&>(), hc::gradients_request<>{}));

} // namespace

extern "C" void const* sizes() {
    return facts<hc::relu<>, hc::conv2d<3, 8, hc::kernel<3>>, hc::linear<8, 4>, hc::max_pool2d<2>,
                 hc::avg_pool2d<2>, hc::adaptive_avg_pool2d<1>, hc::batch_norm2d<8>, hc::flatten<>,
                 hc::dropout<>, hc::softmax<>, hc::identity<>, hc::tap<"tap">, hc::named<"relu", hc::relu<>>,
                 hc::sequential<hc::relu<>, hc::flatten<>>,
                 hc::sequential<hc::relu<>, hc::relu<>, hc::relu<>>, hc::indexed<hc::relu<>, hc::flatten<>>,
                 hc::residual<hc::relu<>>, relu_network, conv_network, block_network, networks::simple_cnn,
                 hc::model<networks::simple_cnn>, plan_of<relu_network>, plan_of<networks::simple_cnn>,
                 hc::detail::cell<float>, hc::detail::step<float>, hc::detail::tape<float>>;
}
