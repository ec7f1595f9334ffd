#pragma once

#include "../cuda/kernel.hpp"
#include "../tensor/device.hpp"

#include <cstddef>
#include <cstdint>

namespace hookcam::kernels {

/// What stands for a class where the one with the largest logit is wanted.
inline constexpr std::uint32_t predicted_class = 0xffffffffU;

/// Which class of each image is explained, the one that was asked for or the one with the largest logit, and the gradient
/// of its logit with respect to all of them. As std::max_element has it, the first of equal logits is the largest, and a
/// NaN where it is the very first. A block an image.
struct choose_logit {
    static constexpr char const* name = "choose_logit";
    static constexpr unsigned threads = 128;
    struct candidate {
        float value;
        std::uint32_t index;
    };
    struct shared {
        candidate values[threads];
    };

    unsigned classes;
    float const* logits;
    std::uint32_t const* asked;
    std::uint32_t* predicted;
    std::uint32_t* target;
    float* gradient;

    template <class Block>
    HOOKCAM_DEVICE void run(Block& block) const {
        auto& own = block.shared();
        std::size_t const first = std::size_t{block.x} * classes;
        block.each([&](unsigned thread) {
            candidate best{logits[first], 0};
            for (unsigned i = thread; i < classes; i += threads)
                if (logits[first + i] > best.value)
                    best = {logits[first + i], i};
            own.values[thread] = best;
        });
        reduce(block, threads, own.values, [](candidate const& a, candidate const& b) {
            return b.value > a.value || (b.value == a.value && b.index < a.index) ? b : a;
        });
        block.last([&](unsigned thread) {
            std::uint32_t const largest = own.values[0].index;
            std::uint32_t const chosen = asked[block.x] == predicted_class ? largest : asked[block.x];
            for (unsigned i = thread; i < classes; i += threads)
                gradient[first + i] = i == chosen ? 1.0f : 0.0f;
            if (thread == 0) {
                predicted[block.x] = largest;
                target[block.x] = chosen;
            }
        });
    }
};

} // namespace hookcam::kernels
