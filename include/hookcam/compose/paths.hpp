#pragma once

#include "../core/extents.hpp"
#include "composite.hpp"
#include "named.hpp"
#include "output_shape.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hookcam {

namespace detail {

// --- names that one scope shows: those of its own children, and of the unnamed composites among them -------

/// Calls `visit(name)` for each of them; with `Keys` also for the names of the tensors of unnamed layers, which
/// stand beside them in the state dict.
template <class Node, bool Keys, class Visit>
constexpr void each_visible_name(Visit& visit) {
    if constexpr (is_named<Node>)
        visit(Node::name.view());
    else if constexpr (a_composite<Node>)
        [&visit]<class... Children>(list<Children...>) {
            (each_visible_name<Children, Keys>(visit), ...);
        }(typename Node::children{});
    else if constexpr (Keys)
        [&visit]<class... Parameters>(hookcam::parameters<Parameters...>) {
            (visit(Parameters::name.view()), ...);
        }(typename Node::parameters{});
}

/// True where no two names of the scope below `Node` are equal.
template <class Node, bool Keys = false>
constexpr bool visible_names_differ() {
    constexpr std::size_t count = [] {
        std::size_t counted = 0;
        auto const add = [&counted](std::string_view) { ++counted; };
        each_visible_name<Node, Keys>(add);
        return counted;
    }();
    std::array<std::string_view, count + 1> names{};
    auto* end = names.data();
    auto const put = [&end](std::string_view name) { *end++ = name; };
    each_visible_name<Node, Keys>(put);
    std::sort(names.data(), end);
    return std::adjacent_find(names.data(), end) == end;
}

/// Fails to compile where two paths are equal. Only siblings are compared: all pairs would break the
/// compilers' limits for a network of a few hundred paths.
template <class Node, bool IsScope = true, bool Keys = false>
struct check_names {
    static_assert(Keys || !IsScope || visible_names_differ<Node>(),
                  "hookcam::named: two layers of one scope must not have the same name, nor can one layer's "
                  "weights be shared by two places; rename one, and give it the same numbers where it had "
                  "the other's weights in PyTorch");
    static_assert(
        !Keys || !IsScope || visible_names_differ<Node, true>(),
        "hookcam::model: two tensors must not have the same key in the state dict; name their layers");
    template <class... Children>
    static constexpr bool check(list<Children...>) {
        return (true && ... && check_names<Children, is_named<Children>, Keys>::value);
    }
    static constexpr bool below() {
        if constexpr (a_composite<Node>)
            return check(typename Node::children{});
        else
            return true;
    }
    static constexpr bool value = below();
};
template <fixed_string Name, class Node, class... Slots, bool IsScope, bool Keys>
struct check_names<named<Name, Node, Slots...>, IsScope, Keys> : check_names<Node, true, Keys> {};

/// Fails to compile where two tensors of the state dict have one key: asked where somebody goes by keys.
template <class Network>
inline constexpr bool keys_differ = check_names<Network, true, true>::value;

// --- what a network consists of, listed once for each network type -----------------------------------------

/// One tensor of the state dict.
struct parameter_row {
    std::string key;
    extents sizes;
    std::size_t offset; ///< where it begins in the model's memory
    double initially;
    bool is_learned;
};

struct network_table {
    std::vector<std::string> paths; ///< in order of execution, a composite before its children
    std::vector<parameter_row> parameters;
    std::vector<std::string> ignored_entries;
    std::size_t size = 0; ///< elements of all parameters
};

template <class... Parameters, class Visit>
void each_parameter(hookcam::parameters<Parameters...>, [[maybe_unused]] Visit visit) {
    (visit(Parameters{}), ...);
}

template <class Node>
void describe(network_table& table, std::string const& scope);

template <class... Children>
void describe_children(list<Children...>, network_table& table, std::string const& scope) {
    (describe<Children>(table, scope), ...);
}

/// `scope` is empty or ends with a dot.
template <class Node>
void describe(network_table& table, std::string const& scope) {
    if constexpr (is_named<Node>) {
        table.paths.push_back(scope + std::string{Node::name.view()});
        describe<typename Node::node_type>(table, table.paths.back() + '.');
    } else if constexpr (a_composite<Node>) {
        describe_children(typename Node::children{}, table, scope);
    } else {
        each_parameter(typename Node::parameters{}, [&]<class Parameter>(Parameter) {
            table.parameters.push_back({scope + std::string{Parameter::name.view()}, Parameter::sizes,
                                        table.size, Parameter::initially, Parameter::is_learned});
            table.size += Parameter::sizes.count();
        });
        [&]<class... Entries>(list<Entries...>) {
            (table.ignored_entries.push_back(scope + std::string{Entries::name.view()}), ...);
        }(typename Node::ignored_entries{});
    }
}

template <class Network>
[[nodiscard]] network_table const& table_of() {
    static_assert(check_names<Network>::value);
    static network_table const table = [] {
        network_table made;
        describe<Network>(made, {});
        return made;
    }();
    return table;
}

/// The text of the exception for a path that is not there.
[[nodiscard]] inline std::string unknown_path(char const* entity, std::string_view path,
                                              std::vector<std::string> const& there) {
    std::string message =
        std::string{entity} + ": the network must have a layer \"" + std::string{path} + "\"; take one of:";
    for (auto const& other : there)
        message += ' ' + other;
    return message;
}

// --- look-up by path, at compile time ----------------------------------------------------------------------

struct no_node {};

template <class Node>
struct node_found {
    using type = Node;
};

/// The node at a path: the named layer or composite itself. `no_node` where there is none. An empty path is
/// the network.
template <class Node, fixed_string Path, std::size_t At = 0>
constexpr auto find_node();

template <fixed_string Path, std::size_t At, class... Children>
constexpr auto find_among(list<Children...>);

template <fixed_string Path, std::size_t At, class First, class... Rest>
constexpr auto find_among_these() {
    auto const found = find_node<First, Path, At>();
    if constexpr (!std::is_same_v<typename decltype(found)::type, no_node>)
        return found;
    else
        return find_among<Path, At>(list<Rest...>{});
}

template <fixed_string Path, std::size_t At, class... Children>
constexpr auto find_among(list<Children...>) {
    if constexpr (sizeof...(Children) == 0)
        return node_found<no_node>{};
    else
        return find_among_these<Path, At, Children...>();
}

template <class Node, fixed_string Path, std::size_t At>
constexpr auto find_node() {
    constexpr auto rest = Path.view().substr(At);
    if constexpr (is_named<Node>) {
        constexpr auto name = Node::name.view();
        if constexpr (rest == name)
            return node_found<typename Node::node_type>{};
        else if constexpr (!path_behind(rest, name).empty())
            return find_node<typename Node::node_type, Path, At + name.size() + 1>();
        else
            return node_found<no_node>{};
    } else if constexpr (a_composite<Node>) {
        return find_among<Path, At>(typename Node::children{});
    } else {
        return node_found<no_node>{};
    }
}

template <class Network, fixed_string Path>
constexpr auto node_at_path() {
    if constexpr (Path.view().empty())
        return node_found<Network>{};
    else
        return find_node<Network, Path>();
}

// --- the names of a network as types, for a compile error --------------------------------------------------

template <class Prefix, auto Name, class Indices = std::make_index_sequence<Name.view().size()>>
struct extended;
template <char... Prefix, auto Name, std::size_t... Indices>
struct extended<text<Prefix...>, Name, std::index_sequence<Indices...>> {
    using type = text<Prefix..., Name.characters[Indices]...>;
    using scope = text<Prefix..., Name.characters[Indices]..., '.'>;
};

template <class Node, class Scope>
constexpr auto names_below() {
    if constexpr (is_named<Node>) {
        using path = extended<Scope, Node::name>;
        return concatenate<list<typename path::type>,
                           decltype(names_below<typename Node::node_type, typename path::scope>())>{};
    } else if constexpr (a_composite<Node>) {
        return []<class... Children>(list<Children...>) {
            return concatenate<list<>, decltype(names_below<Children, Scope>())...>{};
        }(typename Node::children{});
    } else {
        return list<>{};
    }
}

/// Shows in its arguments the path that was asked for and those that there are.
template <class Asked, class There>
struct path_must_exist {
    static_assert(
        always_false<Asked>,
        "hookcam::paths: the network must have a layer of this path; take one of those that the compiler "
        "lists here as characters, behind the one that was asked for");
    static constexpr bool value = false;
};

template <class Network, fixed_string Path>
constexpr bool check_path() {
    using found = typename decltype(node_at_path<Network, Path>())::type;
    if constexpr (std::is_same_v<found, no_node>)
        return path_must_exist<typename extended<text<>, Path>::type,
                               decltype(names_below<Network, text<>>())>::value;
    else
        return true;
}

} // namespace detail

/// Every path of a network, in order of execution, a composite before its children: PyTorch's
/// `named_modules()` without the empty name of the whole.
template <class Network>
[[nodiscard]] std::vector<std::string> const& paths() {
    return detail::table_of<Network>().paths;
}

/// True where a network has a layer or a composite at a path that can be hooked.
template <class Network, fixed_string Path>
concept hookable =
    !std::is_same_v<typename decltype(detail::node_at_path<Network, Path>())::type, detail::no_node>;

} // namespace hookcam
