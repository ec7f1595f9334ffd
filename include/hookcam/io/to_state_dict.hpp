#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bytes.hpp"
#include "state_dict.hpp"

namespace hookcam {

/// A copy of the model's parameters and statistics under PyTorch's keys, as F32 or F64, whichever the model
/// computes in. So that the keys are all that PyTorch has for such a network, the counters that hookcam has
/// no use for (`bn1.num_batches_tracked`) are there too, as the I64 number 0, whatever the model was loaded
/// from.
///
/// `Model` is as in `load_state_dict`, which is the way back.
template <class Model>
state_dict to_state_dict(Model const& model) {
    using value_type = std::remove_const_t<typename Model::value_type>;
    static_assert(std::is_same_v<value_type, float> || std::is_same_v<value_type, double>,
                  "hookcam::to_state_dict: the model's scalar type must be float or double");
    constexpr auto type = std::is_same_v<value_type, float> ? dtype::f32 : dtype::f64;

    state_dict result{"a model"};
    for (auto const& row : model.entries()) {
        state_entry entry{
            type, {row.shape.begin(), row.shape.end()}, std::vector<std::byte>(row.size * size_of(type))};
        auto to = entry.bytes.begin();
        for (auto value : std::span{row.data, row.size}) {
            to = std::ranges::copy(detail::little_endian_bytes(value), to).out;
        }
        result.insert(std::string{row.key}, std::move(entry));
    }
    for (auto const& key : Model::optional_keys()) {
        result.insert(key, {dtype::i64, {}, std::vector<std::byte>(size_of(dtype::i64))});
    }
    return result;
}

} // namespace hookcam
