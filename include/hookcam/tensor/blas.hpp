#pragma once

// xtensor-blas's own door to BLAS, which declares the cblas functions itself: <cblas.h> beside it does not
// compile. Its linear algebra on expressions (xlinalg.hpp) would double what a program pays to compile. It
// uses these headers without including them.
#include <complex>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include <xtensor-blas/xblas_config.hpp>

#include <xflens/cxxblas/cxxblas.cxx>

#include <cstddef>

namespace hookcam::detail {

enum class transposed : bool { no, yes };

/// C = A·B + beta·C over row-major matrices: A is m×k, B is k×n, C is m×n. A transposed one is stored the
/// other way round. The leading sizes are those of the matrices as stored. T is float or double.
template <class T>
void gemm(transposed a_is, transposed b_is, std::size_t m, std::size_t n, std::size_t k, T const* a,
          std::size_t lda, T const* b, std::size_t ldb, T beta, T* c, std::size_t ldc) {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                  "hookcam::model: the scalar type must be float or double");
    using index = xt::blas_index_t;
    auto const as_index = [](std::size_t value) { return static_cast<index>(value); };
    auto const form = [](transposed is) { return is == transposed::yes ? cxxblas::Trans : cxxblas::NoTrans; };
    cxxblas::gemm(cxxblas::RowMajor, form(a_is), form(b_is), as_index(m), as_index(n), as_index(k), T{1}, a,
                  as_index(lda), b, as_index(ldb), beta, c, as_index(ldc));
}

} // namespace hookcam::detail
