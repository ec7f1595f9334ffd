#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "../core/error.hpp"
#include "../core/files.hpp"
#include "bytes.hpp"
#include "check_entries.hpp"
#include "pickle.hpp"
#include "state_dict.hpp"
#include "zip_archive.hpp"
#include "zip_writer.hpp"

namespace hookcam {
namespace detail {

/// Writes the pickle of a state dict as `torch.save` does, in protocol 2: an `OrderedDict` of calls of
/// `torch._utils._rebuild_tensor_v2`. The storages are outside, named 0, 1, 2 and so on in the order of the
/// keys.
class state_dict_pickle {
public:
    explicit state_dict_pickle(state_dict const& dict) {
        m_program = "\x80\x02"; // protocol 2
        empty_ordered_dict();
        m_program += '('; // the mark where the items begin
        std::size_t storage = 0;
        for (auto const& [key, entry] : dict) {
            text(key);
            tensor(entry, storage++);
        }
        m_program += "u."; // set the items; the end
    }

    [[nodiscard]] std::string const& program() const noexcept { return m_program; }

private:
    // Each puts one object onto the stack of the machine that reads a pickle.

    void global(std::string_view module, std::string_view name) {
        m_program += 'c';
        (m_program += module) += '\n';
        (m_program += name) += '\n';
    }

    void text(std::string_view value) {
        m_program += 'X';
        number(static_cast<std::uint32_t>(value.size()));
        m_program += value;
    }

    void integer(std::size_t value) {
        m_program += "\x8a\x08"; // an integer of eight bytes
        number(std::uint64_t{value});
    }

    void tuple(std::span<std::size_t const> values) {
        m_program += '(';
        for (auto value : values) {
            integer(value);
        }
        m_program += 't';
    }

    void empty_ordered_dict() {
        global("collections", "OrderedDict");
        m_program += ")R"; // called without arguments
    }

    /// `_rebuild_tensor_v2(storage, 0, shape, strides, requires_grad=False, OrderedDict())`, where the
    /// storage is the persistent object `('storage', type, key, 'cpu', count)`.
    void tensor(state_entry const& entry, std::size_t storage) {
        global("torch._utils", "_rebuild_tensor_v2");
        m_program += "((";
        text("storage");
        global("torch", storage_name(entry.type));
        text(std::to_string(storage));
        text("cpu");
        integer(entry.size());
        m_program += "tQ";
        integer(0);
        tuple(entry.shape);
        tuple(row_major_strides(entry.shape));
        m_program += '\x89'; // False
        empty_ordered_dict();
        m_program += "tR";
    }

    template <class T>
    void number(T value) {
        auto const raw = little_endian_bytes(value);
        m_program += as_text(raw);
    }

    static std::string_view storage_name(dtype type) {
        for (auto const& row : pickle_globals) {
            if (row.meaning == pickle_global::storage && row.type == type) {
                return row.name;
            }
        }
        return {}; // not reached: every type has its row
    }

    static std::vector<std::size_t> row_major_strides(std::span<std::size_t const> shape) {
        std::vector<std::size_t> strides(shape.size());
        std::size_t stride = 1;
        for (auto axis = shape.size(); axis-- > 0;) {
            strides[axis] = stride;
            stride *= std::max(shape[axis], std::size_t{1});
        }
        return strides;
    }

    std::string m_program;
};

} // namespace detail

/// Writes a state dict as `torch.save(state_dict, path)` does since PyTorch 1.6, whole or not at all; PyTorch
/// opens it with `torch.load(path, weights_only=True)`, as an `OrderedDict` in the order of the keys. The
/// same state dict makes the same bytes.
///
/// The format: a zip archive of the pickle `archive/data.pkl`, the storages `archive/data/0` and so on, not
/// compressed and aligned to 64 bytes, and two lines about the format.
///
/// Throws `error_kind::file` where the file cannot be written, and then an old file is still there;
/// `error_kind::shape` where an entry's bytes do not fit its shape; `error_kind::use` where a key is not
/// UTF-8, or there are more tensors than `read_pth` reads back (16,381).
inline void write_pth(std::filesystem::path const& path, state_dict const& dict) {
    detail::check_entries(dict, "write_pth");
    constexpr std::size_t most = detail::zip_archive::max_entries - 3;
    if (dict.size() > most) {
        throw error{error_kind::use, "hookcam::write_pth: there must be at most " + std::to_string(most) +
                                         " tensors; write_safetensors takes more"};
    }
    detail::state_dict_pickle const pickle{dict};
    detail::file_context const context{"write_pth", path.string()};
    detail::zip_writer archive{context};
    auto const add = [&archive](std::string const& name, std::string_view content) {
        archive.add("archive/" + name, std::as_bytes(std::span{content}));
    };
    add("data.pkl", pickle.program());
    add("byteorder", "little");
    std::size_t storage = 0;
    for (auto const& [key, entry] : dict) {
        archive.add("archive/data/" + std::to_string(storage++), entry.bytes);
    }
    add("version", "3\n");
    replace_file(path, archive.finish(), "write_pth");
}

} // namespace hookcam
