#define BOOST_TEST_MODULE layers_conv
#include "layer_harness.hpp"

#include <hookcam/layers/conv2d/conv2d.hpp>
#include <hookcam/layers/conv2d/conv2d_reference.hpp>

#include <concepts>

namespace hc = hookcam;
using namespace harness;

namespace {

hc::kernels::conv2d_parameters sizes_of(std::size_t batch, hc::extents const& in, hc::extents const& out,
                                        std::size_t groups, hc::window const& rows,
                                        hc::window const& columns) {
    return {batch, in[0], out[0], groups, in[1], in[2], out[1], out[2], rows, columns};
}

/// Forward, backward and backward_parameters against the reference, which computes in double whatever T is.
template <class T, class Layer>
void check_reference(hc::extents const& in, std::size_t groups, hc::window const& rows,
                     hc::window const& columns) {
    constexpr std::size_t batch = 3;
    bench<Layer, T> at{batch, in};
    at.fill(noise(at.x.size(), 1), 1);
    at.forward();
    at.backward();
    at.backward_parameters();

    auto const sizes = sizes_of(batch, in, at.out, groups, rows, columns);
    auto const x = widened(at.x);
    auto const grad_y = widened(at.grad_y);
    auto const own = widened(at.parameters);
    std::size_t const weights = sizes.out_channels * sizes.terms();
    bool const has_bias = own.size() > weights;
    std::vector<double> y(at.y.size());
    std::vector<double> grad_x(x.size());
    std::vector<double> gradients(own.size());
    hc::reference::conv2d(sizes, x.data(), own.data(), has_bias ? own.data() + weights : nullptr, y.data());
    hc::reference::conv2d_backward(sizes, grad_y.data(), own.data(), grad_x.data());
    hc::reference::conv2d_backward_parameters(sizes, x.data(), grad_y.data(), gradients.data(),
                                              has_bias ? gradients.data() + weights : nullptr);
    check_near("y", at.y, y, rounding<T>(sizes.terms() + 1));
    // An input element is seen by at most every tap of every output channel of its group.
    check_near("grad_x", at.grad_x, grad_x, rounding<T>(sizes.group_out() * rows.kernel * columns.kernel));
    check_near("gradients", at.gradients, gradients, rounding<T>(batch * sizes.out_plane()));
}

template <class Layer>
void check(hc::extents const& in, std::size_t groups, hc::window const& rows, hc::window const& columns) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        static_assert(is_free<Layer>());
        check_reference<float, Layer>(in, groups, rows, columns);
        check_reference<double, Layer>(in, groups, rows, columns);
        bench<Layer, double> at{2, in};
        at.fill(noise(at.x.size(), 5), 5);
        check_differences(at);
    }
}

/// The layer's output for whole numbers, whose sums are exact in float too.
template <class Layer>
void check_literal(hc::extents const& in, std::vector<double> const& expected) {
    BOOST_TEST_CONTEXT(Layer::type_name()) {
        bench<Layer, float> at{1, in};
        at.x = converted<float>(counted(at.x.size()));
        std::size_t const bias = at.offset_of("bias");
        at.parameters = converted<float>(counted_parameters(bias));
        for (auto const value : counted_parameters(Layer::parameters::size - bias))
            at.parameters.push_back(static_cast<float>(value));
        at.forward();
        check_near("y", at.y, expected, 0);
    }
}

} // namespace

// Sizes by type, without running anything.
using hc::extents;
static_assert(hc::conv2d<3, 32, hc::kernel<3>, hc::padding<1>>::output_extents(extents{3, 32, 32}) ==
              extents{32, 32, 32});
static_assert(hc::conv2d<3, 96, hc::kernel<7>, hc::stride<2>>::output_extents(extents{3, 227, 227}) ==
              extents{96, 111, 111});
static_assert(hc::conv2d<3, 64, hc::stride<4>, hc::padding<2>, hc::kernel<11>>::output_extents(extents{
                  3, 224, 224}) == extents{64, 55, 55});
static_assert(hc::conv2d<1, 2, hc::kernel<5, 3>, hc::stride<2, 1>, hc::padding<1, 0>,
                         hc::dilation<1, 3>>::output_extents(extents{1, 9, 12}) == extents{2, 4, 6});
static_assert(hc::conv2d<1, 1, hc::kernel<2, 5>, hc::padding_same, hc::dilation<3, 1>>::output_extents(
                  extents{1, 4, 9}) == extents{1, 4, 9});
static_assert(hc::conv2d<3, 8, hc::kernel<3>>::output_extents(extents{hc::dynamic, hc::dynamic, 8}) ==
              extents{8, hc::dynamic, 6});
// The weight as PyTorch keeps it, and the bias behind it.
static_assert(std::same_as<hc::conv2d<6, 4, hc::groups<2>, hc::kernel<3, 5>>::parameters,
                           hc::parameters<hc::parameter<"weight", 4, 3, 3, 5>, hc::parameter<"bias", 4>>>);
static_assert(std::same_as<hc::conv2d<6, 4, hc::kernel<1>, hc::no_bias>::parameters,
                           hc::parameters<hc::parameter<"weight", 4, 6, 1, 1>>>);

BOOST_AUTO_TEST_CASE(kernels_agree_with_the_reference_and_with_finite_differences) {
    using hc::conv2d;
    using hc::dilation;
    using hc::groups;
    using hc::kernel;
    using hc::padding;
    using hc::stride;
    // kernel, stride, dilation, padding before and after
    check<conv2d<3, 4, kernel<3>, padding<1>>>(extents{3, 6, 5}, 1, {3, 1, 1, 1, 1}, {3, 1, 1, 1, 1});
    check<conv2d<2, 3, kernel<3, 2>, stride<2, 1>, padding<1, 0>, dilation<1, 2>>>(
        extents{2, 5, 6}, 1, {3, 2, 1, 1, 1}, {2, 1, 2, 0, 0});
    check<conv2d<2, 3, kernel<2, 4>, hc::padding_same, dilation<3, 1>>>(extents{2, 4, 5}, 1, {2, 1, 3, 1, 2},
                                                                        {4, 1, 1, 1, 2});
    check<conv2d<4, 6, kernel<3>, groups<2>, stride<3>, padding<2>>>(extents{4, 7, 4}, 2, {3, 3, 1, 2, 2},
                                                                     {3, 3, 1, 2, 2});
    check<conv2d<3, 6, kernel<3>, groups<3>, stride<2>, padding<1>, hc::no_bias>>(
        extents{3, 5, 5}, 3, {3, 2, 1, 1, 1}, {3, 2, 1, 1, 1});
    check<conv2d<5, 3, kernel<1>>>(extents{5, 3, 4}, 1, {}, {});
    check<conv2d<4, 4, kernel<1>, groups<2>, hc::no_bias>>(extents{4, 3, 2}, 2, {}, {});
    check<conv2d<2, 2, kernel<1>, stride<2>, padding<1>>>(extents{2, 4, 5}, 1, {1, 2, 1, 1, 1},
                                                          {1, 2, 1, 1, 1});
    // A window as large as the padded image, and padding wider than the image.
    check<conv2d<2, 2, kernel<4, 3>>>(extents{2, 4, 3}, 1, {4, 1, 1, 0, 0}, {3, 1, 1, 0, 0});
    check<conv2d<1, 2, kernel<2>, padding<3>, stride<2>>>(extents{1, 1, 2}, 1, {2, 2, 1, 3, 3},
                                                          {2, 2, 1, 3, 3});
}

BOOST_AUTO_TEST_CASE(an_image_that_is_laid_out_in_several_bands_agrees_with_the_reference) {
    using layer = hc::conv2d<8, 2, hc::kernel<5, 3>, hc::padding<2, 1>, hc::stride<2, 1>>;
    extents const in{8, 41, 160};
    hc::window const rows{5, 2, 1, 2, 2};
    hc::window const columns{3, 1, 1, 1, 1};
    auto const sizes = sizes_of(1, in, layer::output_extents(in), 1, rows, columns);
    BOOST_TEST(hc::kernels::rows_at_a_time(sizes) == 6); // 2^17 elements over 8·5·3 terms and 160 columns
    BOOST_TEST(sizes.out_height == 21);                  // so the last band is a shorter one
    check_reference<float, layer>(in, 1, rows, columns);
    check_reference<double, layer>(in, 1, rows, columns);
}

BOOST_AUTO_TEST_CASE(agrees_with_pytorch) {
    // torch.nn.Conv2d on whole numbers; PyTorch pads an odd total with one more at the end.
    check_literal<hc::conv2d<1, 1, hc::kernel<2, 4>, hc::padding_same>>(
        extents{1, 3, 4}, {-17, 2, -18, 25, -13, -5, 27, -23, -9, 25, -14, -10});
    check_literal<hc::conv2d<1, 1, hc::kernel<2>, hc::padding_same, hc::dilation<3, 1>>>(
        extents{1, 4, 5},
        {7, -7, 1, -13, -3, 22, -21, 13, -8, -6, 14, -15, -11, 15, -12, -10, 16, -13, 13, -18});
    check_literal<
        hc::conv2d<2, 2, hc::kernel<3, 2>, hc::stride<2, 1>, hc::padding<1, 0>, hc::dilation<1, 2>>>(
        extents{2, 5, 6},
        {-18, 6, -14, -23, -10, -21, -10, -10, -14, 6, -18, -9, 38, 14, 1, 10, 34, 5, -2, 2, 9, -20, 6, 10});
    check_literal<hc::conv2d<3, 6, hc::kernel<3>, hc::stride<2>, hc::padding<1>, hc::groups<3>, hc::no_bias>>(
        extents{3, 3, 3},
        {-26, -2, 22, -21, -3, 6, -11, 10, 10, 12, 6, 16, -5, 3, -21, -21, 2, 10, 3, 6, -21, -9, 8, 8});
}

BOOST_AUTO_TEST_CASE(an_image_gets_the_same_bits_in_any_batch) {
    using layer = hc::conv2d<3, 7, hc::kernel<3>, hc::padding<1>>;
    extents const in{3, 9, 11};
    bench<layer, float> all{4, in};
    all.fill(noise(all.x.size(), 8), 8);
    all.forward();
    all.backward();
    for (std::size_t image = 0; image < all.batch; ++image) {
        bench<layer, float> alone{1, in};
        auto const part = [&](std::vector<float> const& of, std::size_t size) {
            auto const first = of.begin() + static_cast<std::ptrdiff_t>(image * size);
            return std::vector<float>(first, first + static_cast<std::ptrdiff_t>(size));
        };
        alone.parameters = all.parameters;
        alone.x = part(all.x, in.count());
        alone.grad_y = part(all.grad_y, all.out.count());
        alone.forward();
        alone.backward();
        BOOST_TEST((alone.y == part(all.y, all.out.count())));
        BOOST_TEST((alone.grad_x == part(all.grad_x, in.count())));
    }
}

BOOST_AUTO_TEST_CASE(an_empty_batch_sets_the_gradients_to_zero) {
    using layer = hc::conv2d<2, 3, hc::kernel<3>>;
    bench<layer, float> at{0, extents{2, 5, 5}};
    at.forward();
    at.backward();
    at.backward_parameters();
    BOOST_TEST((at.gradients == std::vector<float>(layer::parameters::size)));
}

BOOST_AUTO_TEST_CASE(refuses_inputs_that_do_not_fit) {
    using layer = hc::conv2d<3, 8, hc::kernel<3>, hc::dilation<2>, hc::padding<1>>;
    auto const says = [](std::string_view part) {
        return [part](hc::error const& e) {
            return e.kind() == hc::error_kind::shape &&
                   std::string_view{e.what()}.find(part) != std::string_view::npos;
        };
    };
    BOOST_CHECK_EXCEPTION((void)layer::output_extents(extents{4, 8, 8}), hc::error,
                          says("hookcam::conv2d: the input must have as many channels"));
    BOOST_CHECK_EXCEPTION((void)layer::output_extents(extents{3}), hc::error,
                          says("hookcam::conv2d: the input must be images"));
    BOOST_CHECK_EXCEPTION((void)layer::output_extents(extents{3, 8, 2}), hc::error, says("; got 3x8x2"));
    BOOST_TEST((layer::output_extents(extents{3, 3, 3}) == extents{8, 1, 1}));
}
