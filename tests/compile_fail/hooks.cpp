#include <hookcam/hookcam.hpp>

#include <complex>
#include <string>

namespace hc = hookcam;

using net = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                           hc::flatten<>, hc::named<"fc1", hc::linear<32, 10>>>;
using all_gradients = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>;

template <class Slot>
void run_with(Slot slot) {
    hc::model<net> const m;
    auto p = hc::plan<hc::image<1, 4, 4>>(hc::attach<"conv">(m, slot), all_gradients{});
    p(xt::xtensor<float, 4>{}, xt::xtensor<float, 2>{});
}

struct takes_too_much {
    void operator()(int, int, int, int) const {}
};

// Wrong signatures

void signatures() {
#if defined(SIGNATURE_FORWARD_PRE) // refused: hookcam::on_forward_pre: a hook must be callable with .layer, input.
    run_with(hc::on_forward_pre([](auto const&) {}));
#elif defined(SIGNATURE_FORWARD) // refused: hookcam::on_forward: a hook must be callable with .layer, input, output.
    run_with(hc::on_forward([](auto const&, auto const&) {}));
#elif defined(SIGNATURE_FORWARD_SECOND) // refused: hookcam::on_forward: a hook must be callable with .layer, input, output.
    run_with(hc::on_forward([](auto const&...) {}, takes_too_much{}));
#elif defined(SIGNATURE_WRITES) // refused: hookcam::on_forward: a hook must be callable with .layer, input, output.
    run_with(hc::on_forward([](auto const&, auto const&, xt::xtensor<float, 4>&) {}));
#elif defined(SIGNATURE_BACKWARD_PRE) // refused: hookcam::on_backward_pre: a hook must be callable with .layer, grad_output.
    run_with(hc::on_backward_pre([](auto const&, auto const&, auto const&) {}));
#elif defined(SIGNATURE_BACKWARD) // refused: hookcam::on_backward: a hook must be callable with .layer, grad_input, grad_output.
    run_with(hc::on_backward([](auto const&, auto const&) {}));
#elif defined(SIGNATURE_PARAMETER_GRADIENT) // refused: hookcam::on_parameter_gradient: a hook must be callable with .layer, name, gradient.
    run_with(hc::on_parameter_gradient([](auto const&, auto const&) {}));
#elif defined(SIGNATURE_IN_TYPE) // refused: hookcam::on_forward: a hook must be callable with .layer, input, output.
    hc::model<hc::relu<hc::slot<hc::events::forward, takes_too_much>>> const m;
    static_cast<void>(m(xt::xtensor<float, 2>{}));
#elif defined(SIGNATURE_AT_RUN_TIME) // refused: hookcam::on_backward: a hook must be callable with .layer, grad_input, grad_output.
    hc::model<net> const m;
    auto const open = hc::with_runtime_hooks(m);
    open.at("conv").register_backward_hook([](auto const&, auto const&) {});
#elif defined(CONTROL)
    run_with(hc::on_forward_pre([](auto const&, auto const&) {}));
    run_with(hc::on_forward([](auto const&, auto const&, auto const&) {}));
    run_with(hc::on_backward_pre([](auto const&, auto const&) {}));
    run_with(hc::on_backward([](auto const&, auto const&, auto const&) {}));
    run_with(hc::on_parameter_gradient([](auto const&, auto const&, auto const&) {}));
#endif
}

// Wrong results

void results() {
#if defined(RETURNS_A_NUMBER) // refused: hookcam::hooks: a hook must return nothing, or an xtensor expression of the rank
    run_with(hc::on_forward([](auto const&...) { return 1; }));
#elif defined(RETURNS_A_STRING) // refused: hookcam::hooks: a hook must return nothing, or an xtensor expression of the rank
    run_with(hc::on_backward_pre([](auto const&...) { return std::string{}; }));
#elif defined(RETURNS_ANOTHER_RANK) // refused: hookcam::hooks: a hook must return nothing, or an xtensor expression of the rank
    run_with(hc::on_forward_pre([](auto const&...) { return xt::xtensor<float, 3>{}; }));
#elif defined(RETURNS_COMPLEX_NUMBERS) // refused: hookcam::hooks: a hook must return nothing, or an xtensor expression of the rank
    run_with(hc::on_backward([](auto const&...) { return xt::xtensor<std::complex<float>, 4>{}; }));
#elif defined(RETURNS_ANOTHER_FIXED_SHAPE) // refused: hookcam::hooks: what a hook returns must have the shape of what it replaces
    run_with(hc::on_forward([](auto const&...) { return xt::xtensor_fixed<float, xt::xshape<1, 2, 4, 5>>{}; }));
#elif defined(RETURNS_ANOTHER_FIXED_GRADIENT) // refused: hookcam::hooks: what a hook returns must have the shape of what it replaces
    run_with(hc::on_backward([](auto const&...) { return xt::xtensor_fixed<float, xt::xshape<1, 2, 4, 4>>{}; }));
#elif defined(RETURNS_A_NUMBER_FOR_A_PARAMETER) // refused: hookcam::hooks: a hook must return nothing, or an xtensor expression
    run_with(hc::on_parameter_gradient([](auto const&...) { return 0.5f; }));
#elif defined(RETURNS_A_NUMBER_AT_RUN_TIME) // refused: hookcam::hooks: a hook must return nothing, or an xtensor expression
    hc::model<net> const m;
    auto const open = hc::with_runtime_hooks(m);
    open.at("conv").register_forward_hook([](auto const&...) { return 1; });
#elif defined(RETURNS_A_NUMBER_AT_THE_FIRST_LAYER) // refused: hookcam::hooks: a hook must return nothing, or an xtensor expression
    hc::model<net> const m;
    auto p = hc::plan<hc::image<1, 4, 4>>(hc::attach<"conv">(m, hc::on_backward([](auto const&...) { return 1; })),
                                          hc::gradients_request<>{});
#elif defined(TRANSFORM_RETURNS_NOTHING) // refused: hookcam::transform: backward must be callable with .layer, gradient. and return
    run_with(hc::on_forward(hc::transform([](auto const&, auto const&, auto const& out) { return out * 2.0f; },
                                          [](auto const&, auto const&) {})));
#elif defined(TRANSFORM_LOOKS) // refused: hookcam::transform: forward must return the replacement
    run_with(hc::on_forward(hc::transform([](auto const&, auto const&, auto const&) {},
                                          [](auto const&, auto const& grad) { return grad * 2.0f; })));
#elif defined(TRANSFORM_OF_A_GRADIENT) // refused: hookcam::on_backward: a hook must be callable with .layer, grad_input, grad_output.
    run_with(hc::on_backward(hc::transform([](auto const&, auto const& in, auto const&) { return in; },
                                           [](auto const&, auto const& grad) { return grad; })));
#elif defined(TRANSFORM_AT_RUN_TIME) // refused: hookcam::with_runtime_hooks: a hook that brings its own backward must be attached at compile time
    hc::model<net> const m;
    auto const open = hc::with_runtime_hooks(m);
    open.at("conv").register_forward_hook(
        hc::transform([](auto const&, auto const&, auto const& out) { return out * 2.0f; },
                      [](auto const&, auto const& grad) { return grad * 2.0f; }));
#elif defined(CONTROL)
    run_with(hc::on_forward([](auto const&, auto const&, auto const& out) { return out * 2.0; }));
    run_with(hc::on_forward([](auto const&...) { return xt::xtensor_fixed<float, xt::xshape<1, 2, 4, 4>>{}; }));
    run_with(hc::on_backward([](auto const&...) { return xt::xtensor_fixed<float, xt::xshape<1, 1, 4, 4>>{}; }));
    run_with(hc::on_parameter_gradient([](auto const&, auto const&, auto const& grad) { return grad * 0.5f; }));
    run_with(hc::on_forward(hc::transform([](auto const&, auto const&, auto const& out) { return out * 2.0f; },
                                          [](auto const&, auto const& grad) { return grad * 2.0f; })));
#endif
}

// Names and what is attached

void names() {
    hc::model<net> const m;
#if defined(UNKNOWN_NAME) // refused: hookcam::paths: the network must have a layer of this path
    static_cast<void>(hc::attach<"fc2">(m, hc::on_forward([](auto const&...) {})));
#elif defined(UNKNOWN_NAME_IS_SHOWN) // refused: 'f', 'c', '2'.*'c', 'o', 'n', 'v'.*'f', 'c', '1'
    static_cast<void>(hc::attach<"fc2">(m, hc::on_forward([](auto const&...) {})));
#elif defined(NO_SLOT) // refused: hookcam::attach: what is attached must be slots
    static_cast<void>(hc::attach<"fc1">(m, [](auto const&...) {}));
#elif defined(NO_SLOT_FOR_ALL) // refused: hookcam::attach_all: what is attached must be slots
    static_cast<void>(hc::attach_all(m, [](auto const&...) {}));
#elif defined(CONTROL)
    static_cast<void>(hc::attach<"fc1">(m, hc::on_forward([](auto const&...) {})));
#endif
}

// What is borrowed must have a name

void temporaries() {
    hc::model<net> const m;
    auto const open = hc::with_runtime_hooks(m);
#if defined(ATTACH_TO_A_TEMPORARY) // refused: what a plan or a hook borrows must outlive it; give the temporary a name
    static_cast<void>(hc::attach<"fc1">(hc::model<net>{}, hc::on_forward([](auto const&...) {})));
#elif defined(ATTACH_ALL_TO_A_TEMPORARY) // refused: what a plan or a hook borrows must outlive it; give the temporary a name
    static_cast<void>(hc::attach_all(hc::model<net>{}, hc::on_forward([](auto const&...) {})));
#elif defined(ATTACH_TO_A_TEMPORARY_OPEN) // refused: what a plan or a hook borrows must outlive it; give the temporary a name
    static_cast<void>(hc::attach<"fc1">(hc::with_runtime_hooks(m), hc::on_forward([](auto const&...) {})));
#elif defined(OPEN_A_TEMPORARY) // refused: what a plan or a hook borrows must outlive it; give the temporary a name
    static_cast<void>(hc::with_runtime_hooks(hc::model<net>{}));
#elif defined(OPEN_TWICE) // refused: hookcam::with_runtime_hooks: what is opened must not be open already
    static_cast<void>(hc::with_runtime_hooks(open));
#elif defined(CONTROL)
    static_cast<void>(hc::attach<"fc1">(open, hc::on_forward([](auto const&...) {})));
    static_cast<void>(
        hc::with_runtime_hooks(hc::attach<"fc1">(m, hc::on_forward([](auto const&...) {}))));
#endif
}

int main() {}
