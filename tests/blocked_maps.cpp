#define BOOST_TEST_MODULE blocked_maps
#include "blocked_harness.hpp"

#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

// Between two convolutions values stay in blocks of channels: pooling, activations, batch norm, joins. Whoever looks sees
// true values, and whoever puts a value of his own there, which is dense, gets the same bits behind it.

namespace hc = hookcam;
using namespace blocked;

namespace {

std::ptrdiff_t count(std::vector<std::string> const& steps, std::string const& text) {
    return std::count_if(steps.begin(), steps.end(),
                         [&](auto const& step) { return step.find(text) != std::string::npos; });
}

/// A network that is blocked from its input to its output; whoever watches one of the paths, or replaces what is there by
/// the same numbers, changes no bit.
template <class Network, hc::fixed_string... Paths>
void check_blocked(hc::extents const& in, std::uint32_t seed) {
    hc::model<Network> model;
    fill_with_noise(model, seed);
    auto x = images<float>(2, in, seed + 1);
    x(1, 0, 1, 1) = std::numeric_limits<float>::quiet_NaN(); // passes through all of them alike
    auto plan = hc::plan(model);
    auto const output = numbers(plan(x));
    auto const steps = plan.steps();
    BOOST_TEST_INFO_SCOPE(Network::type_name());
    BOOST_TEST(count(steps, "to blocked") == 1);
    BOOST_TEST(count(steps, "to dense") == 1);

    auto const check_path = [&]<hc::fixed_string Path>(hc::path_list<Path>) {
        BOOST_TEST_CONTEXT("at " << Path.view()) {
            std::vector<float> seen;
            auto const watched = hc::attach<Path>(
                model, hc::on_forward([&](auto const&, auto const&, auto const& y) { seen = numbers(y); }));
            BOOST_TEST(same(numbers(watched(x)), output));
            auto const replaced = hc::attach<Path>(
                model, hc::on_forward([](auto const&, auto const&, auto const& y) { return 1.0F * y; }));
            BOOST_TEST(same(numbers(replaced(x)), output));
            auto kept = hc::plan(model, hc::activations_request<Path>{});
            BOOST_TEST(same(numbers(kept(x)), output));
            BOOST_TEST(same(seen, numbers(kept.template activation<Path>())));
        }
    };
    (check_path(hc::path_list<Paths>{}), ...);
}

template <std::size_t In, std::size_t Out, std::size_t Kernel = 3>
using conv = hc::conv2d<In, Out, hc::kernel<Kernel>, hc::padding<Kernel / 2>, direct>;
using start = hc::named<"start", conv<4, 32>>;
using end = hc::named<"end", conv<32, 20>>;
template <class... Layers>
using between = hc::sequential<start, hc::named<"here", hc::sequential<Layers...>>, end>;

BOOST_AUTO_TEST_CASE(activations_and_poolings_stay_blocked) {
    check_blocked<between<hc::sigmoid<>, hc::relu<>, hc::silu<>, hc::hardswish<>, hc::relu6<>, hc::tanh<>,
                          hc::leaky_relu<>>,
                  "start", "here">(hc::extents{4, 5, 9}, 1);
    check_blocked<between<hc::sigmoid<>, hc::max_pool2d<3, hc::stride<2>, hc::ceil_mode>,
                          hc::avg_pool2d<2, hc::stride<1>, hc::padding<1>>, hc::upsample<2>,
                          hc::adaptive_avg_pool2d<3, 4>>,
                  "start", "here">(hc::extents{4, 12, 9}, 2);
}

BOOST_AUTO_TEST_CASE(a_mean_of_each_channel_stays_blocked) {
    using network = hc::sequential<start, hc::relu<>, hc::named<"pool", hc::global_avg_pool2d<>>,
                                   hc::named<"end", conv<32, 20, 1>>>;
    check_blocked<network, "start", "pool">(hc::extents{4, 7, 9}, 3);
}

BOOST_AUTO_TEST_CASE(a_shortcut_without_parameters_stays_blocked) {
    using body = hc::named<"body", hc::conv2d<32, 44, hc::kernel<3>, hc::padding<1>, hc::stride<2>, direct>>;
    using network =
        hc::sequential<start, hc::relu<>,
                       hc::residual<body, hc::named<"pad", hc::pad_shortcut<32, 44, hc::stride<2>>>>>;
    check_blocked<network, "body", "pad">(hc::extents{4, 7, 9}, 4);
}

// He et al., "Identity mappings in deep residual networks" (2016): a block begins with its batch norm.
BOOST_AUTO_TEST_CASE(a_residual_with_activations_in_front_stays_blocked) {
    using body = hc::sequential<hc::named<"norm1", hc::batch_norm2d<32>>, hc::relu<>,
                                hc::named<"conv1", conv<32, 32>>, hc::named<"norm2", hc::batch_norm2d<32>>,
                                hc::relu<>, hc::named<"conv2", conv<32, 32>>>;
    using network = hc::sequential<start, hc::named<"block", hc::residual<body>>,
                                   hc::named<"last", hc::batch_norm2d<32>>, hc::relu<>, end>;
    check_blocked<network, "block", "block.norm1">(hc::extents{4, 8, 9}, 5);
    hc::model<network> const model;
    auto plan = hc::plan(model);
    static_cast<void>(plan(images<float>(1, hc::extents{4, 8, 9}, 6)));
    BOOST_TEST(count(plan.steps(), "block.norm1 + relu<>") == 1);
    BOOST_TEST(count(plan.steps(), "block.conv1 + batch_norm2d<32> + relu<>") == 1);
    BOOST_TEST(count(plan.steps(), "block.conv2 + sum + batch_norm2d<32>") == 0);
    BOOST_TEST(count(plan.steps(), "last + relu<>") == 1);
}

// --- joins --------------------------------------------------------------------------------------------------------

/// As SqueezeNet has it: one input, windows of different sizes, and so borders.
using squeeze = hc::named<"squeeze", hc::sequential<conv<32, 16, 1>, hc::relu<>>>;
using expand1 = hc::named<"expand1", hc::sequential<conv<16, 32, 1>, hc::relu<>>>;
using expand3 = hc::named<"expand3", hc::sequential<conv<16, 20, 5>, hc::relu<>>>;

BOOST_AUTO_TEST_CASE(branches_are_made_in_their_place) {
    using fire = hc::named<"fire", hc::sequential<squeeze, hc::concat<expand1, expand3>>>;
    using network =
        hc::sequential<start, hc::relu<>, fire, hc::max_pool2d<2>, hc::named<"end", conv<52, 20>>>;
    check_blocked<network, "fire", "fire.expand1">(hc::extents{4, 8, 9}, 7);
}

BOOST_AUTO_TEST_CASE(a_branch_may_be_the_input_itself_or_a_concat) {
    // The input is the first branch's result and the third's, and a part of two concats (Huang et al., DenseNet, 2017).
    using inner = hc::named<"inner", hc::concat<hc::identity<>, hc::named<"grow", conv<32, 16>>>>;
    using outer = hc::named<"outer", hc::concat<hc::identity<>, inner, hc::identity<>>>;
    using network = hc::sequential<start, hc::relu<>, outer, hc::named<"end", conv<112, 20>>>;
    check_blocked<network, "outer", "outer.inner">(hc::extents{4, 6, 7}, 8);
}

BOOST_AUTO_TEST_CASE(channels_are_weighted_where_they_lie) {
    // Hu et al., "Squeeze-and-excitation networks" (2017).
    using weights =
        hc::named<"weights", hc::sequential<hc::global_avg_pool2d<>, hc::named<"down", conv<32, 8, 1>>,
                                            hc::relu<>, hc::named<"up", conv<8, 32, 1>>, hc::sigmoid<>>>;
    using network =
        hc::sequential<start, hc::relu<>, hc::named<"scaled", hc::multiply<hc::identity<>, weights>>, end>;
    check_blocked<network, "scaled", "scaled.weights">(hc::extents{4, 6, 7}, 9);
    using same_size = hc::multiply<hc::named<"a", conv<32, 32, 1>>, hc::named<"b", conv<32, 32, 5>>>;
    check_blocked<hc::sequential<start, same_size, end>, "a", "b">(hc::extents{4, 6, 7}, 10);
}

BOOST_AUTO_TEST_CASE(joins_of_other_channel_counts_agree_too) {
    // 10 channels are no whole vectors: such a concat is dense.
    using parts =
        hc::named<"parts", hc::concat<hc::named<"a", conv<32, 10, 1>>, hc::named<"b", conv<32, 32>>>>;
    using network = hc::sequential<start, hc::relu<>, parts, hc::named<"end", conv<42, 20>>>;
    hc::model<network> model;
    fill_with_noise(model, 11);
    auto const x = images<float>(2, hc::extents{4, 6, 7}, 12);
    auto kept = hc::plan(model, hc::activations_request<"parts.a", "parts.b", "parts">{});
    auto plan = hc::plan(model);
    BOOST_TEST(same(numbers(plan(x)), numbers(kept(x))));
    auto const all = kept.activation<"parts">();
    auto const a = kept.activation<"parts.a">();
    auto const b = kept.activation<"parts.b">();
    for (std::size_t n = 0; n < 2; ++n) {
        BOOST_TEST(all(n, 9, 5, 6) == a(n, 9, 5, 6));
        BOOST_TEST(all(n, 10, 0, 0) == b(n, 0, 0, 0));
        BOOST_TEST(all(n, 41, 5, 6) == b(n, 31, 5, 6));
    }
}

BOOST_AUTO_TEST_CASE(a_plan_with_joins_takes_other_batches_and_sizes) {
    using fire = hc::sequential<squeeze, hc::concat<expand1, expand3>>;
    using network = hc::sequential<start, hc::relu<>, fire, hc::named<"end", conv<52, 20>>>;
    hc::model<network> model;
    fill_with_noise(model, 13);
    auto plan = hc::plan(model);
    for (std::size_t const batch : {1U, 3U, 2U}) {
        auto const x = images<float>(batch, hc::extents{4, 5 + batch, 9}, 14);
        auto fresh = hc::plan(model);
        BOOST_TEST(same(numbers(plan(x)), numbers(fresh(x))));
    }
}

} // namespace
