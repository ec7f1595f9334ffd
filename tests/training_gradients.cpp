#define BOOST_TEST_MODULE training_gradients
#include "layer_harness.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/train/initialize.hpp>
#include <hookcam/train/training_plan.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// The gradients of whole networks in training, against central differences in double.

namespace hc = hookcam;
using harness::noise;

namespace {

template <std::size_t In, std::size_t Out, class... Policies>
using conv3x3 = hc::conv2d<In, Out, hc::kernel<3>, hc::padding<1>, Policies...>;

/// Residual blocks with batch norm, as ResNet's.
using residual_network = hc::sequential<
    hc::named<"conv", conv3x3<2, 4, hc::no_bias>>, hc::named<"bn", hc::batch_norm2d<4>>, hc::relu<>,
    hc::named<"block", hc::residual<hc::sequential<hc::named<"conv1", conv3x3<4, 4, hc::no_bias>>,
                                                   hc::named<"bn1", hc::batch_norm2d<4>>, hc::relu<>,
                                                   hc::named<"conv2", conv3x3<4, 4, hc::no_bias>>,
                                                   hc::named<"bn2", hc::batch_norm2d<4>>>>>,
    hc::relu<>,
    hc::named<"down",
              hc::residual<hc::sequential<hc::named<"conv1", conv3x3<4, 6, hc::stride<2>>>,
                                          hc::named<"bn1", hc::batch_norm2d<6, hc::momentum<0.3>>>>,
                           hc::sequential<hc::named<"conv0", hc::conv2d<4, 6, hc::kernel<1>, hc::stride<2>>>,
                                          hc::named<"bn0", hc::batch_norm2d<6, hc::no_affine>>>>>,
    hc::relu<>, hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"fc", hc::linear<6, 3>>>;

/// Branches that are joined, as SqueezeNet's and Inception's, with max-pools.
using concat_network =
    hc::sequential<hc::named<"stem", conv3x3<2, 4>>, hc::relu<>, hc::max_pool2d<2>,
                   hc::concat<hc::sequential<hc::named<"left", hc::conv2d<4, 3, hc::kernel<1>>>, hc::relu<>>,
                              hc::sequential<hc::named<"right", conv3x3<4, 2>>,
                                             hc::named<"right_bn", hc::batch_norm2d<2>>, hc::silu<>>,
                              hc::identity<>>,
                   hc::named<"norm", hc::group_norm<3, 9>>, hc::flatten<>, hc::named<"fc", hc::linear<81, 4>>,
                   hc::named<"last", hc::batch_norm1d<4>>>;

/// What is left: products, dropout, other norms, other layers.
using mixed_network = hc::sequential<
    hc::named<"bn0", hc::batch_norm2d<2>>, hc::named<"conv", conv3x3<2, 4>>,
    hc::named<"inorm", hc::instance_norm2d<4, hc::affine>>, hc::gelu<>, hc::dropout<hc::probability<0.3>>,
    hc::multiply<hc::identity<>,
                 hc::sequential<hc::adaptive_avg_pool2d<1>,
                                hc::named<"squeeze", hc::conv2d<4, 4, hc::kernel<1>>>, hc::sigmoid<>>>,
    hc::named<"up", hc::conv_transpose2d<4, 2, hc::kernel<2>, hc::stride<2>>>, hc::elu<>, hc::avg_pool2d<3>,
    hc::flatten<>, hc::named<"lnorm", hc::layer_norm<hc::features<32>>>, hc::dropout<>,
    hc::named<"fc", hc::linear<32, 5>>, hc::tanh<>, hc::named<"fc2", hc::linear<5, 3, hc::no_bias>>>;

/// The gradients of all parameters and of the input against central differences of Σ grad_y·y. Every tensor's agree
/// within 1e-6 of its own largest, or of a thousandth of the network's where it is less than that (the bias of a
/// convolution in front of a batch norm has none at all). The differences themselves are good to some 1e-10.
template <class Network, class Shape>
void check(std::uint32_t seed) {
    constexpr double step = 1e-5;
    constexpr hc::training_moment moment{7, 3};
    hc::model<Network, double> model;
    hc::initialize(model, seed);
    for (auto const& entry : model.entries()) // norms that are not one and zero
        if (entry.is_learned) {
            auto const some = noise(entry.size, ++seed);
            for (std::size_t i = 0; i < entry.size; ++i)
                entry.data[i] += 0.1 * some[i];
        }
    std::array<std::size_t, Shape::rank + 1> shape{3};
    std::copy_n(Shape::value.sizes.begin(), Shape::rank, shape.begin() + 1);
    auto x = xt::xtensor<double, Shape::rank + 1>::from_shape(shape);
    auto const values = noise(x.size(), seed + 1);
    std::copy(values.begin(), values.end(), x.data());

    auto training = hc::training_plan<Shape>(model, hc::with_input_gradient<hc::train_all>{});
    auto const functional = [&](std::vector<double> const& slopes) {
        training.resume_at(moment); // the same masks
        training.commit();          // parameters were changed
        auto const y = training.forward(x);
        double sum = 0;
        for (std::size_t i = 0; i < slopes.size(); ++i)
            sum += slopes[i] * y.data()[i];
        return sum;
    };
    static_cast<void>(functional({}));
    auto const slopes = noise(training.output().size(), seed + 2);
    auto to_fill = training.gradient_to_fill();
    std::copy(slopes.begin(), slopes.end(), to_fill.data());
    training.backward();

    auto const numbers = [](auto const& of) { return std::vector<double>(of.begin(), of.end()); };
    auto const gradients = numbers(training.gradients());
    auto const of_input = numbers(training.input_gradient());
    double const largest = [&] {
        double most = 0;
        for (double const value : gradients)
            most = std::max(most, std::abs(value));
        return most;
    }();
    BOOST_TEST(largest > 0.1);
    auto const compare = [&](std::string_view what, double const* got, double* data, std::size_t count) {
        double own = largest / 1000;
        for (std::size_t i = 0; i < count; ++i)
            own = std::max(own, std::abs(got[i]));
        double worst = 0;
        for (std::size_t i = 0; i < count; ++i) {
            double const before = data[i];
            data[i] = before + step;
            double const above = functional(slopes);
            data[i] = before - step;
            double const below = functional(slopes);
            data[i] = before;
            worst = std::max(worst, std::abs(got[i] - (above - below) / (2 * step)));
        }
        BOOST_TEST(worst / own < 1e-6, what << ": " << worst / own);
    };
    compare("input", of_input.data(), x.data(), x.size());
    auto const entries = training.entries();
    double* const first = entries.front().data;
    for (std::size_t e = 0; e < entries.size(); ++e) {
        auto const at = entries[e].data - first;
        if (training.is_trained(e))
            compare(entries[e].key, gradients.data() + at, entries[e].data, entries[e].size);
        else
            for (std::size_t i = 0; i < entries[e].size; ++i)
                BOOST_TEST(gradients[static_cast<std::size_t>(at) + i] == 0);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(gradients_of_a_residual_network_with_batch_norm) {
    check<residual_network, hc::image<2, 6, 6>>(1);
}

/// So many images that what a batch norm measures is shared.
BOOST_AUTO_TEST_CASE(no_bit_depends_on_the_number_of_threads) {
    hc::model<residual_network, double> model;
    hc::initialize(model, 4);
    auto x = xt::xtensor<double, 4>::from_shape({300, 2, 6, 6});
    auto const values = noise(x.size(), 5);
    std::copy(values.begin(), values.end(), x.data());
    auto const results = [&](std::size_t threads) {
        hc::set_num_threads(threads);
        auto training =
            hc::training_plan<hc::image<2, 6, 6>>(model, hc::with_input_gradient<hc::train_all>{});
        auto const y = training.forward(x);
        std::vector<double> all(y.begin(), y.end());
        auto slopes = training.gradient_to_fill();
        std::copy_n(values.begin(), slopes.size(), slopes.data());
        training.backward();
        auto const gradients = training.gradients();
        auto const of_input = training.input_gradient();
        all.insert(all.end(), gradients.begin(), gradients.end());
        all.insert(all.end(), of_input.begin(), of_input.end());
        hc::set_num_threads(1);
        return all;
    };
    auto const alone = results(1);
    for (std::size_t const threads : {2U, 3U})
        BOOST_TEST((results(threads) == alone));
}

BOOST_AUTO_TEST_CASE(gradients_of_a_network_with_branches) {
    check<concat_network, hc::image<2, 6, 6>>(2);
}

BOOST_AUTO_TEST_CASE(gradients_of_a_network_with_dropout_and_products) {
    check<mixed_network, hc::image<2, 6, 6>>(3);
}
