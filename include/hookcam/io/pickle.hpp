#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bytes.hpp"
#include "state_dict.hpp"

/// A reader of the part of Python's pickle format that tensors need, protocols 2 to 5.
///
/// Nothing is ever run: calls stay as they are written, as a name and its arguments, and only the names of
/// `pickle_globals` may occur. Whoever wants a tensor looks at the calls (see `pth.hpp`). The opcodes are
/// described in the `pickletools` module of Python's standard library.
namespace hookcam::detail {

/// What a name stands for that a pickle may refer to.
enum class pickle_global : std::uint8_t {
    ordered_dict,
    rebuild_tensor,    ///< arguments begin with storage, offset, size, stride
    rebuild_parameter, ///< arguments begin with a tensor
    size,              ///< torch.Size: its argument is a tuple
    storage,           ///< the type of a storage, with its dtype
    inert,             ///< stands in checkpoints beside the state dict; its value is never looked at
};

struct pickle_global_row {
    std::string_view module;
    std::string_view name;
    pickle_global meaning;
    dtype type = dtype::f32; ///< of a storage
};

/// Every name that a pickle may refer to.
inline constexpr auto pickle_globals = std::to_array<pickle_global_row>({
    {"collections", "OrderedDict", pickle_global::ordered_dict},
    {"torch._utils", "_rebuild_tensor", pickle_global::rebuild_tensor},
    {"torch._utils", "_rebuild_tensor_v2", pickle_global::rebuild_tensor},
    {"torch._utils", "_rebuild_parameter", pickle_global::rebuild_parameter},
    {"torch._utils", "_rebuild_parameter_with_state", pickle_global::rebuild_parameter},
    {"torch", "Size", pickle_global::size},
    {"torch", "DoubleStorage", pickle_global::storage, dtype::f64},
    {"torch", "FloatStorage", pickle_global::storage, dtype::f32},
    {"torch", "HalfStorage", pickle_global::storage, dtype::f16},
    {"torch", "BFloat16Storage", pickle_global::storage, dtype::bf16},
    {"torch", "LongStorage", pickle_global::storage, dtype::i64},
    {"torch", "IntStorage", pickle_global::storage, dtype::i32},
    {"torch", "ShortStorage", pickle_global::storage, dtype::i16},
    {"torch", "CharStorage", pickle_global::storage, dtype::i8},
    {"torch", "ByteStorage", pickle_global::storage, dtype::u8},
    {"torch", "BoolStorage", pickle_global::storage, dtype::boolean},
    {"torch", "device", pickle_global::inert},
    {"torch", "float64", pickle_global::inert},
    {"torch", "float32", pickle_global::inert},
    {"torch", "float16", pickle_global::inert},
    {"torch", "bfloat16", pickle_global::inert},
    {"torch", "int64", pickle_global::inert},
    {"torch", "int32", pickle_global::inert},
    {"torch", "int16", pickle_global::inert},
    {"torch", "int8", pickle_global::inert},
    {"torch", "uint8", pickle_global::inert},
    {"torch", "bool", pickle_global::inert},
    {"collections", "Counter", pickle_global::inert}, // the milestones of learning-rate schedules
    {"_codecs", "encode", pickle_global::inert},      // how protocol 2 writes a bytes object
});

/// An object of a pickle: its number in the order of creation.
using pickle_object = std::uint32_t;

struct pickle_none {};

struct pickle_text {
    std::string_view value;
};

/// A bytes object, or the little-endian bytes of an integer that 64 bits do not hold.
struct pickle_bytes {
    std::string_view value;
};

/// A tuple, list or set, or a dict as a sequence of key, value, key, value. The items are a chain of links,
/// since lists and dicts grow while others do.
struct pickle_sequence {
    enum class kind : std::uint8_t { tuple, list, dict };
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    kind what;
    std::uint32_t count = 0;
    std::uint32_t first = none;
    std::uint32_t last = none;
};

/// `function(*arguments)`, as written and not carried out.
struct pickle_call {
    pickle_object function;
    pickle_object arguments; ///< a tuple
};

/// A reference to something that is stored outside the pickle: a storage.
struct pickle_persistent {
    pickle_object id;
};

/// What a pickle holds: objects that refer to one another by number, perhaps in circles. Texts point into the
/// file, which must outlive this.
class pickle {
public:
    using value = std::variant<pickle_none, bool, std::int64_t, double, pickle_text, pickle_bytes,
                               pickle_sequence, pickle_global_row const*, pickle_call, pickle_persistent>;

    /// Reads one pickle, up to its STOP.
    explicit pickle(byte_cursor& cursor);

    [[nodiscard]] pickle_object root() const noexcept { return m_root; }

    /// The ids of all references to things outside, in the order of the file.
    [[nodiscard]] std::vector<pickle_object> const& persistent_ids() const noexcept {
        return m_persistent_ids;
    }

    /// The object as a `T`, or a null pointer where it is something else.
    template <class T>
    [[nodiscard]] T const* as(pickle_object object) const {
        return std::get_if<T>(&m_values[object]);
    }

    [[nodiscard]] pickle_sequence const* as_sequence(pickle_object object, pickle_sequence::kind what) const {
        auto const* sequence = as<pickle_sequence>(object);
        return sequence != nullptr && sequence->what == what ? sequence : nullptr;
    }

    [[nodiscard]] bool is_global(pickle_object object, pickle_global meaning) const {
        auto const* row = as<pickle_global_row const*>(object);
        return row != nullptr && (*row)->meaning == meaning;
    }

    /// Calls `visit(item)` for each item; stops where it returns false.
    template <class Visitor>
    void visit_items(pickle_sequence const& sequence, Visitor&& visit) const {
        for (auto at = sequence.first; at != pickle_sequence::none; at = m_links[at].next) {
            if (!visit(m_links[at].item)) {
                return;
            }
        }
    }

    /// Calls `visit(key, value)` for each pair of a dict; stops where it returns false.
    template <class Visitor>
    void visit_pairs(pickle_sequence const& dict, Visitor&& visit) const {
        for (auto at = dict.first; at != pickle_sequence::none;) {
            auto const& key = m_links[at];
            auto const& partner = m_links[key.next];
            if (!visit(key.item, partner.item)) {
                return;
            }
            at = partner.next;
        }
    }

    /// The first `Count` items of a tuple that has at least as many; nothing for anything else.
    template <std::size_t Count>
    [[nodiscard]] std::optional<std::array<pickle_object, Count>> leading_items(pickle_object object) const {
        auto const* tuple = as_sequence(object, pickle_sequence::kind::tuple);
        if (tuple == nullptr || tuple->count < Count) {
            return std::nullopt;
        }
        std::array<pickle_object, Count> items{};
        std::size_t filled = 0;
        visit_items(*tuple, [&](pickle_object item) {
            items[filled++] = item;
            return filled < Count;
        });
        return items;
    }

private:
    friend class unpickler;

    struct link {
        pickle_object item;
        std::uint32_t next;
    };

    // Deques: they grow without moving what is there, so that growth costs nothing beyond the final size.
    std::deque<value> m_values;
    std::deque<link> m_links;
    std::vector<pickle_object> m_persistent_ids;
    pickle_object m_root = 0;
};

/// The stack machine that a pickle is a program for, less everything that would run code.
class unpickler {
public:
    unpickler(pickle& result, byte_cursor& cursor) : m_result{&result}, m_cursor{&cursor} {}

    void run() {
        // Every object takes at least a byte of the file, so that 32 bits number them all.
        if (m_cursor->remaining() >= std::numeric_limits<std::uint32_t>::max() / 2) {
            refuse("is longer than 2 GB");
        }
        for (pickle::value constant :
             {pickle::value{pickle_none{}}, pickle::value{false}, pickle::value{true}}) {
            m_result->m_values.push_back(constant);
        }
        if (m_cursor->number<std::uint8_t>() != proto) {
            refuse("must begin with the PROTO opcode");
        }
        if (auto const version = m_cursor->number<std::uint8_t>(); version < 2 || version > 5) {
            refuse("has protocol " + std::to_string(version) + "; known are 2 to 5");
        }
        while (step(m_cursor->number<std::uint8_t>())) {
        }
    }

private:
    static constexpr std::uint8_t proto = 0x80;
    static constexpr pickle_object none = 0;
    static constexpr pickle_object no = 1;
    static constexpr pickle_object yes = 2;

    [[noreturn]] void refuse(std::string const& what) const {
        m_cursor->context().refuse("the pickle that ends at or after byte " +
                                   std::to_string(m_cursor->position()) + " " + what);
    }

    /// Carries out one opcode; returns false after STOP.
    bool step(std::uint8_t opcode) {
        using enum pickle_sequence::kind;
        switch (opcode) {
        case '.': // STOP
            m_result->m_root = pop();
            return false;
        case 0x95: // FRAME: a hint for reading ahead
            m_cursor->take(8);
            break;

        case '(': // MARK
            m_marks.push_back(static_cast<std::uint32_t>(m_stack.size()));
            break;
        case '0': // POP
            if (!m_marks.empty() && m_marks.back() == m_stack.size()) {
                m_marks.pop_back();
            } else {
                pop();
            }
            break;
        case '1': // POP_MARK
            m_stack.resize(pop_mark());
            break;
        case '2': // DUP
            m_stack.push_back(top());
            break;

        case 'N':
            m_stack.push_back(none);
            break;
        case 0x88: // NEWTRUE
            m_stack.push_back(yes);
            break;
        case 0x89: // NEWFALSE
            m_stack.push_back(no);
            break;
        case 'J': // BININT
            push(std::int64_t{m_cursor->number<std::int32_t>()});
            break;
        case 'K': // BININT1
            push(std::int64_t{m_cursor->number<std::uint8_t>()});
            break;
        case 'M': // BININT2
            push(std::int64_t{m_cursor->number<std::uint16_t>()});
            break;
        case 0x8a: // LONG1
            push_long(m_cursor->number<std::uint8_t>());
            break;
        case 0x8b: // LONG4
            push_long(m_cursor->number<std::uint32_t>());
            break;
        case 'G': // BINFLOAT
            push(m_cursor->number<double, std::endian::big>());
            break;

        case 'X': // BINUNICODE
        case 'T': // BINSTRING, from Python 2
            push(pickle_text{text(m_cursor->number<std::uint32_t>())});
            break;
        case 0x8c: // SHORT_BINUNICODE
        case 'U':  // SHORT_BINSTRING, from Python 2
            push(pickle_text{text(m_cursor->number<std::uint8_t>())});
            break;
        case 0x8d: // BINUNICODE8
            push(pickle_text{text(m_cursor->number<std::uint64_t>())});
            break;
        case 'B': // BINBYTES
            push(pickle_bytes{text(m_cursor->number<std::uint32_t>())});
            break;
        case 'C': // SHORT_BINBYTES
            push(pickle_bytes{text(m_cursor->number<std::uint8_t>())});
            break;
        case 0x8e: // BINBYTES8
        case 0x96: // BYTEARRAY8
            push(pickle_bytes{text(m_cursor->number<std::uint64_t>())});
            break;

        case ')': // EMPTY_TUPLE
            push(pickle_sequence{tuple});
            break;
        case 0x85: // TUPLE1
        case 0x86: // TUPLE2
        case 0x87: // TUPLE3
            push_sequence(tuple, depth_below(opcode - 0x84u));
            break;
        case 't':  // TUPLE
        case 0x91: // FROZENSET
            push_sequence(tuple, pop_mark());
            break;
        case ']':  // EMPTY_LIST
        case 0x8f: // EMPTY_SET
            push(pickle_sequence{list});
            break;
        case 'l': // LIST
            push_sequence(list, pop_mark());
            break;
        case '}': // EMPTY_DICT
            push(pickle_sequence{dict});
            break;
        case 'd': // DICT
            push_sequence(dict, pop_mark());
            break;
        case 'a': // APPEND
            append_to(list, depth_below(1));
            break;
        case 'e':  // APPENDS
        case 0x90: // ADDITEMS
            append_to(list, pop_mark());
            break;
        case 's': // SETITEM
            append_to(dict, depth_below(2));
            break;
        case 'u': // SETITEMS
            append_to(dict, pop_mark());
            break;

        case 'h': // BINGET
            push_memo(m_cursor->number<std::uint8_t>());
            break;
        case 'j': // LONG_BINGET
            push_memo(m_cursor->number<std::uint32_t>());
            break;
        case 'q': // BINPUT
            memoize(m_cursor->number<std::uint8_t>());
            break;
        case 'r': // LONG_BINPUT
            memoize(m_cursor->number<std::uint32_t>());
            break;
        case 0x94: // MEMOIZE
            memoize(m_memoized);
            break;

        case 'c': { // GLOBAL
            auto const module = m_cursor->line();
            push_global(module, m_cursor->line());
            break;
        }
        case 0x93: { // STACK_GLOBAL
            auto const name = pop_text();
            push_global(pop_text(), name);
            break;
        }
        case 'R':    // REDUCE
        case 0x81: { // NEWOBJ
            auto const arguments = pop();
            push_call(pop(), arguments);
            break;
        }
        case 'b': // BUILD: attributes of the object below, such as a state dict's _metadata
            pop();
            top();
            break;
        case 'Q': { // BINPERSID
            auto const id = pop();
            m_result->m_persistent_ids.push_back(id);
            push(pickle_persistent{id});
            break;
        }
        default:
            refuse("has the opcode " + std::to_string(opcode) + ", which tensors do not need");
        }
        return true;
    }

    std::string_view text(std::uint64_t length) {
        static_assert(std::numeric_limits<std::size_t>::max() >= std::numeric_limits<std::uint64_t>::max());
        return as_text(m_cursor->take(length));
    }

    /// The stack's height without its `count` topmost objects, all of them above the last mark.
    std::size_t depth_below(std::size_t count) const {
        if (m_stack.size() - floor() < count) {
            refuse("takes more from its stack than there is");
        }
        return m_stack.size() - count;
    }

    std::size_t floor() const { return m_marks.empty() ? 0 : m_marks.back(); }

    pickle_object top() const { return m_stack[depth_below(1)]; }

    pickle_object pop() {
        auto const object = top();
        m_stack.pop_back();
        return object;
    }

    std::string_view pop_text() {
        auto const* text = m_result->as<pickle_text>(pop());
        if (text == nullptr) {
            refuse("has something else than text where a name must stand");
        }
        return text->value;
    }

    /// Takes the last mark away and returns the height it marked.
    std::size_t pop_mark() {
        if (m_marks.empty()) {
            refuse("lacks a MARK");
        }
        auto const height = m_marks.back();
        m_marks.pop_back();
        return height;
    }

    void push(pickle::value value) {
        m_stack.push_back(static_cast<pickle_object>(m_result->m_values.size()));
        m_result->m_values.push_back(value);
    }

    void push_long(std::size_t length) {
        auto const bytes = m_cursor->take(length);
        if (length > 8) {
            push(pickle_bytes{as_text(bytes)});
            return;
        }
        bool const negative = length > 0 && (bytes.back() & std::byte{0x80}) != std::byte{0};
        std::array<std::byte, 8> wide;
        wide.fill(negative ? std::byte{0xff} : std::byte{0});
        std::ranges::copy(bytes, wide.begin());
        push(load_number<std::int64_t>(wide.data()));
    }

    void push_sequence(pickle_sequence::kind what, std::size_t from) {
        pickle_sequence sequence{what};
        move_items(sequence, from);
        push(sequence);
    }

    /// Moves the stack's objects from that height on to the end of the sequence below them.
    void append_to(pickle_sequence::kind what, std::size_t from) {
        if (from <= floor()) {
            refuse("takes more from its stack than there is");
        }
        auto* sequence = std::get_if<pickle_sequence>(&m_result->m_values[m_stack[from - 1]]);
        if (sequence == nullptr || sequence->what != what) {
            refuse(what == pickle_sequence::kind::dict ? "sets items of something that is no dict"
                                                       : "appends to something that is no list");
        }
        move_items(*sequence, from);
    }

    void move_items(pickle_sequence& sequence, std::size_t from) {
        if (sequence.what == pickle_sequence::kind::dict && (m_stack.size() - from) % 2 != 0) {
            refuse("has a key without a value");
        }
        auto& links = m_result->m_links;
        for (auto i = from; i < m_stack.size(); ++i) {
            auto const added = static_cast<std::uint32_t>(links.size());
            links.push_back({m_stack[i], pickle_sequence::none});
            (sequence.count == 0 ? sequence.first : links[sequence.last].next) = added;
            sequence.last = added;
            ++sequence.count;
        }
        m_stack.resize(from);
    }

    void push_memo(std::uint32_t index) {
        if (index >= m_memo.size() || m_memo[index] == unset) {
            refuse("refers to entry " + std::to_string(index) + " of its memo, which is not there");
        }
        m_stack.push_back(m_memo[index]);
    }

    void memoize(std::uint32_t index) {
        // Picklers count from 0 or 1. The memo holds all indices below the largest, so no file may skip many.
        if (index > m_memoized + 255) {
            refuse("skips memo indices");
        }
        if (index >= m_memo.size()) {
            m_memo.resize(index + 1, unset);
        }
        m_memoized += m_memo[index] == unset ? 1 : 0;
        m_memo[index] = top();
    }

    void push_global(std::string_view module, std::string_view name) {
        for (auto const& row : pickle_globals) {
            if (row.module == module && row.name == name) {
                push(&row);
                return;
            }
        }
        refuse("refers to " +
               in_quotes(std::string{module.substr(0, 60)} + "." + std::string{name.substr(0, 60)}) +
               ", which is not among the names that a state dict needs; save model.state_dict()");
    }

    void push_call(pickle_object function, pickle_object arguments) {
        auto const* sequence = m_result->as_sequence(arguments, pickle_sequence::kind::tuple);
        if (m_result->as<pickle_global_row const*>(function) == nullptr || sequence == nullptr) {
            refuse("calls something that is no function, or without a tuple of arguments");
        }
        if (m_result->is_global(function, pickle_global::ordered_dict) && sequence->count == 0) {
            push(pickle_sequence{pickle_sequence::kind::dict});
        } else {
            push(pickle_call{function, arguments});
        }
    }

    static constexpr auto unset = std::numeric_limits<pickle_object>::max();

    pickle* m_result;
    byte_cursor* m_cursor;
    std::vector<pickle_object> m_stack;
    std::vector<std::uint32_t> m_marks;
    std::vector<pickle_object> m_memo;
    std::uint32_t m_memoized = 0;
};

inline pickle::pickle(byte_cursor& cursor) {
    unpickler{*this, cursor}.run();
}

} // namespace hookcam::detail
