// The convolutions over blocked channels against the plain loops, with no library but the compiler's own: so this
// program can be compiled for a machine that is not there, and run where somebody emulates it. It prints what is wrong
// and ends with the number of such things.

#include <hookcam/layers/conv2d/conv2d_backward_direct_cpu.hpp>
#include <hookcam/layers/conv2d/conv2d_backward_weights_cpu.hpp>
#include <hookcam/layers/conv2d/conv2d_direct_cpu.hpp>
#include <hookcam/layers/conv2d/conv2d_grouped_backward_cpu.hpp>
#include <hookcam/layers/conv2d/conv2d_grouped_cpu.hpp>
#include <hookcam/layers/conv2d/conv2d_method.hpp>
#include <hookcam/layers/conv2d/conv2d_reference.hpp>
#include <hookcam/layers/multiply_add.hpp>
#include <hookcam/tensor/memory.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

namespace hc = hookcam;
namespace kernels = hookcam::kernels;
using hc::detail::blocked_layout;
using hc::detail::conv2d_kernel;
using hc::detail::width;

namespace {

int failures = 0;

/// The same numbers on every machine, between −1 and 1.
template <class T>
std::vector<T> noise(std::size_t count, std::uint32_t seed) {
    std::vector<T> made(count);
    for (auto& value : made) {
        seed = seed * 1664525 + 1013904223;
        value = static_cast<T>(seed >> 8) / static_cast<T>(1 << 23) - 1;
    }
    return made;
}

template <class T>
void expect(bool holds, char const* what, kernels::conv2d_parameters const& of) {
    if (holds)
        return;
    ++failures;
    std::printf("%s: %s: %zux%zu, groups %zu, kernel %zux%zu, stride %zux%zu, input %zux%zu\n",
                std::is_same_v<T, float> ? "float" : "double", what, of.in_channels, of.out_channels,
                of.groups, of.rows.kernel, of.columns.kernel, of.rows.stride, of.columns.stride, of.in_height,
                of.in_width);
}

template <class T>
bool same_bits(std::vector<T> const& a, std::vector<T> const& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// A convolution of noise.
template <class T>
struct problem {
    kernels::conv2d_parameters of;
    std::vector<T> x = noise<T>(of.batch * of.in_channels * of.in_plane(), 1);
    std::vector<T> weight = noise<T>(of.out_channels * of.terms(), 2);
    std::vector<T> bias = noise<T>(of.out_channels, 3);
};

/// The same by a kernel: `run(work, x, packed, bias, y, scratch)` with what `work_of` and `pack` made.
template <std::size_t Block, conv2d_kernel Kernel, class Traits, class Plane, class T>
std::vector<T> compute(problem<T> const& from, hc::detail::sum_finish<T> const& finish,
                       std::size_t out_height, std::size_t out_width) {
    auto const& of = from.of;
    std::size_t const border =
        std::max(of.rows.before, of.columns.before) + of.rows.after; // more than it needs
    kernels::conv2d_direct_parameters<T> const work{
        of,
        {of.in_channels, of.in_height, of.in_width, Block, border},
        {of.out_channels, out_height, out_width, width<T>, 1},
        finish};
    hc::memory<T> x{of.batch * work.in.image()};
    hc::detail::to_blocked(work.in, of.batch, from.x.data(), x.data());
    hc::memory<T> packed{kernels::conv2d_packed_weights<T>(of)};
    hc::memory<T> bias{kernels::conv2d_padded_channels<T>(of)};
    hc::memory<T> y{of.batch * work.out.image()};
    std::fill_n(y.data(), y.size(), std::numeric_limits<T>::quiet_NaN());
    hc::memory<T> scratch{
        std::max(kernels::conv2d_direct_scratch(work), kernels::conv2d_regrouped_scratch(work))};
    std::fill_n(scratch.data(), scratch.size(), std::numeric_limits<T>::quiet_NaN());

    std::size_t const groups = Kernel == conv2d_kernel::regrouped ? of.groups : 1;
    for (std::size_t o = 0; o < of.out_channels; ++o) {
        std::size_t const each = of.out_channels / groups;
        bias.data()[o / each * (bias.size() / groups) + o % each] = from.bias[o];
    }
    T const* const in = x.data();
    T const* const weights = packed.data();
    T const* const biases = bias.data();
    if constexpr (Kernel == conv2d_kernel::within_vectors) {
        kernels::conv2d_pack_lanes(of, from.weight.data(), packed.data());
        kernels::conv2d_within_vectors<Traits, Plane>(hc::cpu{}, work, in, weights, biases, y.data(),
                                                      scratch.data());
    } else if constexpr (Kernel == conv2d_kernel::regrouped) {
        kernels::conv2d_pack(of, width<T>, from.weight.data(), packed.data());
        kernels::conv2d_regrouped<Traits, Plane>(hc::cpu{}, work, in, weights, biases, y.data(),
                                                 scratch.data());
    } else {
        kernels::conv2d_pack(of, Block, from.weight.data(), packed.data());
        kernels::conv2d_direct<Traits, Plane>(hc::cpu{}, work, in, weights, biases, y.data(), scratch.data());
    }
    // What fills up the last block is zero, whatever was there.
    for (std::size_t c = of.out_channels % width<T>; c != 0 && c < width<T>; ++c)
        expect<T>(y.data()[work.out.image() - work.out.plane() + work.out.first() + c] == 0, "the last block",
                  of);

    std::vector<T> dense(of.batch * of.out_channels * out_height * out_width);
    hc::detail::from_blocked(work.out, of.batch, static_cast<T const*>(y.data()), dense.data());
    return dense;
}

/// Near to what the plain loops make in double of sums of so many terms.
template <class T>
void expect_near(kernels::conv2d_parameters const& of, std::vector<T> const& found,
                 std::vector<double> const& exact, std::size_t terms) {
    double worst = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        double const off = std::abs(static_cast<double>(found[i]) - exact[i]);
        worst = std::isnan(off) ? off : std::max(worst, off);
        if (std::isnan(worst))
            break;
    }
    // Each of the terms, below one, is rounded once and added once.
    double const most =
        static_cast<double>(std::numeric_limits<T>::epsilon()) * 2 * static_cast<double>(terms + 1);
    expect<T>(worst <= most, "far from the plain loops", of);
}

template <class T>
void expect_near(problem<T> const& from, std::vector<T> const& y) {
    auto const& of = from.of;
    std::vector<double> const x(from.x.begin(), from.x.end());
    std::vector<double> const weight(from.weight.begin(), from.weight.end());
    std::vector<double> const bias(from.bias.begin(), from.bias.end());
    std::vector<double> exact(y.size());
    hc::reference::conv2d(of, x.data(), weight.data(), bias.data(), exact.data());
    expect_near(of, y, exact, of.terms());
}

/// The batch norm, second term and rectifier of a fused step, number by number.
template <class T>
struct followers {
    explicit followers(kernels::conv2d_parameters const& of)
        : scale{of.out_channels + width<T>},
          shift{of.out_channels + width<T>},
          term{of.batch * term_layout(of).image()} {
        fill(scale, of.out_channels, 4);
        fill(shift, of.out_channels, 5);
        dense_term = noise<T>(of.batch * of.out_channels * of.out_plane(), 6);
        hc::detail::to_blocked(term_layout(of), of.batch, dense_term.data(), term.data());
    }
    static blocked_layout term_layout(kernels::conv2d_parameters const& of) {
        return {of.out_channels, of.out_height, of.out_width, width<T>, 2};
    }
    static void fill(hc::memory<T>& to, std::size_t count, std::uint32_t seed) {
        auto const from = noise<T>(count, seed);
        std::copy(from.begin(), from.end(), to.data());
    }
    [[nodiscard]] hc::detail::sum_finish<T> finish(kernels::conv2d_parameters const& of) const {
        return {scale.data(), shift.data(), term.data(), term_layout(of), true, false, {}, {}};
    }
    [[nodiscard]] std::vector<T> follow(std::vector<T> y, kernels::conv2d_parameters const& of) const {
        for (std::size_t i = 0; i < y.size(); ++i) {
            std::size_t const channel = i / of.out_plane() % of.out_channels;
            T const sum =
                hc::detail::multiply_add(y[i], scale.data()[channel], shift.data()[channel]) + dense_term[i];
            y[i] = sum < 0 ? 0 : sum;
        }
        return y;
    }

    hc::memory<T> scale, shift, term;
    std::vector<T> dense_term;
};

template <class T>
std::vector<T> max_pool(std::vector<T> const& y, kernels::conv2d_parameters const& of,
                        hc::window const& pool) {
    std::size_t const height = pool.count(of.out_height);
    std::size_t const columns = pool.count(of.out_width);
    std::vector<T> pooled;
    for (std::size_t plane = 0; plane < of.batch * of.out_channels; ++plane)
        for (std::size_t i = 0; i < height; ++i)
            for (std::size_t j = 0; j < columns; ++j) {
                auto const rows = kernels::seen_by(pool, i, of.out_height);
                auto const across = kernels::seen_by(pool, j, of.out_width);
                T largest = -std::numeric_limits<T>::infinity();
                for (std::size_t row = rows.begin; row < rows.end; ++row)
                    for (std::size_t column = across.begin; column < across.end; ++column)
                        largest = std::max(largest, y[plane * of.out_plane() + row * of.out_width + column]);
                pooled.push_back(largest);
            }
    return pooled;
}

/// A layer on images of a size.
struct layer {
    std::size_t in, out, groups;
    hc::window rows, columns;
};
constexpr hc::window sized(std::size_t kernel, std::size_t stride = 1, std::size_t dilation = 1) {
    std::size_t const reach = dilation * (kernel / 2);
    return {kernel, stride, dilation, reach, reach};
}
constexpr layer square(std::size_t in, std::size_t out, hc::window window, std::size_t groups = 1) {
    return {in, out, groups, window, window};
}
constexpr kernels::conv2d_parameters on_images(layer const& of, std::size_t batch, std::size_t height,
                                               std::size_t across) {
    return {batch,
            of.in,
            of.out,
            of.groups,
            height,
            across,
            of.rows.count(height),
            of.columns.count(across),
            of.rows,
            of.columns};
}

/// All that the kernel must do for a layer: near to the plain loops, the same bits with tiles for a plane that is known,
/// and what follows as if it came afterwards.
template <class T, std::size_t Block, conv2d_kernel Kernel, class Traits>
void check_kernel(kernels::conv2d_parameters const& of) {
    using kernels::direct::any_plane, kernels::direct::known_plane;
    problem<T> const from{of};
    auto const y = compute<Block, Kernel, Traits, any_plane>(from, {}, of.out_height, of.out_width);
    expect_near(from, y);
    if (of.out_height == 7 && of.out_width == 13)
        expect<T>(same_bits(compute<Block, Kernel, Traits, known_plane<7, 13>>(from, {}, 7, 13), y),
                  "other bits where the plane is known", of);
    if (Kernel == conv2d_kernel::regrouped)
        return;
    followers<T> const behind{of};
    auto finish = behind.finish(of);
    expect<T>(same_bits(compute<Block, Kernel, Traits, any_plane>(from, finish, of.out_height, of.out_width),
                        behind.follow(y, of)),
              "other bits where more follows", of);
    finish = {};
    finish.pools = true;
    finish.pool_rows = finish.pool_columns = hc::window{3, 2, 1, 1, 1};
    if (finish.pool_rows.fits(of.out_height) && finish.pool_rows.fits(of.out_width))
        expect<T>(same_bits(compute<Block, Kernel, Traits, any_plane>(from, finish,
                                                                      finish.pool_rows.count(of.out_height),
                                                                      finish.pool_rows.count(of.out_width)),
                            max_pool(y, of, finish.pool_rows)),
                  "other bits where it is pooled", of);
}

template <class T, std::size_t Block, conv2d_kernel Kernel, class Traits>
void check_sizes(layer const& of) {
    for (std::size_t const height : {1U, 3U, 7U})
        for (std::size_t const across : {1U, 4U, 6U, 8U, 11U, 13U, 16U, 28U})
            check_kernel<T, Block, Kernel, Traits>(on_images(of, height == 3 ? 2 : 1, height, across));
    check_kernel<T, Block, Kernel, Traits>(on_images(of, 1, 15, 17));
}

template <class T, std::size_t Stride>
void check_direct() {
    constexpr auto direct = conv2d_kernel::direct;
    constexpr std::size_t lanes = width<T>;
    using traits = kernels::direct::tile_traits<lanes, Stride>;
    auto const check = [](layer const& of) { check_sizes<T, lanes, direct, traits>(of); };
    for (std::size_t const kernel : {1U, 3U})
        for (auto const& [in, out] :
             {std::pair{lanes, lanes}, {lanes + 1, 2 * lanes}, {3 * lanes, 3 * lanes - 1}})
            check(square(in, out, sized(kernel, Stride)));
    // A sum in parts, groups, dilation, and a window that is no square.
    check_kernel<T, lanes, direct, traits>(on_images(square(200, lanes, sized(3, Stride)), 1, 3, 5));
    check(square(4 * lanes, 6 * lanes, sized(3, Stride), 2));
    check(square(lanes + 2, lanes, sized(3, Stride, 2)));
    check({lanes, lanes, 1, sized(1), sized(5, Stride)});
    // Groups that are computed one by one.
    constexpr auto regrouped = conv2d_kernel::regrouped;
    check_sizes<T, lanes, regrouped, traits>(square(6, 15, sized(3, Stride), 3));
    check_sizes<T, lanes, regrouped, traits>(square(2 * lanes + 2, 4 * lanes + 2, sized(1, Stride), 2));
}

/// A block that is narrower than a vector, and a row of the window in one piece.
template <class T, std::size_t Block, std::size_t Stride, std::size_t Columns>
void check_narrow() {
    using traits = kernels::direct::tile_traits<Block, Stride, Block * Columns>;
    check_sizes<T, Block, conv2d_kernel::direct, traits>(square(Block, width<T> + 1, sized(Columns, Stride)));
}

template <class T, std::size_t Group, std::size_t Stride>
void check_within_vectors() {
    constexpr std::size_t lanes = width<T>;
    using traits = kernels::direct::lane_traits<Group, Stride>;
    for (std::size_t const channels : {Group, 3 * lanes, 2 * lanes - Group})
        check_sizes<T, lanes, conv2d_kernel::within_vectors, traits>(
            square(channels, channels, sized(3, Stride), channels / Group));
}

/// The kernels for groups of `Group` channels with a square window.
template <class T, std::size_t Group, std::size_t Kernel>
struct backward_within_vectors {
    static void pack(kernels::conv2d_parameters const& of, T const* weight, T* packed) {
        kernels::conv2d_backward_pack_lanes(of, weight, packed);
    }
    static void to_input(kernels::conv2d_backward_direct_parameters const& of, T const* grad_y,
                         T const* packed, T* grad_x, T* scratch) {
        kernels::conv2d_backward_within_vectors<Group>(hc::cpu{}, of, grad_y, packed, grad_x, scratch);
    }
    static std::size_t sums(kernels::conv2d_backward_weights_parameters const& of) {
        return kernels::conv2d_sums_within_vectors(of);
    }
    static void to_weights(kernels::conv2d_backward_weights_parameters const& of,
                           kernels::share_of_work const& share, T const* x, T const* grad_y, T* sums) {
        kernels::conv2d_backward_weights_within_vectors<Group, Kernel, Kernel>(hc::cpu{}, of, share, true, x,
                                                                               grad_y, sums);
    }
    static void unpack(kernels::conv2d_backward_weights_parameters const& of, T const* sums, T* grad_weight) {
        kernels::conv2d_unpack_lanes(of.shape, sums, grad_weight);
    }
};

/// Those where every channel sees all, for two blocks of output channels.
template <class T>
struct backward_direct {
    static constexpr std::size_t lanes = width<T>;

    static void pack(kernels::conv2d_parameters const& of, T const* weight, T* packed) {
        kernels::conv2d_backward_pack(of, weight, packed);
    }
    static void to_input(kernels::conv2d_backward_direct_parameters const& of, T const* grad_y,
                         T const* packed, T* grad_x, T* scratch) {
        kernels::conv2d_backward_direct(hc::cpu{}, of, grad_y, packed, grad_x, scratch);
    }
    static std::size_t sums(kernels::conv2d_backward_weights_parameters const& of) {
        return of.terms() * 2 * lanes;
    }
    static void to_weights(kernels::conv2d_backward_weights_parameters const& of,
                           kernels::share_of_work const& share, T const* x, T const* grad_y, T* sums) {
        kernels::conv2d_backward_weights<2, lanes>(hc::cpu{}, of, share, true, x, grad_y, sums);
    }
    static void unpack(kernels::conv2d_backward_weights_parameters const& of, T const* sums, T* grad_weight) {
        kernels::conv2d_unpack_weights<2, lanes>(of, sums, grad_weight);
    }
};

/// The gradients of one image.
template <class T, class Kernels>
void check_backward(layer const& layer_of, std::size_t height, std::size_t across) {
    auto const of = on_images(layer_of, 1, height, across);
    auto const blocked = [&](std::size_t channels, std::size_t rows, std::size_t columns,
                             std::size_t border) {
        return blocked_layout{channels, rows, columns, width<T>, border};
    };
    auto const in_blocks = [](blocked_layout const& layout, std::vector<T> const& dense) {
        hc::memory<T> made{layout.image()};
        hc::detail::to_blocked(layout, 1, dense.data(), made.data());
        return made;
    };
    auto const grad_y = noise<T>(of.out_channels * of.out_plane(), 7);
    problem<T> const from{of};
    kernels::conv2d_backward_direct_parameters const to_input{
        of,
        blocked(of.out_channels, of.out_height, of.out_width,
                std::max(kernels::backward_border(of.rows), kernels::backward_border(of.columns))),
        blocked(of.in_channels, of.in_height, of.in_width, 0)};
    kernels::conv2d_backward_weights_parameters const to_weights{
        of, blocked(of.in_channels, of.in_height, of.in_width, of.rows.before + of.columns.before),
        to_input.grad_y};
    auto const x = in_blocks(to_weights.x, from.x);
    auto const slopes = in_blocks(to_input.grad_y, grad_y);

    hc::memory<T> packed{kernels::conv2d_backward_packed_weights<T>(of)};
    Kernels::pack(of, from.weight.data(), packed.data());
    hc::memory<T> grad_x{to_input.grad_x.image()};
    hc::memory<T> scratch{kernels::conv2d_backward_direct_scratch<T>(to_input)};
    Kernels::to_input(to_input, slopes.data(), packed.data(), grad_x.data(), scratch.data());
    std::vector<T> found(from.x.size());
    hc::detail::from_blocked(to_input.grad_x, 1, static_cast<T const*>(grad_x.data()), found.data());

    hc::memory<T> sums{Kernels::sums(to_weights)};
    for (std::size_t const share : {2U, 0U, 1U})
        Kernels::to_weights(to_weights, {share, 3}, x.data(), slopes.data(), sums.data());
    std::vector<T> learned(from.weight.size());
    Kernels::unpack(to_weights, sums.data(), learned.data());

    std::vector<double> const wide_x(from.x.begin(), from.x.end());
    std::vector<double> const wide_y(grad_y.begin(), grad_y.end());
    std::vector<double> const weight(from.weight.begin(), from.weight.end());
    std::vector<double> exact_x(found.size()), exact(learned.size());
    double* const no_bias = nullptr;
    hc::reference::conv2d_backward(of, wide_y.data(), weight.data(), exact_x.data());
    hc::reference::conv2d_backward_parameters(of, wide_x.data(), wide_y.data(), exact.data(), no_bias);
    expect_near(of, found, exact_x, of.group_out() * of.window_size());
    expect_near(of, learned, exact, of.out_plane());
}

template <class T, std::size_t Group, std::size_t Kernel>
void check_backward_within_vectors(hc::window const& window) {
    using used = backward_within_vectors<T, Group, Kernel>;
    for (std::size_t const channels : {Group, 3 * width<T> - Group}) {
        auto const of = square(channels, channels, window, channels / Group);
        check_backward<T, used>(of, 7, 13);
        check_backward<T, used>(of, 15, 28);
    }
}

template <class T>
void check_backward_direct() {
    for (auto const& window : {sized(3), sized(3, 2), sized(1), sized(1, 2)}) {
        check_backward<T, backward_direct<T>>(square(width<T> + 1, width<T> + 1, window), 7, 13);
        check_backward<T, backward_direct<T>>(square(width<T> + 1, 2 * width<T>, window), 6, 20);
    }
}

// --- the table ------------------------------------------------------------------------------------------------------

constexpr bool takes(layer const& of, conv2d_kernel kernel) {
    using hc::method::direct;
    return hc::detail::choose_kernel<float, direct>(on_images(of, 1, hc::dynamic, hc::dynamic)) == kernel;
}
constexpr std::size_t lanes = width<float>;
static_assert(takes(square(5, 7, sized(3)), conv2d_kernel::direct));
static_assert(takes(square(2 * lanes, 4 * lanes, sized(3), 2), conv2d_kernel::direct));
static_assert(takes(square(40, 40, sized(3), 40), conv2d_kernel::within_vectors));
static_assert(takes(square(4 * lanes, 4 * lanes, sized(3), 2 * lanes), conv2d_kernel::within_vectors));
static_assert(takes(square(40, 80, sized(3), 40), conv2d_kernel::regrouped));
static_assert(takes(square(6, 9, sized(3), 3), conv2d_kernel::regrouped));
static_assert(hc::detail::choose_kernel<float, hc::method::matrix_product>({}) ==
              conv2d_kernel::matrix_product);

} // namespace

int main() {
    check_direct<float, 1>();
    check_direct<float, 2>();
    check_direct<double, 1>();
    check_narrow<float, 1, 1, 7>();
    check_narrow<float, 3, 2, 3>();
    check_within_vectors<float, 1, 1>();
    check_within_vectors<float, 1, 2>();
    check_within_vectors<float, 2, 1>();
    check_within_vectors<double, 1, 1>();
    check_backward_within_vectors<float, 1, 3>(sized(3));
    check_backward_within_vectors<float, 1, 3>(sized(3, 2));
    check_backward_within_vectors<float, 2, 5>(sized(5, 1, 2)); // more sums than registers
    check_backward_within_vectors<double, 1, 3>(sized(3, 3));
    check_backward_direct<float>();
    check_backward_direct<double>();
    std::printf("%zu lanes, %d failures\n", width<float>, failures);
    return std::min(failures, 100);
}
