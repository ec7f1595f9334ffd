#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>

namespace hc = hookcam;

// A layer of a user's own, without kernels for a device

template <class... Policies>
struct doubled : hc::layer<doubled<Policies...>, Policies...> {
    void forward(auto const& x, auto& y) const {
        for (std::size_t i = 0; i < x.size(); ++i)
            y.data()[i] = 2 * x.data()[i];
    }
    void backward(auto const& grad_y, auto& grad_x) const { forward(grad_y, grad_x); }
};

#if defined(NO_KERNELS) // refused: hookcam::to: every layer of the network must have kernels for the device
using mine = doubled<>;
#elif defined(NO_KERNELS_IS_NAMED) // refused: layer_must_run_on_device<.*doubled<>.*emulated, false>
using mine = doubled<>;
#else
using mine = doubled<hc::on_host>;
#endif

void look(hc::model<hc::sequential<mine>> const& model, xt::xtensor<float, 4> const& x) {
    auto const there = hc::to<hc::emulated>(model);
    auto plan = hc::plan<hc::image<1, 4, 4>>(there);
    static_cast<void>(plan.forward(x));
    hc::device_tensor<float, 4, hc::emulated> const x_there{hc::emulated{&hc::emulated_stream::main()}, x};
    static_cast<void>(plan.forward(x_there));
#if defined(INPUT_ELSEWHERE) // refused: hookcam::plan: a tensor on a device must be given to a plan
    auto here = hc::plan<hc::image<1, 4, 4>>(model);
    static_cast<void>(here.forward(x_there));
#elif defined(GRADIENT_OF_ANOTHER_SCALAR) // refused: hookcam::plan: the gradient of the output must hold the model's scalar
    auto trained = hc::plan<hc::image<1, 4, 4>>(there, hc::with_input_gradient<hc::gradients_request<>>{});
    static_cast<void>(trained.forward(x));
    trained.backward(hc::device_tensor<double, 4, hc::emulated>{hc::emulated{&hc::emulated_stream::main()},
                                                                xt::xtensor<double, 4>{x}});
#elif defined(MAPS_OF_THE_CPU) // refused: hookcam::grad_cam_on_device_request: the model must be on
    using network = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>>>, hc::flatten<>>;
    hc::model<network> const other;
    auto cam = hc::plan<hc::image<1, 4, 4>>(other, hc::grad_cam_on_device_request<"conv">{});
    static_cast<void>(cam(x));
#endif
}
