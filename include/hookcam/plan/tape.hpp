#pragma once

#include "../compose/paths.hpp"
#include "../core/error.hpp"
#include "../core/extents.hpp"
#include "../layers/layer.hpp"
#include "../tensor/memory.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hookcam::detail {

/// A tensor of a running network: an activation, or a gradient.
template <class T>
struct cell {
    T* data = nullptr;
    extents sizes{};    ///< of one image; known once the plan has seen an input
    extents expected{}; ///< what the types say of them
    bool owns = false;  ///< has memory of its own; otherwise a step points it at another cell's
};

template <class T>
struct tape;

/// One thing to do in a walk. What it does is in the type of the function; where it does it is here, so that
/// equal layers at different places share one function. Indices are those of cells; −1 is none. A backward
/// step reads gradients of outputs and writes gradients of inputs.
template <class T>
struct step {
    using function = void (*)(tape<T>&, step const&);

    function run = nullptr;
    function plan = nullptr;      ///< derives sizes when the input's change
    void const* object = nullptr; ///< the layer, or the hook
    char const* what = "";        ///< for a person who asks what a plan does
    std::string (*type_name)() = nullptr;
    int input = -1;
    int second_input = -1; ///< of a join
    int output = -1;
    int grad_input = -1;
    int second_grad_input = -1; ///< of a join
    int grad_output = -1;
    int second_grad_output = -1; ///< of a fork; of a hook that also looks at the gradient of a layer's output
    int node = 0;                ///< 0 is the network, i + 1 the i-th path
    std::size_t parameters = 0;  ///< where the layer's begin in the model
    std::size_t state =
        0; ///< what forward leaves for backward; of a hook, its replacement; of a concat, its offset
};

/// What forward leaves for backward, for one layer.
struct state_cell {
    std::size_t bytes = 0; ///< for one image
    memory<std::byte> of_batch;
};

/// A network, lowered to the steps that a request needs: the part of a plan that knows no types but the
/// scalar's.
template <class T>
struct tape {
    std::vector<cell<T>> values;
    std::vector<cell<T>> gradients; ///< sized like the value of the same index in `gradient_of`
    std::vector<int> gradient_of;
    std::vector<step<T>> forward;
    std::vector<step<T>> backward; ///< recorded in order of forward, run in reverse
    std::vector<state_cell> states;
    std::vector<std::size_t> offsets; ///< where the parts of a concat begin in an image
    std::vector<int> kept_values;     ///< what the request keeps, in the order of its paths
    std::vector<int> kept_gradients;
    int output = -1;
    int output_gradient = -1;

    network_table const* table = nullptr;
    T const* parameters = nullptr;
    memory<T> parameter_gradients;

    std::size_t batch = 0;
    std::size_t scratch_bytes = 0;
    memory<T> arena;
    memory<std::byte> scratch;

    int add_value(extents const& expected, bool owns) {
        values.push_back({nullptr, {}, expected, owns});
        return static_cast<int>(values.size()) - 1;
    }
    /// The gradient of a value. It has no memory until a step that writes it claims some.
    int add_gradient(int value) {
        gradients.emplace_back();
        gradient_of.push_back(value);
        return static_cast<int>(gradients.size()) - 1;
    }

    [[nodiscard]] cell<T>& value(int index) { return values[static_cast<std::size_t>(index)]; }
    [[nodiscard]] cell<T>& gradient(int index) { return gradients[static_cast<std::size_t>(index)]; }

    [[nodiscard]] std::string_view path_of(int node) const {
        return node == 0 ? std::string_view{}
                         : std::string_view{table->paths[static_cast<std::size_t>(node) - 1]};
    }

    /// Sets a value's sizes and holds them against those that the types promised.
    void size_value(int index, extents const& sizes) {
        auto& made = value(index);
        if (!compatible(made.expected, sizes) || !sizes.is_known())
            throw error{error_kind::shape, "hookcam::plan: a tensor must be of size " +
                                               to_string(made.expected) + " as its type says; got " +
                                               to_string(sizes)};
        made.sizes = sizes;
    }

    /// Lays everything out for a batch of a size. Allocates.
    void lay_out(std::size_t images, extents const& input) {
        batch = 0; // until all is done, the next call lays out again
        scratch_bytes = 0;
        size_value(0, input);
        for (auto const& s : forward)
            if (s.plan != nullptr)
                s.plan(*this, s);
        for (std::size_t i = 0; i < gradients.size(); ++i)
            gradients[i].sizes = value(gradient_of[i]).sizes;

        auto const room = [images](cell<T> const& c) {
            auto const line = memory<T>::alignment / sizeof(T);
            return c.owns ? (images * c.sizes.count() + line - 1) / line * line : std::size_t{0};
        };
        std::size_t total = 0;
        for (auto const& c : values)
            total += room(c);
        for (auto const& c : gradients)
            total += room(c);
        arena = memory<T>(total);
        auto* next = arena.data();
        for (auto* cells : {&values, &gradients})
            for (auto& c : *cells) {
                if (c.owns)
                    c.data = next;
                next += room(c);
            }
        scratch = memory<std::byte>(scratch_bytes);
        for (auto& state : states)
            state.of_batch = memory<std::byte>(images * state.bytes);
        batch = images;
    }

    void run_forward() {
        for (auto const& s : forward)
            s.run(*this, s);
    }

    void run_backward() {
        for (auto s = backward.rbegin(); s != backward.rend(); ++s)
            s->run(*this, *s);
    }

    /// Bytes that the plan holds for one input size.
    [[nodiscard]] std::size_t bytes() const {
        std::size_t total = (arena.size() + parameter_gradients.size()) * sizeof(T) + scratch.size();
        for (auto const& state : states)
            total += state.of_batch.size();
        return total;
    }
};

} // namespace hookcam::detail
