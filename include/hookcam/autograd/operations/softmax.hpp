#pragma once

#include "../../layers/log_softmax/log_softmax_cpu.hpp"
#include "../../layers/softmax/softmax_cpu.hpp"
#include "../../layers/softmax/softmax_parameters.hpp"
#include "gather.hpp"
#include "reduce.hpp"

#include <cstddef>
#include <iterator>
#include <string>

namespace hookcam {

namespace detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

template <std::size_t Axis, class T, std::size_t Rank>
[[nodiscard]] kernels::softmax_parameters softmax_along(variable<T, Rank> const& x) noexcept {
    kernels::softmax_parameters of{1, x.shape()[Axis], 1};
    for (std::size_t i = 0; i < Rank; ++i)
        (i < Axis ? of.batch : of.plane) *= i == Axis ? 1 : x.shape()[i];
    return of;
}

// Backward is the layer's kernel where nothing is recorded, the same as a formula where it is.

template <std::size_t Axis>
struct softmax_operation {
    static constexpr char const* name = "softmax";
    static constexpr unsigned reads(std::size_t) noexcept { return read_output; }
    template <std::size_t, class T, std::size_t Rank>
    [[nodiscard]] variable<T, Rank> gradient(auto const& at, variable<T, Rank> const& grad) const {
        auto const y = at.output();
        if (is_recorded(grad, y))
            return y * (grad - functional::sum<static_cast<int>(Axis)>(grad * y, keep_dims));
        auto made = record<T, Rank>(y.shape(), *this, grad);
        kernels::softmax_backward(cpu{}, softmax_along<Axis>(y), data_of(y), data_of(grad), data_of(made));
        return made;
    }
};
template <std::size_t Axis>
struct log_softmax_operation {
    static constexpr char const* name = "log_softmax";
    static constexpr unsigned reads(std::size_t) noexcept { return read_output; }
    template <std::size_t, class T, std::size_t Rank>
    [[nodiscard]] variable<T, Rank> gradient(auto const& at, variable<T, Rank> const& grad) const {
        auto const y = at.output();
        if (is_recorded(grad, y))
            return grad - functional::exp(y) * functional::sum<static_cast<int>(Axis)>(grad, keep_dims);
        auto made = record<T, Rank>(y.shape(), *this, grad);
        kernels::log_softmax_backward(cpu{}, softmax_along<Axis>(y), data_of(y), data_of(grad),
                                      data_of(made));
        return made;
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace detail

namespace functional {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// exp(x) over its sum along an axis, that of the channels unless another is named.
template <int Axis = 1, class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> softmax(variable<T, Rank> const& x) {
    constexpr auto axis = detail::axis_of<Axis, Rank>();
    auto y = detail::record<T, Rank>(x.shape(), detail::softmax_operation<axis>{}, x);
    kernels::softmax(cpu{}, detail::softmax_along<axis>(x), detail::data_of(x), detail::data_of(y));
    return y;
}
/// The logarithm of `softmax`, without overflow.
template <int Axis = 1, class T, std::size_t Rank>
[[nodiscard]] variable<T, Rank> log_softmax(variable<T, Rank> const& x) {
    constexpr auto axis = detail::axis_of<Axis, Rank>();
    auto y = detail::record<T, Rank>(x.shape(), detail::log_softmax_operation<axis>{}, x);
    kernels::log_softmax(cpu{}, detail::softmax_along<axis>(x), detail::data_of(x), detail::data_of(y));
    return y;
}

/// The mean over a batch of −log softmax(logits) at each one's label: logits N×C, labels a range of N numbers
/// below C.
template <class T, class Labels>
[[nodiscard]] variable<T, 0> cross_entropy(variable<T, 2> const& logits, Labels const& labels) {
    std::size_t const batch = logits.shape()[0], classes = logits.shape()[1];
    if (static_cast<std::size_t>(std::size(labels)) != batch)
        throw error{error_kind::use,
                    "hookcam::functional::cross_entropy: there must be one label for each row of logits, " +
                        std::to_string(batch) + "; got " + std::to_string(std::size(labels))};
    auto places = std::make_shared<std::vector<std::size_t>>();
    places->reserve(batch);
    for (auto const label : labels)
        places->push_back(places->size() * classes + detail::checked_index(label, classes, "cross_entropy"));
    auto const chosen =
        detail::take(log_softmax<1>(logits), detail::positions{places}, std::array<std::size_t, 1>{batch});
    return -mean(chosen);
}

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace functional

} // namespace hookcam
