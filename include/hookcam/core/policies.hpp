#pragma once

#include "lists.hpp"
#include "real.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam {

/// The kinds of policies: a layer names the kinds that it knows.
namespace policy {
struct kernel {};
struct stride {};
struct padding {};
struct dilation {};
struct groups {};
struct algorithm {};
struct bias {};
struct rounding {};
struct counting {};
struct eps {};
struct momentum {};
struct affine {};
struct probability {};
struct place {};
struct slot {};
} // namespace policy

namespace detail {

/// One or two sizes: for rows and columns alike, or for each.
template <class Kind, std::size_t... Sizes>
struct pair_policy;
template <class Kind, std::size_t Both>
struct pair_policy<Kind, Both> {
    using kind = Kind;
    static constexpr std::size_t height = Both;
    static constexpr std::size_t width = Both;
};
template <class Kind, std::size_t Height, std::size_t Width>
struct pair_policy<Kind, Height, Width> {
    using kind = Kind;
    static constexpr std::size_t height = Height;
    static constexpr std::size_t width = Width;
};

} // namespace detail

/// `kernel<3>` or `kernel<Height, Width>`: the size of a window.
template <std::size_t... Sizes>
struct kernel : detail::pair_policy<policy::kernel, Sizes...> {};

/// `stride<2>` or `stride<Height, Width>`: the step of a window.
template <std::size_t... Sizes>
struct stride : detail::pair_policy<policy::stride, Sizes...> {};

/// `padding<1>` or `padding<Height, Width>`: rows and columns added at each border.
template <std::size_t... Sizes>
struct padding : detail::pair_policy<policy::padding, Sizes...> {};

/// Pads so that a convolution of stride 1 keeps the image's size, as PyTorch's `padding='same'`: where the
/// total is odd the extra row or column comes last.
struct padding_same {
    using kind = policy::padding;
};

/// `dilation<2>` or `dilation<Height, Width>`: the distance between the elements of a window.
template <std::size_t... Sizes>
struct dilation : detail::pair_policy<policy::dilation, Sizes...> {};

/// Splits the channels into groups that do not see one another; as many groups as channels is depthwise.
template <std::size_t Count>
struct groups {
    using kind = policy::groups;
    /// The number of groups.
    static constexpr std::size_t count = Count;
};

/// Leaves the bias out.
struct no_bias {
    using kind = policy::bias;
};

/// Rounds the number of windows up, as PyTorch's `ceil_mode=True`.
struct ceil_mode {
    using kind = policy::rounding;
};

/// Leaves the padding out of an average's count, as PyTorch's `count_include_pad=False`.
struct count_exclude_pad {
    using kind = policy::counting;
};

/// The number added to a variance before its root is taken.
template <real Value>
struct eps {
    using kind = policy::eps;
    static constexpr double value = Value.value(); ///< as given
};

/// How much of the statistics that a batch norm keeps one training step replaces by those of its batch: `running` becomes
/// (1 − momentum)·running + momentum·measured.
template <real Value>
struct momentum {
    using kind = policy::momentum;
    static constexpr double value = Value.value(); ///< as given
};

/// Gives a normalization weight and bias, as PyTorch's `affine=True`.
struct affine {
    using kind = policy::affine;
};

/// Leaves weight and bias out of a normalization, as PyTorch's `affine=False`.
struct no_affine {
    using kind = policy::affine;
};

/// The probability with which `dropout` zeroes an element in training.
template <real Value>
struct probability {
    using kind = policy::probability;
    static constexpr double value = Value.value(); ///< as given
};

/// Lets any layer of a model on a device run on the host, on copies of its tensors, parameters and state: where it has no
/// kernels for the device. On the cpu it changes nothing.
struct on_host {
    using kind = policy::place;
};

namespace detail {

template <class Kind, class Default, class... Policies>
struct found_policy {
    using type = Default;
};
template <class Kind, class Default, class First, class... Rest>
struct found_policy<Kind, Default, First, Rest...>
    : std::conditional_t<std::is_same_v<typename First::kind, Kind>, std::type_identity<First>,
                         found_policy<Kind, Default, Rest...>> {};

/// The policy of a kind among a layer's policies, or a default.
template <class Kind, class Default, class... Policies>
using find_policy = typename found_policy<Kind, Default, Policies...>::type;

template <class Kind, class... Policies>
inline constexpr bool has_policy = (false || ... || std::is_same_v<typename Policies::kind, Kind>);

/// True where a normalization has weight and bias, by its policies or else by a default.
template <class Default, class... Policies>
inline constexpr bool is_affine =
    std::is_same_v<find_policy<policy::affine, Default, Policies...>, hookcam::affine>;

template <class T>
concept a_policy = requires {
    typename T::kind;
};

/// Names in its arguments the layer and the policy that it does not know.
template <class Layer, class Policy, bool Known>
struct known_policy {
    static_assert(Known,
                  "hookcam::layer: a layer takes only policies that it knows; take this policy out, or see "
                  "the layer's documentation for those it takes");
    static constexpr bool value = true;
};

template <class Policy, class... Kinds>
constexpr bool policy_is_one_of() {
    if constexpr (a_policy<Policy>)
        return (false || ... || std::is_same_v<typename Policy::kind, Kinds>);
    else
        return false;
}

template <class Kind, class... Policies>
inline constexpr std::size_t count_policy = (std::size_t{0} + ... +
                                             (std::is_same_v<typename Policies::kind, Kind> ? 1u : 0u));

} // namespace detail

} // namespace hookcam
