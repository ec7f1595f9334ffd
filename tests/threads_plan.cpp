#define BOOST_TEST_MODULE threads_plan
#include <boost/test/unit_test.hpp>

#include <hookcam/hookcam.hpp>

#include <cstddef>
#include <cstring>
#include <random>
#include <tuple>
#include <vector>

// No bit of a result depends on the number of threads.

namespace hc = hookcam;

namespace {

using block =
    hc::residual<hc::sequential<hc::named<"conv", hc::conv2d<20, 20, hc::kernel<3>, hc::padding<1>>>,
                                hc::named<"norm", hc::batch_norm2d<20>>>>;
using net =
    hc::sequential<hc::named<"first", hc::conv2d<3, 20, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                   hc::max_pool2d<3, hc::stride<2>, hc::padding<1>>, hc::named<"block", block>, hc::relu<>,
                   hc::named<"depthwise", hc::conv2d<20, 20, hc::kernel<3>, hc::stride<2>, hc::groups<20>>>,
                   hc::relu<>, hc::named<"last", hc::conv2d<20, 70, hc::kernel<1>>>, hc::relu<>,
                   hc::max_pool2d<2>, hc::flatten<>, hc::named<"fc1", hc::linear<70 * 4 * 4, 600>>,
                   hc::relu<>, hc::named<"fc2", hc::linear<600, 7>>>;
constexpr std::size_t side = 37;
static_assert(std::same_as<hc::output_shape<net, hc::image<3, side, side>>, hc::features<7>>);

template <class T>
hc::model<net, T> randomized() {
    hc::model<net, T> made;
    std::mt19937 generator{5};
    std::uniform_real_distribution<T> uniform{T(-0.1), T(0.1)};
    for (auto& entry : made.entries())
        for (std::size_t i = 0; i < entry.size; ++i)
            entry.data[i] = entry.key.ends_with("running_var") ? T(1) : uniform(generator);
    return made;
}

template <class T>
auto images(std::size_t count) {
    auto made = xt::xtensor<T, 4>::from_shape({count, 3, side, side});
    std::mt19937 generator{6};
    std::uniform_real_distribution<T> uniform{T(-1), T(1)};
    for (auto& value : made)
        value = uniform(generator);
    return made;
}

/// All numbers that a plan makes: output, activation, gradients of input and parameters, and a heatmap.
template <class T>
std::vector<T> all_results(hc::model<net, T> const& model, std::size_t batch, std::size_t threads) {
    hc::set_num_threads(threads);
    std::vector<T> all;
    auto const take = [&](auto const& values) { all.insert(all.end(), values.begin(), values.end()); };
    auto const x = images<T>(batch);
    auto plan = hc::plan<hc::image<3, side, side>>(
        model,
        hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"block", "last">>>{});
    auto const y = plan.forward(x);
    take(y);
    xt::xtensor<T, 2> grad = y;
    plan.backward(grad);
    take(plan.template activation<"block">());
    take(plan.template gradient<"last">());
    take(plan.input_gradient());
    for (auto const& entry : model.entries())
        if (entry.is_learned)
            take(plan.parameter_gradient(entry.key));
    take(hc::grad_cam<"last">(model, x).heatmap);
    hc::set_num_threads(1);
    return all;
}

template <class T>
bool same_bits(std::vector<T> const& a, std::vector<T> const& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

} // namespace

using scalars = std::tuple<float, double>;

BOOST_AUTO_TEST_CASE_TEMPLATE(no_bit_depends_on_the_number_of_threads, T, scalars) {
    auto const model = randomized<T>();
    for (std::size_t const batch : {1U, 9U}) { // so many that steps by themselves are shared
        auto const alone = all_results(model, batch, 1);
        BOOST_TEST(alone.size() > 100000U);
        for (std::size_t const threads : {2U, 3U, 5U})
            BOOST_TEST(same_bits(all_results(model, batch, threads), alone));
    }
}

/// Steps of their own over blocks: a norm in front of its ReLU, a clamp, a concat, a product, poolings, an activation, and
/// channels that move.
using maps =
    hc::sequential<hc::named<"conv", hc::conv2d<3, 20, hc::kernel<3>, hc::padding<1>>>, hc::relu6<>,
                   hc::concat<hc::named<"left", hc::conv2d<20, 16, hc::kernel<1>>>,
                              hc::max_pool2d<3, hc::stride<1>, hc::padding<1>>>,
                   hc::named<"norm", hc::batch_norm2d<36>>, hc::relu<>,
                   hc::multiply<hc::identity<>, hc::sequential<hc::adaptive_avg_pool2d<1>, hc::sigmoid<>>>,
                   hc::avg_pool2d<3, hc::stride<1>>, hc::silu<>, hc::pad_shortcut<36, 50, hc::stride<2>>,
                   hc::named<"end", hc::conv2d<50, 5, hc::kernel<3>>>>;

BOOST_AUTO_TEST_CASE(no_bit_of_a_step_by_itself_depends_on_the_number_of_threads) {
    hc::model<maps> model;
    std::mt19937 generator{7};
    std::uniform_real_distribution<float> uniform{-1, 1};
    for (auto& entry : model.entries())
        for (std::size_t i = 0; i < entry.size; ++i)
            entry.data[i] = entry.key.ends_with("running_var") ? 1 : uniform(generator);
    auto const x = images<float>(9);
    auto const results = [&](std::size_t threads) {
        hc::set_num_threads(threads);
        std::vector<float> all;
        auto const take = [&](auto const& values) { all.insert(all.end(), values.begin(), values.end()); };
        take(hc::plan(model)(x));
        auto plan = hc::plan(model, hc::with_input_gradient<hc::gradients_request<>>{});
        xt::xtensor<float, 4> const y = plan.forward(x);
        plan.backward(y);
        take(plan.input_gradient());
        hc::set_num_threads(1);
        return all;
    };
    auto const alone = results(1);
    for (std::size_t const threads : {2U, 3U})
        BOOST_TEST(same_bits(results(threads), alone));
}

BOOST_AUTO_TEST_CASE(a_plan_works_on_when_the_number_changes) {
    auto const model = randomized<float>();
    auto const x = images<float>(2);
    auto plan = hc::plan(model);
    xt::xtensor<float, 2> const alone = plan(x);
    for (std::size_t const threads : {3U, 1U, 2U}) {
        hc::set_num_threads(threads);
        BOOST_TEST((plan(x) == alone));
        BOOST_TEST((hc::plan(model)(x) == alone));
    }
    hc::set_num_threads(1);
}
