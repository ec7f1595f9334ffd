#pragma once

#include "../core/error.hpp"
#include "../io/bytes.hpp"
#include "../io/load_state_dict.hpp"
#include "../io/safetensors.hpp"
#include "../io/state_dict.hpp"
#include "../io/write_safetensors.hpp"
#include "../tensor/device_view.hpp"
#include "../tensor/memory_place.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace hookcam {

namespace detail {

/// A table of numbers that grows by rows.
struct growing_rows {
    std::vector<double>* values;
    std::size_t columns;
};

/// Numbers in a device's memory.
struct numbers_on_device {
    float* data;
    std::size_t size;
    memory_place* place; ///< in whose order they are read and written
};

/// One tensor of a checkpoint, and the memory whose state it is, or a text that the file must have too.
struct checkpoint_slot {
    std::string key;
    std::vector<std::size_t> shape;
    std::variant<std::span<float>, std::span<double>, std::span<std::int64_t>, std::span<std::uint64_t>,
                 growing_rows, numbers_on_device, std::string>
        memory;
};

/// Which numbers a span is written as.
template <class T>
inline constexpr dtype dtype_of = std::is_same_v<T, float>    ? dtype::f32
                                  : std::is_same_v<T, double> ? dtype::f64
                                                              : dtype::i64;

/// What shows its state shows it to this.
class checkpoint_visitor {
public:
    checkpoint_visitor(std::string prefix, std::vector<checkpoint_slot>& to)
        : m_prefix{std::move(prefix)},
          m_to{&to} {}

    /// A number.
    template <class T>
        requires(std::is_same_v<T, double> || std::is_same_v<T, std::int64_t> ||
                 std::is_same_v<T, std::uint64_t>)
    void operator()(std::string_view name, T& number) const { add(name, {}, std::span<T>{&number, 1}); }
    /// A tensor.
    template <class T>
    void operator()(std::string_view name, std::span<T> numbers, std::span<std::size_t const> shape) const {
        add(name, {shape.begin(), shape.end()}, numbers);
    }
    /// A tensor on a device.
    template <class Device>
    void operator()(std::string_view name, device_view<float, 1, Device> const& numbers,
                    std::span<std::size_t const> shape) const {
        add(name, {shape.begin(), shape.end()},
            numbers_on_device{numbers.data(), numbers.size(), numbers.device().stream});
    }
    /// A table of as many rows as there are.
    void operator()(std::string_view name, std::vector<double>& rows, std::size_t columns) const {
        add(name, {rows.size() / columns, columns}, growing_rows{&rows, columns});
    }
    /// What is not loaded, but must be the same in the file.
    void operator()(std::string_view name, std::string text) const {
        std::size_t const size = text.size();
        add(name, {size}, std::move(text));
    }

private:
    std::string m_prefix;
    std::vector<checkpoint_slot>* m_to;

    template <class Memory>
    void add(std::string_view name, std::vector<std::size_t> shape, Memory memory) const {
        auto key = m_prefix;
        if (!key.empty() && !name.empty())
            key += '.';
        key += name;
        m_to->push_back({std::move(key), std::move(shape), std::move(memory)});
    }
};

template <class T>
[[nodiscard]] state_entry entry_of(std::vector<std::size_t> shape, std::span<T> numbers) {
    state_entry entry{dtype_of<T>, std::move(shape), std::vector<std::byte>(numbers.size_bytes())};
    auto to = entry.bytes.begin();
    for (T const number : numbers)
        to = std::ranges::copy(little_endian_bytes(number), to).out;
    return entry;
}

template <class T>
void read_entry(state_entry const& entry, std::span<T> numbers) noexcept {
    for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = load_number<T>(entry.bytes.data() + i * sizeof(T));
}

[[nodiscard]] inline state_entry entry_of(std::vector<std::size_t> shape, numbers_on_device const& numbers) {
    std::vector<float> here(numbers.size);
    numbers.place->copy_out(here.data(), numbers.data, here.size() * sizeof(float));
    return entry_of(std::move(shape), std::span{here});
}

inline void read_entry(state_entry const& entry, numbers_on_device const& numbers) {
    std::vector<float> here(numbers.size);
    read_entry(entry, std::span{here});
    numbers.place->copy_in(numbers.data, here.data(), here.size() * sizeof(float));
}

/// The characters are a tensor of bytes.
[[nodiscard]] inline state_entry entry_of(std::vector<std::size_t> shape, std::string_view text) {
    auto const bytes = std::as_bytes(std::span{text});
    return {dtype::u8, std::move(shape), {bytes.begin(), bytes.end()}};
}

[[nodiscard]] inline std::string text_of(state_entry const& entry) {
    std::string text(entry.bytes.size(), '\0');
    std::ranges::transform(entry.bytes, text.begin(), [](std::byte each) { return static_cast<char>(each); });
    return text;
}

} // namespace detail

/// All that a training must keep to go on as if it had never stopped, in one safetensors file:
///
///     hc::checkpoint state;
///     state.add("model", training).add("optimizer", optimizer).add("epoch", epoch);
///     state.save("checkpoint.safetensors");
///
/// What is added is borrowed, and must outlive the checkpoint: a model; a training plan, which stands for its model and
/// for where the random numbers of dropout are; an optimiser; a scheduler; a number (`std::int64_t`, `std::uint64_t`,
/// `double`); or what has a member `visit_state(visit)` of your own, which calls `visit(name, number)`,
/// `visit(name, span, shape)`, or `visit(name, text)` with what must be the same when it is loaded. Optimisers and
/// schedulers say so what they are.
///
/// What is on a device is copied from there and back: the file is the same wherever the model is.
///
/// The file says of which version its format is. There is one so far, and no other is read.
class checkpoint {
public:
    /// Adds a part under a name, which begins the keys of its tensors. Throws `error_kind::use` where it is taken.
    template <class Part>
    checkpoint& add(std::string name, Part& part) {
        static_assert(!std::is_const_v<Part>,
                      "hookcam::checkpoint: a part must not be const, since loading changes it; "
                      "take the const away");
        return add_part(part_of(std::move(name), part));
    }
    /// A temporary would be gone: give it a name.
    template <class Part>
    checkpoint& add(std::string name, Part const&& part) = delete;

    /// Adds what is chosen before the training begins, and must be the same when it goes on: a seed, a data set. The
    /// file keeps the text, and one with another is refused. Throws as `add`.
    checkpoint& require(std::string name, std::string text) {
        return add_part({name, [name, text](auto& to) { detail::checkpoint_visitor{name, to}("", text); }});
    }

    /// Writes the file, whole or not at all: at any moment it is the old one or the new one. Throws `error_kind::file`
    /// where it cannot be written, `error_kind::use` where two things in it have one key.
    void save(std::filesystem::path const& path) const {
        state_dict dict{"a checkpoint"};
        for (auto& slot : slots())
            if (!dict.insert(slot.key, std::visit([&](auto const& memory) { return written(slot, memory); },
                                                  slot.memory)))
                throw error{error_kind::use, "hookcam::checkpoint: everything must have a key of its own, "
                                             "and two have \"" +
                                                 slot.key + "\"; give one another name"};
        write_safetensors(path, dict);
    }

    /// Brings every part to the state in the file. Throws `error_kind::file` where there is none, where it was written by
    /// another optimiser, with another schedule or with something else that is required to be the same, or where it
    /// holds other tensors than these parts have; the text says how they differ, and nothing has changed.
    void load(std::filesystem::path const& path) const {
        auto const dict = read_safetensors(path);
        auto const all = slots();
        require_version(dict);
        require_texts(dict, all);
        std::map<std::string_view, state_entry const*> unused;
        for (auto const& [key, entry] : dict)
            unused.emplace(key, &entry);
        load_report report;
        std::vector<state_entry const*> found;
        std::vector<std::vector<double>> tables;
        for (auto const& slot : all) {
            auto const at = unused.find(slot.key);
            if (at == unused.end()) {
                report.missing.push_back(slot.key);
                continue;
            }
            found.push_back(at->second);
            if (!std::visit([&](auto const& memory) { return fits(slot, memory, *at->second); }, slot.memory))
                report.mismatched.push_back(slot.key);
            else if (std::holds_alternative<detail::growing_rows>(slot.memory))
                tables.push_back(at->second->template to<double>());
            unused.erase(at);
        }
        for (auto const& [key, entry] : unused)
            report.unexpected.emplace_back(key);
        if (!report.empty())
            refuse(dict, "must be a checkpoint of these parts; " + detail::report_text(report, shown));

        // From here on nothing can fail, but for a device.
        for (auto const& part : m_parts)
            part.before_load();
        auto table = tables.begin();
        for (std::size_t i = 0; i < all.size(); ++i)
            std::visit(
                [&](auto const& memory) {
                    using kind = std::remove_cvref_t<decltype(memory)>;
                    if constexpr (std::is_same_v<kind, detail::growing_rows>)
                        memory.values->swap(*table++);
                    else if constexpr (!std::is_same_v<kind, std::string>) // a text is the same
                        detail::read_entry(*found[i], memory);
                },
                all[i].memory);
        for (auto const& part : m_parts)
            part.after_load();
    }

private:
    struct one_part {
        std::string name;
        std::function<void(std::vector<detail::checkpoint_slot>&)> show;
        std::function<void()> before_load = [] {};
        std::function<void()> after_load = [] {};
    };
    std::vector<one_part> m_parts;

    static constexpr std::string_view version_key = "hookcam.checkpoint";
    static constexpr std::string_view version = "1";
    static constexpr std::size_t shown = 3; ///< keys of a list in a message

    checkpoint& add_part(one_part part) {
        for (auto const& other : m_parts)
            if (other.name == part.name)
                throw error{error_kind::use,
                            "hookcam::checkpoint: parts must have different names, and there is a \"" +
                                part.name + "\" already; choose another"};
        m_parts.push_back(std::move(part));
        return *this;
    }

    template <class Part>
    [[nodiscard]] static one_part part_of(std::string name, Part& of) {
        one_part result{name, {}};
        if constexpr (std::is_arithmetic_v<Part>) {
            static_assert(
                std::is_same_v<Part, double> || std::is_same_v<Part, std::int64_t> ||
                    std::is_same_v<Part, std::uint64_t>,
                "hookcam::checkpoint: a number must be a double, a std::int64_t or a std::uint64_t");
            result.show = [name, &of](auto& to) { detail::checkpoint_visitor{name, to}("", of); };
        } else {
            constexpr bool has_entries = requires {
                of.entries();
            };
            constexpr bool has_moment = requires {
                of.resume_at(of.moment());
            };
            constexpr bool shows = requires(detail::checkpoint_visitor visit) {
                of.visit_state(visit);
            };
            static_assert(has_entries || has_moment || shows,
                          "hookcam::checkpoint: a part must have state; give it a member visit_state(visit)");
            std::shared_ptr<moment> stands_at = std::make_shared<moment>();
            result.show = [name, &of, stands_at](auto& to) {
                detail::checkpoint_visitor const visit{name, to};
                if constexpr (has_entries)
                    show_entries(of, visit);
                if constexpr (has_moment) {
                    auto const now = of.moment();
                    *stands_at = {now.seed, now.step};
                    visit("random.seed", stands_at->seed);
                    visit("random.step", stands_at->step);
                }
                if constexpr (shows)
                    of.visit_state(visit);
            };
            if constexpr (has_gradients_on_device<Part>)
                result.before_load = [&of] {
                    of.commit();
                    of.wait_for_readers();
                };
            else if constexpr (requires {
                                   of.commit();
                               }) // the model will have changed, and nothing must wait for it
                result.before_load = [&of] { of.commit(); };
            else if constexpr (has_entries)
                result.before_load = [&of] { static_cast<void>(of.data()); };
            if constexpr (has_moment)
                result.after_load = [&of, stands_at] {
                    auto now = of.moment();
                    now.seed = static_cast<decltype(now.seed)>(stands_at->seed);
                    now.step = static_cast<decltype(now.step)>(stands_at->step);
                    of.resume_at(now);
                    if constexpr (has_gradients_on_device<Part>)
                        of.commit(); // others may read
                };
        }
        return result;
    }

    /// Where random numbers are.
    struct moment {
        std::uint64_t seed = 0;
        std::uint64_t step = 0;
    };

    /// True of a training plan whose model is on a device.
    template <class Part>
    static constexpr bool has_gradients_on_device = requires(Part& of) {
        requires detail::is_device_view<decltype(of.gradients())>;
    };

    template <class Part>
    static void show_entries(Part& of, detail::checkpoint_visitor const& visit) {
        using T = typename Part::value_type;
        if constexpr (has_gradients_on_device<Part>) {
            auto const gradients = of.gradients();
            using view = std::remove_const_t<decltype(gradients)>;
            for (auto const& entry : of.entries())
                visit(entry.key, view{gradients.device(), entry.data, {entry.size}}, entry.shape);
        } else if constexpr (requires { of.commit(); }) {
            for (auto const& entry : of.entries())
                visit(entry.key, std::span<T>{entry.data, entry.size}, entry.shape);
        } else { // a model counts who asks to change it; saving does not
            for (auto const& entry : std::as_const(of).entries())
                visit(entry.key, std::span<T>{const_cast<T*>(entry.data), entry.size}, entry.shape);
        }
    }

    [[nodiscard]] std::vector<detail::checkpoint_slot> slots() const {
        std::vector<detail::checkpoint_slot> all;
        detail::checkpoint_visitor{"", all}(version_key, std::string{version});
        for (auto const& each : m_parts)
            each.show(all);
        return all;
    }

    [[noreturn]] static void refuse(state_dict const& file, std::string const& what) {
        throw error{error_kind::file, "hookcam::checkpoint: " + file.source() + ": " + what};
    }

    static void require_version(state_dict const& file) {
        auto const* const found = file.find(version_key);
        if (found == nullptr)
            refuse(file,
                   "must be a checkpoint, and does not say of which version; weights alone are loaded by "
                   "hookcam::load");
        if (auto const of = detail::text_of(*found); of != version)
            refuse(file, "must be a checkpoint of version " + std::string{version} +
                             ", and is one of version " + detail::printable(of) +
                             "; write it with this hookcam");
    }

    /// Where a text is not there at all, or no text, the keys differ, which is said as of all others.
    static void require_texts(state_dict const& file, std::vector<detail::checkpoint_slot> const& all) {
        std::string differences;
        for (auto const& slot : all) {
            auto const* const here = std::get_if<std::string>(&slot.memory);
            auto const* const there = here == nullptr ? nullptr : file.find(slot.key);
            if (there == nullptr || there->type != dtype::u8)
                continue;
            if (auto const text = detail::text_of(*there); text != *here) {
                differences += slot.key;
                differences += ": \"";
                differences += detail::printable(text);
                differences += "\" in the file, \"";
                differences += detail::printable(*here);
                differences += "\" here; ";
            }
        }
        if (!differences.empty())
            refuse(file, "must be of this training; " + differences +
                             "go on with what it was written with, or begin anew");
    }

    template <class T>
    [[nodiscard]] static state_entry written(detail::checkpoint_slot const& slot, std::span<T> memory) {
        return detail::entry_of(slot.shape, memory);
    }
    [[nodiscard]] static state_entry written(detail::checkpoint_slot const& slot, detail::growing_rows rows) {
        return detail::entry_of(slot.shape, std::span<double>{*rows.values});
    }
    [[nodiscard]] static state_entry written(detail::checkpoint_slot const& slot,
                                             detail::numbers_on_device const& numbers) {
        return detail::entry_of(slot.shape, numbers);
    }
    [[nodiscard]] static state_entry written(detail::checkpoint_slot const& slot, std::string const& text) {
        return detail::entry_of(slot.shape, text);
    }

    template <class T>
    [[nodiscard]] static bool fits(detail::checkpoint_slot const& slot, std::span<T> memory,
                                   state_entry const& entry) {
        return entry.type == detail::dtype_of<T> && entry.shape == slot.shape &&
               entry.size() == memory.size();
    }
    [[nodiscard]] static bool fits(detail::checkpoint_slot const&, detail::growing_rows rows,
                                   state_entry const& entry) {
        return entry.type == dtype::f64 && entry.shape.size() == 2 && entry.shape[1] == rows.columns;
    }
    [[nodiscard]] static bool fits(detail::checkpoint_slot const& slot,
                                   detail::numbers_on_device const& numbers, state_entry const& entry) {
        return fits(slot, std::span{numbers.data, numbers.size}, entry);
    }
    [[nodiscard]] static bool fits(detail::checkpoint_slot const&, std::string const&,
                                   state_entry const& entry) {
        return entry.type == dtype::u8; // what it says was compared
    }
};

} // namespace hookcam
