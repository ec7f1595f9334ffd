#define BOOST_TEST_MODULE joins
#include <boost/test/unit_test.hpp>

#include "xtensor.hpp"

#include "hook_networks.hpp"
#include "reference.hpp"

#include "../examples/networks/squeezenet.hpp"

#include <hookcam/data/image_file.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace hc = hookcam;
using boost::unit_test::precondition;
using hooked::noise;
using hooked::with_noise;

namespace {

using three_branches = hc::sequential<
    hc::named<"stem", hc::conv2d<2, 3, hc::kernel<3>>>,
    hc::named<"block",
              hc::concat<hc::named<"a", hc::conv2d<3, 2, hc::kernel<1>>>, hc::identity<>,
                         hc::sequential<hc::named<"c", hc::conv2d<3, 4, hc::kernel<1>>>, hc::relu<>>>>,
    hc::flatten<>, hc::named<"fc", hc::linear<9 * 3 * 4, 5>>>;

using excitation = hc::sequential<
    hc::named<"stem", hc::conv2d<2, 3, hc::kernel<3>>>,
    hc::named<"se", hc::multiply<hc::identity<>,
                                 hc::sequential<hc::adaptive_avg_pool2d<1>,
                                                hc::named<"gate", hc::conv2d<3, 3, hc::kernel<1>>>>>>,
    hc::named<"squared", hc::multiply<hc::identity<>, hc::relu<>>>, hc::flatten<>,
    hc::named<"fc", hc::linear<3 * 3 * 4, 5>>>;

/// The gradient of a fixed linear function of the output, with respect to the input and to all parameters, against
/// central differences: 1e-5 either way in double leaves 1e-10 of the slope, and 1e-11/1e-5 of rounding.
template <class Network>
void check_gradients() {
    auto model = with_noise<Network>();
    auto image = noise<double, 4>({2, 2, 5, 6}, 3);
    auto const weights = noise<double, 2>({2, 5}, 4);
    auto const score = [&] {
        auto const out = model(image);
        double sum = 0;
        for (std::size_t i = 0; i < out.size(); ++i)
            sum += out.data()[i] * weights.data()[i];
        return sum;
    };
    auto const slope = [&](double& at) {
        double const before = at, step = 1e-5;
        at = before + step;
        double const up = score();
        at = before - step;
        double const down = score();
        at = before;
        return (up - down) / (2 * step);
    };
    auto plan =
        hc::plan(model, hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>{});
    plan(image, weights);
    xt::xtensor<double, 4> const of_input = plan.input_gradient();
    for (std::size_t i = 0; i < image.size(); ++i)
        BOOST_TEST(std::abs(slope(image.data()[i]) - of_input.data()[i]) < 1e-7);
    for (auto& entry : model.entries()) {
        xt::xarray<double> const of_parameter = plan.parameter_gradient(entry.key);
        for (std::size_t i = 0; i < entry.size; ++i)
            BOOST_TEST(std::abs(slope(entry.data[i]) - of_parameter.data()[i]) < 1e-7, entry.key);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(concat_puts_channels_one_behind_the_other) {
    static_assert(
        std::same_as<
            hc::output_shape<hc::concat<hc::conv2d<3, 2, hc::kernel<1>>, hc::identity<>>, hc::image<3, 4, 5>>,
            hc::image<5, 4, 5>>);
    static_assert(
        std::same_as<hc::output_shape<hc::concat<hc::linear<3, 2>, hc::identity<>>, hc::features<3>>,
                     hc::features<5>>);
    auto const model = with_noise<three_branches>();
    auto const images = noise<double, 4>({2, 2, 5, 6}, 1);
    auto const found = hc::activations<"stem", "block.a", "block.c", "block">(model, images);
    auto const& joined = hc::get<"block">(found);
    BOOST_TEST(joined.shape()[1] == 9u);
    for (std::size_t n = 0; n < 2; ++n)
        for (std::size_t i = 0; i < 3; ++i)
            for (std::size_t j = 0; j < 4; ++j) {
                for (std::size_t c = 0; c < 2; ++c)
                    BOOST_TEST(joined(n, c, i, j) == hc::get<"block.a">(found)(n, c, i, j));
                for (std::size_t c = 0; c < 3; ++c)
                    BOOST_TEST(joined(n, 2 + c, i, j) == hc::get<"stem">(found)(n, c, i, j));
                for (std::size_t c = 0; c < 4; ++c)
                    BOOST_TEST(joined(n, 5 + c, i, j) ==
                               std::max(hc::get<"block.c">(found)(n, c, i, j), 0.0));
            }
    std::vector<std::string> const expected{"stem", "block", "block.a", "block.c", "fc"};
    BOOST_TEST(hc::paths<three_branches>() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(multiply_multiplies_or_scales_each_channel) {
    auto const model = with_noise<excitation>();
    auto const images = noise<double, 4>({2, 2, 5, 6}, 2);
    auto const found = hc::activations<"stem", "se.gate", "se", "squared">(model, images);
    auto const& stem = hc::get<"stem">(found);
    auto const& se = hc::get<"se">(found);
    for (std::size_t n = 0; n < 2; ++n)
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t i = 0; i < 3; ++i)
                for (std::size_t j = 0; j < 4; ++j) {
                    BOOST_TEST(se(n, c, i, j) == stem(n, c, i, j) * hc::get<"se.gate">(found)(n, c, 0, 0));
                    BOOST_TEST(hc::get<"squared">(found)(n, c, i, j) ==
                               se(n, c, i, j) * std::max(se(n, c, i, j), 0.0));
                }
}

BOOST_AUTO_TEST_CASE(gradients_through_a_concat) {
    check_gradients<three_branches>();
}
BOOST_AUTO_TEST_CASE(gradients_through_a_product) {
    check_gradients<excitation>();
}

BOOST_AUTO_TEST_CASE(a_join_is_watched_like_any_layer_and_changes_no_bit) {
    auto const model = with_noise<three_branches>();
    auto const image = noise<double, 4>({1, 2, 5, 6}, 5);
    auto const plain = hc::grad_cam<"block.c">(model, image, 2);
    std::size_t calls = 0;
    auto const watched = hc::attach_all(model, hc::on_forward([&](auto const&...) { ++calls; }),
                                        hc::on_backward([&](auto const&...) { ++calls; }));
    auto const looked = hc::grad_cam<"block.c">(watched, image, 2);
    BOOST_TEST(calls == 10u);
    BOOST_TEST((looked.raw == plain.raw));
    auto const open = hc::with_runtime_hooks(model);
    BOOST_TEST((hc::grad_cam(open, "block.c", image, 2).raw == plain.raw));
    // Backward stops at the branch that was asked for: the others' convolutions have none.
    auto const steps = hc::plan(model, hc::gradients_request<"block.c">{}).steps();
    BOOST_TEST(std::count_if(steps.begin(), steps.end(),
                             [](auto const& s) { return s.find("backward conv2d") == 0; }) == 0);
}

BOOST_AUTO_TEST_CASE(branches_that_do_not_fit_are_refused_at_run_time_where_types_say_nothing) {
    using strided = hc::concat<hc::identity<>, hc::conv2d<2, 3, hc::kernel<1>, hc::stride<2>>>;
    hc::model<strided> const model;
    auto const says = [](hc::error const& e) {
        return std::string{e.what()}.find("hookcam::concat: the branches must have outputs of one size") == 0;
    };
    BOOST_CHECK_EXCEPTION(static_cast<void>(model(xt::xtensor<float, 4>{xt::zeros<float>({1, 2, 4, 4})})),
                          hc::error, says);
    auto const fits = model(xt::xtensor<float, 4>{xt::zeros<float>({1, 2, 1, 1})});
    BOOST_TEST(fits.shape()[1] == 5u);
}

BOOST_AUTO_TEST_CASE(squeezenet_gives_the_logits_of_its_reference, *precondition(reference::is_there)) {
    auto const model = hc::load<networks::squeezenet1_0<1>>(
        reference::folder / "data/weights/squeezenet1_0_deepcompressed.safetensors");
    auto const expected =
        reference::tensor(hc::read_weights(reference::folder / "data/images/squeezenet_logits.safetensors"),
                          "squeezenet_logits");
    hc::normalization const how{.range = 1, .mean = {123, 117, 104}, .deviation = {1, 1, 1}};
    auto plan = hc::plan(model);
    std::size_t row = 0;
    for (auto const* name :
         {"gradcam_both", "gradcam_dog_cat", "gradcam_horses", "tfkerasvis_bear", "tfkerasvis_goldfish"}) {
        auto const picture =
            hc::load_picture(reference::folder / "data/images/crop227" / (std::string{name} + ".png"));
        auto const logits = plan(hc::image_tensor<float>(picture, how));
        auto const values = xt::view(expected, row++);
        // Inputs reach 155 and sums have thousands of terms: float32 keeps 1e-5 of the largest.
        BOOST_TEST(reference::distance(logits, values) < 1e-4 * reference::largest(values), name);
    }
}
