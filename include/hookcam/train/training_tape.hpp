#pragma once

#include "../core/counter_random.hpp"
#include "../core/instruction_set.hpp"
#include "../plan/tape.hpp"
#include "../tensor/memory.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A layer that measures its batch, as batch norm does. The memories lie as the layer's parameters in the model do; only
/// the statistics among them are used.
template <class T>
struct measuring_layer {
    std::size_t parameters; ///< where the layer's begin in the model
    double update_share;    ///< how much of the running statistics a step replaces
    memory<T> measured;     ///< by the last forward
    memory<T> waiting;      ///< the running statistics since the last commit
    memory<T> state;        ///< what forward leaves for backward
};

/// The tape of a training plan, whose own steps know that their tape is one of these.
template <class Tape>
struct training_tape : Tape {
    using value_type = typename Tape::value_type;

    std::vector<measuring_layer<value_type>> measuring;
    memory<value_type> added;        ///< gradients that are to be added to what is there
    std::uint32_t random_layers = 0; ///< how many there are
    std::uint64_t seed = 0;
    std::uint32_t step = 0; ///< of the last forward

    /// The random numbers of a layer in this step.
    [[nodiscard]] counter_random random_of(std::size_t layer) const noexcept {
        return {seed, random_use::dropout, step, static_cast<std::uint32_t>(layer)};
    }

    [[nodiscard]] std::size_t bytes() const {
        std::size_t total = Tape::bytes() + added.size() * sizeof(value_type);
        for (auto const& layer : measuring)
            total += (layer.measured.size() + layer.waiting.size() + layer.state.size()) * sizeof(value_type);
        return total;
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
