// A model on a device, and a layer of one's own with a kernel for it. `emulated` runs the kernels on the processor; on a
// machine with a GPU it says `cuda`.
#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/viz/overlay_on_device.hpp>

#include <cstddef>
#include <cstdint>
#include <iostream>

namespace hc = hookcam;

// [kernel]
/// x², a thread an element.
struct square_element {
    static constexpr char const* name = "square";
    float const* x;
    float* y;
    HOOKCAM_DEVICE void operator()(std::size_t i) const { y[i] = x[i] * x[i]; }
};
/// Its gradient, 2·x·grad_y.
struct square_backward_element {
    static constexpr char const* name = "square_backward";
    float const* x;
    float const* grad_y;
    float* grad_x;
    HOOKCAM_DEVICE void operator()(std::size_t i) const { grad_x[i] = 2 * x[i] * grad_y[i]; }
};
// [kernel]

// [layer]
template <class... Policies>
struct square : hc::layer<square<Policies...>, Policies...> {
    using backward_reads = hc::reads<hc::input>;
    static constexpr bool has_device_kernels = true;

    void forward(auto const& x, auto& y) const {
        run(hc::device_of(x), x.size(), square_element{x.data(), y.data()});
    }
    void backward(auto const& x, auto const& grad_y, auto& grad_x) const {
        run(hc::device_of(x), x.size(), square_backward_element{x.data(), grad_y.data(), grad_x.data()});
    }

private:
    static void run(hc::cpu, std::size_t size, auto const& element) {
        for (std::size_t i = 0; i < size; ++i)
            element(i);
    }
    static void run(auto const& device, std::size_t size, auto const& element) {
        hc::kernels::for_each_element(device, size, element);
    }
};
// [layer]

int main() {
    using net = hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>, hc::padding<1>>>, square<>,
                               hc::max_pool2d<2>, hc::flatten<>, hc::named<"fc", hc::linear<8, 3>>>;
    hc::model<net> model;
    for (auto const& entry : model.entries())
        for (std::size_t i = 0; i < entry.size; ++i)
            entry.data[i] = static_cast<float>(i * 5 % 7) - 3;
    xt::xtensor<float, 3> image({1, 4, 4});
    for (std::size_t i = 0; i < image.size(); ++i)
        image.data()[i] = static_cast<float>(i % 3);

    // [use]
    auto const there = hc::to<hc::emulated>(model); // on a GPU: hc::to<hc::cuda>(model)
    auto const cam = hc::grad_cam<"conv">(there, image);
    auto look = hc::plan<hc::image<1, 4, 4>>(there, hc::gradients_request<"conv">{});
    auto const logits = look.forward(image);         // where they lie: on the device
    auto const copied = logits.to_host();            // an xtensor
    look.backward(xt::xtensor<float, 2>{{1, 0, 0}}); // from the processor's memory
    auto const gradient = look.gradient<"conv">().to_host();
    // [use]

    xt::xtensor<std::uint8_t, 4> const photos({1, 4, 4, 3}, 100);
    // [overlay]
    auto see = hc::plan<hc::image<1, 4, 4>>(there, hc::grad_cam_on_device_request<"conv">{});
    auto const found = see(image); // nothing comes back
    auto const on = found.raw.device();
    // N,H,W,3 bytes in, and out, by a view that is good until the next call.
    hc::device_tensor<std::uint8_t, 4, hc::emulated> const pictures{on, photos};
    hc::overlay_on_device lay{on, hc::jet, 0.4};
    auto const shown = lay(pictures, found.raw).pictures;
    // [overlay]

    auto const here = hc::grad_cam<"conv">(model, image);
    std::cout << "class " << cam.target[0] << " there, " << here.target[0] << " here\n"
              << "logits " << copied(0, 0) << ' ' << copied(0, 1) << ' ' << copied(0, 2) << '\n'
              << "the same map: " << (cam.heatmap == here.heatmap) << '\n'
              << "gradient of conv: " << gradient.shape()[1] << " channels\n"
              << "a pixel of the overlay: " << int{shown.to_host()(0, 2, 2, 0)} << '\n';
}
