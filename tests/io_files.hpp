#pragma once

// Weight files made by hand, for the tests of the io room.

#include <hookcam/core/error.hpp>
#include <hookcam/io/bytes.hpp>
#include <hookcam/io/state_dict.hpp>

#include <zip.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace io_files {

/// Files are strings here, since they are made of texts and numbers by `+`.
using namespace std::string_literals;

inline std::span<std::byte const> bytes(std::string const& file) {
    return std::as_bytes(std::span{file});
}

template <class T>
std::string number(T value) {
    auto const raw = hookcam::detail::little_endian_bytes(value);
    return {reinterpret_cast<char const*>(raw.data()), raw.size()};
}

template <class T>
std::string numbers(std::vector<T> const& values) {
    std::string result;
    for (T value : values) {
        result += number(value);
    }
    return result;
}

inline std::string slurp(std::filesystem::path const& path) {
    std::ifstream stream{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

inline void spill(std::filesystem::path const& path, std::string const& content) {
    std::ofstream{path, std::ios::binary} << content;
}

/// Whether two state dicts have the same keys, types, shapes and bits.
inline bool same(hookcam::state_dict const& a, hookcam::state_dict const& b) {
    auto const equal = [](auto const& left, auto const& right) {
        return left.first == right.first && left.second.type == right.second.type &&
               left.second.shape == right.second.shape && left.second.bytes == right.second.bytes;
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

/// A predicate for BOOST_CHECK_EXCEPTION: the error is about a file and its text has all these parts.
inline auto says(std::vector<std::string> parts) {
    return [parts = std::move(parts)](hookcam::error const& error) {
        std::string const text = error.what();
        for (auto const& part : parts) {
            if (text.find(part) == std::string::npos) {
                throw std::runtime_error{"'" + part + "' is not in: " + text};
            }
        }
        return error.kind() == hookcam::error_kind::file;
    };
}

// ------------------------------------------------------------------------------------------ safetensors

inline std::string safetensors(std::string const& header, std::string const& data = "") {
    return number(std::uint64_t{header.size()}) + header + data;
}

// ----------------------------------------------------------------------------------------------- pickles

// Each function returns the opcodes that put one object onto the stack.

inline std::string text(std::string const& value) {
    return "X"s + number(static_cast<std::uint32_t>(value.size())) + value;
}

inline std::string integer(std::int64_t value) {
    return "\x8a\x08"s + number(value);
}

inline std::string tuple(std::vector<std::string> const& items) {
    std::string result = "(";
    for (auto const& item : items) {
        result += item;
    }
    return result + "t";
}

inline std::string tuple(std::vector<std::int64_t> const& values) {
    std::vector<std::string> items;
    for (auto value : values) {
        items.push_back(integer(value));
    }
    return tuple(items);
}

inline std::string dict(std::vector<std::pair<std::string, std::string>> const& items) {
    std::string result = "}(";
    for (auto const& [key, value] : items) {
        result += text(key) + value;
    }
    return result + "u";
}

inline std::string global(std::string const& module, std::string const& name) {
    return "c" + module + "\n" + name + "\n";
}

inline std::string storage(std::string const& type, std::string const& key, std::int64_t count) {
    return tuple({text("storage"), global("torch", type), text(key), text("cuda:0"), integer(count)}) + "Q";
}

inline std::string tensor(std::string const& storage, std::int64_t offset,
                          std::vector<std::int64_t> const& shape, std::vector<std::int64_t> const& strides) {
    return global("torch._utils", "_rebuild_tensor_v2") +
           tuple({storage, integer(offset), tuple(shape), tuple(strides), "\x89",
                  global("collections", "OrderedDict") + ")R"}) +
           "R";
}

/// A tensor of rank 1 that is all of the storage.
inline std::string flat(std::string const& type, std::string const& key, std::int64_t count) {
    return tensor(storage(type, key, count), 0, {count}, {1});
}

inline std::string pickle(std::string const& program) {
    return "\x80\x02" + program + ".";
}

// ------------------------------------------------------------------------------------------ zip archives

struct archive_entry {
    std::string name;
    std::string content;
    bool compressed = false;
};

inline std::string archive(std::vector<archive_entry> const& entries) {
    auto* source = zip_source_buffer_create(nullptr, 0, 0, nullptr);
    auto* handle = zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    zip_source_keep(source);
    for (auto const& entry : entries) {
        auto* content = zip_source_buffer(handle, entry.content.data(), entry.content.size(), 0);
        auto const index = zip_file_add(handle, entry.name.c_str(), content, ZIP_FL_ENC_UTF_8);
        zip_set_file_compression(handle, static_cast<zip_uint64_t>(index),
                                 entry.compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 9);
    }
    zip_stat_t status;
    if (zip_close(handle) != 0 || zip_source_open(source) != 0 || zip_source_stat(source, &status) != 0) {
        throw std::runtime_error{"libzip cannot write an archive"};
    }
    std::string result(status.size, '\0');
    zip_source_read(source, result.data(), result.size());
    zip_source_close(source);
    zip_source_free(source);
    return result;
}

/// What torch.save writes: the pickle of `program`, and the storages by key.
inline std::string pth(std::string const& program,
                       std::vector<std::pair<std::string, std::string>> const& storages) {
    std::vector<archive_entry> entries{{"archive/data.pkl", pickle(program)},
                                       {"archive/byteorder", "little"}};
    for (auto const& [key, content] : storages) {
        entries.push_back({"archive/data/" + key, content});
    }
    entries.push_back({"archive/version", "3\n"});
    return archive(entries);
}

// ---------------------------------------------------------------------------------------- legacy streams

struct stream_storage {
    std::string key;
    std::int64_t count;
    std::string content;
};

inline std::string const stream_magic = pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"s);

/// What torch.save wrote before PyTorch 1.6.
inline std::string pth_stream(std::string const& program, std::vector<stream_storage> const& storages,
                              std::string const& little_endian = "\x88") {
    std::string keys = "](";
    std::string contents;
    for (auto const& item : storages) {
        keys += text(item.key);
        contents += number(item.count) + item.content;
    }
    return stream_magic + pickle(integer(1001)) + pickle(dict({{"little_endian", little_endian}})) +
           pickle(program) + pickle(keys + "e") + contents;
}

} // namespace io_files
