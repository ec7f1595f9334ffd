#define BOOST_TEST_MODULE cuda_fusion
#include <boost/test/unit_test.hpp>

#include "device_tensors.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

// On a device, a kernel that computes sums does to them what the layers behind it do, where nobody watches these. Who
// watches gets the same bits, by more kernels.

namespace hc = hookcam;

namespace {

using device_harness::filled_tensor;
using device = device_harness::device_type;
template <std::size_t In, std::size_t Out, class... Policies>
using conv = hc::conv2d<In, Out, hc::kernel<3>, hc::padding<1>, Policies...>;

using net = hc::sequential<
    hc::named<"conv1", conv<2, 6>>, hc::named<"bn1", hc::batch_norm2d<6>>, hc::relu<>,
    hc::named<"conv2", conv<6, 6, hc::groups<2>, hc::no_bias>>, hc::dropout<>, hc::relu6<>,
    hc::named<"block", hc::residual<hc::sequential<hc::named<"conv3", conv<6, 6, hc::no_bias>>,
                                                   hc::named<"bn3", hc::batch_norm2d<6, hc::no_affine>>>>>,
    hc::relu<>, hc::named<"conv4", conv<6, 5>>, hc::relu<hc::on_host>, hc::max_pool2d<2>, hc::flatten<>,
    hc::named<"fc1", hc::linear<5 * 3 * 2, 9>>, hc::relu<>, hc::named<"fc2", hc::linear<9, 4>>>;
using shape = hc::image<2, 7, 5>;
using input_gradient = hc::with_input_gradient<hc::gradients_request<>>;
using everything = hc::with_parameter_gradients<input_gradient>;

template <class T>
hc::model<net, T> filled() {
    hc::model<net, T> made;
    std::uint32_t seed = 0;
    for (auto const& entry : made.entries()) {
        auto const values = device_harness::noise(entry.size, ++seed);
        bool const is_variance = entry.key.ends_with("running_var");
        std::transform(values.begin(), values.end(), entry.data, [&](float value) {
            return static_cast<T>(is_variance ? std::abs(value) + 0.5f : value);
        });
    }
    return made;
}

/// Made when a test begins: before, nobody has asked whether there is a GPU.
struct fixture {
    hc::model<net, float, device> const model = hc::to<device>(filled<float>());
};

template <class Tensor>
std::vector<float> values_of(Tensor const& of) {
    return {of.begin(), of.end()};
}

/// Output and gradients of a batch.
template <class Plan>
std::vector<std::vector<float>> run(Plan& plan, std::size_t batch) {
    auto const x = filled_tensor<4>({batch, 2, 7, 5}, 1);
    std::vector<std::vector<float>> found;
    found.push_back(values_of(plan.forward(x).to_host()));
    plan.backward(filled_tensor<2>({batch, 4}, 2));
    found.push_back(values_of(plan.input_gradient().to_host()));
    if constexpr (Plan::request_type::parameter_gradients)
        for (auto const* const key :
             {"conv1.weight", "bn1.bias", "conv2.weight", "block.conv3.weight", "fc1.bias"})
            found.push_back(values_of(plan.parameter_gradient(key).to_host()));
    return found;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(who_watches_gets_the_same_bits, fixture) {
    std::size_t seen = 0;
    auto const watched = hc::attach_all(
        model, hc::on_forward([&seen](auto const&, auto const&, auto const& out) { seen += out.size(); }));
    auto const compare = [&](auto request) {
        auto alone = hc::plan<shape>(model, request);
        auto looked_at = hc::plan<shape>(watched, request);
        for (std::size_t const batch : {1U, 3U, 10U}) {
            auto const a = device_harness::in_both_orders([&](auto&, auto) { return run(alone, batch); });
            auto const b = device_harness::in_both_orders([&](auto&, auto) { return run(looked_at, batch); });
            BOOST_TEST_REQUIRE(a.size() == b.size());
            for (std::size_t i = 0; i < a.size(); ++i)
                BOOST_TEST((a[i] == b[i]), "batch " << batch << ", tensor " << i);
        }
    };
    compare(input_gradient{});
    compare(everything{});
    BOOST_TEST(seen > 0U);
}

BOOST_FIXTURE_TEST_CASE(what_is_computed, fixture) {
    auto const here = filled<double>();
    auto expected = hc::plan<shape>(here, input_gradient{});
    auto plan = hc::plan<shape>(model, input_gradient{});
    auto const found = run(plan, 3);
    auto const wide = [](auto const& of) { return std::vector<double>(of.begin(), of.end()); };
    auto const y = expected.forward(xt::xtensor<double, 4>{filled_tensor<4>({3, 2, 7, 5}, 1)});
    device_harness::check_near("output", found[0], wide(y));
    expected.backward(xt::xtensor<double, 2>{filled_tensor<2>({3, 4}, 2)});
    device_harness::check_near("gradient of the input", found[1], wide(expected.input_gradient()));
}

BOOST_FIXTURE_TEST_CASE(what_is_fused, fixture) {
    auto const forward = [](auto const& plan) {
        std::vector<std::string> lines;
        for (auto const& line : plan.steps())
            if (line.starts_with("forward") && line.find(" + ") != std::string::npos)
                lines.push_back(line.substr(line.find(" + ")));
        return lines;
    };
    std::vector<std::string> const all{" + batch_norm2d<6> + relu<>", " + relu6<>",
                                       " + batch_norm2d<6, no_affine>", " + relu<>", " + relu<>"};
    BOOST_TEST(forward(hc::plan<shape>(model)) == all, boost::test_tools::per_element());
    BOOST_TEST(forward(hc::plan<shape>(model, input_gradient{})) == all, boost::test_tools::per_element());
    // A batch norm that learns reads its input; nothing behind it is fused with what is in front.
    std::vector<std::string> const learning{" + relu6<>", " + batch_norm2d<6, no_affine>", " + relu<>",
                                            " + relu<>"};
    BOOST_TEST(forward(hc::plan<shape>(model, everything{})) == learning, boost::test_tools::per_element());
    auto const watched = hc::attach_all(model, hc::on_forward([](auto const&, auto const&, auto const&) {}));
    BOOST_TEST(forward(hc::plan<shape>(watched)).empty());
}

BOOST_AUTO_TEST_CASE(ends_of_a_range) {
    using small = hc::sequential<hc::conv2d<1, 2, hc::kernel<1>>, hc::relu6<>>;
    hc::model<small> here;
    std::fill_n(here.data(), here.size(), 1.0f);
    xt::xtensor<float, 4> x{{{{std::numeric_limits<float>::quiet_NaN(), -3.0f, 2.0f, 9.0f}}}};
    auto const y = hc::to<device>(here)(x);
    BOOST_TEST(std::isnan(y(0, 0, 0, 0))); // passes
    BOOST_TEST(y(0, 1, 0, 1) == 0.0f);
    BOOST_TEST(y(0, 1, 0, 2) == 3.0f);
    BOOST_TEST(y(0, 0, 0, 3) == 6.0f);
}
