#include <hookcam/hookcam.hpp>

namespace hc = hookcam;

using net = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                           hc::flatten<>, hc::named<"fc1", hc::linear<32, 10>>>;
using shape = hc::image<1, 4, 4>;

// Gradients that were not asked for

void gradients() {
    hc::model<net> const m;
#if defined(BACKWARD_OF_INFERENCE) // refused: hookcam::plan: a plan must be asked for gradients when it is made
    auto p = hc::plan<shape>(m);
    p.backward(xt::xtensor<float, 2>{});
#elif defined(BACKWARD_OF_FEATURES) // refused: hookcam::plan: a plan must be asked for gradients when it is made
    auto p = hc::plan<shape>(m, hc::activations_request<"conv">{});
    p.backward();
#elif defined(GRADIENT_TO_FILL_OF_INFERENCE) // refused: hookcam::plan: a plan must be asked for gradients when it is made
    auto p = hc::plan<shape>(m);
    static_cast<void>(p.gradient_to_fill());
#elif defined(INPUT_GRADIENT) // refused: hookcam::plan: a plan must be asked for gradients when it is made
    auto p = hc::plan<shape>(m, hc::gradients_request<"conv">{});
    static_cast<void>(p.input_gradient());
#elif defined(PARAMETER_GRADIENT) // refused: hookcam::plan: a plan must be asked for gradients when it is made
    auto p = hc::plan<shape>(m, hc::gradients_request<"conv">{});
    static_cast<void>(p.parameter_gradient("conv.weight"));
#elif defined(ACTIVATION_NOT_NAMED) // refused: hookcam::plan: the request must name this path when the plan is made
    auto p = hc::plan<shape>(m, hc::activations_request<"conv">{});
    static_cast<void>(p.activation<"fc1">());
#elif defined(GRADIENT_NOT_NAMED) // refused: hookcam::plan: the request must name this path when the plan is made
    auto p = hc::plan<shape>(m, hc::gradients_request<"conv">{});
    static_cast<void>(p.gradient<"fc1">());
#elif defined(GRADIENT_OF_FEATURES) // refused: hookcam::plan: a plan must be asked for gradients when it is made
    auto p = hc::plan<shape>(m, hc::activations_request<"conv">{});
    static_cast<void>(p.gradient<"conv">());
#elif defined(CHOSEN_BY_TYPE) // refused: hookcam::plan: must be made by a request that chooses a path
    auto p = hc::plan<shape>(m, hc::activations_request<"conv">{});
    static_cast<void>(p.chosen_activation());
#elif defined(CONTROL)
    auto p = hc::plan<shape>(
        m, hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"conv">>>{});
    p.backward(xt::xtensor<float, 2>{});
    static_cast<void>(p.gradient_to_fill());
    static_cast<void>(p.input_gradient());
    static_cast<void>(p.parameter_gradient("conv.weight"));
    static_cast<void>(p.activation<"conv">());
    static_cast<void>(p.gradient<"conv">());
#endif
}

// Paths

void paths() {
    hc::model<net> const m;
    [[maybe_unused]] xt::xtensor<float, 4> const x;
#if defined(UNKNOWN_PATH_IN_REQUEST) // refused: 'f', 'c', '2'.*'c', 'o', 'n', 'v'.*'f', 'c', '1'
    static_cast<void>(hc::plan<shape>(m, hc::activations_request<"fc2">{}));
#elif defined(UNKNOWN_PATH_IN_GRAD_CAM) // refused: hookcam::paths: the network must have a layer of this path
    static_cast<void>(hc::grad_cam<"conv1">(m, x));
#elif defined(NO_PATH_IN_REQUEST) // refused: hookcam::activations: must name a layer
    static_cast<void>(hc::plan<shape>(m, hc::activations_request<>{}));
#elif defined(GRAD_CAM_WITHOUT_SPATIAL_OUTPUT) // refused: hookcam::grad_cam: the chosen layer must have a spatial output
    static_cast<void>(hc::grad_cam<"fc1">(m, x));
#elif defined(GRAD_CAM_SHOWS_THE_SHAPE) // refused: layer_must_be_spatial<hookcam::shape<10
    auto p = hc::plan<shape>(m, hc::grad_cam_request<"fc1">{});
    p(x);
#elif defined(PATH_AS_STRING_OF_A_CLOSED_MODEL) // refused: hookcam::plan: a path given at run time needs a model with run-time hooks
    static_cast<void>(hc::plan<shape>(m, hc::grad_cam_at<>{"conv"}));
#elif defined(CONTROL)
    static_cast<void>(hc::plan<shape>(m, hc::activations_request<"fc1">{}));
    static_cast<void>(hc::grad_cam<"conv">(m, x));
    auto const open = hc::with_runtime_hooks(m);
    static_cast<void>(hc::plan<shape>(open, hc::grad_cam_at<>{"conv"}));
#endif
}

// Inputs

void inputs() {
    hc::model<net> const m;
    [[maybe_unused]] auto p = hc::plan<shape>(m);
#if defined(INPUT_OF_ANOTHER_SCALAR) // refused: hookcam::plan: the input must hold the model's scalar
    p(xt::xtensor<double, 4>{});
#elif defined(INPUT_OF_ANOTHER_RANK) // refused: hookcam::plan: the input must have the axes of the network's input
    p(xt::xtensor<float, 2>{});
#elif defined(INPUT_IS_NO_EXPRESSION) // refused: hookcam::plan: the input must be an xtensor expression
    p(1.0f);
#elif defined(INPUT_SHAPE_DOES_NOT_JOIN) // refused: hookcam::linear: the input must have as many features
    static_cast<void>(hc::plan<hc::image<1, 8, 8>>(m));
#elif defined(CONTROL)
    p(xt::xtensor<float, 4>{});
    p(xt::xtensor<float, 3>{});
    p(xt::xarray<float>{});
#endif
}

// What is borrowed must have a name

void temporaries() {
    hc::model<net> const m;
    [[maybe_unused]] auto const open = hc::with_runtime_hooks(m);
#if defined(PLAN_OF_A_TEMPORARY) // refused: what a plan or a hook borrows must outlive it; give the temporary a name
    static_cast<void>(hc::plan<shape>(hc::model<net>{}));
#elif defined(PLAN_OF_A_TEMPORARY_OPEN) // refused: what a plan or a hook borrows must outlive it; give the temporary a name
    static_cast<void>(hc::plan<shape>(hc::with_runtime_hooks(m)));
#elif defined(CONTROL)
    static_cast<void>(hc::plan<shape>(m));
    static_cast<void>(hc::plan<shape>(open));
    static_cast<void>(hc::plan<shape>(hc::attach<"fc1">(m, hc::on_forward([](auto const&...) {}))));
#endif
}

#if defined(MODEL_OF_WHOLE_NUMBERS) // refused: hookcam::model: the scalar type must be float or double
[[maybe_unused]] hc::model<net, int> a_model;
#elif defined(CONTROL)
[[maybe_unused]] hc::model<net, double> a_model;
#endif

// Scores

#if defined(CLASS_OF_AN_IMAGE) // refused: hookcam::grad_cam: the score of a class needs an output that is one vector
using scored = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>>>, hc::relu<>>;
#else
using scored = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>>>, hc::adaptive_avg_pool2d<1>, hc::flatten<>>;
#endif
[[maybe_unused]] auto score(hc::model<scored> const& model, xt::xtensor<float, 3> const& image) {
    return hc::grad_cam<"conv">(model, image);
}

// Keys of the state dict

#if defined(EQUAL_KEYS) // refused: hookcam::model: two tensors must not have the same key in the state dict
using keyed = hc::sequential<hc::linear<4, 4>, hc::relu<>, hc::sequential<hc::linear<4, 2>>>;
#else
using keyed = hc::sequential<hc::linear<4, 4>, hc::relu<>, hc::named<"last", hc::sequential<hc::linear<4, 2>>>>;
#endif
[[maybe_unused]] auto keys(hc::model<keyed> const& model) { return model.entries(); }

int main() {}
