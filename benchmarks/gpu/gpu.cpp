#include "../../examples/networks/cifar_resnet.hpp"
#include "../../examples/networks/simple_cnn.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/viz/overlay_on_device.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string_view>

// How long forward and Grad-CAM take on a GPU: a line a work, "network work images microseconds", the least of many calls.
// Inputs lie there and maps stay there, as in PyTorch; a call ends when the device has nothing left to do. Then the way from
// raw maps to overlays of 224×224, beside a copy of as many bytes, and how many percent of the copy's bandwidth that is.
//
//     gpu_speed [CALLS [IMAGES]]
//
// IMAGES is the most of a batch. Without HOOKCAM_ON_GPU it is the host executor that runs, which says nothing of speed.

namespace hc = hookcam;

namespace {

#if defined(HOOKCAM_ON_GPU)
using device = hc::cuda;
#else
using device = hc::emulated;
#endif

/// Weights of a size at which activations neither grow nor vanish.
template <class Network>
auto make_model() {
    hc::model<Network> made;
    std::mt19937 random{1};
    for (auto const& entry : made.entries()) {
        if (!entry.is_learned || entry.shape.size() < 2)
            continue;
        auto const terms = static_cast<float>(entry.size / entry.shape[0]);
        std::uniform_real_distribution<float> next{-std::sqrt(3 / terms), std::sqrt(3 / terms)};
        std::generate_n(entry.data, entry.size, [&] { return next(random); });
    }
    return hc::to<device>(made);
}

/// Calls are so many between two looks at the clock, where one is not much longer than that.
template <class Call>
double measure(std::string_view network, std::string_view work, std::size_t images, int calls, Call call,
               int between = 1) {
    using clock = std::chrono::steady_clock;
    double least = INFINITY;
    for (int i = 0; i < calls + 3; ++i) { // the first are not counted
        auto const begin = clock::now();
        for (int again = 0; again < between; ++again)
            call();
        device::stream_type::main().synchronize_device();
        std::chrono::duration<double, std::micro> const took = clock::now() - begin;
        if (i >= 3)
            least = std::min(least, took.count() / between);
    }
    std::cout << network << ' ' << work << ' ' << images << ' ' << least << std::endl;
    return least;
}

template <class Network, hc::fixed_string Path>
void measure_network(std::string_view name, std::size_t most, int calls) {
    auto const model = make_model<Network>();
    for (std::size_t const images : {std::size_t{1}, std::size_t{256}}) {
        std::size_t const count = std::min(images, most);
        hc::device_tensor<float, 4, device> const x{device{&device::stream_type::main()},
                                                    xt::xtensor<float, 4>({count, 3, 32, 32}, 0.5f)};
        auto forward = hc::plan<hc::image<3, 32, 32>>(model);
        measure(name, "forward", count, calls, [&] { forward.forward(x); });
        auto look = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_on_device_request<Path>{});
        measure(name, "grad_cam", count, calls, [&] { look(x); });
    }
}

void measure_overlay(std::size_t most, int calls) {
    std::size_t const count = std::min<std::size_t>(256, most);
    auto& stream = device::stream_type::main();
    device const on{&stream};
    using pictures = hc::device_tensor<std::uint8_t, 4, device>;
    pictures const from{on, xt::xtensor<std::uint8_t, 4>({count, 224, 224, 3}, 100)};
    pictures to{on, {count, 224, 224, 3}};
    xt::xtensor<float, 3> raw({count, 7, 7});
    for (std::size_t i = 0; i < raw.size(); ++i)
        raw.data()[i] = static_cast<float>(i * 37 % 101);
    hc::device_tensor<float, 3, device> const maps{on, raw};
    hc::overlay_on_device<device> lay{on};
    int const between = std::min(20, calls);
    double const overlay = measure(
        "overlay", "maps", count, calls, [&] { lay(from, maps); }, between);
    double const copy = measure(
        "overlay", "copy", count, calls, [&] { stream.copy(to.data(), from.data(), from.size()); }, between);
    std::cout << "overlay percent " << count << ' ' << 100 * copy / overlay << std::endl;
}

} // namespace

int main(int count, char const* const* arguments) {
#if defined(HOOKCAM_ON_GPU)
    if (!hc::has_cuda_device()) {
        std::cout << "skipped: there is no GPU; CUDA says: " << hc::cuda_device_problem() << std::endl;
        return 77;
    }
#endif
    int const calls = count > 1 ? std::atoi(arguments[1]) : 200;
    std::size_t const most = count > 2 ? static_cast<std::size_t>(std::atoi(arguments[2])) : 256;
    measure_network<networks::simple_cnn, "conv3">("simple_cnn", most, calls);
    measure_network<networks::cifar_resnet<20>, "layer3.2.conv2">("resnet20", most, calls);
    measure_overlay(most, calls);
}
