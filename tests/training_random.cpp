#define BOOST_TEST_MODULE training_random
#include "xtensor.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/train/initialize.hpp>
#include <hookcam/train/training_plan.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hc = hookcam;

namespace {

template <class Range>
auto numbers(Range const& of) {
    return std::vector<std::remove_const_t<typename Range::value_type>>(of.begin(), of.end());
}

using two_drops = hc::sequential<hc::named<"first", hc::dropout<>>, hc::named<"second", hc::dropout<>>>;

xt::xtensor<float, 2> const ones = xt::ones<float>({4, 100});

/// Which elements the two layers of a plan kept.
struct masks {
    std::vector<bool> first, both;
    bool operator==(masks const&) const = default;
};
template <class Training>
masks draw(Training& training, std::vector<float> const& behind_first) {
    masks seen;
    auto const out = training.forward(ones);
    for (std::size_t i = 0; i < ones.size(); ++i) {
        seen.first.push_back(behind_first[i] != 0);
        seen.both.push_back(out.data()[i] != 0);
        BOOST_REQUIRE((out.data()[i] == 0 || out.data()[i] == 4)); // 1 / (1 − 1/2), twice
    }
    return seen;
}

} // namespace

BOOST_AUTO_TEST_CASE(masks_hang_on_seed_step_layer_and_element) {
    hc::model<two_drops> model;
    std::vector<float> behind_first;
    auto watched = hc::attach<"first">(
        model, hc::on_forward([&](auto const&, auto const&, auto const& y) { behind_first = numbers(y); }));
    using shape = hc::features<100>;
    auto training = hc::training_plan<shape>(watched, {.seed = 1});
    auto const step0 = draw(training, behind_first);
    auto const step1 = draw(training, behind_first);
    BOOST_TEST((step0 != step1));
    std::size_t kept_by_second = 0;
    std::size_t kept_by_first = 0;
    for (std::size_t i = 0; i < step0.first.size(); ++i) {
        kept_by_first += step0.first[i];
        kept_by_second += step0.both[i];
    }
    BOOST_TEST(std::abs(static_cast<double>(kept_by_first) - 200) < 50);  // five deviations: 5·sqrt(400/4)
    BOOST_TEST(std::abs(static_cast<double>(kept_by_second) - 100) < 44); // 5·sqrt(400·3/16)
    // Rows of a batch have masks of their own.
    BOOST_TEST(!std::equal(step0.first.begin(), step0.first.begin() + 100, step0.first.begin() + 100));

    BOOST_TEST(training.moment().seed == 1U);
    BOOST_TEST(training.moment().step == 2U);
    training.resume_at({1, 0});
    BOOST_TEST((draw(training, behind_first) == step0));
    auto again = hc::training_plan<shape>(watched, {.seed = 1});
    BOOST_TEST((draw(again, behind_first) == step0));
    auto other = hc::training_plan<shape>(watched, {.seed = 2});
    BOOST_TEST((draw(other, behind_first) != step0));
    // The numbers are those of a counter: what a GPU would draw.
    hc::counter_random const first{1, hc::random_use::dropout, 0, 0};
    for (std::size_t i = 0; i < step0.first.size(); ++i)
        BOOST_REQUIRE(step0.first[i] == (first.uniform<float>(i) >= .5f));
    // An inference plan drops nothing.
    BOOST_TEST((numbers(hc::plan<shape>(watched)(ones)) == numbers(ones)));
}

BOOST_AUTO_TEST_CASE(backward_draws_the_masks_of_its_forward) {
    hc::model<two_drops> model;
    auto training = hc::training_plan<hc::features<100>>(model, hc::with_input_gradient<hc::train_all>{});
    training.forward(ones);
    auto const out = numbers(training.forward(ones));
    training.backward(ones);
    BOOST_TEST((numbers(training.input_gradient()) == out)); // of ones
}

// --- layers of one's own --------------------------------------------------------------------------------------

namespace {

/// Twice its input in training, its input in inference.
struct doubling : hc::layer<doubling> {
    void forward(auto const& x, auto& y) const { xt::noalias(y) = 2 * x; }
    void backward(auto const& grad_y, auto& grad_x) const { xt::noalias(grad_x) = 2 * grad_y; }
};
struct steady : hc::layer<steady> {
    using in_training = doubling;
    void forward(auto const& x, auto& y) const { xt::noalias(y) = x; }
    void backward(auto const& grad_y, auto& grad_x) const { xt::noalias(grad_x) = grad_y; }
};

/// Adds numbers from 0 to 1 in training.
template <class... Policies>
struct noisy : hc::layer<noisy<Policies...>, Policies...> {
    struct in_training : hc::layer<in_training> {
        static constexpr bool draws = true;
        void forward(hc::counter_random const& draw, auto const& x, auto& y) const {
            for (std::size_t i = 0; i < x.size(); ++i)
                y.data()[i] = x.data()[i] + draw.template uniform<float>(i);
        }
        void backward(hc::counter_random const&, auto const& grad_y, auto& grad_x) const {
            xt::noalias(grad_x) = grad_y;
        }
    };
    static constexpr bool is_view = true;
};

} // namespace

BOOST_AUTO_TEST_CASE(a_layer_says_what_it_is_in_training) {
    using network = hc::sequential<hc::named<"a", steady>, hc::named<"b", noisy<>>>;
    hc::model<network> model;
    auto training = hc::training_plan<hc::features<100>>(model, hc::with_input_gradient<hc::train_all>{});
    auto const out = training.forward(ones);
    hc::counter_random const draw{0, hc::random_use::dropout, 0, 0};
    for (std::size_t i = 0; i < out.size(); ++i)
        BOOST_REQUIRE(out.data()[i] == 2 + draw.uniform<float>(i));
    training.backward(ones);
    BOOST_TEST(training.input_gradient()(3, 99) == 2);
    BOOST_TEST(model(ones)(3, 99) == 1);
    auto frozen = hc::training_plan<hc::features<100>>(model, hc::freeze<"a">{});
    BOOST_TEST(frozen.forward(ones)(0, 0) == 1 + draw.uniform<float>(0));
}

// --- what a model begins with -----------------------------------------------------------------------------------

namespace {

using all_kinds =
    hc::sequential<hc::named<"conv", hc::conv2d<4, 6, hc::kernel<3>, hc::groups<2>>>,
                   hc::named<"bn", hc::batch_norm2d<6>>,
                   hc::named<"up", hc::conv_transpose2d<6, 8, hc::kernel<2>, hc::groups<2>>>,
                   hc::named<"gn", hc::group_norm<2, 8>>, hc::named<"in", hc::instance_norm2d<8, hc::affine>>,
                   hc::flatten<>, hc::named<"ln", hc::layer_norm<hc::features<72>>>,
                   hc::named<"fc", hc::linear<72, 50>>, hc::named<"fc2", hc::linear<50, 3, hc::no_bias>>>;

template <class T>
std::span<T const> tensor(hc::model<all_kinds, T> const& of, std::string_view key) {
    for (auto const& entry : of.entries())
        if (entry.key == key)
            return {entry.data, entry.size};
    BOOST_FAIL("no " << key);
    return {};
}

} // namespace

BOOST_AUTO_TEST_CASE(a_model_begins_as_pytorchs_does) {
    hc::model<all_kinds> model;
    std::fill_n(model.data(), model.size(), 77.f); // whatever it was
    hc::initialize(model, 42);
    // Kaiming's bound with a = √5 is 1/√fan_in. PyTorch takes fan_in from the weight's second axis and its window, of a
    // transposed convolution too.
    struct expected {
        char const* layer;
        double fan_in;
        bool has_bias;
    };
    for (auto const& [layer, fan_in, has_bias] : {expected{"conv", 2 * 9, true}, expected{"up", 4 * 4, true},
                                                  expected{"fc", 72, true}, expected{"fc2", 50, false}})
        for (std::string const name : {".weight", ".bias"}) {
            if (name == ".bias" && !has_bias)
                continue;
            auto const values = tensor(model, layer + name);
            double const bound = 1 / std::sqrt(fan_in);
            double sum = 0;
            double squares = 0;
            double largest = 0;
            for (double const value : values) {
                sum += value;
                squares += value * value;
                largest = std::max(largest, std::abs(value));
            }
            auto const n = static_cast<double>(values.size());
            BOOST_TEST_CONTEXT(layer << name) {
                BOOST_TEST(largest <= bound);
                BOOST_TEST(largest >
                           bound * (1 - 7 / n)); // e^−7: less than one in a thousand seeds is further
                // Five standard deviations: of a uniform number, and of its square.
                BOOST_TEST(std::abs(sum / n) < 5 * bound * std::sqrt(1 / (3 * n)));
                BOOST_TEST(std::abs(squares / n - bound * bound / 3) <
                           5 * bound * bound * std::sqrt(4 / (45 * n)));
            }
        }
    for (auto const* const norm : {"bn", "gn", "in", "ln"}) {
        auto const is = [&](std::string const& name, float value) {
            auto const values = tensor(model, norm + name);
            BOOST_TEST(std::all_of(values.begin(), values.end(), [&](float v) { return v == value; }));
        };
        is(".weight", 1);
        is(".bias", 0);
    }
    BOOST_TEST(tensor(model, "bn.running_mean")[3] == 0);
    BOOST_TEST(tensor(model, "bn.running_var")[3] == 1);
}

BOOST_AUTO_TEST_CASE(a_seed_gives_the_same_numbers_everywhere) {
    hc::model<all_kinds> model;
    hc::model<all_kinds> same;
    hc::model<all_kinds> other;
    hc::model<all_kinds, double> wide;
    hc::initialize(model, 1);
    hc::initialize(same, 1);
    hc::initialize(other, 2);
    hc::initialize(wide, 1);
    BOOST_TEST(std::equal(model.data(), model.data() + model.size(), same.data()));
    BOOST_TEST(!std::equal(model.data(), model.data() + model.size(), other.data()));
    BOOST_TEST(std::equal(model.data(), model.data() + model.size(), wide.data(),
                          [](float a, double b) { return a == static_cast<float>(b); }));
    // Counted by hand from the generator: element i of tensor t is number i of its stream.
    hc::counter_random const conv{1, hc::random_use::initialization, 0, 0};
    hc::counter_random const conv_bias{1, hc::random_use::initialization, 0, 1};
    for (std::size_t i = 0; i < 6; ++i) {
        BOOST_TEST(wide.parameter("conv.weight").data()[i] ==
                   (2 * conv.uniform<double>(i) - 1) * (1 / std::sqrt(18.)));
        BOOST_TEST(wide.parameter("conv.bias")(i) ==
                   (2 * conv_bias.uniform<double>(i) - 1) * (1 / std::sqrt(18.)));
    }
}
