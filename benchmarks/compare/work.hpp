#pragma once

#include "runner.hpp"

#include <hookcam/io/state_dict.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace compare {

/// What a work asks of the machine at the least.
struct cost {
    double operations = 0; ///< two for each product and its sum, those with padding too; nothing else counts
    double bytes = 0;      ///< of weights, inputs and results: each read or written once
};

/// Something to do and to time: a network and a batch of pictures, or a single convolution.
class work {
public:
    work() = default;
    work(work const&) = delete;
    work& operator=(work const&) = delete;
    virtual ~work() = default;

    /// Does it once, as a user would in a loop.
    virtual void run() = 0;

    /// What the last run found, by name; a peer must find the same.
    [[nodiscard]] virtual hookcam::state_dict results() const = 0;

    /// How far a peer may be off, as a part of the largest number of each result.
    [[nodiscard]] virtual double tolerance() const = 0;

    [[nodiscard]] virtual cost least() const = 0;

    /// What else a reader of the report may want to know, once it has run; empty where there is nothing.
    [[nodiscard]] virtual std::string remark() const { return {}; }

    /// Writes what a peer in another process needs: `weights.safetensors`, and `inputs.safetensors` with an
    /// `input`, and a `gradient` where the work begins with one.
    virtual void write(std::filesystem::path const& folder) const = 0;

    /// A peer that is part of this program; null where that name is none of its own.
    [[nodiscard]] virtual std::unique_ptr<runner> own_peer(std::string_view name, std::size_t threads) {
        static_cast<void>(name);
        static_cast<void>(threads);
        return nullptr;
    }
};

/// A work that there is.
struct work_entry {
    std::string name;
    std::vector<std::string_view> peers; ///< those that can do it
    std::function<std::unique_ptr<work>()> make;
};

/// The works of one network each, compiled apart.
void add_simple_cnn(std::vector<work_entry>& works);
void add_resnet20(std::vector<work_entry>& works);
void add_squeezenet(std::vector<work_entry>& works);
void add_resnet50(std::vector<work_entry>& works);
void add_convolutions(std::vector<work_entry>& works);

/// Any other convolution by its name, `conv.forward.3x32.k3.s1.h32`; none where it is not the name of one.
[[nodiscard]] std::optional<work_entry> find_convolution(std::string_view name);

} // namespace compare
