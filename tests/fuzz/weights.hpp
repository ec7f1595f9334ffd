#pragma once

// What is promised of every weight file, for the targets that read one.

#include "fuzz.hpp"

#include <hookcam/compose/named.hpp>
#include <hookcam/compose/sequential.hpp>
#include <hookcam/io/allowance.hpp>
#include <hookcam/io/load_state_dict.hpp>
#include <hookcam/io/state_dict.hpp>
#include <hookcam/layers.hpp>
#include <hookcam/plan/model.hpp>

#include <cstddef>
#include <cstring>
#include <numeric>
#include <span>
#include <utility>

namespace fuzz {

/// The network whose weights the corpus has.
using network = hookcam::sequential<hookcam::named<"conv", hookcam::conv2d<1, 2, hookcam::kernel<3>>>,
                                    hookcam::named<"bn", hookcam::batch_norm2d<2>>, hookcam::relu<>,
                                    hookcam::adaptive_avg_pool2d<1>, hookcam::flatten<>,
                                    hookcam::named<"fc", hookcam::linear<2, 3>>>;

inline bool same_bits(std::span<float const> a, std::span<float const> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// Every entry has as many bytes as it says, and its numbers can be had.
inline void check_entries(hookcam::state_dict const& dict) {
    for (auto const& [key, entry] : dict) {
        auto const count = hookcam::detail::checked_size(entry.shape);
        require(count && *count == entry.size(), "an entry has the values of its shape");
        require(entry.bytes.size() == *count * size_of(entry.type), "an entry has whole values");
        require(entry.to<double>().size() == *count, "every value is a number");
    }
}

/// A model takes all of a state dict, or stays as it was.
inline void load_into_a_model(hookcam::state_dict const& dict) {
    hookcam::model<network> fresh;
    std::iota(fresh.data(), fresh.data() + fresh.size(), 1.0f);
    auto model = fresh;
    if (accepts([&] { hookcam::load_state_dict(model, dict); })) {
        for (auto const& row : model.entries()) {
            auto const* entry = dict.find(row.key);
            require(entry != nullptr && same_bits({row.data, row.size}, entry->to<float>()),
                    "what is loaded is what the file holds");
        }
    } else {
        require(same_bits({model.data(), model.size()}, {fresh.data(), fresh.size()}),
                "a failed load leaves the model as it was");
    }
    auto const report = hookcam::load_state_dict(model, dict, {.strict = false, .strip_prefix = "module."});
    require(report.missing.size() + report.mismatched.size() <= model.entries().size(),
            "a report names each of the model's keys once");
}

/// Reads a file by `read(file)` and checks all that.
template <class Read>
void read_weight_file(std::span<std::byte const> file, Read&& read) {
    hookcam::state_dict dict;
    allocation_meter const memory;
    bool const whole = accepts([&] { dict = read(file); });
    require(memory.total() <=
                hookcam::max_allocation::factor * file.size() + hookcam::max_allocation::constant,
            "reading allocates in proportion to the file");
    if (whole) {
        check_entries(dict);
        load_into_a_model(dict);
    }
}

} // namespace fuzz
