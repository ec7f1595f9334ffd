#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "dataset.hpp"

namespace hookcam {

/// Some images of a data set, in an order of their own, as PyTorch's `Subset`. It borrows the data set, which must
/// outlive it.
template <dataset Data>
class subset {
public:
    /// The images of these numbers. Throws `error_kind::use` where one is not there.
    subset(Data const& data, std::vector<std::size_t> indices)
        : m_data{&data},
          m_indices{std::move(indices)} {
        for (auto const index : m_indices) {
            if (index >= data.size()) {
                throw error{error_kind::use, "hookcam::subset: an index must lie from 0 to " +
                                                 std::to_string(data.size() - 1) + "; one is " +
                                                 std::to_string(index)};
            }
        }
    }
    subset(Data const&&, std::vector<std::size_t>) = delete; // would dangle

    /// `count` images from number `first` on. Throws `error_kind::use` where there are not so many.
    subset(Data const& data, std::size_t first, std::size_t count) : m_data{&data} {
        if (first > data.size() || count > data.size() - first) {
            throw error{error_kind::use, "hookcam::subset: the data set must hold " + std::to_string(count) +
                                             " images from number " + std::to_string(first) +
                                             " on; it holds " + std::to_string(data.size())};
        }
        m_indices.resize(count);
        std::iota(m_indices.begin(), m_indices.end(), first);
    }
    subset(Data const&&, std::size_t, std::size_t) = delete; // would dangle

    /// How many images there are.
    [[nodiscard]] std::size_t size() const noexcept { return m_indices.size(); }

    /// The sizes of each.
    [[nodiscard]] image_shape shape() const { return m_data->shape(); }

    /// Writes image `index` of the subset and returns its label.
    std::int64_t read(std::size_t index, image_span<dataset_value<Data>> image) const {
        return m_data->read(m_indices[index], image);
    }

private:
    Data const* m_data;
    std::vector<std::size_t> m_indices;
};

} // namespace hookcam
