#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/policies.hpp"
#include "../../tensor/simd.hpp"
#include "conv2d_parameters.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam {

/// The ways to compute a convolution, for `algorithm<…>`.
namespace method {
/// A matrix of columns, and a product by BLAS.
struct matrix_product {};
/// Directly over blocked channels, fused with what follows.
struct direct {};
} // namespace method

/// `algorithm<method::direct>`: how a convolution computes its forward pass, where it is not left to hookcam. The results
/// of two methods differ by rounding.
template <class Method>
struct algorithm {
    static_assert(std::is_same_v<Method, method::matrix_product> || std::is_same_v<Method, method::direct>,
                  "hookcam::algorithm: must name a way to compute a convolution; take method::direct or "
                  "method::matrix_product");
    using kind = policy::algorithm;
    using type = Method; ///< the method that was named
};

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

struct automatic_method {
    using type = void;
};

/// The kernels for a convolution's forward pass. All but the first run over blocked channels.
enum class conv2d_kernel {
    matrix_product, ///< im2col and BLAS
    direct,         ///< every channel sees all, or each group has whole blocks
    within_vectors, ///< a block has whole groups, as many channels in as out: depthwise among them
    regrouped,      ///< any other groups: one by one, copied to blocks of their own
};

/// One line of the table: the kernel is taken where the convolution, in vectors of so many lanes, is such a one.
struct conv2d_rule {
    conv2d_kernel kernel;
    bool (*takes)(kernels::conv2d_parameters const& of, std::size_t lanes);
};

/// The table of methods: the first line that takes a convolution. It looks at the layer alone, never at who watches. The
/// sizes of planes are `dynamic` here, even where a type knows them, so that a shape that is known by type and the same
/// shape read at run time get the same kernel and the same bits: a kernel that suits large planes only takes small ones
/// too, in a way of its own. What a type knows of the planes still chooses the tiles, which no bit depends on. A window of
/// one pixel has no line: it is the direct kernel with one term a channel.
inline constexpr conv2d_rule conv2d_table[]{
    {conv2d_kernel::direct, //
     [](kernels::conv2d_parameters const& of, std::size_t) { return of.groups == 1; }},
    {conv2d_kernel::direct,
     [](kernels::conv2d_parameters const& of, std::size_t lanes) {
         return of.group_in() % lanes == 0 && of.group_out() % lanes == 0;
     }},
    {conv2d_kernel::within_vectors,
     [](kernels::conv2d_parameters const& of, std::size_t lanes) {
         return of.group_in() == of.group_out() && lanes % of.group_in() == 0;
     }},
    {conv2d_kernel::regrouped, //
     [](kernels::conv2d_parameters const&, std::size_t) { return true; }},
};

/// True where a convolution runs over blocked channels: where the policy says so, or leaves it to hookcam, which does it
/// wherever the compiler may use wide vectors. Compiled for any x86, BLAS finds out at run time what the machine can do,
/// and is far ahead there.
template <class Forced>
inline constexpr bool is_blocked_method =
    std::is_void_v<Forced> ? vector_bytes >= 32 || is_neon : !std::is_same_v<Forced, method::matrix_product>;

/// The kernel for a convolution whose numbers are of type `T`.
template <class T, class Forced>
[[nodiscard]] constexpr conv2d_kernel choose_kernel(kernels::conv2d_parameters const& of) {
    if (is_blocked_method<Forced>)
        for (auto const& rule : conv2d_table)
            if (rule.takes(of, width<T>))
                return rule.kernel;
    return conv2d_kernel::matrix_product;
}

/// True where backward takes the same line as forward. Where groups are computed one by one and a window has one element,
/// little is multiplied for what is copied, and BLAS is faster.
[[nodiscard]] constexpr bool goes_back_blocked(conv2d_kernel kernel,
                                               kernels::conv2d_parameters const& of) noexcept {
    return kernel != conv2d_kernel::matrix_product &&
           (kernel != conv2d_kernel::regrouped || of.window_size() > 1);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
