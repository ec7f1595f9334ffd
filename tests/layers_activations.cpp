#define BOOST_TEST_MODULE layers_activations
#include "network_harness.hpp"

#include <hookcam/layers/elu/elu_reference.hpp>
#include <hookcam/layers/gelu/gelu_reference.hpp>
#include <hookcam/layers/hardswish/hardswish_reference.hpp>
#include <hookcam/layers/leaky_relu/leaky_relu_reference.hpp>
#include <hookcam/layers/relu6/relu6_reference.hpp>
#include <hookcam/layers/sigmoid/sigmoid_reference.hpp>
#include <hookcam/layers/silu/silu_reference.hpp>
#include <hookcam/layers/tanh/tanh_reference.hpp>

#include <concepts>
#include <limits>

namespace hc = hookcam;
using namespace harness;
using hc::extents;

namespace {

constexpr std::size_t batch = 3;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// Numbers from about −7 to 7, all of them 0.1 at least from −3, 0, 3 and 6, where activations have kinks.
std::vector<double> spread(std::size_t size, std::uint32_t seed) {
    auto values = separated(size, seed);
    for (auto& value : values)
        value *= 4;
    return values;
}

template <class T, class Layer, std::size_t Rank>
void check_reference(extents const& in, auto value, auto derivative) {
    bench<Layer, T, Rank> at{batch, in};
    at.fill(spread(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    std::vector<double> y(at.x.size());
    std::vector<double> grad_x(at.x.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
        auto const x = static_cast<double>(at.x[i]);
        y[i] = value(x);
        grad_x[i] = static_cast<double>(at.grad_y[i]) * derivative(x);
    }
    // A handful of operations on numbers up to 8; cubed, they enter the argument of a tanh.
    check_near("y", at.y, y, rounding<T>(32));
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(32));
    BOOST_TEST((at.forward_in_place() == at.y));
}

template <class Layer>
void check(auto value, auto derivative) {
    BOOST_TEST_CONTEXT(Layer::type_name()) {
        static_assert(is_free<Layer>());
        static_assert(Layer::in_place);
        static_assert(Layer::output_extents(extents{4, hc::dynamic, 2}) == extents{4, hc::dynamic, 2});
        check_reference<float, Layer, 3>(extents{2, 4, 3}, value, derivative);
        check_reference<double, Layer, 3>(extents{2, 4, 3}, value, derivative);
        check_reference<double, Layer, 1>(extents{11}, value, derivative);
        bench<Layer, double> at{batch, extents{2, 4, 3}};
        at.fill(spread(at.x.size(), 2), 2);
        check_differences(at);
    }
}

/// Output and gradient of a layer, in double, for numbers given.
template <class Layer>
void check_literal(std::vector<double> const& x, std::vector<double> const& y,
                   std::vector<double> const& gradient) {
    BOOST_TEST_CONTEXT(Layer::type_name()) {
        bench<Layer, double, 1> at{1, extents{x.size()}};
        at.x = x;
        std::fill(at.grad_y.begin(), at.grad_y.end(), 1);
        at.forward();
        at.backward();
        check_near("y", at.y, y, 1e-12); // the literals carry thirteen digits behind the point
        check_near("grad_x", at.grad_x, gradient, 1e-12);
    }
}

template <class Layer>
constexpr bool reads_output = std::same_as<typename Layer::backward_reads, hc::reads<hc::output>>;

} // namespace

// What lets a plan run them in place.
static_assert(reads_output<hc::relu6<>> && reads_output<hc::leaky_relu<>> && reads_output<hc::elu<>>);
static_assert(reads_output<hc::sigmoid<>> && reads_output<hc::tanh<>>);
static_assert(reads_output<hc::leaky_relu<hc::negative_slope<0.0>>>);
static_assert(!reads_output<hc::leaky_relu<hc::negative_slope<-0.5>>>); // its output does not tell the sign
static_assert(!reads_output<hc::silu<>> && !reads_output<hc::gelu<>> && !reads_output<hc::hardswish<>>);

BOOST_AUTO_TEST_CASE(activations_agree_with_their_references_and_with_finite_differences) {
    using namespace hc::reference;
    check<hc::relu6<>>([](double x) { return relu6(x); }, [](double x) { return relu6_derivative(x); });
    check<hc::leaky_relu<>>([](double x) { return leaky_relu(0.01, x); },
                            [](double x) { return leaky_relu_derivative(0.01, x); });
    check<hc::leaky_relu<hc::negative_slope<-0.5>>>([](double x) { return leaky_relu(-0.5, x); },
                                                    [](double x) { return leaky_relu_derivative(-0.5, x); });
    check<hc::elu<>>([](double x) { return elu(1.0, x); }, [](double x) { return elu_derivative(1.0, x); });
    check<hc::elu<hc::alpha<0.5>>>([](double x) { return elu(0.5, x); },
                                   [](double x) { return elu_derivative(0.5, x); });
    check<hc::sigmoid<>>([](double x) { return sigmoid(x); }, [](double x) { return sigmoid_derivative(x); });
    check<hc::tanh<>>([](double x) { return hc::reference::tanh(x); },
                      [](double x) { return tanh_derivative(x); });
    check<hc::silu<>>([](double x) { return silu(x); }, [](double x) { return silu_derivative(x); });
    check<hc::gelu<>>([](double x) { return gelu(x); }, [](double x) { return gelu_derivative(x); });
    check<hc::gelu<hc::tanh_approximation>>([](double x) { return gelu_by_tanh(x); },
                                            [](double x) { return gelu_by_tanh_derivative(x); });
    check<hc::hardswish<>>([](double x) { return hardswish(x); },
                           [](double x) { return hardswish_derivative(x); });
}

BOOST_AUTO_TEST_CASE(activations_agree_with_pytorch) {
    std::vector<double> const x{-4, -3, -1.5, -0.25, 0, 0.5, 2, 3, 6, 7};
    check_literal<hc::relu6<>>(x, {0, 0, 0, 0, 0, 0.5, 2, 3, 6, 6}, {0, 0, 0, 0, 0, 1, 1, 1, 0, 0});
    check_literal<hc::leaky_relu<>>(x, {-0.04, -0.03, -0.015, -0.0025, 0, 0.5, 2, 3, 6, 7},
                                    {0.01, 0.01, 0.01, 0.01, 0.01, 1, 1, 1, 1, 1});
    check_literal<hc::leaky_relu<hc::negative_slope<0.2>>>(x, {-0.8, -0.6, -0.3, -0.05, 0, 0.5, 2, 3, 6, 7},
                                                           {0.2, 0.2, 0.2, 0.2, 0.2, 1, 1, 1, 1, 1});
    check_literal<hc::elu<>>(
        x, {-0.9816843611113, -0.9502129316321, -0.7768698398516, -0.2211992169286, 0, 0.5, 2, 3, 6, 7},
        {0.0183156388887, 0.0497870683679, 0.2231301601484, 0.7788007830714, 1, 1, 1, 1, 1, 1});
    check_literal<hc::elu<hc::alpha<0.5>>>(
        x, {-0.4908421805556, -0.4751064658161, -0.3884349199258, -0.1105996084643, 0, 0.5, 2, 3, 6, 7},
        {0.0091578194444, 0.0248935341839, 0.1115650800742, 0.3894003915357, 0.5, 1, 1, 1, 1, 1});
    check_literal<hc::sigmoid<>>(
        x,
        {0.0179862099621, 0.0474258731776, 0.1824255238064, 0.4378234991142, 0.5, 0.6224593312019,
         0.8807970779779, 0.9525741268224, 0.9975273768434, 0.9990889488056},
        {0.0176627062133, 0.0451766597309, 0.1491464520703, 0.2461340827376, 0.25, 0.2350037122016,
         0.1049935854035, 0.0451766597309, 0.0024665092914, 0.0009102211801});
    check_literal<hc::tanh<>>(
        x,
        {-0.9993292997391, -0.9950547536867, -0.9051482536449, -0.2449186624037, 0, 0.46211715726,
         0.9640275800758, 0.9950547536867, 0.9999877116508, 0.9999983369439},
        {0.001340950683, 0.0098660371654, 0.1807066389236, 0.9400148488064, 1, 0.7864477329659,
         0.0706508248532, 0.0098660371654, 2.45765474e-05, 3.3261093e-06});
    check_literal<hc::silu<>>(
        x,
        {-0.0719448398484, -0.1422776195327, -0.2736382857095, -0.1094558747786, 0, 0.3112296656009,
         1.7615941559558, 2.8577223804673, 5.9851642610602, 6.9936226416392},
        {-0.0526646148911, -0.0881041060152, -0.0412941542991, 0.3762899784298, 0.5, 0.7399611873027,
         1.0907842487849, 1.0881041060152, 1.0123264325915, 1.0054604970665});
    check_literal<hc::gelu<>>(
        x,
        {-0.0001266849673, -0.0040496940949, -0.1002108019033, -0.1003234185793, 0, 0.345731230637,
         1.9544997361036, 2.9959503059051, 5.9999999940805, 6.999999999991},
        {-0.0005036496612, -0.0119456472042, -0.12746919223, 0.3046266451164, 0.5, 0.8674951246562,
         1.0852318010782, 1.0119456472042, 1.0000000354687, 1.0000000000627});
    check_literal<hc::gelu<hc::tanh_approximation>>(
        x,
        {-7.02459482e-05, -0.0036373920818, -0.1004284230198, -0.1003246492983, 0, 0.3457140098251,
         1.9545976940878, 2.9963626079182, 5.9999999999156, 7},
        {-0.0003351231971, -0.011584166631, -0.1277107931514, 0.3046459048489, 0.5, 0.8673699035346,
         1.0860992566236, 1.011584166631, 1.000000000771, 1});
    check_literal<hc::hardswish<>>(
        x, {0, 0, -0.375, -0.1145833333333, 0, 0.2916666666667, 1.6666666666667, 3, 6, 7},
        {0, 0, 0, 0.4166666666667, 0.5, 0.6666666666667, 1.1666666666667, 1, 1, 1});
}

BOOST_AUTO_TEST_CASE(activations_agree_with_pytorch_at_their_corners) {
    std::vector<double> const x{not_a_number, infinity, -infinity, -1000, 1000};
    check_literal<hc::relu6<>>(x, {not_a_number, 6, 0, 0, 6}, {1, 0, 0, 0, 0});
    check_literal<hc::leaky_relu<>>(x, {not_a_number, infinity, -infinity, -10, 1000},
                                    {0.01, 1, 0.01, 0.01, 1});
    check_literal<hc::elu<>>(x, {not_a_number, infinity, -1, -1, 1000}, {1, 1, 0, 0, 1});
    check_literal<hc::sigmoid<>>(x, {not_a_number, 1, 0, 0, 1}, {not_a_number, 0, 0, 0, 0});
    check_literal<hc::tanh<>>(x, {not_a_number, 1, -1, -1, 1}, {not_a_number, 0, 0, 0, 0});
    check_literal<hc::silu<>>(x, {not_a_number, infinity, not_a_number, 0, 1000},
                              {not_a_number, not_a_number, not_a_number, 0, 1});
    check_literal<hc::gelu<>>(x, {not_a_number, infinity, not_a_number, 0, 1000},
                              {not_a_number, not_a_number, not_a_number, 0, 1});
    check_literal<hc::gelu<hc::tanh_approximation>>(x, {not_a_number, infinity, not_a_number, 0, 1000},
                                                    {not_a_number, not_a_number, not_a_number, 0, 1});
    check_literal<hc::hardswish<>>(x, {not_a_number, infinity, not_a_number, 0, 1000}, {1, 1, 0, 0, 1});
}

BOOST_AUTO_TEST_CASE(activations_work_in_networks_and_with_hooks) {
    auto const check_in_network = []<class Layer>(Layer) {
        check_network<hc::sequential<hc::named<"before", hc::linear<5, 6>>, hc::named<"layer", Layer>,
                                     hc::sigmoid<>, hc::named<"after", hc::linear<6, 3>>>,
                      hc::features<5>>(7);
    };
    check_in_network(hc::relu6<>{});
    check_in_network(hc::leaky_relu<hc::negative_slope<0.2>>{});
    check_in_network(hc::leaky_relu<hc::negative_slope<-0.5>>{});
    check_in_network(hc::elu<>{});
    check_in_network(hc::tanh<>{});
    check_in_network(hc::silu<>{});
    check_in_network(hc::gelu<hc::tanh_approximation>{});
    check_in_network(hc::hardswish<>{});
}

BOOST_AUTO_TEST_CASE(an_activation_says_its_type_as_its_user_writes_it) {
    BOOST_TEST(hc::gelu<>::type_name() == "gelu<>");
    BOOST_TEST((hc::gelu<hc::tanh_approximation>::type_name()) == "gelu<tanh_approximation>");
    BOOST_TEST((hc::leaky_relu<hc::negative_slope<0.2>>::type_name()) == "leaky_relu<negative_slope<0.2>>");
}
