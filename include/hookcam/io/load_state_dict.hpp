#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "bytes.hpp"
#include "state_dict.hpp"

namespace hookcam {

/// How strictly a file must fit a model.
struct load_options {
    bool strict = true;         ///< whether every difference between file and model is an error
    std::string strip_prefix{}; ///< cut off all keys of the file if all have it: `"module."`
};

/// The differences between a file and a model, each list in the order of the keys.
struct load_report {
    std::vector<std::string> missing;    ///< keys of the model that the file lacks
    std::vector<std::string> unexpected; ///< keys of the file that the model lacks
    std::vector<std::string>
        mismatched; ///< keys of both, with what differs: the shape, or integers in the file

    /// True where there is no difference.
    [[nodiscard]] bool empty() const noexcept {
        return missing.empty() && unexpected.empty() && mismatched.empty();
    }
};

namespace detail {

/// As PyTorch writes a shape: `(3, 32)`.
inline std::string tuple_text(std::span<std::size_t const> shape) {
    std::string text{"("};
    for (auto extent : shape) {
        text += text.size() > 1 ? ", " : "";
        text += std::to_string(extent);
    }
    return text + ")";
}

/// Names all keys, or the first `most` of each list.
inline std::string report_text(load_report const& report,
                               std::size_t most = std::numeric_limits<std::size_t>::max()) {
    std::string text;
    auto const add = [&](std::string_view title, std::vector<std::string> const& keys) {
        for (std::size_t i = 0; i < std::min(keys.size(), most); ++i) {
            text += i > 0 ? ", " : text.empty() ? "" : "; ";
            text += i > 0 ? "" : title;
            text += printable(keys[i]);
        }
        if (keys.size() > most) {
            text += " and ";
            text += std::to_string(keys.size() - most);
            text += " more";
        }
    };
    add("missing: ", report.missing);
    add("unexpected: ", report.unexpected);
    add("of another shape or type: ", report.mismatched);
    return text;
}

} // namespace detail

/// Copies the tensors of a state dict into the model's parameters and buffers of the same keys, converted to
/// the model's type. Keys that the model calls optional (`bn1.num_batches_tracked`) may be there, and are
/// ignored.
///
/// Throws `error_kind::file` with all missing, unexpected and mis-shaped keys in one text, and then the model
/// is as it was. With `strict` off it loads what fits and returns what did not.
///
/// `Model` has `value_type`, `optional_keys()` (texts), and `entries()`, a range of rows with `key`, `shape`,
/// `data` and `size`; `hookcam::model` has.
template <class Model>
load_report load_state_dict(Model& model, state_dict const& source, load_options const& options = {}) {
    using value_type = typename Model::value_type;

    std::size_t const cut = source.has_prefix(options.strip_prefix) ? options.strip_prefix.size() : 0;
    std::map<std::string_view, state_entry const*> unused;
    for (auto const& [key, entry] : source) {
        unused.emplace(std::string_view{key}.substr(cut), &entry);
    }

    load_report report;
    std::vector<std::pair<value_type*, std::vector<value_type>>> loaded;
    for (auto const& row : model.entries()) {
        auto const found = unused.find(std::string_view{row.key});
        if (found == unused.end()) {
            report.missing.emplace_back(row.key);
            continue;
        }
        auto const& entry = *found->second;
        if (!is_floating(entry.type)) {
            report.mismatched.push_back(std::string{row.key} + " of " + std::string{name_of(entry.type)} +
                                        " where the model has floating-point numbers");
        } else if (!std::ranges::equal(entry.shape, row.shape) || entry.size() != row.size) {
            report.mismatched.push_back(std::string{row.key} + " " + detail::tuple_text(entry.shape) +
                                        " where the model has " + detail::tuple_text(row.shape));
        } else {
            loaded.emplace_back(row.data, entry.template to<value_type>());
        }
        unused.erase(found);
    }
    for (auto const& key : Model::optional_keys()) {
        unused.erase(std::string_view{key});
    }
    for (auto const& [key, entry] : unused) {
        report.unexpected.emplace_back(key);
    }
    std::ranges::sort(report.missing);
    std::ranges::sort(report.mismatched);

    if (options.strict && !report.empty()) {
        throw error{error_kind::file, "hookcam::load_state_dict: " + source.source() +
                                          ": the keys and shapes must be those of the model; " +
                                          detail::report_text(report)};
    }
    for (auto const& [target, values] : loaded) {
        std::ranges::copy(values, target);
    }
    return report;
}

} // namespace hookcam
