#pragma once

#include "../compose/paths.hpp"
#include "../core/error.hpp"
#include "../core/extents.hpp"
#include "../core/instruction_set.hpp"
#include "../core/threads.hpp"
#include "../core/window.hpp"
#include "../cuda/sum_ending.hpp"
#include "../layers/fusion.hpp"
#include "../layers/layer.hpp"
#include "../tensor/blocked.hpp"
#include "../tensor/memory.hpp"
#include "lifetimes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hookcam::detail {
inline namespace HOOKCAM_INSTRUCTION_SET {

/// A tensor of a running network: an activation, or a gradient.
template <class T>
struct cell {
    T* data = nullptr;
    extents sizes{};     ///< of one image; known once the plan has seen an input
    extents expected{};  ///< what the types say of them
    bool owns = false;   ///< has memory of its own; otherwise a step points it at another cell's
    int other_form = -1; ///< while a network is being lowered: the cell with this value blocked, or dense
    bool stays = false;  ///< is read behind the walk, or by another walk: nothing else takes its place
    /// Where it is an image whose channels are blocked: how many a block has, and how far a window may reach out.
    std::size_t block = 0;
    std::size_t border = 0;
    /// Where its blocks lie among those of another cell, which has a larger index: of which, and from which block on.
    int part_of = -1;
    std::size_t first_block = 0;
    std::size_t blocks_apart = 0; ///< from one image to the next
    bool is_of_part = false;      ///< holds only as many images as a stretch of steps takes at a time

    [[nodiscard]] blocked_layout layout() const {
        return {sizes[0], sizes[1], sizes[2], block, border, blocks_apart};
    }
    /// Elements of one image, with all that lies between its own.
    [[nodiscard]] std::size_t room() const { return block == 0 ? sizes.count() : layout().image(); }
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
    int second_input = -1; ///< of a join; of a hook behind a layer, the output that it looks at
    int output = -1;
    int grad_input = -1;
    int second_grad_input = -1; ///< of a join
    int grad_output = -1;
    int second_grad_output = -1; ///< of a fork; of a hook that also looks at the gradient of a layer's output
    int node = 0;                ///< 0 is the network, i + 1 the i-th path
    std::size_t parameters = 0;  ///< where the layer's begin in the model
    std::size_t state =
        0;          ///< what forward leaves for backward; of a hook, its replacement; of a concat, its offset
    int fused = -1; ///< what the step keeps, and does beside its own work
    bool reads_input = false; ///< of a backward step: whether it reads the values too
    bool reads_output = false;
    bool leaves_device = false; ///< calls a hook, or works in this program's memory
    bool is_by_image = false;   ///< does the same to each image: may run for some of a batch at a time
};

/// Neighbouring steps of a walk that run for a part of a batch after the other, so that what one leaves for the next stays
/// in the cache: from the `begin`-th of all steps, forward and then backward as they run, to `end − 1`.
struct stretch_of_steps {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t images = 0; ///< of a part

    [[nodiscard]] bool holds(std::size_t when) const noexcept { return begin <= when && when < end; }
};

/// What forward leaves for backward, for one layer.
struct state_cell {
    std::size_t bytes = 0; ///< for one image
    memory<std::byte> of_batch;
};

/// What a step keeps: a layer's parameters, packed once. And, of a blocked layer or a sum, what it does before it stores
/// its results: it stands for the layers behind it too, which nobody watches.
template <class T>
struct fused_work {
    /// Of a batch norm: writes each channel's scale and shift.
    void (*scale_and_shift)(T const* parameters, T* scale, T* shift) = nullptr;
    std::size_t scale_parameters = 0; ///< where that layer's begin in the model
    /// The same on a device, for a kernel that does it to its sums.
    kernels::channel_norm (*norm)(T const* parameters) = nullptr;
    int term = -1;                               ///< the cell of a second term
    sum_finish<T> finish;                        ///< the rest; pointers are set when the step runs
    extents (*pooled)(extents const&) = nullptr; ///< sizes behind the pooling

    std::size_t first_block = 0; ///< of a part of a concat, among all blocks
    bool is_in_place = false;    ///< of a part of a concat: it was made there

    memory<T> packed;
    bool is_packed = false;
    memory<T>
        sums; ///< of a backward step to parameters: what it has added up in the parts of the batch so far
    std::vector<std::string (*)()> names; ///< of the layers that it stands for
};

/// A network, lowered to the steps that a request needs: the part of a plan that knows no types but the
/// scalar's.
template <class T>
struct tape {
    using value_type = T;

    std::vector<cell<T>> values;
    std::vector<cell<T>> gradients; ///< sized like the value of the same index in `gradient_of`
    std::vector<int> gradient_of;
    std::vector<step<T>> forward;
    std::vector<step<T>> backward; ///< recorded in order of forward, run in reverse
    std::vector<state_cell> states;
    std::vector<fused_work<T>> fused;
    std::vector<std::size_t> offsets; ///< where the parts of a concat begin in an image
    std::vector<int> kept_values;     ///< what the request keeps, in the order of its paths
    std::vector<int> kept_gradients;
    int output = -1;
    int output_gradient = -1;

    network_table const* table = nullptr;
    T const* parameters = nullptr;
    memory<T> parameter_gradients;

    /// Backward runs once behind each forward: what it has read, it may write over.
    bool is_used_up = false;
    std::size_t workers = 1; ///< threads that share the work of a step
    std::size_t batch = 0;
    std::size_t first_image = 0;             ///< of those that a step is at; `batch` is their number then
    bool is_last_part = true;                ///< no image comes behind them
    std::vector<stretch_of_steps> stretches; ///< in order
    bool goes_back_whole = false;            ///< no backward step runs for a part of a batch
    bool is_laid_out = false;                ///< for that batch, and for the sizes of the input's cell
    std::size_t scratch_bytes = 0;
    memory_place* where = nullptr; ///< all this lies; null is the processor's own memory
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
        workers = num_threads();
        is_laid_out = false; // until all is done: where something throws, the next call lays out again
        struct until_then {  // views of what is not there are empty, not larger than the memory
            tape& of;
            ~until_then() { of.batch = of.is_laid_out ? of.batch : 0; }
        } const guard{*this};
        batch = images;
        scratch_bytes = 0;
        size_value(0, input);
        share_borders();
        for (auto const& s : forward)
            if (s.plan != nullptr)
                s.plan(*this, s);
        for (std::size_t i = 0; i < gradients.size(); ++i)
            gradients[i].sizes = value(gradient_of[i]).sizes;

        find_stretches();
        std::size_t total = 0;
        auto const places = place_cells(images, total);
        arena = memory<T>(total, where);
        for (std::size_t i = 0; i < places.size(); ++i) {
            auto& c = i < values.size() ? values[i] : gradients[i - values.size()];
            if (c.owns)
                c.data = arena.data() + places[i];
        }
        place_parts();
        scratch = memory<std::byte>(scratch_bytes, where);
        for (auto& state : states)
            state.of_batch = memory<std::byte>(images * state.bytes, where);
        is_laid_out = true;
    }

private:
    /// Parts of a cell have its border.
    void share_borders() {
        for (auto const& part : values)
            if (part.part_of >= 0)
                value(part.part_of).border = std::max(value(part.part_of).border, part.border);
        for (auto part = values.rbegin(); part != values.rend(); ++part)
            if (part->part_of >= 0)
                part->border = value(part->part_of).border;
    }

    /// Points each part of a cell at its place in there.
    void place_parts() {
        for (auto part = values.rbegin(); part != values.rend(); ++part)
            if (part->part_of >= 0) {
                auto const& whole = value(part->part_of);
                part->blocks_apart = whole.part_of >= 0 ? whole.blocks_apart : whole.layout().blocks();
                part->data = whole.data + part->first_block * whole.layout().plane();
            }
    }

    [[nodiscard]] std::size_t step_count() const noexcept { return forward.size() + backward.size(); }
    /// A step by when it runs: those of backward come behind those of forward, in reverse.
    [[nodiscard]] step<T> const& step_at(std::size_t when) const {
        return when < forward.size() ? forward[when] : backward[step_count() - 1 - when];
    }

    /// Bytes of one image in the cells that a step reads and writes.
    [[nodiscard]] std::size_t bytes_of_image(step<T> const& s, bool is_backward) {
        std::size_t room = 0;
        auto const add = [&room](auto& cells, auto... indices) {
            for (int const index : {indices...})
                room += index < 0 ? 0 : cells[static_cast<std::size_t>(index)].room();
        };
        if (is_backward) {
            add(gradients, s.grad_input, s.second_grad_input, s.grad_output, s.second_grad_output);
            add(values, s.reads_input ? s.input : -1, s.reads_output ? s.output : -1);
        } else {
            add(values, s.input, s.second_input, s.output);
            add(values, s.fused < 0 ? -1 : fused[static_cast<std::size_t>(s.fused)].term);
        }
        return room * sizeof(T);
    }

    /// The stretches of steps that are worth it: where a part of the batch fits the second cache with all that a step reads
    /// and writes, and the weights of the steps are not so large that reading them for each part costs more.
    void find_stretches() {
        constexpr std::size_t bytes_of_part = std::size_t{1} << 20;
        constexpr std::size_t most_kept = std::size_t{1} << 19;
        auto const kept_bytes_of = [this](step<T> const& s) {
            if (s.fused < 0)
                return std::size_t{0};
            auto const& work = fused[static_cast<std::size_t>(s.fused)];
            return (work.packed.size() + work.sums.size()) * sizeof(T);
        };
        stretches.clear();
        std::size_t const count = goes_back_whole ? forward.size() : step_count();
        for (std::size_t i = 0; i < count;) {
            stretch_of_steps found{i, i, batch};
            bool const is_backward = i >= forward.size();
            for (; found.end < (is_backward ? count : forward.size()); ++found.end) {
                auto const& s = step_at(found.end);
                std::size_t const fit =
                    bytes_of_part / std::max<std::size_t>(1, bytes_of_image(s, is_backward));
                if (!s.is_by_image || fit < 2 || kept_bytes_of(s) > most_kept)
                    break;
                found.images = std::min(found.images, fit * workers);
            }
            if (found.end > i + 1 && found.images < batch)
                stretches.push_back(found);
            i = std::max(found.end, i + 1);
        }
    }

    /// Points the cells that hold the whole batch at other images of it.
    template <class Move>
    void move_cells(std::size_t images, Move move) {
        for (auto* const cells : {&values, &gradients})
            for (auto& c : *cells)
                if (c.data != nullptr && !c.is_of_part)
                    c.data = move(c.data, images * c.room());
    }

    /// Runs a stretch's steps. What outlives it holds the whole batch; the rest is written again for each part.
    void run_stretch(stretch_of_steps const& of) {
        struct whole_again { // however it ends
            tape& of;
            std::size_t all;
            ~whole_again() {
                of.move_cells(of.first_image, [](T* data, std::size_t count) { return data - count; });
                of.first_image = 0;
                of.batch = all;
                of.is_last_part = true;
            }
        } const whole{*this, batch};
        while (true) {
            batch = std::min(of.images, whole.all - first_image);
            is_last_part = first_image + batch == whole.all;
            for (std::size_t i = of.begin; i < of.end; ++i)
                step_at(i).run(*this, step_at(i));
            if (is_last_part)
                return;
            move_cells(batch, [](T* data, std::size_t count) { return data + count; });
            first_image += batch;
        }
    }

    void run_steps(std::size_t begin, std::size_t end) {
        std::size_t next = begin;
        auto const run_until = [&](std::size_t when) {
            for (; next < when; ++next)
                step_at(next).run(*this, step_at(next));
        };
        for (auto const& stretch : stretches)
            if (begin <= stretch.begin && stretch.begin < end) {
                run_until(stretch.begin);
                run_stretch(stretch);
                next = stretch.end;
            }
        run_until(end);
    }

    /// Where the cells that own memory lie in the arena: in the places of others that nobody needs any more. The cells
    /// of values come first, then those of gradients. `total` is set to the size of it all.
    [[nodiscard]] std::vector<std::size_t> place_cells(std::size_t images, std::size_t& total) {
        std::size_t const count = values.size() + gradients.size();
        auto const gradient_at = [this](int index) {
            return values.size() + static_cast<std::size_t>(index);
        };

        // A cell without memory of its own is part of another one, or is pointed at the one that its step reads.
        shared_places shared{count};
        for (std::size_t i = 0; i < values.size(); ++i)
            if (values[i].part_of >= 0)
                shared.join(i, static_cast<std::size_t>(values[i].part_of));
        auto const share = [&](bool owns, std::size_t cell, std::size_t with) {
            if (!owns)
                shared.join(cell, with);
        };
        for (auto const& s : forward)
            if (s.output >= 0 && s.input >= 0) {
                auto const& made = values[static_cast<std::size_t>(s.output)];
                share(made.owns || made.part_of >= 0, static_cast<std::size_t>(s.output),
                      static_cast<std::size_t>(s.second_input >= 0 ? s.second_input : s.input));
            }
        for (auto const& s : backward)
            for (int const written : {s.grad_input, s.second_grad_input})
                if (written >= 0 && s.grad_output >= 0)
                    share(gradients[static_cast<std::size_t>(written)].owns, gradient_at(written),
                          gradient_at(s.grad_output));

        std::vector<lifetime> lives(count);
        std::size_t const end = step_count();
        auto const touch_value = [&](int index, std::size_t when) {
            if (index >= 0)
                lives[shared.of(static_cast<std::size_t>(index))].touch(when);
        };
        auto const touch_gradient = [&](int index, std::size_t when) {
            if (index >= 0)
                lives[shared.of(gradient_at(index))].touch(when);
        };
        touch_value(0, 0);
        for (std::size_t i = 0; i < forward.size(); ++i) {
            auto const& s = forward[i];
            for (int const index : {s.input, s.second_input, s.output})
                touch_value(index, i);
            if (s.fused >= 0)
                touch_value(fused[static_cast<std::size_t>(s.fused)].term, i);
        }
        for (std::size_t i = forward.size(); i < end; ++i) {
            auto const& s = step_at(i);
            for (int const index : {s.grad_input, s.second_grad_input, s.grad_output, s.second_grad_output})
                touch_gradient(index, i);
            // Backward may run again from another gradient: then what it reads stays.
            std::size_t const until = is_used_up ? i : end;
            if (s.reads_input)
                for (int const index : {s.input, s.second_input})
                    touch_value(index, until);
            if (s.reads_output)
                touch_value(s.output, until);
        }

        auto const cell_at = [this](std::size_t i) -> cell<T> const& {
            return i < values.size() ? values[i] : gradients[i - values.size()];
        };
        for (std::size_t i = 0; i < count; ++i)
            if (cell_at(i).stays) {
                lives[shared.of(i)].touch(0);
                lives[shared.of(i)].touch(end);
            }
        // While a stretch runs, what is there before it or behind it holds the whole batch.
        std::vector<std::size_t> held(count, images);
        for (auto const& stretch : stretches)
            for (std::size_t i = 0; i < count; ++i) {
                auto& life = lives[i];
                bool const begins = stretch.holds(life.first);
                bool const ends = life.first <= life.last && stretch.holds(life.last);
                if (begins && ends && i != shared.of(0)) {
                    held[i] = stretch.images;
                } else if (begins || ends) {
                    life.touch(std::min(life.first, stretch.begin));
                    life.touch(stretch.end - 1);
                }
            }
        constexpr auto line = memory<T>::alignment / sizeof(T);
        for (std::size_t i = 0; i < count; ++i) {
            std::size_t const root = shared.of(i);
            if (cell_at(i).owns)
                lives[root].size =
                    std::max(lives[root].size, (held[root] * cell_at(i).room() + line - 1) / line * line);
            (i < values.size() ? values[i] : gradients[i - values.size()]).is_of_part = held[root] < images;
        }
        total = place(lives);
        std::vector<std::size_t> offsets_of_cells(count);
        for (std::size_t i = 0; i < count; ++i)
            offsets_of_cells[i] = lives[shared.of(i)].offset;
        return offsets_of_cells;
    }

public:
    /// Makes the next forward pack the parameters again.
    void forget_packed() noexcept {
        for (auto& work : fused)
            work.is_packed = false;
    }

    void run_forward() { run_steps(0, forward.size()); }
    void run_backward() { run_steps(forward.size(), step_count()); }

    /// Bytes of packed parameters.
    [[nodiscard]] std::size_t packed_bytes() const {
        std::size_t total = 0;
        for (auto const& work : fused)
            total += work.packed.size() * sizeof(T);
        return total;
    }

    /// Bytes that the plan holds for one input size.
    [[nodiscard]] std::size_t bytes() const {
        std::size_t total = (arena.size() + parameter_gradients.size()) * sizeof(T) + scratch.size();
        for (auto const& state : states)
            total += state.of_batch.size();
        for (auto const& work : fused)
            total += work.sums.size() * sizeof(T);
        return total + packed_bytes();
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET
} // namespace hookcam::detail
