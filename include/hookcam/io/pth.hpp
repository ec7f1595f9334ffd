#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "allowance.hpp"
#include "bytes.hpp"
#include "pickle.hpp"
#include "state_dict.hpp"
#include "zip_archive.hpp"

namespace hookcam {
namespace detail {

/// What a pickle says about a storage, the flat array that tensors are views of.
struct storage_claim {
    std::string_view key;
    dtype type;
    std::size_t count; ///< of numbers

    friend bool operator==(storage_claim const&, storage_claim const&) = default;
};

/// Finds the bytes that a claim speaks of, as many as it claims.
using storage_finder = std::function<std::span<std::byte const>(storage_claim const&)>;

/// Finds the state dict in what `torch.save` pickled and gathers its tensors.
class checkpoint {
public:
    checkpoint(pickle const& objects, file_context const& context)
        : m_objects{&objects},
          m_context{&context} {}

    /// The storage that a persistent id names: `('storage', type, key, location, count[, view])`. The
    /// location is where the tensor was when it was saved, and of no interest.
    [[nodiscard]] storage_claim claim(pickle_object id) const {
        auto const items = m_objects->leading_items<5>(id);
        if (!items) {
            m_context->refuse(
                "a persistent id of the pickle is not that of a storage; save model.state_dict()");
        }
        auto const [tag, type, key, location, count] = *items;
        auto const* tag_text = m_objects->as<pickle_text>(tag);
        auto const* key_text = m_objects->as<pickle_text>(key);
        auto const* number = m_objects->as<std::int64_t>(count);
        if (tag_text == nullptr || tag_text->value != "storage" || key_text == nullptr || number == nullptr ||
            *number < 0 || !m_objects->is_global(type, pickle_global::storage)) {
            m_context->refuse(
                "a persistent id of the pickle is not that of a storage; save model.state_dict()");
        }
        if (auto const with_view = m_objects->leading_items<6>(id);
            with_view && m_objects->as<pickle_none>(with_view->back()) == nullptr) {
            m_context->refuse(
                "the storage " + in_quotes(key_text->value) +
                " is a view of another, as only PyTorch before 0.4 wrote it; save the file anew");
        }
        auto const* row = *m_objects->as<pickle_global_row const*>(type);
        return {key_text->value, row->type, static_cast<std::size_t>(*number)};
    }

    /// The state dict of the file. It is, in this order: the dict with tensors in it under `state_dict`,
    /// `model_state_dict` or `model`; the outermost dict, where tensors are in it; the one dict with tensors
    /// in it under any other key. "In it" means: as a value of a key that is text. Values of other kinds are
    /// ignored.
    [[nodiscard]] state_dict read(storage_finder const& find_storage, allowance& memory) const {
        state_dict result{m_context->file()};
        visit_pairs(find_state_dict(), [&](pickle_object key, pickle_object value) {
            auto const* name = m_objects->as<pickle_text>(key);
            auto const tensor = find_tensor(value);
            if (name != nullptr && tensor) {
                memory.spend(name->value.size() + bytes_an_entry, "the tensor " + in_quotes(name->value));
                if (!result.insert(std::string{name->value},
                                   gather(*tensor, name->value, find_storage, memory))) {
                    m_context->refuse("the state dict has the key " + in_quotes(name->value) + " twice");
                }
            }
            return true;
        });
        return result;
    }

private:
    /// A view of a storage, as the arguments of `_rebuild_tensor` give it.
    struct tensor_call {
        pickle_object storage, offset, shape, strides;
    };

    static constexpr std::size_t bytes_an_entry = 256; // of a state dict, beside its key, shape and values
    static constexpr std::size_t max_rank = 64;        // as many as PyTorch handles

    /// The call's arguments, where `object` is a call of such a function.
    template <std::size_t Count>
    std::optional<std::array<pickle_object, Count>> arguments_of(pickle_object object,
                                                                 pickle_global function) const {
        auto const* call = m_objects->as<pickle_call>(object);
        if (call == nullptr || !m_objects->is_global(call->function, function)) {
            return std::nullopt;
        }
        auto const arguments = m_objects->leading_items<Count>(call->arguments);
        if (!arguments) {
            m_context->refuse("the pickle rebuilds a tensor from too few arguments");
        }
        return arguments;
    }

    std::optional<tensor_call> find_tensor(pickle_object object) const {
        if (auto const parameter = arguments_of<1>(object, pickle_global::rebuild_parameter)) {
            object = parameter->front();
        }
        if (auto const call = arguments_of<4>(object, pickle_global::rebuild_tensor)) {
            auto const [storage, offset, shape, strides] = *call;
            return tensor_call{storage, offset, shape, strides};
        }
        return std::nullopt;
    }

    /// The object that holds the pairs of a dict: a dict, or the list of pairs that Python 2 makes an
    /// OrderedDict from.
    std::optional<pickle_object> pairs_of(pickle_object object) const {
        if (m_objects->as_sequence(object, pickle_sequence::kind::dict) != nullptr) {
            return object;
        }
        if (auto const* call = m_objects->as<pickle_call>(object);
            call != nullptr && m_objects->is_global(call->function, pickle_global::ordered_dict)) {
            auto const arguments = m_objects->leading_items<1>(call->arguments);
            if (arguments &&
                m_objects->as_sequence(arguments->front(), pickle_sequence::kind::list) != nullptr) {
                return arguments->front();
            }
        }
        return std::nullopt;
    }

    /// Calls `visit(key, value)` for each pair; stops where it returns false.
    template <class Visitor>
    void visit_pairs(pickle_object pairs, Visitor&& visit) const {
        auto const& sequence = *m_objects->as<pickle_sequence>(pairs);
        if (sequence.what == pickle_sequence::kind::dict) {
            m_objects->visit_pairs(sequence, visit);
            return;
        }
        m_objects->visit_items(sequence, [&](pickle_object item) {
            std::array<pickle_object, 2> pair{};
            std::size_t filled = 0;
            if (auto const* list = m_objects->as<pickle_sequence>(item);
                list != nullptr && list->count == 2) {
                m_objects->visit_items(*list, [&](pickle_object part) {
                    pair[filled++] = part;
                    return true;
                });
            }
            if (filled != 2) {
                m_context->refuse("the pickle makes an OrderedDict from something else than pairs");
            }
            return visit(pair[0], pair[1]);
        });
    }

    bool holds_tensors(pickle_object pairs) const {
        bool found = false;
        visit_pairs(pairs, [&](pickle_object key, pickle_object value) {
            found = m_objects->as<pickle_text>(key) != nullptr && find_tensor(value);
            return !found;
        });
        return found;
    }

    pickle_object find_state_dict() const {
        auto const root = pairs_of(m_objects->root());
        if (!root) {
            m_context->refuse("the file must hold a state dict, or a dict with one in it");
        }
        constexpr std::array<std::string_view, 3> usual_keys{"state_dict", "model_state_dict", "model"};
        std::array<std::optional<pickle_object>, usual_keys.size()> usual;
        std::vector<pickle_object> others;
        bool empty = true;
        visit_pairs(*root, [&](pickle_object key, pickle_object value) {
            empty = false;
            if (auto const pairs = pairs_of(value)) {
                auto const* name = m_objects->as<pickle_text>(key);
                auto const at =
                    name == nullptr ? usual_keys.end() : std::ranges::find(usual_keys, name->value);
                if (at != usual_keys.end()) {
                    usual[static_cast<std::size_t>(at - usual_keys.begin())] = pairs;
                } else {
                    others.push_back(*pairs);
                }
            }
            return true;
        });
        for (auto const& pairs : usual) {
            if (pairs && holds_tensors(*pairs)) {
                return *pairs;
            }
        }
        if (empty || holds_tensors(*root)) {
            return *root;
        }
        // Each dict is looked through once, however often the file refers to it.
        std::ranges::sort(others);
        others.erase(std::unique(others.begin(), others.end()), others.end());
        std::erase_if(others, [&](pickle_object pairs) { return !holds_tensors(pairs); });
        if (others.size() != 1) {
            m_context->refuse(others.empty()
                                  ? "the file holds no dict of tensors"
                                  : "the file holds several dicts of tensors, none of them under the key "
                                    "'state_dict', 'model_state_dict' or 'model'");
        }
        return others.front();
    }

    std::vector<std::size_t> sizes(pickle_object object, std::string_view key) const {
        if (auto const size = arguments_of<1>(object, pickle_global::size)) {
            object = size->front();
        }
        auto const* tuple = m_objects->as_sequence(object, pickle_sequence::kind::tuple);
        if (tuple == nullptr || tuple->count > max_rank) {
            m_context->refuse("the tensor " + in_quotes(key) + " must have a shape and strides of at most " +
                              std::to_string(max_rank) + " numbers");
        }
        std::vector<std::size_t> result;
        result.reserve(tuple->count);
        m_objects->visit_items(*tuple, [&](pickle_object item) {
            result.push_back(size_value(item, key));
            return true;
        });
        return result;
    }

    std::size_t size_value(pickle_object object, std::string_view key) const {
        auto const* number = m_objects->as<std::int64_t>(object);
        if (number == nullptr || *number < 0) {
            m_context->refuse("the tensor " + in_quotes(key) +
                              " must have an offset, a shape and strides of integers from 0");
        }
        return static_cast<std::size_t>(*number);
    }

    /// The tensor's values, copied out of its storage into row-major order.
    state_entry gather(tensor_call const& tensor, std::string_view key, storage_finder const& find_storage,
                       allowance& memory) const {
        auto const* reference = m_objects->as<pickle_persistent>(tensor.storage);
        if (reference == nullptr) {
            m_context->refuse("the tensor " + in_quotes(key) + " has no storage");
        }
        auto const storage = claim(reference->id);
        auto const item = size_of(storage.type);
        state_entry entry{storage.type, sizes(tensor.shape, key), {}};
        auto const strides = sizes(tensor.strides, key);
        auto const offset = size_value(tensor.offset, key);
        if (entry.shape.size() != strides.size()) {
            m_context->refuse("the tensor " + in_quotes(key) + " must have as many strides as dimensions");
        }
        auto const count = checked_size(entry.shape);
        auto const size = count ? checked_product(*count, item) : std::nullopt;
        memory.spend(size, "the tensor " + in_quotes(key));
        memory.spend(2 * sizeof(std::size_t) * strides.size(), "the tensor " + in_quotes(key));
        if (*count == 0) {
            return entry;
        }
        std::optional<std::size_t> last = offset;
        for (std::size_t axis = 0; axis < strides.size() && last; ++axis) {
            auto const step = checked_product(entry.shape[axis] - 1, strides[axis]);
            last = step ? checked_sum(*last, *step) : std::nullopt;
        }
        if (!last || *last >= storage.count) {
            m_context->refuse("the tensor " + in_quotes(key) + " reaches outside its storage of " +
                              std::to_string(storage.count) + " numbers");
        }
        auto const source = find_storage(storage);
        entry.bytes.resize(*size);
        copy_strided(source.subspan(offset * item), entry.shape, strides, item, entry.bytes);
        return entry;
    }

    /// Copies the values of a view in row-major order; both ends were checked.
    static void copy_strided(std::span<std::byte const> source, std::span<std::size_t const> shape,
                             std::span<std::size_t const> strides, std::size_t item,
                             std::span<std::byte> target) {
        struct axis {
            std::size_t extent, stride;
            std::size_t index = 0;
        };
        std::vector<axis> outer;
        for (std::size_t i = 0; i < shape.size(); ++i) {
            if (shape[i] != 1) {
                outer.push_back({shape[i], strides[i]});
            }
        }
        // The innermost axes that lie row-major in the storage already are copied as one block.
        std::size_t block = 1;
        while (!outer.empty() && outer.back().stride == block) {
            block *= outer.back().extent;
            outer.pop_back();
        }
        std::size_t from = 0;
        for (std::size_t to = 0; to < target.size(); to += block * item) {
            std::memcpy(target.data() + to, source.data() + from * item, block * item);
            for (auto at = outer.rbegin(); at != outer.rend(); ++at) {
                from += at->stride;
                if (++at->index < at->extent) {
                    break;
                }
                from -= at->stride * at->extent;
                at->index = 0;
            }
        }
    }

    pickle const* m_objects;
    file_context const* m_context;
};

/// The zip archive that `torch.save` writes since PyTorch 1.6: `NAME/data.pkl`, the storages as
/// `NAME/data/KEY`.
inline state_dict read_pth_archive(std::span<std::byte const> file, file_context const& context) {
    allowance memory{file.size(), context};
    zip_archive const archive{file, context};
    std::optional<std::string> folder;
    for (auto name : archive.names()) {
        if (name.ends_with("/data.pkl") &&
            name.find('/') == name.size() - std::string_view{"/data.pkl"}.size()) {
            if (folder) {
                context.refuse("the archive has several entries named data.pkl");
            }
            folder = name.substr(0, name.find('/') + 1);
        }
    }
    if (!folder) {
        context.refuse("the archive must have an entry NAME/data.pkl, as torch.save writes it");
    }
    if (archive.contains(*folder + "byteorder")) {
        auto const order = archive.read(*folder + "byteorder", memory);
        if (as_text(order) != "little") {
            context.refuse("the file was written on a big-endian machine; save it anew on another");
        }
    }
    auto const program = archive.read(*folder + "data.pkl", memory);
    // Reading a pickle takes some forty times its size, so a small archive may not blow up to a large one.
    if (program.size() > file.size() + (std::size_t{64} << 10)) {
        context.refuse("the compressed pickle is larger than the file");
    }
    byte_cursor cursor{program, context};
    pickle const objects{cursor};

    std::map<std::string, std::vector<std::byte>, std::less<>> storages;
    storage_finder const find_storage = [&](storage_claim const& claim) -> std::span<std::byte const> {
        auto at = storages.find(claim.key);
        if (at == storages.end()) {
            auto const name = *folder + "data/" + std::string{claim.key};
            at = storages.emplace(claim.key, archive.read(name, memory)).first;
        }
        if (checked_product(claim.count, size_of(claim.type)) != at->second.size()) {
            context.refuse("the storage " + in_quotes(claim.key) + " has another size than the pickle says");
        }
        return at->second;
    };
    return checkpoint{objects, context}.read(find_storage, memory);
}

/// Whether the third pickle of a stream says so.
inline bool is_little_endian(pickle const& machine) {
    bool found = false;
    if (auto const* facts = machine.as_sequence(machine.root(), pickle_sequence::kind::dict)) {
        machine.visit_pairs(*facts, [&](pickle_object key, pickle_object value) {
            auto const* name = machine.as<pickle_text>(key);
            auto const* flag = machine.as<bool>(value);
            found = name != nullptr && name->value == "little_endian" && flag != nullptr && *flag;
            return !found;
        });
    }
    return found;
}

/// The stream that `torch.save` wrote before PyTorch 1.6: five pickles (a magic number, the protocol's
/// version, facts about the machine, the objects, the storages' keys), then each storage as its count and its
/// numbers.
inline state_dict read_pth_stream(std::span<std::byte const> file, file_context const& context) {
    allowance memory{file.size(), context};
    byte_cursor cursor{file, context};

    constexpr std::string_view magic_number{"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10};
    pickle const magic{cursor};
    auto const* magic_bytes = magic.as<pickle_bytes>(magic.root());
    if (magic_bytes == nullptr || magic_bytes->value != magic_number) {
        context.refuse("the file must begin with PyTorch's magic number");
    }
    pickle const version{cursor};
    auto const* number = version.as<std::int64_t>(version.root());
    if (number == nullptr || *number != 1001) {
        context.refuse("the stream must have the protocol's version 1001");
    }
    pickle const machine{cursor};
    if (!is_little_endian(machine)) {
        context.refuse("the file must have been written on a little-endian machine; save it anew on one");
    }
    pickle const objects{cursor};
    pickle const keys{cursor};

    checkpoint const content{objects, context};
    std::map<std::string_view, storage_claim> claims;
    for (auto id : objects.persistent_ids()) {
        auto const claim = content.claim(id);
        if (claims.try_emplace(claim.key, claim).first->second != claim) {
            context.refuse("the pickle says different things about the storage " + in_quotes(claim.key));
        }
    }
    auto const* list = keys.as_sequence(keys.root(), pickle_sequence::kind::list);
    if (list == nullptr) {
        context.refuse("the stream must have a list of its storages");
    }
    std::map<std::string_view, std::span<std::byte const>> storages;
    keys.visit_items(*list, [&](pickle_object item) {
        auto const* key = keys.as<pickle_text>(item);
        auto const claim = key == nullptr ? claims.end() : claims.find(key->value);
        if (claim == claims.end()) {
            context.refuse("the list of storages has a key that the pickle does not know");
        }
        auto const size = checked_product(claim->second.count, size_of(claim->second.type));
        if (cursor.number<std::uint64_t>() != claim->second.count || !size) {
            context.refuse("the storage " + in_quotes(key->value) + " has another size than the pickle says");
        }
        if (!storages.try_emplace(claim->first, cursor.take(*size)).second) {
            context.refuse("the list of storages has the key " + in_quotes(key->value) + " twice");
        }
        return true;
    });
    if (cursor.remaining() != 0) {
        context.refuse("the file has " + std::to_string(cursor.remaining()) +
                       " bytes after its last storage");
    }
    storage_finder const find_storage = [&](storage_claim const& claim) {
        auto const at = storages.find(claim.key);
        if (at == storages.end()) {
            context.refuse("the storage " + in_quotes(claim.key) + " is not in the file");
        }
        return at->second;
    };
    return content.read(find_storage, memory);
}

inline bool is_zip(std::span<std::byte const> file) {
    return as_text(file).starts_with("PK\x03\x04");
}

} // namespace detail

/// Reads a file that `torch.save` wrote and that lies in memory (`.pth`, `.pt`, `.th`): the zip archives of
/// PyTorch since 1.6 and the stream of older ones; `name` is what errors call it.
///
/// The file may be a state dict, or a checkpoint with one in it: the dict with tensors in it under
/// `state_dict`, `model_state_dict` or `model`, else the outermost dict if it has tensors, else the only
/// other dict that has. What stands beside it (epochs, an optimiser's state) is ignored. Tensors of any
/// device load; views of a storage are copied into row-major order. Nothing of the file is run, and names of
/// a fixed list only may occur in it. Throws `error_kind::file`. Allocates at most `max_allocation`.
inline state_dict read_pth(std::span<std::byte const> file, std::string_view name = "a file in memory") {
    detail::file_context const context{"read_pth", std::string{name}};
    return detail::is_zip(file) ? detail::read_pth_archive(file, context)
                                : detail::read_pth_stream(file, context);
}

/// Reads a file that `torch.save` wrote.
inline state_dict read_pth(std::filesystem::path const& path) {
    auto const file = detail::read_file(path, {"read_pth", path.string()});
    return read_pth(file, path.string());
}

} // namespace hookcam
