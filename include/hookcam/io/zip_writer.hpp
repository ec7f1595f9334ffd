#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <zip.h>

#include "bytes.hpp"

namespace hookcam::detail {

/// Makes a zip archive in memory. Entries are stored, not compressed, and the content of each begins at a
/// multiple of 64 bytes, as `torch.save` has it: whoever maps the file into memory can use it as it lies. The
/// same entries make the same bytes: all have the format's first date, 1980-01-01.
class zip_writer {
public:
    explicit zip_writer(file_context const& context) : m_context{&context} {
        zip_error_t failure;
        zip_error_init(&failure);
        m_file.reset(zip_source_buffer_create(nullptr, 0, 0, &failure));
        if (m_file != nullptr) {
            zip_source_keep(m_file.get()); // the archive frees one reference, this object the other
            m_archive.reset(zip_open_from_source(m_file.get(), ZIP_CREATE | ZIP_TRUNCATE, &failure));
            if (m_archive == nullptr) {
                zip_source_free(m_file.get());
            }
        }
        std::string const text = m_archive ? "" : zip_error_strerror(&failure);
        zip_error_fini(&failure);
        if (m_archive == nullptr) {
            context.refuse("no zip archive can be made: " + text);
        }
    }

    /// Adds an entry; the content must outlive the call of `finish`.
    void add(std::string const& name, std::span<std::byte const> content) {
        auto* const archive = m_archive.get();
        auto* const source = zip_source_buffer(archive, content.data(), content.size(), 0);
        auto const index =
            source == nullptr ? -1 : zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
        if (index < 0) {
            zip_source_free(source);
            fail();
        }
        constexpr std::size_t alignment = 64;
        constexpr std::size_t header = 30;      // of an entry, in front of its name
        constexpr std::size_t extra_header = 4; // of the padding, which is an extra field
        auto const unaligned = m_size + header + name.size() + extra_header;
        std::vector<std::uint8_t> const padding((alignment - unaligned % alignment) % alignment, 'Z');
        m_size = unaligned + padding.size() + content.size();

        auto const at = static_cast<zip_uint64_t>(index);
        constexpr zip_uint16_t padding_id = 0x4246; // "FB", the one that torch.save pads with
        constexpr zip_uint16_t first_date = 1 << 5 | 1;
        if (zip_set_file_compression(archive, at, ZIP_CM_STORE, 0) != 0 ||
            zip_file_set_dostime(archive, at, 0, first_date, 0) != 0 ||
            zip_file_extra_field_set(archive, at, padding_id, ZIP_EXTRA_FIELD_NEW, padding.data(),
                                     static_cast<zip_uint16_t>(padding.size()), ZIP_FL_LOCAL) != 0) {
            fail();
        }
    }

    /// The archive's bytes; nothing can be added afterwards.
    [[nodiscard]] std::vector<std::uint8_t> finish() {
        if (zip_close(m_archive.get()) != 0) {
            fail();
        }
        (void)m_archive.release();
        zip_stat_t status;
        zip_stat_init(&status);
        if (zip_source_open(m_file.get()) != 0 || zip_source_stat(m_file.get(), &status) != 0) {
            fail_reading();
        }
        std::vector<std::uint8_t> bytes(status.size);
        if (zip_source_read(m_file.get(), bytes.data(), bytes.size()) !=
            static_cast<zip_int64_t>(bytes.size())) {
            fail_reading();
        }
        zip_source_close(m_file.get());
        return bytes;
    }

private:
    [[noreturn]] void fail() const {
        m_context->refuse(std::string{"the zip archive cannot be made: "} + zip_strerror(m_archive.get()));
    }
    [[noreturn]] void fail_reading() const {
        m_context->refuse(std::string{"the zip archive cannot be made: "} +
                          zip_error_strerror(zip_source_error(m_file.get())));
    }

    struct free_source {
        void operator()(zip_source_t* source) const noexcept { zip_source_free(source); }
    };
    struct discard_archive {
        void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
    };

    file_context const* m_context;
    std::unique_ptr<zip_source_t, free_source> m_file;
    std::unique_ptr<zip_t, discard_archive> m_archive;
    std::size_t m_size = 0; ///< of the entries so far
};

} // namespace hookcam::detail
