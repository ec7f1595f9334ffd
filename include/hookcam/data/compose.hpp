#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "image_span.hpp"
#include "random_draws.hpp"

namespace hookcam {

namespace detail {

/// What a transform makes of an image of `T`.
template <class Transform, class T>
struct transformed {
    using type = T;
};
template <class Transform, class T>
    requires requires {
        typename Transform::value_type;
    }
struct transformed<Transform, T> {
    using type = typename Transform::value_type;
};
template <class Transform, class T>
using transformed_t = typename transformed<Transform, T>::type;

// Making is asked for first: a transform that takes `auto` could be called in both ways, and the second image is the more
// special argument, because `auto&` does not take it.
template <class Transform, class T>
concept makes_image =
    std::is_invocable_v<Transform const&, image_span<T const>, image_span<transformed_t<Transform, T>>> ||
    std::is_invocable_v<Transform const&, image_span<T const>, image_span<transformed_t<Transform, T>>,
                        random_draws&>;

template <class Transform, class T>
concept changes_image =
    !makes_image<Transform, T> && (std::is_invocable_v<Transform const&, image_span<T>> ||
                                   std::is_invocable_v<Transform const&, image_span<T>, random_draws&>);

/// What comes out of transforms where images of `T` go in.
template <class T, class... Transforms>
struct transform_chain {
    using value_type = T;
};
template <class T, class First, class... Rest>
struct transform_chain<T, First, Rest...> {
    static_assert(
        changes_image<First, T> || makes_image<First, T>,
        "hookcam::compose: each transform must take the image that the one before it makes, bytes in "
        "front of to_tensor and numbers behind it; put them in order, or see compose for how a "
        "transform of your own is called");
    using value_type = typename transform_chain<transformed_t<First, T>, Rest...>::value_type;
};

/// The images between transforms: that in front of the first, and that behind each.
class transform_workspace {
public:
    template <class T>
    void add(image_shape const& shape) {
        m_images.push_back({shape, std::vector<std::byte>(shape.size() * sizeof(T))});
    }

    template <class T>
    [[nodiscard]] image_span<T> image(std::size_t index) {
        auto& [shape, memory] = m_images[index];
        return {reinterpret_cast<T*>(memory.data()), shape};
    }

private:
    struct one {
        image_shape shape;
        std::vector<std::byte> memory;
    };
    std::vector<one> m_images;
};

} // namespace detail

/// Transforms one after the other, as torchvision's `Compose`; one itself. Each is an object that is called with
///
/// - an `image_span<T>`, which it changes, or
/// - an `image_span<T const>` and an `image_span<U>` to which it writes what it makes; `U` is its `value_type`, or `T`,
///
/// and, where it takes one more argument, a `random_draws&`. Where sizes change, `shape(in)` says how; it throws where it
/// cannot, before the first image is read. A lambda that changes an image is a transform.
///
///     hc::compose(hc::random_crop{32, 32, 4}, hc::random_horizontal_flip{}, hc::to_tensor{}, hc::normalize(hc::cifar10_half))
template <class... Transforms>
class compose {
public:
    /// These, in this order.
    constexpr explicit compose(Transforms... transforms) : m_transforms{std::move(transforms)...} {}

    /// What comes out where images of `T` go in.
    template <class T>
    using result = typename detail::transform_chain<T, Transforms...>::value_type;

    /// The sizes of what comes out of images of these sizes.
    [[nodiscard]] image_shape shape(image_shape in) const {
        std::apply([&](auto const&... each) { ((in = shape_behind(each, in)), ...); }, m_transforms);
        return in;
    }

    /// What a thread needs to transform images of `T` of these sizes.
    template <class T>
    [[nodiscard]] detail::transform_workspace workspace(image_shape const& in) const {
        detail::transform_workspace images;
        images.add<T>(in);
        add_behind<T>(images, in);
        return images;
    }

    /// Has `read(image)` write an image of `T`, and writes what becomes of it to `out`, of the sizes that `shape` says.
    /// Returns what `read` does.
    template <class T, class Read>
    auto run(detail::transform_workspace& own, counter_random const& random, Read const& read,
             image_span<result<T>> out) const {
        auto const source = [&] {
            if constexpr (makes_later<T, 0>()) {
                return own.image<T>(0);
            } else {
                return out;
            }
        }();
        auto label = read(source);
        step<T>(own, random, source, out);
        return label;
    }

private:
    template <std::size_t I>
    using transform = std::tuple_element_t<I, std::tuple<Transforms...>>;

    template <class Transform>
    static image_shape shape_behind(Transform const& one, image_shape const& in) {
        if constexpr (requires { one.shape(in); }) {
            return one.shape(in);
        } else {
            return in;
        }
    }

    template <class T, std::size_t I = 0>
    void add_behind(detail::transform_workspace& to, image_shape const& in) const {
        if constexpr (I < sizeof...(Transforms)) {
            using made = detail::transformed_t<transform<I>, T>;
            auto const out = shape_behind(std::get<I>(m_transforms), in);
            to.add<made>(detail::makes_image<transform<I>, T> ? out : image_shape{});
            add_behind<made, I + 1>(to, out);
        }
    }

    /// Whether a transform from number I on makes a new image of one of `T`.
    template <class T, std::size_t I>
    static constexpr bool makes_later() {
        if constexpr (I < sizeof...(Transforms)) {
            return detail::makes_image<transform<I>, T> ||
                   makes_later<detail::transformed_t<transform<I>, T>, I + 1>();
        } else {
            return false;
        }
    }

    template <class T, std::size_t I = 0, class Out>
    void step(detail::transform_workspace& own, counter_random const& random, image_span<T> image,
              Out out) const {
        if constexpr (I < sizeof...(Transforms)) {
            auto const& one = std::get<I>(m_transforms);
            random_draws draws{random, I};
            if constexpr (detail::makes_image<transform<I>, T>) {
                using made = detail::transformed_t<transform<I>, T>;
                auto const to = [&] {
                    if constexpr (makes_later<made, I + 1>()) {
                        return own.image<made>(I + 1);
                    } else {
                        return out;
                    }
                }();
                if constexpr (std::is_invocable_v<transform<I> const&, image_span<T const>,
                                                  image_span<made>>) {
                    one(image_span<T const>{image}, to);
                } else {
                    one(image_span<T const>{image}, to, draws);
                }
                step<made, I + 1>(own, random, to, out);
            } else {
                if constexpr (std::is_invocable_v<transform<I> const&, image_span<T>>) {
                    one(image);
                } else {
                    one(image, draws);
                }
                step<T, I + 1>(own, random, image, out);
            }
        }
    }

    std::tuple<Transforms...> m_transforms;
};

namespace detail {

template <class Transform>
inline constexpr bool is_composed = false;
template <class... Transforms>
inline constexpr bool is_composed<compose<Transforms...>> = true;

/// A row of transforms, or one transform as a row.
template <class Transform>
using composed = std::conditional_t<is_composed<Transform>, Transform, compose<Transform>>;

} // namespace detail

} // namespace hookcam
