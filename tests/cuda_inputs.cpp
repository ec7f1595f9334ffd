#define BOOST_TEST_MODULE cuda_inputs
#include <boost/test/unit_test.hpp>

#include "xtensor.hpp"

#include "device_tensors.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

// Inputs that lie on the device already, and results that stay there: the same bits as by this program's memory, and
// nothing passes that.

namespace hc = hookcam;

namespace {

using device_harness::filled_model, device_harness::filled_tensor;
using device = device_harness::device_type;
using net = hc::sequential<hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                           hc::flatten<>, hc::named<"fc", hc::linear<3 * 5 * 4, 6>>>;
using shape = hc::image<2, 5, 4>;
using everything = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"conv">>>;
template <std::size_t Rank>
using device_tensor = hc::device_tensor<float, Rank, device>;

/// How often something went through this program's memory; always 0 on a GPU, where nobody counts.
std::size_t copies() {
#if defined(HOOKCAM_ON_GPU)
    return 0;
#else
    return hc::emulated_stream::host_copies();
#endif
}

auto const x = filled_tensor<4>({3, 2, 5, 4}, 1);
auto const grad_y = filled_tensor<2>({3, 6}, 2);

struct fixture {
    hc::model<net, float, device> const model = filled_model<net>();
    device::stream_type stream; // another one than those of plans
    device_tensor<4> const x_there{device{&stream}, x};
    device_tensor<2> const grad_there{device{&stream}, grad_y};
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_plan_reads_what_lies_there, fixture) {
    auto here = hc::plan<shape>(model, everything{});
    auto const wanted = here.forward(x).to_host();
    here.backward(grad_y);

    auto there = hc::plan<shape>(model, everything{});
    auto const before = copies();
    auto const y = there.forward(x_there);
    there.backward(grad_there);
    BOOST_TEST(copies() == before);
    BOOST_TEST((y.to_host() == wanted));
    BOOST_TEST((there.input_gradient().to_host() == here.input_gradient().to_host()));
    BOOST_TEST((there.parameter_gradient("conv.weight").to_host() ==
                here.parameter_gradient("conv.weight").to_host()));

    // The output of one plan is the gradient of another's, or its input.
    there.backward(there.forward(x_there));
    here.backward(wanted);
    BOOST_TEST((there.gradient<"conv">().to_host() == here.gradient<"conv">().to_host()));

    // One image without a batch, and a rank that is known at run time.
    device_tensor<3> const one{device{&stream}, xt::xtensor<float, 3>{xt::view(x, 1)}};
    BOOST_TEST((xt::view(there.forward(one).to_host(), 0) == xt::view(wanted, 1)));
    device_tensor<hc::dynamic> const any{device{&stream}, x_there};
    BOOST_TEST((there.forward(any).to_host() == wanted));
}

BOOST_FIXTURE_TEST_CASE(what_comes_from_there_is_returned_there, fixture) {
    auto const before = copies();
    device_tensor<2> const y = model(x_there);
    auto const found = hc::activations<"conv">(model, x_there);
    device_tensor<4> const& activation = hc::get<"conv">(found);
    BOOST_TEST(copies() == before);
    BOOST_TEST((y.to_host() == model(x)));
    BOOST_TEST((activation.to_host() == hc::get<"conv">(hc::activations<"conv">(model, x))));
}

BOOST_FIXTURE_TEST_CASE(maps_that_stay_there, fixture) {
    auto look = hc::plan<shape>(model, hc::grad_cam_request<"conv">{});
    auto stay = hc::plan<shape>(model, hc::grad_cam_on_device_request<"conv">{});
    for (std::size_t const first : {0U, 2U}) {
        std::vector<std::size_t> const targets{first, 5, 1};
        auto const& wanted = look(x, targets);
        auto const cam = stay(x_there, targets);
        BOOST_TEST((cam.heatmap.to_host() == wanted.heatmap));
        BOOST_TEST((cam.raw.to_host() == wanted.raw));
        BOOST_TEST((cam.logits.to_host() == wanted.logits));
        BOOST_TEST(cam.target.to_host() == targets, boost::test_tools::per_element());
        BOOST_TEST(cam.predicted.to_host() == wanted.predicted, boost::test_tools::per_element());
        auto const status = cam.status.to_host();
        BOOST_TEST(std::equal(status.begin(), status.end(), wanted.status.begin(), wanted.status.end()));
    }
    // What is copied: the targets where they are others than before, and nothing else.
    auto const before = copies();
    stay(x_there, std::vector<std::size_t>{2, 5, 1});
    BOOST_TEST(copies() == before);
    auto const& wanted = look(x);
    auto const at = copies();
    auto const cam = stay(x_there);
    BOOST_TEST(copies() <= at + 1);
    auto const then = copies();
    stay(x_there);
    BOOST_TEST(copies() == then);
    BOOST_TEST(cam.target.to_host() == wanted.target, boost::test_tools::per_element());
    BOOST_TEST((cam.heatmap.to_host() == wanted.heatmap));
    BOOST_TEST((hc::grad_cam<"conv">(model, x_there).heatmap == wanted.heatmap));

    BOOST_CHECK_THROW(stay(x_there, 6), hc::error);
    BOOST_CHECK_THROW(stay(x_there, -1), hc::error);
    BOOST_CHECK_THROW(stay(x_there, std::vector{1, 2}), hc::error);
    BOOST_TEST((stay(x_there).heatmap.to_host() == wanted.heatmap));
}

BOOST_FIXTURE_TEST_CASE(of_another_score_too, fixture) {
    using request = hc::scored_grad_cam_on_device_request<hc::margin_score, "conv">;
    auto look = hc::plan<shape>(model, hc::scored_grad_cam_request<hc::margin_score, "conv">{});
    auto stay = hc::plan<shape>(model, request{});
    auto const& wanted = look(x, 3);
    auto const cam = stay(x_there, 3);
    BOOST_TEST((cam.raw.to_host() == wanted.raw));
    BOOST_TEST(cam.target.to_host() == wanted.target, boost::test_tools::per_element());
    BOOST_TEST(cam.predicted.to_host() == wanted.predicted, boost::test_tools::per_element());
    BOOST_TEST((cam.logits.to_host() == wanted.logits));
}

BOOST_FIXTURE_TEST_CASE(of_another_shape_throws_and_the_plan_goes_on, fixture) {
    auto plan = hc::plan<shape>(model, everything{});
    auto const is_shape = [](hc::error const& e) { return e.kind() == hc::error_kind::shape; };
    device_tensor<4> const wrong{device{&stream}, filled_tensor<4>({3, 2, 4, 5}, 1)};
    BOOST_CHECK_EXCEPTION(plan.forward(wrong), hc::error, is_shape);
    plan.forward(x_there);
    device_tensor<2> const wrong_gradient{device{&stream}, filled_tensor<2>({2, 6}, 1)};
    BOOST_CHECK_EXCEPTION(plan.backward(wrong_gradient), hc::error, is_shape);
    BOOST_TEST((plan.forward(x_there).to_host() == model(x)));
}
