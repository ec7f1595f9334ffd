// Products of matrices, of all shapes of tiles, against plain sums.

#define BOOST_TEST_MODULE multiply_matrices
#include <hookcam/core/threads.hpp>
#include <hookcam/tensor/multiply_matrices.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <vector>

namespace hc = hookcam;
using hc::detail::transposed;

namespace {

/// Numbers between −1 and 1.
template <class T>
std::vector<T> noise(std::size_t count, std::uint32_t seed) {
    std::vector<T> made(count);
    for (auto& value : made) {
        seed = seed * 1664525 + 1013904223;
        value = static_cast<T>(seed >> 8) / static_cast<T>(1 << 23) - 1;
    }
    return made;
}

/// A product whose matrices have more columns than are used.
template <class T>
struct problem {
    transposed a_is, b_is;
    std::size_t m, n, k;
    bool has_bias;
    std::size_t lda = (a_is == transposed::yes ? m : k) + 3;
    std::size_t ldb = (b_is == transposed::yes ? k : n) + 1;
    std::size_t ldc = n + 2;
    std::vector<T> a = noise<T>((a_is == transposed::yes ? k : m) * lda + 1, 1);
    std::vector<T> b = noise<T>((b_is == transposed::yes ? n : k) * ldb + 1, 2);
    std::vector<T> bias = noise<T>(n, 3);

    [[nodiscard]] std::vector<T> compute(std::size_t workers) const {
        std::vector<T> c(m * ldc, T{7});
        hc::kernels::multiply_matrices(hc::cpu{}, workers, a_is, b_is, m, n, k, a.data(), lda, b.data(), ldb,
                                       has_bias ? bias.data() : nullptr, c.data(), ldc);
        return c;
    }
    /// How far the result is from the sums in double, and whether it wrote beside its columns.
    [[nodiscard]] double distance(std::vector<T> const& c) const {
        double worst = 0;
        for (std::size_t i = 0; i < m; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                double sum = has_bias ? static_cast<double>(bias[j]) : 0.0;
                for (std::size_t p = 0; p < k; ++p)
                    sum += static_cast<double>(a[a_is == transposed::yes ? p * lda + i : i * lda + p]) *
                           static_cast<double>(b[b_is == transposed::yes ? j * ldb + p : p * ldb + j]);
                worst = std::max(worst, std::abs(sum - static_cast<double>(c[i * ldc + j])));
            }
            for (std::size_t j = n; j < ldc; ++j)
                if (c[i * ldc + j] != T{7})
                    return INFINITY;
        }
        return worst;
    }
};

/// All four forms of a product, with bias and without, on one thread and on three.
template <class T>
void check(std::size_t m, std::size_t n, std::size_t k) {
    for (auto const a_is : {transposed::no, transposed::yes})
        for (auto const b_is : {transposed::no, transposed::yes})
            for (bool const has_bias : {false, true}) {
                problem<T> const of{a_is, b_is, m, n, k, has_bias};
                auto const alone = of.compute(1), shared = of.compute(3);
                BOOST_TEST_CONTEXT((a_is == transposed::yes ? "transposed " : "")
                                   << m << "x" << k << " by "
                                   << (b_is == transposed::yes ? "transposed " : "") << k << "x" << n
                                   << (has_bias ? " and a bias" : "")) {
                    // Half a unit in the last place for each term of sums no larger than k, rounded one by one.
                    double const unit = sizeof(T) == 4 ? 6e-8 : 1.2e-16;
                    BOOST_TEST(of.distance(alone) <= unit * static_cast<double>(k) * 8);
                    BOOST_TEST(std::memcmp(alone.data(), shared.data(), alone.size() * sizeof(T)) == 0);
                }
            }
}

} // namespace

BOOST_AUTO_TEST_CASE(any_shape_of_tile_and_any_number_of_threads) {
    using sizes = std::initializer_list<std::size_t>;
    hc::set_num_threads(3);
    for (std::size_t const m : sizes{1, 4, 14, 31, 113})
        for (std::size_t const n : sizes{1, 7, 16, 45, 130})
            for (std::size_t const k : sizes{0, 1, 33, 300}) {
                check<float>(m, n, k);
                check<double>(m, n, k);
            }
    check<float>(600, 40, 20); // several pieces of rows
    hc::set_num_threads(1);
}

BOOST_AUTO_TEST_CASE(a_row_has_the_same_bits_alone_and_among_others) {
    if (hc::detail::vector_bytes < 32)
        return; // BLAS promises nothing
    problem<float> const few{transposed::no, transposed::yes, 5, 40, 300, true};
    auto many = problem<float>{transposed::no, transposed::yes, 60, 40, 300, true};
    std::copy(few.a.begin(), few.a.end(), many.a.begin());
    auto const first = few.compute(1), all = many.compute(1);
    BOOST_TEST(std::memcmp(first.data(), all.data(), first.size() * sizeof(float)) == 0);
}

BOOST_AUTO_TEST_CASE(infinity_and_nan_come_out_where_a_sum_has_them) {
    problem<float> of{transposed::no, transposed::no, 6, 20, 9, false};
    of.a[2 * of.lda + 4] = INFINITY;
    of.b[7 * of.ldb + 3] = NAN;
    auto const c = of.compute(1);
    BOOST_TEST(std::isinf(c[2 * of.ldc]));
    BOOST_TEST(std::isnan(c[3]));
    BOOST_TEST(std::isfinite(c[1 * of.ldc + 2]));
}
