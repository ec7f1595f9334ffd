#pragma once

#include "../core/instruction_set.hpp"

#include <cmath>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// a·b + c: rounded once where the instruction set has that, twice where it has not. Said outright, so that
/// fused and separate kernels give the same bits whatever the compiler would contract.
template <class T>
[[nodiscard]] inline T multiply_add(T a, T b, T c) noexcept {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return std::fma(a, b, c);
#else
    return a * b + c;
#endif
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
