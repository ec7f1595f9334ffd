#pragma once

#include "../core/instruction_set.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// From when to when somebody needs a tensor, in steps of a plan, and where it lies meanwhile.
struct lifetime {
    std::size_t size = 0;
    std::size_t first = static_cast<std::size_t>(-1); ///< nobody has touched it yet
    std::size_t last = 0;
    std::size_t offset = 0;

    void touch(std::size_t when) noexcept {
        first = std::min(first, when);
        last = std::max(last, when);
    }
    [[nodiscard]] bool meets(lifetime const& other) const noexcept {
        return first <= other.last && other.first <= last;
    }
};

/// Lays tensors out so that two that are needed at one time never overlap, and returns the size of it all: the largest
/// first, each in the lowest gap that holds it.
[[nodiscard]] inline std::size_t place(std::vector<lifetime>& tensors) {
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return tensors[a].size > tensors[b].size; });
    std::vector<lifetime*> placed; // by offset
    std::size_t total = 0;
    for (auto const index : order) {
        auto& tensor = tensors[index];
        if (tensor.size == 0)
            continue;
        std::size_t gap = 0;
        for (auto const* other : placed) {
            if (!other->meets(tensor))
                continue;
            if (gap + tensor.size <= other->offset)
                break;
            gap = std::max(gap, other->offset + other->size);
        }
        tensor.offset = gap;
        total = std::max(total, gap + tensor.size);
        placed.insert(std::upper_bound(placed.begin(), placed.end(), &tensor,
                                       [](auto const* a, auto const* b) { return a->offset < b->offset; }),
                      &tensor);
    }
    return total;
}

/// Which tensors share their memory with which: sets that grow together.
class shared_places {
public:
    explicit shared_places(std::size_t count) : m_up(count) {
        std::iota(m_up.begin(), m_up.end(), std::size_t{0});
    }
    [[nodiscard]] std::size_t of(std::size_t index) const noexcept {
        while (m_up[index] != index)
            index = m_up[index];
        return index;
    }
    void join(std::size_t a, std::size_t b) noexcept { m_up[of(a)] = of(b); }

private:
    std::vector<std::size_t> m_up;
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
