#define BOOST_TEST_MODULE static_zero_cost
#include "../examples/networks/simple_cnn.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// That an unused slot takes no room and no property away. Most of it the compiler checks; the code is compared in zero_cost/.

namespace hc = hookcam;

namespace {

template <class T>
inline constexpr bool
    weighs_nothing = std::is_empty_v<T> && sizeof(T) == 1 &&
                     alignof(T) == 1 && std::is_trivially_copyable_v<T>&& std::is_trivially_destructible_v<T>;

// An empty slot, and one whose hooks have no state.
struct stateless {
    void operator()(auto const&...) const {}
};
struct counter {
    int calls = 0;
    void operator()(auto const&...) { ++calls; }
};
static_assert(weighs_nothing<hc::slot<hc::events::forward>>);
static_assert(weighs_nothing<hc::slot<hc::events::forward, stateless>>);
static_assert(sizeof(hc::slot<hc::events::forward, counter>) == sizeof(counter));

// Layers.
using convolution = hc::conv2d<3, 8, hc::kernel<3>, hc::padding<1>>;
static_assert(weighs_nothing<hc::relu<>>);
static_assert(weighs_nothing<convolution>);
static_assert(weighs_nothing<hc::conv2d<8, 8, hc::kernel<3>, hc::groups<8>, hc::no_bias>>);
static_assert(weighs_nothing<hc::linear<8, 4>>);
static_assert(weighs_nothing<hc::max_pool2d<2>>);
static_assert(weighs_nothing<hc::avg_pool2d<2>>);
static_assert(weighs_nothing<hc::adaptive_avg_pool2d<1>>);
static_assert(weighs_nothing<hc::batch_norm2d<8>>);
static_assert(weighs_nothing<hc::flatten<>>);
static_assert(weighs_nothing<hc::dropout<>>);
static_assert(weighs_nothing<hc::softmax<>>);
static_assert(weighs_nothing<hc::identity<>>);

// A layer of a user's own.
template <class... Policies>
struct own : hc::layer<own<Policies...>, Policies...> {};
template <class... Policies>
struct own_with_state : hc::layer<own_with_state<Policies...>, Policies...> {
    float slope = 0.5F;
};
static_assert(weighs_nothing<own<>>);
static_assert(sizeof(own_with_state<>) == sizeof(float) && std::is_trivially_copyable_v<own_with_state<>>);

// Names and composites. Distinct layers side by side share one address: their slots are in nobody's way.
static_assert(weighs_nothing<hc::named<"conv1", convolution>>);
static_assert(weighs_nothing<hc::tap<"between">>);
static_assert(weighs_nothing<hc::sequential<convolution, hc::relu<>, hc::max_pool2d<2>, hc::flatten<>>>);
static_assert(weighs_nothing<hc::sequential<hc::named<"conv1", convolution>, hc::relu<>,
                                            hc::named<"bn1", hc::batch_norm2d<8>>>>);
static_assert(weighs_nothing<hc::indexed<convolution, hc::relu<>>>);
static_assert(weighs_nothing<hc::residual<hc::sequential<convolution, hc::relu<>>>>);

// Equal layers have addresses of their own, with slots and without: the language says so. SimpleCNN holds four equal ReLUs and
// three equal poolings, and is as small as that many bytes allow.
static_assert(sizeof(hc::sequential<hc::relu<>, hc::relu<>, hc::relu<>>) == 3);
static_assert(std::is_empty_v<networks::simple_cnn> && std::is_trivially_copyable_v<networks::simple_cnn>);
static_assert(sizeof(networks::simple_cnn) <= 4 * 3);

// Hooks without state, as policies of a layer and behind a name, take no room either; others take their own.
using looking = hc::slot<hc::events::forward, stateless>;
using counting = hc::slot<hc::events::forward, counter>;
static_assert(weighs_nothing<hc::relu<looking>>);
static_assert(weighs_nothing<hc::conv2d<3, 8, hc::kernel<3>, looking>>);
static_assert(weighs_nothing<hc::named<"conv1", convolution, looking>>);
static_assert(sizeof(hc::relu<counting>) == sizeof(counter));
static_assert(sizeof(hc::named<"conv1", convolution, counting>) == sizeof(counter));

// Plans. A source of a plain model is three pointers; the tape knows nothing of hooks, that of an opened model does.
using source = hc::detail::model_source<networks::simple_cnn, float const, hc::cpu>;
static_assert(sizeof(source) == 3 * sizeof(void*) && std::is_trivially_copyable_v<source>);
static_assert(std::is_same_v<source::tape_type, hc::detail::tape<float>>);
static_assert(std::is_trivially_copyable_v<hc::detail::step<float>>);
static_assert(std::is_trivially_copyable_v<hc::detail::cell<float>>);
static_assert(sizeof(hc::detail::tape<float>) < sizeof(hc::detail::runtime_tape<float>));

// What is attached weighs what the hooks weigh.
using model_type = hc::model<networks::simple_cnn>;
using attached_nothing = decltype(hc::attach<"conv1">(std::declval<model_type const&>()));
using attached_stateless =
    decltype(hc::attach<"conv1">(std::declval<model_type const&>(), hc::on_forward(stateless{})));
static_assert(sizeof(attached_nothing) == sizeof(source));
static_assert(sizeof(attached_stateless) == sizeof(source));
static_assert(std::is_trivially_copyable_v<attached_stateless>);

} // namespace

BOOST_AUTO_TEST_CASE(attaching_nothing_adds_no_step_and_no_memory) {
    model_type const model;
    xt::xtensor<float, 3> const image{std::array<std::size_t, 3>{3, 32, 32}, 0.5F};
    auto plain = hc::plan(model, hc::grad_cam_request<"conv3">{});
    auto attached = hc::plan(hc::attach<"conv1">(model), hc::grad_cam_request<"conv3">{});
    plain(image);
    attached(image);
    // Backward the 6 layers behind conv3: ReLU and pooling at once, flatten, linear, ReLU, linear.
    auto const steps = plain.steps();
    BOOST_TEST(std::count_if(steps.begin(), steps.end(),
                             [](auto const& s) { return s.starts_with("backward"); }) == 5);
    BOOST_TEST(plain.steps() == attached.steps(), boost::test_tools::per_element());
    BOOST_TEST(plain.memory() == attached.memory());
}

BOOST_AUTO_TEST_CASE(a_hook_that_looks_is_one_step_and_no_memory) {
    model_type const model;
    xt::xtensor<float, 3> const image{std::array<std::size_t, 3>{3, 32, 32}, 0.5F};
    auto plain = hc::plan(model, hc::grad_cam_request<"conv3">{});
    // A layer behind which nothing runs in place: watching it keeps no buffer that was not there.
    auto looked_at =
        hc::plan(hc::attach<"fc2">(model, hc::on_forward(stateless{})), hc::grad_cam_request<"conv3">{});
    plain(image);
    looked_at(image);
    BOOST_TEST(looked_at.steps().size() == plain.steps().size() + 1);
    BOOST_TEST(looked_at.memory() == plain.memory());
}
