#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace compare {

/// Floating-point operations a second that so many threads reach together, each on registers alone: the
/// machine's own limit, by fused multiply-adds where it has them. Takes a few milliseconds.
[[nodiscard]] double fma_peak(std::size_t threads);

/// Bytes a second that so many threads reach together when they read a block of `bytes` again and again, each
/// its share. A block that fits into a cache is read from there, as a work's weights are. Takes a few
/// milliseconds.
[[nodiscard]] double read_bandwidth(std::size_t bytes, std::size_t threads);

/// Brings the process into the state that is measured: OpenBLAS with so many threads and none of its other
/// settings in the environment, on so many processors and no others. OpenBLAS reads its settings before
/// `main`, so where anything differs the program starts itself again. Throws where there are too few
/// processors.
void settle(char** arguments, std::size_t threads);

/// What the comparison runs on, a line each: processor, load, BLAS, compiler and flags.
[[nodiscard]] std::vector<std::string> describe_machine();

} // namespace compare
