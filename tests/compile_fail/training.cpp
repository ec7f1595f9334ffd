#include <hookcam/hookcam.hpp>
#include <hookcam/train.hpp>

namespace hc = hookcam;

using net = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                           hc::flatten<>, hc::named<"fc1", hc::linear<32, 10>>>;
using shape = hc::image<1, 4, 4>;

// What is trained is borrowed, and changed

void models() {
    hc::model<net> model;
    [[maybe_unused]] hc::model<net> const fixed;
    [[maybe_unused]] auto const watched = hc::attach<"fc1">(fixed, hc::on_forward([](auto const&...) {}));
#if defined(CONST_MODEL) // refused: hookcam::training_plan: the model must not be const
    static_cast<void>(hc::training_plan<shape>(fixed));
#elif defined(HOOKS_ON_A_CONST_MODEL) // refused: hookcam::training_plan: the model must not be const
    static_cast<void>(hc::training_plan<shape>(watched));
#elif defined(CONST_MODEL_OPENED) // refused: hookcam::training_plan: the model must not be const
    auto const open = hc::with_runtime_hooks(fixed);
    static_cast<void>(hc::training_plan<shape>(open));
#elif defined(TEMPORARY_MODEL) // refused: what a plan or a hook borrows must outlive it; give the temporary a name
    static_cast<void>(hc::training_plan<shape>(hc::model<net>{}));
#elif defined(TEMPORARY_OPEN) // refused: what a plan or a hook borrows must outlive it; give the temporary a name
    static_cast<void>(hc::training_plan<shape>(hc::with_runtime_hooks(model)));
#elif defined(SHAPE_DOES_NOT_JOIN) // refused: hookcam::linear: the input must have as many features
    static_cast<void>(hc::training_plan<hc::image<1, 8, 8>>(model));
#elif defined(INFERENCE_DOES_NOT_TRAIN) // refused: hookcam::plan: a plan must be asked for gradients when it is made
    auto plan = hc::plan<shape>(model);
    plan.backward(xt::xtensor<float, 2>{});
#elif defined(PLAN_DOES_NOT_COMMIT) // refused: no member named 'commit'|has no member named 'commit'
    auto plan = hc::plan<shape>(model, hc::with_parameter_gradients<hc::gradients_request<>>{});
    plan.commit();
#elif defined(CONTROL)
    static_cast<void>(hc::training_plan<shape>(model));
    static_cast<void>(hc::training_plan<shape>(hc::attach<"fc1">(model, hc::on_forward([](auto const&...) {}))));
    auto const open = hc::with_runtime_hooks(model);
    auto training = hc::training_plan<shape>(open);
    training.commit();
#endif
}

// What is frozen

void paths() {
    hc::model<net> model;
#if defined(UNKNOWN_PATH) // refused: hookcam::paths: the network must have a layer of this path
    static_cast<void>(hc::training_plan<shape>(model, hc::freeze<"conv1">{}));
#elif defined(UNKNOWN_PATH_TO_TRAIN) // refused: 'f', 'c', '2'.*'c', 'o', 'n', 'v'.*'f', 'c', '1'
    static_cast<void>(hc::training_plan<shape>(model, hc::train_only<"fc2">{}));
#elif defined(GRADIENT_OF_INPUT) // refused: hookcam::plan: a plan must be asked for gradients when it is made
    auto training = hc::training_plan<shape>(model);
    static_cast<void>(training.input_gradient());
#elif defined(CONTROL)
    static_cast<void>(hc::training_plan<shape>(model, hc::freeze<"conv">{}));
    auto training = hc::training_plan<shape>(model, hc::with_input_gradient<hc::train_only<"fc1">>{});
    static_cast<void>(training.input_gradient());
#endif
}

#if defined(MOMENTUM_OUT_OF_RANGE) // refused: hookcam::batch_norm2d: momentum must be from 0 to 1
[[maybe_unused]] auto normed(hc::model<hc::sequential<hc::batch_norm2d<2, hc::momentum<1.5>>>>& model) {
    return model.size();
}
#elif defined(MOMENTUM_OF_ANOTHER_NORM) // refused: hookcam::layer: a layer takes only policies that it knows
[[maybe_unused]] hc::group_norm<1, 2, hc::momentum<0.5>> norm;
#elif defined(CONTROL)
[[maybe_unused]] auto normed(hc::model<hc::sequential<hc::batch_norm2d<2, hc::momentum<0.5>>>>& model) {
    return model.size();
}
#endif

int main() {}
