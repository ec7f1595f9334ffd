#pragma once

#include "../core/error.hpp"
#include "../core/on_device.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

// What a kernel is written with. It is a plain struct of pointers and sizes with a member `run(block)`, which nvcc
// compiles for the GPU, and any compiler for the host executor, which runs the same body block by block:
//
//     struct scale_body {
//         static constexpr char const* name = "scale";
//         static constexpr unsigned threads = 256;    // of a block
//         using shared = no_shared;                   // what the threads of a block share
//         float factor; float const* x; float* y; std::size_t size;
//         template <class Block> HOOKCAM_DEVICE void run(Block& block) const {
//             block.last([&](unsigned thread) { ... });
//         }
//     };
//
// Work is a sequence of phases: `block.each(f)` calls f(thread) for every thread and then waits for all of them,
// `block.last(f)` does not wait. So no thread can miss a barrier, and an executor may run the threads of a phase in any
// order: where a result depends on it, two of them race. What a thread keeps from phase to phase is a
// `Block::template per_thread<T>`; what stands between phases must be the same for all threads.

namespace hookcam {

/// How many blocks a kernel is run with, along three axes.
struct kernel_grid {
    std::size_t x = 1; ///< the longest
    std::size_t y = 1; ///< up to 65,535
    std::size_t z = 1; ///< likewise

    /// All of them.
    [[nodiscard]] constexpr std::size_t count() const noexcept { return x * y * z; }
};

/// For kernels whose threads share nothing.
struct no_shared {};

namespace detail {

/// What may cross from the host to a kernel.
template <class Body>
struct kernel_body_must_be_plain {
    static_assert(
        std::is_trivially_copyable_v<Body> && std::is_standard_layout_v<Body> && sizeof(Body) <= 4096,
        "hookcam::cuda: a kernel must be a plain struct of up to 4,096 bytes; give it pointers and sizes");
    static constexpr bool value = true;
};

/// Throws where a grid has too many blocks.
template <class Body>
void check_grid(kernel_grid const& grid) {
    if (grid.x > 0x7fffffff || grid.y > 0xffff || grid.z > 0xffff)
        throw error{error_kind::shape,
                    std::string{"hookcam::cuda: the tensors must not be so large; the kernel "} + Body::name +
                        " would need " + std::to_string(grid.x) + "x" + std::to_string(grid.y) + "x" +
                        std::to_string(grid.z) + " blocks"};
}

/// A count that a kernel keeps in 32 bits; throws where it does not fit.
[[nodiscard]] inline unsigned narrow(std::size_t count) {
    if (count > 0x7fffffff)
        throw error{
            error_kind::shape,
            "hookcam::cuda: a tensor of a kernel must have less than 2^31 elements; take a smaller batch"};
    return static_cast<unsigned>(count);
}

/// The number of parts of a size that cover a count.
[[nodiscard]] HOOKCAM_DEVICE constexpr std::size_t parts_of(std::size_t count, std::size_t size) noexcept {
    return (count + size - 1) / size;
}

} // namespace detail

namespace kernels {

/// Calls a plain function object with every index below `size`, each in a thread of its own.
template <class Function>
struct each_element {
    static constexpr char const* name = Function::name;
    static constexpr unsigned threads = 256;
    using shared = no_shared;

    Function function;
    std::size_t size;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        block.last([&](unsigned thread) {
            std::size_t const i = std::size_t{block.x} * threads + thread;
            if (i < size)
                function(i);
        });
    }
};

/// Runs it.
template <class Device, class Function>
void for_each_element(Device const& on, std::size_t size, Function const& function) {
    using body = each_element<Function>;
    on.launch(kernel_grid{detail::parts_of(size, body::threads)}, body{function, size});
}

/// Adds up what the threads of a block hold, in an order that depends on nothing else; the sum is in `values[0]`.
template <class Block, class T, class Add>
HOOKCAM_DEVICE void reduce(Block& block, unsigned threads, T* values, Add add) {
    for (unsigned half = threads / 2; half > 0; half /= 2)
        block.each([&](unsigned thread) {
            if (thread < half)
                values[thread] = add(values[thread], values[thread + half]);
        });
}

} // namespace kernels

} // namespace hookcam
