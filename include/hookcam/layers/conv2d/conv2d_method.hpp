#pragma once

#include "../../core/instruction_set.hpp"
#include "../../core/policies.hpp"
#include "../../tensor/simd.hpp"

#include <type_traits>

namespace hookcam {

/// The ways to compute a convolution, for `algorithm<…>`.
namespace method {
/// A matrix of columns, and a product by BLAS.
struct matrix_product {};
/// Directly over blocked channels, fused with what follows: for one group of channels.
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

/// The table of methods. It looks at the layer's type alone, never at who watches or at a size that only the run
/// knows, so that every plan of a network computes the same bits.
template <class Layer, class Forced>
constexpr auto choose_method() {
    if constexpr (!std::is_void_v<Forced>) {
        return Forced{};
    } else if constexpr (Layer::group_count > 1) {
        return method::matrix_product{};
    } else if constexpr (vector_bytes < 32 && !is_neon) {
        // Compiled for any x86: BLAS finds out at run time what the machine can do, and is far ahead there.
        return method::matrix_product{};
    } else {
        return method::direct{};
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

} // namespace hookcam
