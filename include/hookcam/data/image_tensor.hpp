#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>

#include "../core/error.hpp"
#include "../tensor/xtensor.hpp"
#include "cifar10.hpp"
#include "normalize.hpp"
#include "picture.hpp"

namespace hookcam {

/// A picture as a network reads it: 3,H,W, normalised.
template <std::floating_point T>
[[nodiscard]] xt::xtensor<T, 3> image_tensor(picture const& source, normalization const& how) {
    auto result = xt::xtensor<T, 3>::from_shape({3, source.height(), source.width()});
    normalize(source, how, std::span<T>{result.data(), result.size()});
    return result;
}

/// `count` pictures of CIFAR-10 from number `first` on, as a network reads them: count,3,32,32, normalised. Throws
/// `error_kind::use` where the file has not so many.
template <std::floating_point T>
[[nodiscard]] xt::xtensor<T, 4> image_tensor(cifar10_file const& source, std::size_t first, std::size_t count,
                                             normalization const& how) {
    if (first > source.size() || count > source.size() - first)
        throw error{error_kind::use, "hookcam::image_tensor: the file must hold the pictures " +
                                         std::to_string(first) + " to " + std::to_string(first + count) +
                                         " (exclusive); it holds " + std::to_string(source.size())};
    auto result = xt::xtensor<T, 4>::from_shape({count, 3, cifar10_file::side, cifar10_file::side});
    std::size_t const size = result.size() / std::max<std::size_t>(count, 1);
    for (std::size_t n = 0; n < count; ++n)
        normalize_planes(source.planes(first + n), how, std::span<T>{result.data() + n * size, size});
    return result;
}

} // namespace hookcam
