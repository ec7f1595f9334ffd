#define BOOST_TEST_MODULE cuda_repeat
#include <boost/test/unit_test.hpp>

#include "xtensor.hpp"

#include "device_tensors.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

// What a plan starts on a device is recorded at its second call, and started as a whole from then on; where something needs
// this program, each call starts it anew. Either way the results are those of a plan that is at its first call.

namespace hc = hookcam;

namespace {

using device_harness::filled_model, device_harness::filled_tensor;
using device = device_harness::device_type;

/// A layer of somebody's own that needs this program, though it does not say so by `on_host`.
template <class... Policies>
struct doubled_here : hc::layer<doubled_here<Policies...>, Policies...> {
    using backward_reads = hc::reads<>;
    static constexpr bool has_device_kernels = true;

    void forward(auto const& x, auto& y) const {
        auto values = x.to_host();
        values *= 2;
        y.device().stream->copy_in(y.data(), values.data(), values.size() * sizeof(float));
    }
    void backward(auto const& grad_y, auto& grad_x) const { forward(grad_y, grad_x); }
};

template <class Middle>
using net_with = hc::sequential<hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, Middle,
                                hc::flatten<>, hc::named<"fc", hc::linear<3 * 5 * 4, 6>>>;
using net = net_with<hc::relu<>>;
using shape = hc::image<2, 5, 4>;
using everything = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"conv">>>;

xt::xtensor<float, 4> pictures(std::size_t count, std::uint32_t seed) {
    return filled_tensor<4>({count, 2, 5, 4}, seed);
}

/// How many recordings `call` starts. On a GPU nobody counts.
template <class Call>
void check_started(std::size_t expected, Call const& call) {
#if defined(HOOKCAM_ON_GPU)
    static_cast<void>(expected);
    call();
#else
    auto const before = hc::emulated_stream::recordings_started();
    call();
    BOOST_TEST(hc::emulated_stream::recordings_started() - before == expected);
#endif
}

/// The output of a plan at its first call.
template <class Model>
xt::xtensor<float, 2> fresh(Model const& model, xt::xtensor<float, 4> const& x) {
    auto once = hc::plan<shape>(model);
    return once.forward(x).to_host();
}

} // namespace

BOOST_AUTO_TEST_CASE(forward_is_recorded_at_the_second_call) {
    auto model = filled_model<net>();
    auto plan = hc::plan<shape>(model);
    std::size_t started = 0;
    for (std::size_t const batch : {2U, 1U, 2U}) // another size begins anew
        for (std::uint32_t call = 0; call < 4; ++call)
            BOOST_TEST_CONTEXT("batch " << batch << ", call " << call) {
                auto const x = pictures(batch, call);
                started = call == 0 ? 0 : 1;
                check_started(started, [&] { plan.forward(x); });
                BOOST_TEST((plan.output().to_host() == fresh(model, x)));
            }

    // What is recorded reads the parameters anew.
    auto const x = pictures(2, 3);
    auto const before = plan.output().to_host();
    model = filled_model<net>(8);
    check_started(1, [&] { plan.forward(x); });
    BOOST_TEST((plan.output().to_host() == fresh(model, x)));
    BOOST_TEST((plan.output().to_host() != before));

    // A call that throws spoils nothing.
    BOOST_CHECK_THROW(plan.forward(filled_tensor<4>({2, 2, 4, 5}, 1)), hc::error);
    check_started(0, [&] { plan.forward(x); });
    BOOST_TEST((plan.output().to_host() == fresh(model, x)));
}

BOOST_AUTO_TEST_CASE(so_is_backward) {
    auto const model = filled_model<net>();
    auto plan = hc::plan<shape>(model, everything{});
    for (std::uint32_t call = 0; call < 4; ++call)
        BOOST_TEST_CONTEXT("call " << call) {
            auto const x = pictures(2, call);
            auto const grad = filled_tensor<2>({2, 6}, call + 9);
            check_started(call == 0 ? 0 : 2, [&] { plan(x, grad); });
            auto once = hc::plan<shape>(model, everything{});
            once(x, grad);
            BOOST_TEST((plan.input_gradient().to_host() == once.input_gradient().to_host()));
            BOOST_TEST((plan.gradient<"conv">().to_host() == once.gradient<"conv">().to_host()));
            for (auto const* const key : {"conv.weight", "fc.bias"})
                BOOST_TEST(
                    (plan.parameter_gradient(key).to_host() == once.parameter_gradient(key).to_host()));
        }
}

BOOST_AUTO_TEST_CASE(grad_cam_is_recorded_as_a_whole) {
    auto const model = filled_model<net>();
    auto look = hc::plan<shape>(model, hc::grad_cam_request<"conv">{});
    auto stay = hc::plan<shape>(model, hc::grad_cam_on_device_request<"conv">{});
    for (std::uint32_t call = 0; call < 5; ++call)
        BOOST_TEST_CONTEXT("call " << call) {
            auto const x = pictures(2, call);
            std::vector<std::size_t> const targets{call % 3, 5 - call};
            bool const asks = call % 2 == 1; // else it is the predicted class
            auto once = hc::plan<shape>(model, hc::grad_cam_request<"conv">{});
            auto const expected = asks ? once(x, targets) : once(x);
            check_started(call == 0 ? 0 : 1, [&] { asks ? stay(x, targets) : stay(x); });
            auto const& cam = asks ? look(x, targets) : look(x);
            BOOST_TEST((cam.heatmap == expected.heatmap));
            BOOST_TEST((cam.logits == expected.logits));
            BOOST_TEST((cam.status == expected.status));
            BOOST_TEST(cam.target == expected.target, boost::test_tools::per_element());
            BOOST_TEST(cam.predicted == expected.predicted, boost::test_tools::per_element());
            // Views of the last call are good until the next.
            BOOST_TEST((stay.activation<"conv">().to_host() == look.activation<"conv">().to_host()));
            BOOST_TEST((stay.output().to_host() == expected.logits));
            stay.backward(filled_tensor<2>({2, 6}, 3)); // as behind any forward
        }
#if !defined(HOOKCAM_ON_GPU)
    auto const x = pictures(2, 1);
    auto const allocations = hc::emulated_stream::allocations();
    stay(x);
    look(x);
    BOOST_TEST(hc::emulated_stream::allocations() == allocations);
#endif
}

BOOST_AUTO_TEST_CASE(several_layers_have_maps_of_their_own) {
    using two = hc::sequential<hc::named<"a", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                               hc::named<"b", hc::conv2d<3, 3, hc::kernel<3>>>, hc::flatten<>,
                               hc::linear<3 * 3 * 2, 4>>;
    auto const model = filled_model<two>();
    auto look = hc::plan<shape>(model, hc::grad_cam_request<"a", "b">{});
    for (std::uint32_t call = 0; call < 3; ++call) {
        auto const x = pictures(1, call);
        auto const& both = look(x);
        BOOST_TEST((both.get<"a">().heatmap == hc::grad_cam<"a">(model, x).heatmap));
        BOOST_TEST((both.get<"b">().heatmap == hc::grad_cam<"b">(model, x).heatmap));
    }
}

BOOST_AUTO_TEST_CASE(where_something_needs_this_program_nothing_is_recorded) {
    auto const x = pictures(2, 1);
    auto const model = filled_model<net>();
    auto const expected = fresh(model, x);

    std::size_t calls = 0;
    auto const watched =
        hc::attach<"conv">(model, hc::on_forward([&](auto const&, auto const&, auto const& y) {
                               calls += y.to_host().size() > 0 ? 1 : 0;
                           }));
    auto hooked = hc::plan<shape>(watched, hc::grad_cam_on_device_request<"conv">{});
    auto const open = hc::with_runtime_hooks(model);
    auto opened = hc::plan<shape>(open, hc::grad_cam_at<>{"conv"});
    auto const on_host = filled_model<net_with<hc::relu<hc::on_host>>>();
    auto there_and_back = hc::plan<shape>(on_host);
    auto const own = filled_model<net_with<doubled_here<>>>();
    auto refused = hc::plan<shape>(own);
    auto const of_own = fresh(own, x);
    check_started(0, [&] {
        for (int call = 0; call < 4; ++call) {
            BOOST_TEST((hooked(x).logits.to_host() == expected));
            BOOST_TEST((opened(x).logits == expected));
            BOOST_TEST((there_and_back.forward(x).to_host() == expected));
            BOOST_TEST((refused.forward(x).to_host() == of_own));
        }
    });
    BOOST_TEST(calls == 4U);
}

BOOST_AUTO_TEST_CASE(memory_that_waits_to_be_copied_is_not_written_over) {
    device::stream_type stream;
    hc::memory<float> there(3, &stream);
    hc::detail::staging<float, device::stream_type> staged{stream};
    auto const send = [&](float value, std::size_t size) {
        std::fill_n(staged.room(size), size, value);
        staged.send(there.data());
    };
    auto const read = [&] {
        std::vector<float> values(3);
        stream.copy_out(values.data(), there.data(), 3 * sizeof(float));
        return values;
    };
    auto const check = [&](std::vector<float> const& expected) {
        BOOST_TEST(read() == expected, boost::test_tools::per_element());
    };
    send(1, 3);
    check({1, 1, 1});
    send(2, 3);
    send(3, 2); // elsewhere: the first is copied before its memory goes
    check({3, 3, 2});
    send(4, 2);
    static_cast<void>(staged.room(2)); // has been read by now
    std::fill_n(staged.room(2), 2, 9.0f);
    check({4, 4, 2});
}
