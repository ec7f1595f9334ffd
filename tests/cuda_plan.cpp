#define BOOST_TEST_MODULE cuda_plan
#include <boost/test/unit_test.hpp>

#include "device_harness.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

// A plan for a device with memory of its own, by the same machinery as on the processor, against the processor in double.
// The device is emulated: whoever touches its memory outside of a kernel ends the program.

using device_harness::check_near;
namespace hc = hookcam;

namespace {

template <std::size_t In, std::size_t Out, class... Policies>
using conv = hc::conv2d<In, Out, hc::kernel<3>, hc::padding<1>, Policies...>;

// One of each kind: what is in place, what is a view, what keeps a state, every join.
using net = hc::sequential<
    hc::named<"conv1", conv<3, 6>>, hc::named<"bn1", hc::batch_norm2d<6>>, hc::relu<>,
    hc::residual<hc::sequential<hc::named<"conv2", conv<6, 10, hc::stride<2>, hc::no_bias>>, hc::sigmoid<>>,
                 hc::pad_shortcut<6, 10, hc::stride<2>>>,
    hc::named<"mixed",
              hc::concat<hc::named<"a", conv<10, 4>>, hc::avg_pool2d<3, hc::stride<1>, hc::padding<1>>>>,
    hc::max_pool2d<2>, hc::multiply<hc::identity<>, hc::sequential<hc::global_avg_pool2d<>, hc::tanh<>>>,
    hc::dropout<>, hc::flatten<>, hc::named<"fc", hc::linear<14 * 3 * 3, 7>>, hc::leaky_relu<>,
    hc::named<"head", hc::linear<7, 5>>, hc::log_softmax<>>;
using shape = hc::image<3, 13, 12>;
using everything = hc::with_parameter_gradients<hc::with_input_gradient<hc::grad_cam_request<"conv2">>>;

template <class T>
hc::model<net, T> filled() {
    hc::model<net, T> made;
    std::uint32_t seed = 0;
    for (auto const& entry : made.entries()) {
        auto const values = device_harness::noise(entry.size, ++seed);
        bool const is_variance = entry.key.ends_with("running_var");
        std::transform(values.begin(), values.end(), entry.data, [&](float value) {
            return static_cast<T>(is_variance ? std::abs(value) + 0.5f : value * 0.5f);
        });
    }
    return made;
}

xt::xtensor<float, 4> pictures(std::size_t count) {
    xt::xtensor<float, 4> made({count, 3, 13, 12});
    auto const values = device_harness::noise(made.size(), 99);
    std::copy(values.begin(), values.end(), made.begin());
    return made;
}

template <class Tensor>
std::vector<double> wide(Tensor const& of) {
    return {of.begin(), of.end()};
}
template <class Tensor>
std::vector<float> narrow(Tensor const& of) {
    return {of.begin(), of.end()};
}

} // namespace

BOOST_AUTO_TEST_CASE(a_plan_on_a_device_computes_what_one_on_the_cpu_does) {
    auto const model = filled<double>();
    auto const on_device = hc::to<device_harness::device_type>(filled<float>());
    auto expected = hc::plan<shape>(model, everything{});
    auto look = hc::plan<shape>(on_device, everything{});

    for (std::size_t const batch : {1U, 3U, 10U, 2U}) { // another size lays out again
        BOOST_TEST_CONTEXT("batch " << batch) {
            auto const x = pictures(batch);
            auto const& cam = look(x);
            auto const& twin = expected(xt::xtensor<double, 4>{x});
            check_near("logits", narrow(cam.logits), wide(twin.logits));
            BOOST_TEST(cam.target == twin.target, boost::test_tools::per_element());
            check_near("raw map", narrow(cam.raw), wide(twin.raw));
            check_near("heatmap", narrow(cam.heatmap), wide(twin.heatmap), 1e-4);
            BOOST_TEST((cam.status == twin.status));
            check_near("activation", narrow(look.activation<"conv2">().to_host()),
                       wide(expected.activation<"conv2">()));
            check_near("gradient", narrow(look.gradient<"conv2">().to_host()),
                       wide(expected.gradient<"conv2">()));
            check_near("gradient of the input", narrow(look.input_gradient().to_host()),
                       wide(expected.input_gradient()));
            for (auto const& entry : model.entries())
                if (entry.is_learned)
                    check_near(std::string{entry.key}, narrow(look.parameter_gradient(entry.key).to_host()),
                               wide(expected.parameter_gradient(entry.key)));
        }
    }

#if !defined(HOOKCAM_ON_GPU)
    // A second call of a size allocates nothing there.
    auto const x = pictures(2);
    look(x);
    auto const allocations = hc::emulated_stream::allocations();
    look(x);
    BOOST_TEST(hc::emulated_stream::allocations() == allocations);
#endif

    // Steps say the same, and nothing is packed or blocked.
    auto const steps = look.steps();
    BOOST_TEST(std::none_of(steps.begin(), steps.end(),
                            [](std::string const& s) { return s.find("blocked") != std::string::npos; }));
    BOOST_TEST(look.packed_memory() == 0U);
}

BOOST_AUTO_TEST_CASE(calls_that_return_what_they_own) {
    auto const there = hc::to<device_harness::device_type>(filled<float>());
    auto const x = pictures(2);
    auto const y = there(x); // an xtensor
    auto look = hc::plan<shape>(there, everything{});
    BOOST_TEST((y == look(x).logits));
    BOOST_TEST((look.output().to_host() == y));
}

BOOST_AUTO_TEST_CASE(models_travel) {
    auto const here = filled<float>();
    auto there = hc::to<device_harness::device_type>(here);
    auto const copy = there;
    auto const back = hc::to<hc::cpu>(copy);
    for (auto const& entry : here.entries()) {
        auto const parameter = back.parameter(entry.key);
        BOOST_TEST(std::equal(entry.data, entry.data + entry.size, parameter.data()), entry.key);
    }
    hc::model<net, float, device_harness::device_type> const fresh;
    there = fresh; // into the memory that plans read
    auto const zero = hc::to<hc::cpu>(there);
    BOOST_TEST(zero.parameter("bn1.weight")(0) == 1.0f);
    BOOST_TEST(zero.parameter("conv1.weight")(0, 0, 0, 0) == 0.0f);
}

BOOST_AUTO_TEST_CASE(the_same_bits_from_run_to_run, *boost::unit_test::label("long")) {
#if defined(HOOKCAM_ON_GPU)
    std::size_t const batch = 70, runs = 100;
#else
    std::size_t const batch = 2, runs = 3;
#endif
    auto const there = hc::to<device_harness::device_type>(filled<float>());
    auto const x = pictures(batch);
    auto look = hc::plan<shape>(there, everything{});
    std::vector<std::vector<float>> first;
    for (std::size_t run = 0; run < runs; ++run) {
        auto const& cam = look(x);
        std::vector<std::vector<float>> found{narrow(cam.logits), narrow(cam.raw), narrow(cam.heatmap),
                                              narrow(look.input_gradient().to_host())};
        for (auto const& entry : filled<float>().entries())
            if (entry.is_learned)
                found.push_back(narrow(look.parameter_gradient(entry.key).to_host()));
        if (run == 0)
            first = found;
        for (std::size_t i = 0; i < found.size(); ++i)
            BOOST_TEST_REQUIRE(
                std::memcmp(found[i].data(), first[i].data(), found[i].size() * sizeof(float)) == 0,
                "run " << run << ", result " << i);
    }
}

BOOST_AUTO_TEST_CASE(a_full_device_leaves_model_and_plan_usable) {
    auto const there = hc::to<device_harness::device_type>(filled<float>());
    auto plan = hc::plan<shape>(there);
    auto const x = pictures(2);
    auto const before = plan.forward(x).to_host();
#if defined(HOOKCAM_ON_GPU)
    std::size_t const too_many = std::size_t{1} << 28; // of some 10 kB each: terabytes
#else
    std::size_t const too_many = std::size_t{1} << 36; // beyond what a process can address
#endif
    auto const one = pictures(1);
    for (int i = 0; i < 2; ++i) {
        BOOST_CHECK_EXCEPTION(
            plan.forward(xt::broadcast(one, std::array<std::size_t, 4>{too_many, 3, 13, 12})), hc::error,
            [](hc::error const& e) {
                return e.kind() == hc::error_kind::device &&
                       std::string_view{e.what()}.find("take a smaller batch") != std::string_view::npos;
            });
        BOOST_TEST((plan.forward(x).to_host() == before));
        BOOST_TEST((there(x) == before));
    }
}
