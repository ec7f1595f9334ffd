#define BOOST_TEST_MODULE conv_backward
#include "layer_harness.hpp"

#include <hookcam/layers/conv2d/conv2d.hpp>
#include <hookcam/layers/conv2d/conv2d_reference.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

// The backward of convolutions over blocked channels, by itself: against the reference, with gradients dense and blocked.

namespace hc = hookcam;
using namespace harness;

namespace {

using direct = hc::algorithm<hc::method::direct>;
using hc::detail::blocked_layout;

/// Numbers that nobody has set yet are NaN, so that whoever reads one is found out.
template <class T>
hc::memory<T> unset(std::size_t size) {
    hc::memory<T> made{size};
    std::fill_n(made.data(), size, std::numeric_limits<T>::quiet_NaN());
    return made;
}

/// A batch in blocks, with a border of zeros, and NaN where nobody may look.
template <class T>
hc::memory<T> in_blocks(blocked_layout const& layout, std::size_t batch, std::vector<T> const& dense) {
    auto made = unset<T>(batch * layout.image());
    hc::detail::clear_border(layout, batch, made.data());
    hc::detail::to_blocked(layout, batch, dense.data(), made.data());
    return made;
}

/// One layer's backward, run as a plan runs it.
template <class Layer, class T>
struct backward_pass {
    using backward = hc::detail::blocked_backward<Layer>;
    using kernel = hc::detail::blocked_kernel<Layer>;
    static constexpr std::size_t lanes = hc::detail::width<T>;
    static constexpr std::size_t in_block = kernel::template in_block<T>;

    std::size_t batch;
    hc::extents in;
    hc::extents out = Layer::output_extents(in);
    std::vector<T> x = converted<T>(noise(batch * in.count(), 1));
    std::vector<T> grad_y = converted<T>(noise(batch * out.count(), 2));
    std::vector<T> own = converted<T>(noise(Layer::parameters::size, 3));
    hc::memory<T> packed = hc::memory<T>(backward::template packed_size<T>());
    std::size_t workers = hc::num_threads();
    hc::memory<T> sums = unset<T>(backward::template sums_size<T>());
    hc::memory<T> scratch = unset<T>(backward::template scratch<T>(workers, in, out));

    backward_pass(std::size_t images, hc::extents const& sizes) : batch{images}, in{sizes} {
        backward::pack(hc::belongings<Layer, T const, hc::cpu>{own.data()}, packed.data());
    }

    static blocked_layout dense(hc::extents const& of) { return {of[0], of[1], of[2], 0, 0}; }
    static blocked_layout blocked(hc::extents const& of, std::size_t block, std::size_t border) {
        return {of[0], of[1], of[2], block, border};
    }

    std::vector<T> to_input(blocked_layout const& from, T const* gradient, blocked_layout const& to) {
        bool const is_dense = to.block == 0;
        auto made = unset<T>(batch * (is_dense ? in.count() : to.image()));
        backward::to_input(hc::cpu{}, batch, workers, from, gradient, static_cast<T const*>(packed.data()),
                           to, made.data(), scratch.data());
        std::vector<T> result(batch * in.count());
        if (is_dense)
            std::copy_n(made.data(), result.size(), result.data());
        else
            hc::detail::from_blocked(to, batch, static_cast<T const*>(made.data()), result.data());
        return result;
    }

    /// In parts of so many images.
    std::vector<T> to_parameters(blocked_layout const& from, T const* gradient,
                                 std::size_t part = static_cast<std::size_t>(-1)) {
        auto const seen = blocked(in, in_block, kernel::border + 1);
        auto const images = in_blocks(seen, batch, x);
        std::vector<T> gradients(own.size(), std::numeric_limits<T>::quiet_NaN());
        for (std::size_t first = 0; first < batch; first += part) {
            std::size_t const count = std::min(part, batch - first);
            backward::template to_parameters<in_block>(
                hc::cpu{}, {count, first == 0, first + count == batch}, workers, seen,
                static_cast<T const*>(images.data() + first * seen.image()), from,
                gradient + first * (from.block == 0 ? out.count() : from.image()),
                hc::belongings<Layer, T, hc::cpu>{gradients.data()}, sums.data(), scratch.data());
        }
        return gradients;
    }

    void check() {
        hc::kernels::conv2d_parameters const sizes{
            batch, in[0],  out[0], Layer::group_count,   in[1],
            in[2], out[1], out[2], Layer::windows::rows, Layer::windows::columns};
        auto const wide_own = widened(own);
        auto const wide_grad = widened(grad_y);
        std::vector<double> grad_x(x.size()), gradients(own.size());
        hc::reference::conv2d_backward(sizes, wide_grad.data(), wide_own.data(), grad_x.data());
        hc::reference::conv2d_backward_parameters(
            sizes, widened(x).data(), wide_grad.data(), gradients.data(),
            Layer::has_bias ? gradients.data() + sizes.out_channels * sizes.terms() : nullptr);
        std::size_t const taps = Layer::windows::rows.kernel * Layer::windows::columns.kernel;

        auto const found = to_input(dense(out), grad_y.data(), dense(in));
        check_near("grad_x", found, grad_x, rounding<T>(out[0] / Layer::group_count * taps + 1));
        auto const learned = to_parameters(dense(out), grad_y.data());
        check_near("gradients", learned, gradients, rounding<T>(batch * out[1] * out[2] + 1));

        // In whatever form gradients come and go, and in whatever parts of a batch, the bits are the same.
        auto const layout = blocked(out, lanes, backward::border + 2);
        auto const images = in_blocks(layout, batch, grad_y);
        BOOST_TEST((to_parameters(layout, images.data()) == learned));
        BOOST_TEST((to_parameters(layout, images.data(), 1) == learned));
        BOOST_TEST((to_parameters(dense(out), grad_y.data(), 2) == learned));
        BOOST_TEST((to_input(layout, images.data(), dense(in)) == found));
        if constexpr (backward::template takes_blocked<T>)
            BOOST_TEST((to_input(layout, images.data(), blocked(in, lanes, 1)) == found));
    }
};

template <class Layer>
void check(hc::extents const& in, std::size_t batch = 2) {
    BOOST_TEST_CONTEXT(Layer::type_name() << " on " << hc::to_string(in)) {
        BOOST_TEST_CONTEXT("float") {
            backward_pass<Layer, float>{batch, in}.check();
        }
        BOOST_TEST_CONTEXT("double") {
            backward_pass<Layer, double>{batch, in}.check();
        }
    }
}

BOOST_AUTO_TEST_CASE(any_channel_counts_agree_with_the_reference) {
    using hc::conv2d, hc::extents, hc::kernel, hc::padding;
    check<conv2d<1, 1, kernel<1>, direct>>(extents{1, 1, 1});
    check<conv2d<1, 2, kernel<3>, padding<1>, direct>>(extents{1, 4, 4});
    check<conv2d<3, 32, kernel<3>, padding<1>, direct>>(extents{3, 32, 32}, 1);
    check<conv2d<5, 10, kernel<3>, padding<1>, direct>>(extents{5, 7, 9});
    check<conv2d<8, 16, kernel<3>, padding<1>, direct>>(extents{8, 17, 19});
    check<conv2d<20, 24, kernel<3>, padding<1>, direct>>(extents{20, 9, 5});
    check<conv2d<33, 40, kernel<1>, direct, hc::no_bias>>(extents{33, 6, 6});
    check<conv2d<64, 49, kernel<3>, padding<1>, direct>>(extents{64, 7, 7}, 3);
}

BOOST_AUTO_TEST_CASE(any_window_agrees_with_the_reference) {
    using hc::conv2d, hc::extents, hc::kernel, hc::padding, hc::stride, hc::dilation;
    check<conv2d<3, 8, kernel<7>, stride<2>, padding<3>, direct>>(extents{3, 23, 37});
    check<conv2d<17, 16, kernel<3>, stride<2>, padding<1>, direct>>(extents{17, 9, 14});
    check<conv2d<16, 20, kernel<1>, stride<2>, direct>>(extents{16, 7, 8}); // most inputs are never seen
    check<conv2d<18, 16, kernel<3>, dilation<2>, padding<2>, direct>>(extents{18, 10, 11});
    check<conv2d<4, 6, kernel<3>, dilation<2, 3>, stride<1, 2>, direct>>(extents{4, 12, 17});
    check<conv2d<9, 33, kernel<3, 2>, stride<2, 4>, dilation<2>, padding<3, 1>, direct>>(extents{9, 13, 31});
    check<conv2d<16, 16, kernel<3, 1>, padding<1, 0>, direct>>(extents{16, 6, 15});
    check<conv2d<6, 16, kernel<1, 5>, padding<0, 2>, direct>>(extents{6, 2, 70});
    check<conv2d<16, 8, kernel<4>, hc::padding_same, direct>>(extents{16, 6, 5});
    check<conv2d<12, 10, kernel<2>, padding<3>, direct>>(
        extents{12, 5, 20}); // more padding than the window covers
    check<conv2d<2, 3, kernel<3>, stride<5>, direct>>(extents{2, 3, 14}); // fewer inputs than the stride
}

/// The groups of each line of the table, for vectors of 4 to 16 lanes.
BOOST_AUTO_TEST_CASE(any_groups_agree_with_the_reference) {
    using hc::conv2d, hc::extents, hc::kernel, hc::padding, hc::stride, hc::dilation, hc::groups;
    auto const check = []<class Layer, class T>(Layer, T, extents const& in, std::size_t batch) {
        BOOST_TEST_CONTEXT(Layer::type_name()) {
            backward_pass<Layer, T>{batch, in}.check();
        }
    };
    check(conv2d<33, 33, kernel<3>, stride<2>, padding<1>, groups<33>, direct>{}, 0.0F, extents{33, 9, 8}, 3);
    check(conv2d<24, 24, kernel<5>, padding<2>, groups<6>, direct>{}, 0.0F, extents{24, 6, 7},
          2); // many sums
    check(conv2d<6, 6, kernel<5, 2>, dilation<2>, stride<1, 3>, groups<3>, hc::no_bias, direct>{}, 0.0,
          extents{6, 11, 14}, 2);
    check(conv2d<32, 64, kernel<3>, padding<1>, groups<2>, direct>{}, 0.0F, extents{32, 6, 9}, 2);
    check(conv2d<6, 15, kernel<3>, stride<2>, padding<1>, groups<3>, direct>{}, 0.0F, extents{6, 7, 10}, 3);
    check(conv2d<34, 20, kernel<1, 2>, groups<2>, direct>{}, 0.0, extents{34, 5, 5}, 2);
    static_assert(!hc::detail::blocked_backward<conv2d<34, 20, kernel<1>, groups<2>, direct>>::exists);
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_gives_the_same_bits) {
    auto const check = []<class Layer>(Layer, hc::extents const& in, std::size_t batch) {
        backward_pass<Layer, float> alone{batch, in};
        auto const grad_x = alone.to_input(alone.dense(alone.out), alone.grad_y.data(), alone.dense(in));
        auto const learned = alone.to_parameters(alone.dense(alone.out), alone.grad_y.data());
        for (std::size_t const threads : {2U, 3U}) {
            hc::set_num_threads(threads);
            backward_pass<Layer, float> shared{batch, in};
            auto const layout = shared.blocked(shared.out, shared.lanes, 0);
            auto const slopes = in_blocks(layout, batch, shared.grad_y);
            BOOST_TEST((shared.to_input(layout, slopes.data(), shared.dense(in)) == grad_x));
            BOOST_TEST((shared.to_parameters(layout, slopes.data()) == learned));
            BOOST_TEST((shared.to_parameters(shared.dense(shared.out), shared.grad_y.data()) == learned));
            hc::set_num_threads(1);
        }
    };
    using hc::conv2d, hc::extents, hc::kernel, hc::padding, hc::stride, hc::groups;
    for (std::size_t const batch : {1U, 5U}) {
        check(conv2d<20, 24, kernel<3>, padding<1>, direct>{}, extents{20, 9, 5}, batch);
        check(conv2d<17, 16, kernel<3>, stride<2>, padding<1>, direct>{}, extents{17, 9, 14}, batch);
        check(conv2d<3, 32, kernel<3>, padding<1>, direct>{}, extents{3, 32, 32}, batch);
        check(conv2d<33, 33, kernel<3>, stride<2>, padding<1>, groups<33>, direct>{}, extents{33, 9, 8},
              batch);
        check(conv2d<6, 15, kernel<3>, stride<2>, padding<1>, groups<3>, direct>{}, extents{6, 7, 10}, batch);
        check(conv2d<32, 64, kernel<3>, padding<1>, groups<2>, direct>{}, extents{32, 6, 9}, batch);
    }
}

/// Sums of whole numbers are exact, in any order: the results must be equal.
BOOST_AUTO_TEST_CASE(sums_of_whole_numbers_are_exact) {
    using layer = hc::conv2d<19, 21, hc::kernel<3>, hc::padding<1>, hc::stride<2>, direct>;
    backward_pass<layer, float> pass{2, hc::extents{19, 11, 10}};
    auto const whole = [](std::vector<float>& values) {
        std::transform(values.begin(), values.end(), values.begin(),
                       [](float value) { return std::round(4 * value); });
    };
    whole(pass.x);
    whole(pass.grad_y);
    whole(pass.own);
    pass.packed = hc::memory<float>(pass.packed.size());
    backward_pass<layer, float>::backward::pack(hc::belongings<layer, float const, hc::cpu>{pass.own.data()},
                                                pass.packed.data());
    hc::kernels::conv2d_parameters const sizes{
        2, 19, 21, 1, 11, 10, pass.out[1], pass.out[2], layer::windows::rows, layer::windows::columns};
    std::vector<float> grad_x(pass.x.size()), gradients(pass.own.size());
    hc::reference::conv2d_backward(sizes, pass.grad_y.data(), pass.own.data(), grad_x.data());
    hc::reference::conv2d_backward_parameters(sizes, pass.x.data(), pass.grad_y.data(), gradients.data(),
                                              gradients.data() + 21 * sizes.terms());
    BOOST_TEST((pass.to_input(pass.dense(pass.out), pass.grad_y.data(), pass.dense(pass.in)) == grad_x));
    BOOST_TEST((pass.to_parameters(pass.dense(pass.out), pass.grad_y.data()) == gradients));
}

} // namespace
