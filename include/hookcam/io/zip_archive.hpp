#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <zip.h>

#include "allowance.hpp"
#include "bytes.hpp"

namespace hookcam::detail {

/// A zip archive that lies in memory; the bytes must outlive it. Every entry that is read is checked against
/// its CRC-32.
class zip_archive {
public:
    /// libzip's table of names is quadratic where names are made to collide, so it gets no more than this.
    static constexpr std::size_t max_entries = 16384;

    zip_archive(std::span<std::byte const> file, file_context const& context) : m_context{&context} {
        if (count_entry_headers(file) > max_entries) {
            context.refuse("a zip archive must have at most " + std::to_string(max_entries) + " entries");
        }
        zip_error_t failure;
        zip_error_init(&failure);
        auto* source = zip_source_buffer_create(file.data(), file.size(), 0, &failure);
        if (source != nullptr) {
            m_archive.reset(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &failure));
            if (m_archive == nullptr) {
                zip_source_free(source);
            }
        }
        std::string const text = m_archive ? "" : zip_error_strerror(&failure);
        zip_error_fini(&failure);
        if (m_archive == nullptr) {
            context.refuse("the zip archive is broken or truncated: " + text);
        }
    }

    /// The names of all entries.
    [[nodiscard]] std::vector<std::string_view> names() const {
        std::vector<std::string_view> result;
        auto const count = zip_get_num_entries(m_archive.get(), 0);
        for (zip_int64_t i = 0; i < count; ++i) {
            auto const* name = zip_get_name(m_archive.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW);
            result.emplace_back(name == nullptr ? "" : name);
        }
        return result;
    }

    [[nodiscard]] bool contains(std::string const& name) const {
        return zip_name_locate(m_archive.get(), name.c_str(), ZIP_FL_ENC_RAW) >= 0;
    }

    /// The content of an entry; its size counts against the allowance before anything is allocated.
    [[nodiscard]] std::vector<std::byte> read(std::string const& name, allowance& memory) const {
        zip_stat_t status;
        zip_stat_init(&status);
        auto const needed = ZIP_STAT_INDEX | ZIP_STAT_SIZE | ZIP_STAT_CRC | ZIP_STAT_COMP_METHOD;
        if (zip_stat(m_archive.get(), name.c_str(), ZIP_FL_ENC_RAW, &status) != 0 ||
            (status.valid & needed) != needed) {
            m_context->refuse("the archive must have an entry " + in_quotes(name));
        }
        if (status.comp_method != ZIP_CM_STORE && status.comp_method != ZIP_CM_DEFLATE) {
            m_context->refuse("the archive's entry " + in_quotes(name) + " must be stored or deflated");
        }
        memory.spend(status.size, "the archive's entry " + in_quotes(name));

        std::unique_ptr<zip_file_t, close_entry> const entry{
            zip_fopen_index(m_archive.get(), status.index, 0)};
        if (entry == nullptr) {
            m_context->refuse("the archive's entry " + in_quotes(name) +
                              " cannot be opened: " + zip_strerror(m_archive.get()));
        }
        // One byte more than the entry has: only the read that meets the end compares the CRC-32.
        std::vector<std::byte> content(status.size + 1);
        std::size_t filled = 0;
        zip_int64_t got = 1;
        while (got > 0 && filled < content.size()) {
            got = zip_fread(entry.get(), content.data() + filled, content.size() - filled);
            filled += got > 0 ? static_cast<std::size_t>(got) : 0;
        }
        if (got != 0 || filled != status.size) {
            m_context->refuse("the archive's entry " + in_quotes(name) +
                              " is broken: " + zip_file_strerror(entry.get()));
        }
        content.pop_back();
        return content;
    }

private:
    /// How often the signature stands in the file that begins each entry of a zip directory: at least once for
    /// every entry.
    static std::size_t count_entry_headers(std::span<std::byte const> file) {
        constexpr std::array signature{std::byte{'P'}, std::byte{'K'}, std::byte{1}, std::byte{2}};
        std::size_t count = 0;
        for (auto at = file.begin();; at += signature.size(), ++count) {
            at = std::search(at, file.end(), signature.begin(), signature.end());
            if (at == file.end()) {
                return count;
            }
        }
    }

    struct discard_archive {
        void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
    };
    struct close_entry {
        void operator()(zip_file_t* entry) const noexcept { zip_fclose(entry); }
    };

    file_context const* m_context;
    std::unique_ptr<zip_t, discard_archive> m_archive;
};

} // namespace hookcam::detail
