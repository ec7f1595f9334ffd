#pragma once

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../tensor/device_view.hpp"
#include "../tensor/shape_check.hpp"
#include "../tensor/view.hpp"
#include "loss_result.hpp"
#include "reduction.hpp"

#include <array>
#include <cstddef>
#include <type_traits>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// The losses that compare element with element.
template <class T>
class element_loss {
public:
    explicit element_loss(reduction how) : m_reduction{how} {}

    /// `of_element(index, x, t)` returns an element's loss and its derivative by x.
    template <class Input, class Target, class Function>
    auto run(char const* sentence, Input const& input, Target const& target, Function const& of_element) {
        static_assert((an_expression<Input> || is_device_view<Input>)&&(an_expression<Target> ||
                                                                        is_device_view<Target>),
                      "hookcam::mse_loss: input and target must be xtensor expressions");
        static_assert(std::is_same_v<std::remove_cv_t<typename Input::value_type>, T> &&
                          std::is_same_v<std::remove_cv_t<typename Target::value_type>, T>,
                      "hookcam::mse_loss: input and target must hold the loss's scalar; convert them");
        constexpr std::size_t rank = axes_of<Input>();
        static_assert(rank >= 1 && rank != dynamic,
                      "hookcam::mse_loss: the input must have a number of axes that is known by type");
        std::array<std::size_t, rank> shape{};
        std::size_t size = 1;
        for (std::size_t axis = 0; axis < rank; ++axis)
            size *= shape[axis] = static_cast<std::size_t>(input.shape()[axis]);
        check_shape(target, shape, error_kind::shape, sentence);

        T* const gradient = m_gradient.of_size(size);
        T* const values = m_values.of_size(size);
        fetch(view_of<rank>(gradient, shape), input);
        fetch(view_of<rank>(values, shape), target);
        bool const is_mean = m_reduction == reduction::mean;
        T const scale = is_mean ? T{1} / static_cast<T>(size) : T{1};
        double sum = 0;
        for (std::size_t i = 0; i < size; ++i) {
            auto const [loss, derivative] = of_element(i, gradient[i], values[i]);
            values[i] = loss;
            gradient[i] = scale * derivative;
            sum += static_cast<double>(loss);
        }
        return loss_result<T, rank, rank>{static_cast<T>(is_mean ? sum / static_cast<double>(size) : sum),
                                          view_of<rank>(static_cast<T const*>(gradient), shape),
                                          view_of<rank>(static_cast<T const*>(values), shape)};
    }

private:
    reduction m_reduction;
    growing<T> m_gradient;
    growing<T> m_values;
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
