#pragma once

#include "../tensor/memory.hpp"
#include "../tensor/view.hpp"

#include <cstddef>

namespace hookcam {

/// What a loss returns: its value and the gradient in one. The views are into the loss, good until its next call.
template <class T, std::size_t Rank, std::size_t ValuesRank>
struct loss_result {
    T value;                                 ///< reduced; see `reduction`
    tensor_view<T const, Rank> gradient;     ///< of the value, by the first argument, and of its shape
    tensor_view<T const, ValuesRank> values; ///< the losses before they are reduced
};

namespace detail {

/// Memory that grows with the first calls and is not given back.
template <class T>
class growing {
public:
    [[nodiscard]] T* of_size(std::size_t size) {
        if (size > m_memory.size())
            m_memory = memory<T>(size);
        return m_memory.data();
    }

private:
    memory<T> m_memory;
};

} // namespace detail

} // namespace hookcam
