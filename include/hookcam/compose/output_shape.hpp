#pragma once

#include "../core/extents.hpp"
#include "composite.hpp"
#include "named.hpp"

#include <cstddef>
#include <string_view>
#include <utility>

namespace hookcam {

namespace detail {

/// A walk over sizes alone, in constant expressions: the values that flow are `extents`. On the way it notes
/// the sizes at one path.
struct size_search {
    extents sizes{};
    bool found = false;
};

template <class Node>
constexpr extents walk_sizes(extents const& in, std::string_view path, size_search& search);

template <class Composite>
class size_scope {
public:
    std::string_view path;
    size_search& search;

    template <std::size_t Index>
    constexpr extents child(extents const& in) const {
        return walk_sizes<child_of<Composite, Index>>(in, path, search);
    }
    static constexpr std::pair<extents, extents> fork(extents const& in) { return {in, in}; }
    static constexpr extents sum(extents const& a, extents const& b) {
        require(compatible(a, b),
                "hookcam::residual: body and shortcut must have outputs of one size; correct one of them", b);
        return a;
    }
    template <class... Rest>
    static constexpr extents concat(extents const& first, Rest const&... rest) {
        extents joined = first;
        (join_channels(joined, rest), ...);
        return joined;
    }
    static constexpr extents product(extents const& a, extents const& b) {
        extents channels = a;
        for (std::size_t axis = 1; axis < a.rank; ++axis)
            channels.sizes[axis] = 1;
        require(compatible(a, b) || compatible(channels, b),
                "hookcam::multiply: the branches must have outputs of one size, or the second one number for "
                "each "
                "channel; correct one of them",
                b);
        return a;
    }

private:
    static constexpr void join_channels(extents& joined, extents const& more) {
        extents beside = more;
        beside.sizes[0] = joined[0];
        require(compatible(joined, beside),
                "hookcam::concat: the branches must have outputs of one size but for their channels; correct "
                "one of them",
                more);
        joined.sizes[0] = joined[0] == dynamic || more[0] == dynamic ? dynamic : joined[0] + more[0];
    }
};

/// What is left of a path behind a name; empty where it does not begin with it.
[[nodiscard]] constexpr std::string_view path_behind(std::string_view path, std::string_view name) noexcept {
    if (path.size() <= name.size() || path.substr(0, name.size()) != name || path[name.size()] != '.')
        return {};
    return path.substr(name.size() + 1);
}

template <class Node>
constexpr extents walk_sizes(extents const& in, std::string_view path, size_search& search) {
    if constexpr (is_named<Node>) {
        auto const name = Node::name.view();
        auto const out = walk_sizes<typename Node::node_type>(in, path_behind(path, name), search);
        if (path == name)
            search = {out, true};
        return out;
    } else if constexpr (a_composite<Node>) {
        size_scope<Node> scope{path, search};
        return Node::lower(scope, in);
    } else {
        return Node::output_extents(in);
    }
}

template <class Network>
constexpr extents output_sizes(extents const& in) {
    size_search ignored;
    return walk_sizes<Network>(in, {}, ignored);
}

template <class Network>
constexpr size_search sizes_at(std::string_view path, extents const& in) {
    size_search search;
    auto const out = walk_sizes<Network>(in, path, search);
    if (path.empty())
        search = {out, true};
    return search;
}

template <class Network, class Shape>
struct shape_after {
    static constexpr extents value = output_sizes<Network>(Shape::value);
};

template <class Network, fixed_string Path, class Shape>
struct sizes_at_path {
    static constexpr extents value = sizes_at<Network>(Path.view(), Shape::value).sizes;
};

/// The shape of the output of the layer at a path.
template <class Network, fixed_string Path, class Shape>
using shape_at = shape_from<sizes_at_path<Network, Path, Shape>>;

} // namespace detail

/// The shape of a network's output for inputs of a shape: `output_shape<net, image<3, 32, 32>>` is
/// `features<10>`. Every join is checked; one that does not fit does not compile.
template <class Network, class Shape>
using output_shape = detail::shape_from<detail::shape_after<Network, Shape>>;

} // namespace hookcam
