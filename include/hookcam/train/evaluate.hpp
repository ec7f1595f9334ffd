#pragma once

#include "../core/instruction_set.hpp"
#include "../plan/plan.hpp"
#include "../tensor/device_view.hpp"
#include "accuracy.hpp"

#include <cstddef>
#include <limits>

namespace hookcam {

/// What a model makes of images that it is tested with.
struct evaluation {
    double loss = 0;         ///< the mean over all images, where the criterion's is the mean over a batch's
    std::size_t correct = 0; ///< of how many the class is right
    std::size_t count = 0;   ///< of all

    /// The share of them whose class is right, 0 to 1.
    [[nodiscard]] double accuracy() const noexcept {
        return count == 0 ? std::numeric_limits<double>::quiet_NaN()
                          : static_cast<double>(correct) / static_cast<double>(count);
    }
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// Runs a model in inference over a loader's batches (`batch.images`, `batch.labels`), once. Takes the shape of an
/// image as `plan` does.
template <class Shape = any_shape, class Model, class Loader, class Criterion>
[[nodiscard]] evaluation evaluate(Model& model, Loader& loader, Criterion& criterion) {
    auto infer = plan<Shape>(model);
    evaluation result;
    for (auto const& batch : loader) {
        auto const output = infer.forward(batch.images);
        auto const& logits = detail::here(output);
        auto const images = batch.labels.size();
        result.loss +=
            static_cast<double>(criterion(logits, batch.labels).value) * static_cast<double>(images);
        result.correct += correct_count(logits, batch.labels);
        result.count += images;
    }
    result.loss /= static_cast<double>(result.count);
    return result;
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
