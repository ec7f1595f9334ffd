#pragma once

#include "../compose/paths.hpp"
#include "../hooks/slot.hpp"
#include "plan.hpp"
#include "source.hpp"
#include "watch.hpp"

#include <cstddef>
#include <type_traits>
#include <utility>

namespace hookcam {

/// A model with hooks attached: a view of the model (it borrows the model and copies no parameter) that holds
/// the hooks. `Source` is what it borrows, `Items` says where each of the `Slots` waits.
template <class Source, class Items, class... Slots>
class attached;
template <class Source, class... Items, class... Slots>
class attached<Source, detail::list<Items...>, Slots...> {
public:
    using source_type = Source;
    using network_type = typename Source::network_type;
    using value_type = typename Source::value_type;
    using device_type = typename Source::device_type;
    using items = detail::list<Items...>;
    using slots_type = detail::leaves_for<Slots...>;
    using tape_type = typename Source::tape_type;
    static constexpr bool run_time_hooks = Source::run_time_hooks;

    /// Made by `attach` and `attach_all`.
    attached(Source from, slots_type slots) : m_source{std::move(from)}, m_slots{std::move(slots)} {}

    [[nodiscard]] network_type const& network() const noexcept { return m_source.network(); }
    [[nodiscard]] auto* parameters() const noexcept { return m_source.parameters(); }
    [[nodiscard]] std::size_t changes() const noexcept { return m_source.changes(); }
    void count_change() const noexcept { m_source.count_change(); }
    [[nodiscard]] slots_type const& slots() const noexcept { return m_slots; }
    [[nodiscard]] slots_type& slots() noexcept { return m_slots; }
    [[nodiscard]] Source const& source() const noexcept { return m_source; }
    [[nodiscard]] auto const& registry() const noexcept { return m_source.registry(); }

    /// Runs the network once, hooks included, as `model(input)` does.
    template <class Input>
    [[nodiscard]] auto operator()(Input const& input) const {
        return detail::run_once(*this, input);
    }

private:
    Source m_source;
    [[no_unique_address]] slots_type m_slots;
};

namespace detail {

template <class T>
inline constexpr bool is_attached = false;
template <class Source, class Items, class... Slots>
inline constexpr bool is_attached<attached<Source, Items, Slots...>> = true;

/// Stands in a plan's type for an attached model that has a name and is borrowed.
template <class Attached>
class attached_reference {
public:
    using network_type = typename Attached::network_type;
    using value_type = typename Attached::value_type;
    using device_type = typename Attached::device_type;
    using items = typename Attached::items;
    using slots_type = typename Attached::slots_type;
    using tape_type = typename Attached::tape_type;
    static constexpr bool run_time_hooks = Attached::run_time_hooks;

    explicit attached_reference(Attached const& to) noexcept : m_to{&to} {}

    [[nodiscard]] network_type const& network() const noexcept { return m_to->network(); }
    [[nodiscard]] auto* parameters() const noexcept { return m_to->parameters(); }
    [[nodiscard]] std::size_t changes() const noexcept { return m_to->changes(); }
    void count_change() const noexcept { m_to->count_change(); }
    [[nodiscard]] slots_type const& slots() const noexcept { return m_to->slots(); }
    [[nodiscard]] auto const& registry() const noexcept { return m_to->registry(); }

private:
    Attached const* m_to;
};

template <class Source, class Items, class... Slots>
struct source_of<attached<Source, Items, Slots...>> {
    using type = attached<Source, Items, Slots...>;
    static constexpr bool can_be_moved_in = true;
    template <bool IsNamed>
    using kept = std::conditional_t<IsNamed, attached_reference<type>, type>;

    [[nodiscard]] static type borrow(type&& of) { return std::move(of); }
    [[nodiscard]] static attached_reference<type> borrow(type const& of) {
        return attached_reference<type>{of};
    }
};
template <class Attached>
struct source_of<attached_reference<Attached>> {
    using type = attached_reference<Attached>;
    static constexpr bool can_be_moved_in = true;
    template <bool IsNamed>
    using kept = type;

    [[nodiscard]] static type borrow(type const& of) { return of; }
};

/// What `attach` borrows of a model: its constness too.
template <class Network, class T, class Device>
[[nodiscard]] model_source<Network, T, Device> source_as_is(model<Network, T, Device>& of) noexcept {
    return {&of.network(), model_access::parameters(of), &model_access::changes(of)};
}
template <class Network, class T, class Device>
[[nodiscard]] model_source<Network, T const, Device>
source_as_is(model<Network, T, Device> const& of) noexcept {
    return borrow(of);
}

template <class T>
concept can_be_attached_to = is_model<std::remove_cvref_t<T>> || requires {
    typename std::remove_cvref_t<T>::slots_type;
};

/// Where new slots wait, as items of a watch. Slots attached in several calls are one flat list.
template <template <class> class Place, std::size_t First, class Indices, class... Slots>
struct placed_items;
template <template <class> class Place, std::size_t First, std::size_t... Indices, class... Slots>
struct placed_items<Place, First, std::index_sequence<Indices...>, Slots...> {
    using type = list<Place<attached_slot<First + Indices, Slots>>...>;
};

/// Attaches slots to a source, behind those that it has already; `Place` says where they wait.
template <template <class> class Place, class Items, class Source, std::size_t... I, class... Old,
          class... Slots>
[[nodiscard]] auto attach_behind(Source source,
                                 [[maybe_unused]] leaves<std::index_sequence<I...>, Old...> before,
                                 Slots... slots) {
    using items =
        concatenate<Items, typename placed_items<Place, sizeof...(Old), std::index_sequence_for<Slots...>,
                                                 Slots...>::type>;
    return attached<Source, items, Old..., Slots...>{
        std::move(source),
        leaves_for<Old..., Slots...>{std::in_place, std::move(get_leaf<I>(before))..., std::move(slots)...}};
}

template <template <class> class Place, class Source, class... Slots>
[[nodiscard]] auto attach_to_source(Source source, Slots... slots) {
    using items = typename Source::items;
    if constexpr (is_attached<Source>) {
        return attach_behind<Place, items>(source.source(), std::move(source.slots()), std::move(slots)...);
    } else {
        auto before = source.slots();
        return attach_behind<Place, items>(std::move(source), std::move(before), std::move(slots)...);
    }
}

template <class Model>
[[nodiscard]] auto take_to_attach(Model&& model) {
    if constexpr (is_attached<std::remove_cvref_t<Model>>)
        return std::forward<Model>(model);
    else {
        static_assert(must_outlive<std::remove_cvref_t<Model>, std::is_lvalue_reference_v<Model>>::value);
        return source_as_is(model);
    }
}

template <fixed_string Path>
struct placed_at {
    template <class What>
    using place = at<Path, 0, What>;
};

} // namespace detail

/// Attaches hooks to the layer or composite at a path, `""` being the whole network:
/// `attach<"conv1">(model, on_forward(f, g), on_backward(h))`. The result is a view: it borrows the model,
/// which must outlive it, and is used in its place. Calls nest (the hooks of what has a name are copied);
/// hooks are called in order of attachment, those that were given to `prepend` first.
template <fixed_string Path, class Model, class... Slots>
    requires detail::can_be_attached_to<Model>
[[nodiscard]] auto attach(Model&& to, Slots... slots) {
    static_assert((true && ... && detail::a_slot<Slots>),
                  "hookcam::attach: what is attached must be slots; make them by on_forward(…) and its like");
    using network = typename std::remove_cvref_t<Model>::network_type;
    static_assert(detail::check_path<network, Path>());
    return detail::attach_to_source<detail::placed_at<Path>::template place>(
        detail::take_to_attach(std::forward<Model>(to)), std::move(slots)...);
}

/// Attaches hooks to every path of the network.
template <class Model, class... Slots>
    requires detail::can_be_attached_to<Model>
[[nodiscard]] auto attach_all(Model&& to, Slots... slots) {
    static_assert(
        (true && ... && detail::a_slot<Slots>),
        "hookcam::attach_all: what is attached must be slots; make them by on_forward(…) and its like");
    return detail::attach_to_source<detail::everywhere>(detail::take_to_attach(std::forward<Model>(to)),
                                                        std::move(slots)...);
}

} // namespace hookcam
