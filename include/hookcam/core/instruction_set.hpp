#pragma once

// The name of the instruction set that a file is compiled for. Whatever has code or a layout that depends on it lives
// in an inline namespace of this name, so that files compiled for different sets link into one program. (A model does
// not: it passes between them.)
#if defined(__AVX512F__) && defined(__FMA__)
#define HOOKCAM_INSTRUCTION_SET avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define HOOKCAM_INSTRUCTION_SET avx2
#elif defined(__ARM_NEON) && defined(__aarch64__)
#define HOOKCAM_INSTRUCTION_SET neon
#else
#define HOOKCAM_INSTRUCTION_SET baseline
#endif

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// Stands for the instruction set among template arguments, where the name of what runs a plan cannot carry it.
struct instruction_set {};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
