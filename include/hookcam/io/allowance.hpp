#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>

#include "bytes.hpp"

namespace hookcam {

/// Reading a weight file allocates at most `factor` times its size and `constant` bytes in all, the copy of
/// the file and the result included, whatever the file claims about itself.
struct max_allocation {
    static constexpr std::size_t factor = 64;                     ///< times the file's size
    static constexpr std::size_t constant = std::size_t{8} << 20; ///< bytes
};

namespace detail {

/// What a file may still make grow beyond its own size: tensors that share or repeat a storage, and
/// compressed entries of an archive. Every such allocation asks here first.
class allowance {
public:
    allowance(std::size_t file_size, file_context const& context)
        : m_left{file_size > std::numeric_limits<std::size_t>::max() / (2 * factor)
                     ? std::numeric_limits<std::size_t>::max()
                     : factor * file_size + constant},
          m_context{&context} {}

    void spend(std::optional<std::size_t> bytes, std::string const& what) {
        if (!bytes || *bytes > m_left) {
            m_context->refuse(what + " would take more memory than a file of this size may ask for");
        }
        m_left -= *bytes;
    }

private:
    static constexpr std::size_t factor = 16;
    static constexpr std::size_t constant = std::size_t{1} << 20;

    std::size_t m_left;
    file_context const* m_context;
};

} // namespace detail
} // namespace hookcam
