#pragma once

#include "../core/fixed_string.hpp"
#include "../core/lists.hpp"
#include "../layers/batch_norm_in_training.hpp"
#include "../layers/dropout/dropout_in_training.hpp"
#include "../plan/forms.hpp"
#include "../plan/lower.hpp"
#include "../plan/mode.hpp"
#include "../plan/requests.hpp"
#include "../plan/value.hpp"
#include "../plan/watch.hpp"
#include "training_tape.hpp"
#include "walk_training.hpp"

#include <cstddef>
#include <type_traits>

namespace hookcam::detail {

// The modes of a training plan: its layers train, but for those below a path that is frozen.

/// What waits at a path from which on layers are frozen, or train.
struct freeze_here {};
struct train_here {};

template <class What, class Here>
inline constexpr bool waits_here = false;
template <class What, class... Here>
inline constexpr bool waits_here<What, list<Here...>> = (false || ... || std::is_same_v<What, Here>);

/// Where nothing is learned, and layers run as in inference.
struct frozen : inference {
    template <class Facts, class Here>
    using inside = std::conditional_t<waits_here<train_here, Here>, typename Facts::where_it_trains, Facts>;
};

template <class Facts>
struct frozen_facts : Facts {
    using where_it_trains = Facts;
    using mode = frozen;
    static constexpr bool parameter_gradients =
        false; // but hooks of parameters' gradients around learned ones
};

/// A mark at each of the paths.
template <class Mark, class Paths>
struct marks_at;
template <class Mark, fixed_string... Paths>
struct marks_at<Mark, path_list<Paths...>> {
    using type = list<at<Paths, 0, Mark>...>;
};

/// Where layers learn, and those that are others in training say so by their member `in_training`.
struct training : inference {
    template <class Layer>
    static constexpr bool changes = requires {
        requires !std::is_same_v<typename Layer::in_training, Layer>;
    };
    template <class Facts, class Here>
    using inside = std::conditional_t<waits_here<freeze_here, Here>, frozen_facts<Facts>, Facts>;
    template <class Request>
    using items = concatenate<typename marks_at<freeze_here, typename Request::frozen>::type,
                              typename marks_at<train_here, typename Request::trained>::type>;
    template <class Tape>
    using tape = training_tape<Tape>;

    template <class Facts, class Layer, class Value>
    static auto lower(lowering<Facts>& into, Layer const&, int node, Value in) {
        using half = typename Layer::in_training;
        static half const runs{};
        if constexpr (draws_random<half>)
            return lower_drawing(into, runs, node, dense(into, in));
        else if constexpr (measures_batch<half>)
            return lower_measuring(into, runs, node, dense(into, in));
        else
            return lower_layer(into, runs, node, in);
    }
};

} // namespace hookcam::detail
