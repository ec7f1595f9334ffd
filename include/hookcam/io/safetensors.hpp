#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "allowance.hpp"
#include "bytes.hpp"
#include "state_dict.hpp"

namespace hookcam {
namespace detail {

inline std::optional<dtype> dtype_of_safetensors(std::string_view name) {
    for (auto type : {dtype::f64, dtype::f32, dtype::f16, dtype::bf16, dtype::i64, dtype::i32, dtype::i16,
                      dtype::i8, dtype::u8, dtype::boolean}) {
        if (name == name_of(type)) {
            return type;
        }
    }
    return std::nullopt;
}

/// What the header says about one tensor; offsets count from the end of the header.
struct safetensors_row {
    std::string key;
    std::optional<dtype> type;
    bool has_shape = false;
    bool has_offsets = false;
    std::vector<std::size_t> shape;
    std::vector<std::size_t> offsets;
};

/// Takes the header's JSON event by event, in exactly the nesting that the format has. No document is built,
/// so absurd JSON costs no memory, and nothing is nested deeper than the format allows.
class safetensors_header : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit safetensors_header(file_context const& context) : m_context{&context} {}

    [[nodiscard]] std::vector<safetensors_row>& rows() noexcept { return m_rows; }

    bool start_object(std::size_t) override {
        switch (m_place) {
        case place::before:
            m_place = place::root;
            return true;
        case place::root:
            if (m_key == "__metadata__") {
                m_place = place::metadata;
            } else {
                m_rows.emplace_back().key = m_key;
                m_place = place::row;
            }
            return true;
        default:
            unexpected("an object");
        }
    }

    bool end_object() override {
        if (m_place == place::row) {
            auto const& row = m_rows.back();
            if (!row.type || !row.has_shape || !row.has_offsets) {
                m_context->refuse("the header must give dtype, shape and data_offsets of " +
                                  in_quotes(row.key));
            }
        }
        m_place = m_place == place::root ? place::after : place::root;
        return true;
    }

    bool key(string_t& name) override {
        m_key = std::move(name);
        return true;
    }

    bool string(string_t& text) override {
        if (m_place == place::metadata) {
            return true;
        }
        if (m_place != place::row || m_key != "dtype") {
            unexpected("a string");
        }
        auto& row = m_rows.back();
        if (row.type) {
            twice();
        }
        row.type = dtype_of_safetensors(text);
        if (!row.type) {
            m_context->refuse("the tensor " + in_quotes(row.key) + " has the dtype " + in_quotes(text) +
                              "; known are F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL");
        }
        return true;
    }

    bool start_array(std::size_t) override {
        if (m_place != place::row || m_numbers != nullptr || (m_key != "shape" && m_key != "data_offsets")) {
            unexpected("an array");
        }
        auto& row = m_rows.back();
        bool const is_shape = m_key == "shape";
        if (std::exchange(is_shape ? row.has_shape : row.has_offsets, true)) {
            twice();
        }
        m_numbers = is_shape ? &row.shape : &row.offsets;
        m_longest = is_shape ? max_rank : 2;
        return true;
    }

    bool end_array() override {
        if (m_key == "data_offsets" && m_numbers->size() != 2) {
            m_context->refuse("data_offsets of " + in_quotes(m_rows.back().key) + " must be two numbers");
        }
        m_numbers = nullptr;
        return true;
    }

    bool number_unsigned(number_unsigned_t number) override {
        static_assert(std::numeric_limits<number_unsigned_t>::max() <=
                      std::numeric_limits<std::size_t>::max());
        if (m_numbers == nullptr) {
            unexpected("a number");
        }
        if (m_numbers->size() == m_longest) {
            m_context->refuse(in_quotes(m_key) + " of " + in_quotes(m_rows.back().key) + " has more than " +
                              std::to_string(m_longest) + " numbers");
        }
        m_numbers->push_back(number);
        return true;
    }

    bool null() override { unexpected("null"); }
    bool boolean(bool) override { unexpected("a boolean"); }
    bool number_integer(number_integer_t) override { unexpected("a negative number"); }
    bool number_float(number_float_t, string_t const& text) override {
        unexpected("the number " + in_quotes(text));
    }
    bool binary(binary_t&) override { unexpected("binary data"); }

    bool parse_error(std::size_t position, std::string const&, nlohmann::detail::exception const&) override {
        m_context->refuse("the header is no valid JSON at its byte " + std::to_string(position));
    }

private:
    static constexpr std::size_t max_rank = 64; // as many as PyTorch and NumPy handle

    enum class place { before, root, metadata, row, after };

    [[noreturn]] void unexpected(std::string const& what) const {
        m_context->refuse("the header has " + what + " where the format has none, near the key " +
                          in_quotes(m_key));
    }

    [[noreturn]] void twice() const {
        m_context->refuse("the header gives " + in_quotes(m_key) + " of " + in_quotes(m_rows.back().key) +
                          " twice");
    }

    file_context const* m_context;
    std::vector<safetensors_row> m_rows;
    std::string m_key;
    place m_place = place::before;
    std::vector<std::size_t>* m_numbers = nullptr;
    std::size_t m_longest = 0;
};

/// Every byte of the data must belong to exactly one tensor, of the size that its shape asks for.
inline void check_layout(std::vector<safetensors_row>& rows, std::size_t data_size,
                         file_context const& context) {
    for (auto const& row : rows) {
        auto const begin = row.offsets.front();
        auto const end = row.offsets.back();
        if (begin > end || end > data_size) {
            context.refuse("data_offsets of " + in_quotes(row.key) + " are " + std::to_string(begin) +
                           " and " + std::to_string(end) + ", and must lie in order within the " +
                           std::to_string(data_size) + " bytes of data; the file is truncated or broken");
        }
        auto const count = checked_size(row.shape);
        auto const size = count ? checked_product(*count, size_of(*row.type)) : std::nullopt;
        if (size != end - begin) {
            context.refuse("the tensor " + in_quotes(row.key) + " has " + std::to_string(end - begin) +
                           " bytes, which is not what its dtype and shape need");
        }
    }
    std::ranges::sort(rows, {}, [](auto const& row) {
        return std::pair{row.offsets.front(), row.offsets.back()};
    });
    std::size_t covered = 0;
    for (auto const& row : rows) {
        if (row.offsets.front() != covered) {
            context.refuse("the tensor " + in_quotes(row.key) + " begins at byte " +
                           std::to_string(row.offsets.front()) + " of the data and must begin at " +
                           std::to_string(covered) + ": tensors may neither overlap nor leave holes");
        }
        covered = row.offsets.back();
    }
    if (covered != data_size) {
        context.refuse("the file has " + std::to_string(data_size - covered) +
                       " bytes that belong to no tensor");
    }
}

} // namespace detail

/// Reads a safetensors file that lies in memory; `name` is what errors call it.
///
/// The format: 8 bytes of little-endian header length, the header as JSON, the data. The checks are those of
/// the official reader, https://github.com/huggingface/safetensors, and a duplicate key or an unknown dtype
/// is refused too. Throws `error_kind::file`. Allocates at most `max_allocation`.
inline state_dict read_safetensors(std::span<std::byte const> file,
                                   std::string_view name = "a file in memory") {
    constexpr std::uint64_t longest_header = 100'000'000;
    detail::file_context const context{"read_safetensors", std::string{name}};
    detail::byte_cursor cursor{file, context};
    auto const length = cursor.number<std::uint64_t>();
    if (length > longest_header || length > cursor.remaining()) {
        context.refuse("the header's length is " + std::to_string(length) +
                       ", and must be within the file's " + std::to_string(file.size()) +
                       " bytes and 100 MB; the file is truncated or broken");
    }
    auto const text = detail::as_text(cursor.take(static_cast<std::size_t>(length)));
    if (!text.starts_with('{')) {
        context.refuse("the header must begin with '{'");
    }
    detail::safetensors_header header{context};
    nlohmann::json::sax_parse(text.begin(), text.end(), &header);

    auto const data = cursor.take(cursor.remaining());
    detail::check_layout(header.rows(), data.size(), context);
    state_dict result{std::string{name}};
    for (auto& row : header.rows()) {
        auto const bytes = data.subspan(row.offsets.front(), row.offsets.back() - row.offsets.front());
        state_entry entry{*row.type, std::move(row.shape), {bytes.begin(), bytes.end()}};
        if (!result.insert(row.key, std::move(entry))) {
            context.refuse("the header has the key " + detail::in_quotes(row.key) + " twice");
        }
    }
    return result;
}

/// Reads a safetensors file.
inline state_dict read_safetensors(std::filesystem::path const& path) {
    auto const file = detail::read_file(path, {"read_safetensors", path.string()});
    return read_safetensors(file, path.string());
}

} // namespace hookcam
