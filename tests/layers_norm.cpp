#define BOOST_TEST_MODULE layers_norm
#include "network_harness.hpp"

#include <hookcam/layers/batch_norm2d/batch_norm2d_reference.hpp>
#include <hookcam/layers/group_norm/group_norm_reference.hpp>
#include <hookcam/layers/log_softmax/log_softmax_reference.hpp>
#include <hookcam/layers/softmax/softmax_reference.hpp>

#include <concepts>

namespace hc = hookcam;
using namespace harness;
using hc::batch_norm2d;
using hc::extents;
using hc::softmax;

namespace {

constexpr std::size_t batch = 3;

template <class T, class Layer, std::size_t Rank>
void check_norm_reference(extents const& in, double eps) {
    bench<Layer, T, Rank> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    hc::kernels::batch_norm2d_parameters const sizes{batch, in[0], in.count() / in[0], eps};
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    auto const own = widened(at.parameters);
    bool const is_affine = own.size() == 4 * in[0];
    auto const statistics = own.data() + (is_affine ? 2 * in[0] : 0);
    hc::kernels::batch_norm2d_tensors<double> const tensors{is_affine ? own.data() : nullptr,
                                                            is_affine ? own.data() + in[0] : nullptr,
                                                            statistics, statistics + in[0]};
    std::vector<double> y(x.size());
    std::vector<double> grad_x(x.size());
    hc::reference::batch_norm2d(sizes, tensors, x.data(), y.data());
    hc::reference::batch_norm2d_backward(sizes, tensors, grad_y.data(), grad_x.data());
    // A handful of operations on numbers up to 2 over a deviation of at least 0.7.
    check_near("y", at.y, y, rounding<T>(16));
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(8));
    BOOST_TEST((at.forward_in_place() == at.y));
    if constexpr (Layer::is_affine) {
        at.backward_parameters();
        at.gradients.resize(2 * in[0]); // the statistics have none
        std::vector<double> gradients(2 * in[0]);
        hc::reference::batch_norm2d_backward_parameters(sizes, tensors, x.data(), grad_y.data(),
                                                        gradients.data(), gradients.data() + in[0]);
        check_near("gradients", at.gradients, gradients, rounding<T>(3 * batch * sizes.plane));
    }
}

template <class Layer, std::size_t Rank = 3>
void check_norm(extents const& in, double eps) {
    BOOST_TEST_CONTEXT(Layer::type_name()) {
        static_assert(is_free<Layer>());
        check_norm_reference<float, Layer, Rank>(in, eps);
        check_norm_reference<double, Layer, Rank>(in, eps);
        bench<Layer, double, Rank> at{batch, in};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

/// How far a measured norm may be from its reference, in epsilons, to first order. Inputs, weights and gradients
/// are at most 1. One epsilon for each rounding covers the kernel's half and the reference's.
struct norm_errors {
    double size;    ///< elements of a group, where sums over it round as its results do
    double inverse; ///< the largest 1 / deviation
    double normal;  ///< the largest normal element

    template <class T>
    static norm_errors of(hc::kernels::group_norm_parameters const& sizes, std::vector<double> const& x) {
        auto const groups = hc::reference::normalize_groups(sizes, x.data());
        double least = groups.deviations[0], most = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            least = std::min(least, groups.deviations[i]);
            most = std::max(most, std::abs(groups.elements[i]));
        }
        // Statistics of floats are sums of doubles, which lose nothing here.
        return {std::same_as<T, double> ? static_cast<double>(sizes.group_size()) : 0, 1 / least, most};
    }

    /// 1 / deviation: half of what its variance's terms are off, a root, a division.
    double of_inverse() const { return size / 2 + 5; }
    /// (x − mean) / deviation: the mean, and the difference, that are divided; the division.
    double of_normal() const { return inverse * (size + 3) + normal * (of_inverse() + 1); }
    /// Times weight, plus bias.
    double of_output() const { return of_normal() + 2 * normal + 1; }
    /// (h − mean of h − n·(mean of h·n)) / deviation: both means are at most 1.
    double of_input_gradient() const {
        double const mean = size + 2;
        double const inside = 1 + mean + of_normal() + normal * (of_normal() + mean) + 3 * (2 + normal);
        return inverse * (inside + (2 + normal) * of_inverse());
    }
    /// Σ grad_y·n of so many terms: what each is off, and a rounding of the whole sum for each.
    double of_parameter_gradient(std::size_t count) const {
        auto const terms = static_cast<double>(count);
        return terms * (of_normal() + (normal + 1) * (terms + 1));
    }
};

/// The reference takes any of them as a group norm of inputs with these channels, plane and groups.
template <class T, class Layer, std::size_t Rank>
void check_measured_reference(extents const& in, hc::kernels::group_norm_parameters const& sizes) {
    bench<Layer, T, Rank> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    BOOST_TEST_REQUIRE(sizes.batch * sizes.channels * sizes.plane == at.x.size());
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    auto const own = widened(at.parameters);
    auto const* const weight = Layer::has_weight ? own.data() : nullptr;
    auto const* const bias = Layer::has_bias ? own.data() + sizes.channels : nullptr;
    std::vector<double> y(x.size());
    std::vector<double> grad_x(x.size());
    hc::reference::group_norm(sizes, weight, bias, x.data(), y.data());
    hc::reference::group_norm_backward(sizes, weight, x.data(), grad_y.data(), grad_x.data());
    auto const errors = norm_errors::of<T>(sizes, x);
    check_near("y", at.y, y, rounding<T>(1) * errors.of_output());
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(1) * errors.of_input_gradient());
    BOOST_TEST((at.forward_in_place() == at.y));
    if constexpr (Layer::has_weight) {
        at.backward_parameters();
        std::vector<double> gradients(own.size());
        hc::reference::group_norm_backward_parameters(sizes, x.data(), grad_y.data(), gradients.data(),
                                                      Layer::has_bias ? gradients.data() + sizes.channels
                                                                      : nullptr);
        std::size_t const terms = x.size() / sizes.channels;
        check_near("gradients", at.gradients, gradients,
                   rounding<T>(1) * errors.of_parameter_gradient(terms));
    }
}

template <class Layer, std::size_t Rank>
void check_measured(extents const& in, hc::kernels::group_norm_parameters const& sizes) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_measured_reference<float, Layer, Rank>(in, sizes);
        check_measured_reference<double, Layer, Rank>(in, sizes);
        bench<Layer, double, Rank> at{batch, in};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

/// A layer on whole numbers: its output, and its gradients for a gradient of quarters. PyTorch's literals
/// carry thirteen digits behind the point.
template <class Layer, std::size_t Rank>
void check_pytorch(std::size_t images, extents const& in, std::vector<double> const& y,
                   std::vector<double> const& grad_x, std::vector<double> const& gradients) {
    BOOST_TEST_CONTEXT(Layer::type_name()) {
        bench<Layer, double, Rank> at{images, in};
        at.x = counted(at.x.size());
        auto const slopes = counted(at.y.size() + 3);
        for (std::size_t i = 0; i < at.grad_y.size(); ++i)
            at.grad_y[i] = slopes[i + 3] / 4;
        at.visit_parameters([&](auto parameter, std::size_t from) {
            auto const values = counted_parameters(parameter.sizes.count());
            for (std::size_t i = 0; i < values.size(); ++i)
                at.parameters[from + i] =
                    parameter.name.view() == "running_var" ? std::abs(values[i]) + 0.5 : values[i];
        });
        at.forward();
        at.backward();
        check_near("y", at.y, y, 1e-12);
        check_near("grad_x", at.grad_x, grad_x, 1e-12);
        if constexpr (Layer::parameters::any_learned) {
            at.backward_parameters();
            at.gradients.resize(gradients.size()); // the statistics have none
            check_near("gradients", at.gradients, gradients, 1e-12);
        }
    }
}

template <class T, class Layer, std::size_t Rank>
void check_softmax_reference(extents const& in) {
    bench<Layer, T, Rank> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    hc::kernels::softmax_parameters const sizes{batch, in[0], in.count() / in[0]};
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    std::vector<double> y(x.size());
    std::vector<double> grad_x(x.size());
    if constexpr (std::same_as<Layer, softmax<>>) {
        hc::reference::softmax(sizes, x.data(), y.data());
        hc::reference::softmax_backward(sizes, y.data(), grad_y.data(), grad_x.data());
    } else {
        hc::reference::log_softmax(sizes, x.data(), y.data());
        hc::reference::log_softmax_backward(sizes, y.data(), grad_y.data(), grad_x.data());
    }
    check_near("y", at.y, y, rounding<T>(in[0]));
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(in[0]));
    BOOST_TEST((at.forward_in_place() == at.y));
}

template <class Layer, std::size_t Rank>
void check_softmax(extents const& in) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_softmax_reference<float, Layer, Rank>(in);
        check_softmax_reference<double, Layer, Rank>(in);
        bench<Layer, double, Rank> at{batch, in};
        at.fill(noise(at.x.size(), 2), 2);
        check_differences(at);
    }
}

} // namespace

template <class Layer>
constexpr bool reads_output = std::same_as<typename Layer::backward_reads, hc::reads<hc::output>>;

// PyTorch's state dicts.
static_assert(std::same_as<hc::batch_norm1d<4>::parameters, batch_norm2d<4>::parameters>);
static_assert(std::same_as<batch_norm2d<4, hc::affine>::parameters, batch_norm2d<4>::parameters>);
static_assert(
    std::same_as<hc::group_norm<2, 4>::parameters,
                 hc::parameters<hc::initially_one<hc::parameter<"weight", 4>>, hc::parameter<"bias", 4>>>);
static_assert(hc::instance_norm2d<4>::parameters::count == 0);
static_assert(std::same_as<hc::instance_norm2d<4, hc::affine>::parameters, hc::group_norm<2, 4>::parameters>);
static_assert(std::same_as<hc::layer_norm<hc::image<4, 2, 3>>::parameters,
                           hc::parameters<hc::initially_one<hc::parameter<"weight", 4, 2, 3>>,
                                          hc::parameter<"bias", 4, 2, 3>>>);
static_assert(std::same_as<hc::layer_norm<hc::features<8>, hc::no_bias>::parameters,
                           hc::parameters<hc::initially_one<hc::parameter<"weight", 8>>>>);
static_assert(hc::layer_norm<hc::features<8>, hc::no_bias, hc::no_affine>::parameters::count == 0);
// Without a weight they read their output, and so may run in place.
static_assert(reads_output<hc::instance_norm2d<4>> && reads_output<hc::group_norm<2, 4, hc::no_affine>>);
static_assert(!reads_output<hc::instance_norm2d<4, hc::affine>> && !reads_output<hc::group_norm<2, 4>>);
// Sizes that are not known are handed through, or become known.
static_assert(hc::group_norm<2, 4>::output_extents(extents{hc::dynamic, 5, hc::dynamic}) ==
              extents{4, 5, hc::dynamic});
static_assert(hc::layer_norm<hc::shape<5, 3>>::output_extents(extents{hc::dynamic, 5, hc::dynamic}) ==
              extents{hc::dynamic, 5, 3});
static_assert(hc::instance_norm2d<4>::output_extents(extents{4, 1, hc::dynamic}) ==
              extents{4, 1, hc::dynamic});

// The order of PyTorch's state dict.
static_assert(std::same_as<batch_norm2d<4>::parameters,
                           hc::parameters<hc::initially_one<hc::parameter<"weight", 4>>,
                                          hc::parameter<"bias", 4>, hc::statistic<"running_mean", 4>,
                                          hc::initially_one<hc::statistic<"running_var", 4>>>>);
static_assert(batch_norm2d<4>::parameters::any_learned);
static_assert(!batch_norm2d<4, hc::no_affine>::parameters::any_learned);
static_assert(std::same_as<batch_norm2d<4>::ignored_entries,
                           hc::detail::list<hc::statistic<"num_batches_tracked", 1>>>);
static_assert(batch_norm2d<4>::epsilon == 1e-5);
static_assert(batch_norm2d<4>::output_extents(extents{hc::dynamic, 5, hc::dynamic}) ==
              extents{4, 5, hc::dynamic});
static_assert(softmax<>::output_extents(extents{10}) == extents{10});

BOOST_AUTO_TEST_CASE(batch_norm_agrees_with_the_reference_and_with_finite_differences) {
    check_norm<batch_norm2d<4>>(extents{4, 3, 5}, 1e-5);
    check_norm<batch_norm2d<3, hc::eps<0.25>>>(extents{3, 4, 2}, 0.25);
    check_norm<batch_norm2d<2, hc::no_affine>>(extents{2, 3, 3}, 1e-5);
    check_norm<hc::batch_norm1d<5>, 1>(extents{5}, 1e-5);
    check_norm<hc::batch_norm1d<4, hc::no_affine, hc::eps<0.25>>, 1>(extents{4}, 0.25);
}

BOOST_AUTO_TEST_CASE(batch_norm_agrees_with_pytorch) {
    // torch.nn.BatchNorm2d(2, eps=1e-3).eval() on whole numbers; the literals carry twelve digits.
    bench<batch_norm2d<2, hc::eps<1e-3>>, double> at{1, extents{2, 1, 3}};
    at.x = counted(6);
    at.parameters = {1.5, -0.5, 0.25, 1, 0.5, -1, 2, 0.25};
    at.forward();
    check_near(
        "y", at.y,
        {-5.582173083728, 1.840592659199, -2.400987765331, -4.988035880418, -0.996011960139, 2.996011960139},
        1e-12);
}

BOOST_AUTO_TEST_CASE(softmax_agrees_with_the_reference_and_with_finite_differences) {
    check_softmax<softmax<>, 1>(extents{10});
    check_softmax<softmax<>, 3>(extents{4, 3, 2});
    check_softmax<hc::log_softmax<>, 1>(extents{10});
    check_softmax<hc::log_softmax<>, 3>(extents{4, 3, 2});
}

BOOST_AUTO_TEST_CASE(softmax_agrees_with_pytorch) {
    // torch.softmax(x, 1): neither a thousand nor its negative overflows. The literals carry nine digits.
    bench<softmax<>, float, 1> large{2, extents{4}};
    large.x = {1, 2, 3, 1000, -1000, 0, 0, -1000};
    large.forward();
    check_near("y", large.y, {0, 0, 0, 1, 0, 0.5, 0.5, 0}, 0);
    bench<softmax<>, double> image{1, extents{2, 1, 3}};
    image.x = counted(6);
    image.forward();
    check_near("y", image.y,
               {4.5397869e-05, 0.73105857863, 0.73105857863, 0.999954602131, 0.26894142137, 0.26894142137},
               1e-11);
}

BOOST_AUTO_TEST_CASE(batch_norm1d_agrees_with_pytorch) {
    // torch.nn.BatchNorm1d(3, eps=1e-3).eval()
    check_pytorch<hc::batch_norm1d<3, hc::eps<1e-3>>, 1>(
        2, extents{3}, {0.2066768389743, 2.0, 0.0, -15.8267073558973, 0.7353418422761, 0.0},
        {-2.004173024359, 0.316164539431, -0.0, -1.6033384194872, 0.0, -0.0},
        {2.9394537690598, 0.0, 6.3576065997077, 2.25, 0.25, -1.75});
}

BOOST_AUTO_TEST_CASE(measured_norms_agree_with_the_reference_and_with_finite_differences) {
    using hc::features;
    using hc::image;
    // batch, channels, plane, groups, eps
    check_measured<hc::group_norm<2, 6>, 3>(extents{6, 3, 2}, {batch, 6, 6, 2, 1e-5});
    check_measured<hc::group_norm<1, 4, hc::eps<0.25>>, 3>(extents{4, 2, 3}, {batch, 4, 6, 1, 0.25});
    check_measured<hc::group_norm<3, 6, hc::no_affine>, 3>(extents{6, 2, 3}, {batch, 6, 6, 3, 1e-5});
    check_measured<hc::group_norm<2, 8>, 1>(extents{8}, {batch, 8, 1, 2, 1e-5});
    check_measured<hc::instance_norm2d<3>, 3>(extents{3, 3, 4}, {batch, 3, 12, 3, 1e-5});
    check_measured<hc::instance_norm2d<3, hc::affine, hc::eps<0.25>>, 3>(extents{3, 4, 2},
                                                                         {batch, 3, 8, 3, 0.25});
    check_measured<hc::layer_norm<features<7>>, 1>(extents{7}, {batch, 7, 1, 1, 1e-5});
    check_measured<hc::layer_norm<features<7>, hc::no_affine, hc::eps<0.25>>, 1>(extents{7},
                                                                                 {batch, 7, 1, 1, 0.25});
    check_measured<hc::layer_norm<image<3, 2, 4>>, 3>(extents{3, 2, 4}, {batch, 24, 1, 1, 1e-5});
    check_measured<hc::layer_norm<hc::shape<3, 4>, hc::no_bias>, 3>(extents{2, 3, 4},
                                                                    {batch * 2, 12, 1, 1, 1e-5});
    check_measured<hc::layer_norm<hc::shape<5>, hc::no_affine>, 3>(extents{2, 3, 5},
                                                                   {batch * 6, 5, 1, 1, 1e-5});
}

BOOST_AUTO_TEST_CASE(measured_norms_agree_with_pytorch) {
    // torch.nn.GroupNorm(2, 4), GroupNorm(2, 4, eps=.01, affine=False), InstanceNorm2d(2),
    // InstanceNorm2d(2, affine=True), LayerNorm(5), LayerNorm([2, 1, 3]) and LayerNorm([3], bias=False)
    check_pytorch<hc::group_norm<2, 4>, 3>(
        1, extents{4, 1, 3},
        {1.1791543368829, -5.0895771684415, -1.5074448796847, 5.184117590006, 2.7960293975015, 0.407941204997,
         0.0, 0.0, 0.0, -4.1186187733228, -1.6973401752396, 0.7239384228436},
        {-0.4281865024463, -0.4015857359069, 0.9904800823679, 0.0469200207023, -0.0535692813382,
         -0.1540585833787, -0.0246439188843, 0.1093580181834, 0.2433599552511, -0.2938032593778,
         0.4455183272107, -0.479789122383},
        {-1.1940440962523, 2.3880881925045, 2.3077811637981, -1.0971418647565, 0.75, 0.0, -0.75, 1.25});
    check_pytorch<hc::group_norm<2, 4, hc::no_affine, hc::eps<0.01>>, 1>(
        2, extents{4},
        {-0.9995920864607, 0.9995920864607, -0.9995920864607, 0.9995920864607, 0.9987523388778,
         -0.9987523388778, 0.9987523388778, -0.9987523388778},
        {0.0001164754237, -0.0001164754237, -0.0002038319915, 0.0002038319915, 0.0006226635529,
         -0.0006226635529, 0.0006226635529, -0.0006226635529},
        {});
    check_pytorch<hc::instance_norm2d<2>, 3>(
        1, extents{2, 2, 2},
        {-1.3130638758167, 0.5252255503267, -0.5252255503267, 1.3130638758167, 0.1999998400002,
         -1.3999988800013, 1.3999988800013, -0.1999998400002},
        {0.2303521423666, -0.0560316003617, -0.3050609654879, 0.130740423483, 7.99998e-08, -5.599987e-07,
         5.599987e-07, -7.99998e-08},
        {});
    check_pytorch<hc::instance_norm2d<2, hc::affine>, 3>(
        1, extents{2, 2, 2},
        {0.93919162745, -4.57567665098, -1.42432334902, -6.93919162745, 2.3999996800004, -0.7999977600027,
         4.7999977600027, 1.6000003199996},
        {-0.6910564270999, 0.1680948010851, 0.9151828964637, -0.3922212704489, 1.599996e-07, -1.1199973e-06,
         1.1199973e-06, -1.599996e-07},
        {0.1969595813725, 2.4999980000024, 1.75, -0.5});
    check_pytorch<hc::layer_norm<hc::features<5>>, 1>(
        2, extents{5},
        {1.5490504453348, 3.0497808720003, 0.0, -4.7994156586676, 3.6998539146669, -0.1539515288723,
         4.5298208632246, 0.0, 0.5298208632246, 5.8460484711277},
        {-0.5088225982596, 0.355580621107, 0.4240185343263, -0.5341144824188, 0.2633379252451,
         0.2498199715193, 0.1517890367589, -0.5375869334352, 0.0379475279829, 0.098030397174},
        {-0.9467548618469, 1.0799054327093, 0.4811495663335, 2.9808458688492, 0.4743414118546, 0.25, 1.0,
         -1.0, -0.25, 0.5});
    check_pytorch<hc::layer_norm<hc::image<2, 1, 3>>, 3>(
        1, extents{2, 1, 3},
        {1.1791543368829, 3.3930514456276, 0.0, -5.184117590006, 4.1940440962523, 0.2039706024985},
        {-0.587786136355, 0.3498638851893, 0.3897637049999, -0.53828017385, 0.2478972061183, 0.1385415138974},
        {-1.7413143070345, 0.1741314307035, 0.3731387800788, 1.592058795003, 0.0, 0.7960293975015, 1.25, 0.25,
         -0.75, 1.0, 0.0, -1.0});
    check_pytorch<hc::layer_norm<hc::shape<3>, hc::no_bias>, 3>(
        1, extents{2, 2, 3},
        {3.4874270415826, 2.5574464971605, 0.0, -3.6742328918785, 0.0, 0.0, -3.6742328918785, 0.0, 0.0,
         -3.6742328918785, 0.0, 0.0},
        {-0.2544887407947, -0.1908650357395, 0.4453537765342, -0.1530934677354, 0.3061860743232,
         -0.1530926065878, -0.0637890884143, 0.127577530968, -0.0637884425537, 0.0255152909067,
         -0.0510310123872, 0.0255157214805},
        {1.3025800682495, 0.3196808121451, 1.3119299733324});
}

BOOST_AUTO_TEST_CASE(a_large_image_is_measured_without_losing_digits) {
    // A float's sum of 300·300 numbers near a thousand is off by more than their deviation.
    using layer = hc::instance_norm2d<1>;
    bench<layer, float> at{1, extents{1, 300, 300}};
    for (std::size_t i = 0; i < at.x.size(); ++i)
        at.x[i] = i % 2 == 0 ? 1000.0F : 1000.5F;
    at.forward();
    // Half of them are a deviation of 0.25 below the mean, half above; eps takes 8e-5 of it.
    double const expected = 0.25 / std::sqrt(0.0625 + 1e-5);
    check_near("y", std::vector<float>(at.y.begin(), at.y.begin() + 4),
               {-expected, expected, -expected, expected}, rounding<float>(4));
}

BOOST_AUTO_TEST_CASE(norms_work_in_networks_and_with_hooks) {
    auto const check_on_images = []<class Layer>(Layer) {
        check_network<
            hc::sequential<hc::named<"before", hc::conv2d<2, 4, hc::kernel<2>>>, hc::named<"layer", Layer>,
                           hc::sigmoid<>, hc::flatten<>, hc::named<"after", hc::linear<24, 2>>>,
            hc::image<2, 3, 4>>(3);
        // The first layer, behind which nobody asks for a gradient but its parameters.
        check_network<hc::sequential<hc::named<"layer", Layer>, hc::log_softmax<>>, hc::image<4, 2, 3>>(4);
    };
    check_on_images(hc::group_norm<2, 4>{});
    check_on_images(hc::group_norm<2, 4, hc::no_affine>{});
    check_on_images(hc::instance_norm2d<4>{});
    check_on_images(hc::layer_norm<hc::image<4, 2, 3>>{});
    check_on_images(hc::layer_norm<hc::shape<3>, hc::no_affine>{});
    check_network<
        hc::sequential<hc::named<"before", hc::linear<3, 5>>, hc::named<"layer", hc::batch_norm1d<5>>,
                       hc::layer_norm<hc::features<5>>, hc::softmax<>>,
        hc::features<3>>(5);
}

BOOST_AUTO_TEST_CASE(log_softmax_agrees_with_pytorch) {
    // torch.log_softmax(x, 1): where softmax would be zero it still has its logarithm. A float near a
    // thousand is rounded by up to 3e-5; the literals carry thirteen digits behind the point.
    bench<hc::log_softmax<>, float, 1> large{2, extents{4}};
    large.x = {1, 2, 3, 1000, -1000, 0, 0, -1000};
    large.forward();
    double const half = std::log(0.5);
    check_near("y", large.y, {-999, -998, -997, 0, -1000 + half, half, half, -1000 + half}, 6e-5);
    bench<hc::log_softmax<>, double> image{1, extents{2, 1, 3}};
    image.x = counted(6);
    image.grad_y = {1, -2, 3, 0.5, 0, -1};
    image.forward();
    image.backward();
    check_near("y", image.y,
               {-10.0000453988992, -0.3132616875182, -0.3132616875182, -4.53988992e-05, -1.3132616875182,
                -1.3132616875182},
               1e-12);
    check_near(
        "grad_x", image.grad_x,
        {0.9999319031969, -0.53788284274, 1.53788284274, -0.9999319031969, 0.53788284274, -1.53788284274},
        1e-12);
}

BOOST_AUTO_TEST_CASE(refuses_inputs_that_do_not_fit) {
    auto const says = [](std::string_view part) {
        return [part](hc::error const& e) { return std::string_view{e.what()}.find(part) == 0; };
    };
    BOOST_CHECK_EXCEPTION((void)batch_norm2d<4>::output_extents(extents{3, 5, 5}), hc::error,
                          says("hookcam::batch_norm2d: the input must have as many channels"));
    BOOST_CHECK_EXCEPTION((void)batch_norm2d<4>::output_extents(extents{4}), hc::error,
                          says("hookcam::batch_norm2d: the input must be images"));
    BOOST_CHECK_EXCEPTION((void)hc::batch_norm1d<4>::output_extents(extents{4, 2, 2}), hc::error,
                          says("hookcam::batch_norm1d: the input must be feature vectors"));
    BOOST_CHECK_EXCEPTION((void)hc::batch_norm1d<4>::output_extents(extents{3}), hc::error,
                          says("hookcam::batch_norm1d: the input must have as many features"));
    BOOST_CHECK_EXCEPTION((void)(hc::group_norm<2, 4>::output_extents(extents{3})), hc::error,
                          says("hookcam::group_norm: the input must have as many channels"));
    BOOST_CHECK_EXCEPTION((void)hc::instance_norm2d<4>::output_extents(extents{4, 1, 1}), hc::error,
                          says("hookcam::instance_norm2d: a channel must have more than one pixel"));
    BOOST_CHECK_EXCEPTION((void)hc::instance_norm2d<4>::output_extents(extents{4}), hc::error,
                          says("hookcam::instance_norm2d: the input must be images"));
    BOOST_CHECK_EXCEPTION((void)(hc::layer_norm<hc::shape<2, 3>>::output_extents(extents{4, 3, 2})),
                          hc::error, says("hookcam::layer_norm: the input's last sizes must be those"));
    BOOST_CHECK_EXCEPTION((void)(hc::layer_norm<hc::shape<2, 3>>::output_extents(extents{3})), hc::error,
                          says("hookcam::layer_norm: the input's last sizes must be those"));
}
