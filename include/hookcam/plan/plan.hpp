#pragma once

#include "../compose/output_shape.hpp"
#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../core/owner.hpp"
#include "../tensor/device_tensor.hpp"
#include "../tensor/shape_check.hpp"
#include "../tensor/view.hpp"
#include "lower.hpp"
#include "mode.hpp"
#include "model.hpp"
#include "repeated_work.hpp"
#include "requests.hpp"
#include "source.hpp"
#include "staging.hpp"
#include "tape.hpp"
#include "watch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hookcam {

/// The shape of a plan that reads sizes at its first call.
struct any_shape {};

namespace detail {

/// What a plan for a GPU has of its own: a stream, memory of this program through which inputs and gradients go, and what it
/// does there again and again.
template <class Device, class T>
struct device_side {
    static constexpr memory_place* place() noexcept { return nullptr; }
};
template <class Device, class T>
    requires a_gpu<Device>
struct device_side<Device, T> {
    using stream_type = typename Device::stream_type;

    stream_type stream;
    staging<T, stream_type> input{stream};
    staging<T, stream_type> gradient{stream};
    bool repeats = false; ///< no step leaves the device
    repeated_work<stream_type> forward;
    repeated_work<stream_type> backward;
    repeated_work<stream_type> all; ///< of a call of the plan

    memory_place* place() noexcept { return &stream; }

    void forget() noexcept {
        forward.forget();
        backward.forget();
        all.forget();
    }
};

/// The elements of a batch whose sizes are known.
[[nodiscard]] inline std::size_t size_of_batch(std::size_t images, extents const& sizes) {
    std::size_t size = images;
    for (std::size_t axis = 0; axis < sizes.rank; ++axis)
        size *= sizes[axis];
    return size;
}

/// True where a plan for a device can read a tensor: all can read expressions of this program's memory.
template <class Tensor, class Device>
constexpr bool can_be_read_on() {
    if constexpr (is_device_view<Tensor>)
        return std::is_same_v<decltype(std::declval<Tensor const&>().device()), Device>;
    else
        return true;
}

/// Shows in its arguments the tensor and the device.
template <class Tensor, class Device, bool IsThere>
struct tensor_must_lie_where_model_does {
    static_assert(
        IsThere,
        "hookcam::plan: a tensor on a device must be given to a plan of a model on that device; take "
        "its to_host(), or copy the model there");
    static constexpr bool value = true;
};

/// True where a network can begin with inputs of these sizes.
template <class Network, extents In>
concept begins_with = requires {
    typename std::integral_constant<std::size_t, output_sizes<Network>(In).rank>;
};

/// The shape type of a network's input, of run-time sizes where none are given: images, unless only feature
/// vectors fit.
template <class Network, class Shape>
constexpr auto input_shape_of() {
    if constexpr (!std::is_same_v<Shape, any_shape>)
        return Shape{};
    else if constexpr (!begins_with<Network, image<>::value> && begins_with<Network, features<>::value>)
        return features<>{};
    else
        return image<>{};
}

struct plan_access;

/// Shows in its argument what was made for which a plan must be asked.
template <class Request, bool Asked>
struct plan_must_be_asked_for {
    static_assert(Asked, "hookcam::plan: a plan must be asked for gradients when it is made; give it a "
                         "gradients_request, or add with_input_gradient or with_parameter_gradients");
    static constexpr bool value = true;
};

/// What the shape of a plan's input says.
struct input_sizes_found {
    bool has_batch;
    std::size_t images;
    extents sizes;
};

/// Throws unless it has `rank` axes, or one more for the batch, and elements.
template <class InputShape>
[[nodiscard]] input_sizes_found sizes_of_input(std::size_t rank, InputShape const& shape) {
    std::size_t const dimension = shape.size();
    if (dimension != rank && dimension != rank + 1)
        throw error{error_kind::shape, "hookcam::plan: the input must have " + std::to_string(rank) +
                                           " axes, or one more for the batch; got " +
                                           std::to_string(dimension)};
    bool const has_batch = dimension == rank + 1;
    std::size_t const images = has_batch ? static_cast<std::size_t>(shape[0]) : 1;
    extents sizes;
    sizes.rank = rank;
    for (std::size_t axis = 0; axis < rank; ++axis)
        sizes.sizes[axis] = static_cast<std::size_t>(shape[axis + (has_batch ? 1 : 0)]);
    if (images == 0 || sizes.count() == 0)
        throw error{error_kind::shape, "hookcam::plan: the input must not be empty; got " +
                                           std::to_string(images) + " images of size " + to_string(sizes)};
    return {has_batch, images, sizes};
}

} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// Runs a model. It borrows the model and owns what running needs; its type says what was asked for. The
/// first call sizes its buffers, later calls allocate nothing. What it returns are views into it, good until
/// its next call. Movable. One plan serves one thread at a time; any number of plans may share a model.
template <class Model, class Request, class Shape = any_shape>
class planned {
    using source = typename detail::source_of<Model>::type;

public:
    using network_type = typename source::network_type;
    using value_type = typename source::value_type;
    using device_type = typename source::device_type;
    /// What the plan was asked for.
    using request_type = Request;
    /// The shape of an input without the batch, as far as it is known by type.
    using input_shape = decltype(detail::input_shape_of<network_type, Shape>());
    /// The shape of the output, likewise.
    using output_shape = hookcam::output_shape<network_type, input_shape>;

    /// Made by `plan`.
    planned(source from, Request request) : m_state{new state(std::move(from), std::move(request))} {
        build();
    }

    /// What the request says: `plan(image)`, `plan(image, target)` … The input is an xtensor expression of
    /// the model's scalar, N,C,H,W or one image C,H,W (N,F or F for feature vectors).
    template <class Input, class... More>
    decltype(auto) operator()(Input const& input, More&&... more) {
        return m_state->request.run(*this, input, std::forward<More>(more)...);
    }

    /// Forward alone. Returns a view of the output, the batch first. A plan of a model on a device takes a `device_tensor`
    /// or a view of one too, which does not pass this program's memory.
    template <class Input>
    auto forward(Input const& input) {
        take(input);
        return forward();
    }

    /// For requests: sizes the plan for an input and copies it in; `forward()` goes on from there.
    template <class Input>
    void take(Input const& input) {
        m_state->is_forward_done = false;
        if (auto const changes = m_state->from.changes(); changes != m_state->packed_at) {
            m_state->t.forget_packed();
            m_state->packed_at = changes;
        }
        copy_in(input);
    }

    /// For requests: forward of the input that was taken. Returns a view of the output, the batch first.
    auto forward() {
        auto& t = m_state->t;
        // slots: begin
        if constexpr (source::run_time_hooks) {
            auto const walk = t.walk_with(m_state->from.registry().snapshot());
            t.run_forward();
        } else
            // slots: end
            repeat(
                [](auto& side) -> auto& { return side.forward; }, [&t] { t.run_forward(); });
        m_state->is_forward_done = true;
        return output();
    }

    /// For requests: does `work()`, which begins with `forward()`. On a device, where no hook and no layer needs this
    /// program, what it starts is recorded at the second call with inputs of a size, and started as a whole from then on:
    /// then `work` is not called, and where its results lie must not change.
    template <class Work>
    void repeat(Work const& work) {
        repeat(
            [](auto& side) -> auto& { return side.all; }, work);
        m_state->is_forward_done = true;
    }

    /// Makes the next call read all parameters anew. A plan keeps some of them packed for its kernels, and notices by
    /// itself when the model hands out mutable access; call this after writing through a view that was kept from before.
    void refresh() noexcept { m_state->t.forget_packed(); }

    /// Backward alone, after forward: from the gradient of the output, an expression of its shape.
    template <class Gradient>
    void backward(Gradient const& grad_output) {
        require_gradients<Request::differentiates>();
        require_forward();
        constexpr char const* sentence =
            "hookcam::plan: the gradient of the output must have the output's shape";
        constexpr bool is_there = detail::can_be_read_on<Gradient, device_type>();
        static_assert(detail::tensor_must_lie_where_model_does<Gradient, device_type, is_there>::value);
        if constexpr (detail::is_device_view<Gradient> && is_there) {
            static_assert(std::is_same_v<std::remove_cv_t<typename Gradient::value_type>, value_type>,
                          "hookcam::plan: the gradient of the output must hold the model's scalar; make a "
                          "device_tensor of that");
            auto const place = gradient_view<output_shape::rank>(m_state->t.output_gradient);
            detail::check_shape(grad_output, place.shape(), error_kind::shape, sentence);
            detail::copy_from_stream(
                m_state->side.stream, m_state->t.gradient(m_state->t.output_gradient).data,
                *grad_output.device().stream, grad_output.data(), grad_output.size() * sizeof(value_type));
            run_backward();
        } else if constexpr (is_there) {
            auto place = gradient_to_fill();
            detail::check_shape(grad_output, place.shape(), error_kind::shape, sentence);
            detail::fill(place, grad_output);
            backward();
        }
    }

    /// The same from what was written to `gradient_to_fill()`.
    void backward() {
        auto& t = m_state->t;
        require_gradients<Request::differentiates>();
        require_forward();
        if constexpr (detail::a_gpu<device_type>) {
            auto const& seed = t.gradient(t.output_gradient);
            auto& staged = m_state->side.gradient;
            static_cast<void>(staged.room(detail::size_of_batch(t.batch, seed.sizes)));
            staged.send(seed.data);
        }
        run_backward();
    }

    /// A view of the last output.
    [[nodiscard]] auto output() const { return value_view<output_shape::rank>(m_state->t.output); }

    /// Where the gradient of the output goes before `backward()`: a view to write to, in this program's memory.
    [[nodiscard]] auto gradient_to_fill() {
        require_gradients<Request::differentiates>();
        auto& t = m_state->t;
        auto const& cell = t.gradient(t.output_gradient);
        if constexpr (detail::a_gpu<device_type>) {
            auto* const to = m_state->side.gradient.room(detail::size_of_batch(t.batch, cell.sizes));
            return detail::batch_view<output_shape::rank>(to, t.batch, cell.sizes);
        } else {
            return detail::batch_view<output_shape::rank>(cell.data, t.batch, cell.sizes);
        }
    }

    /// A view of a layer's last output, which the request names.
    template <fixed_string Path>
    [[nodiscard]] auto activation() const {
        constexpr auto index = kept_index<Path>(typename Request::activations{});
        return value_view<rank_at<Path>>(m_state->t.kept_values[index]);
    }

    /// A view of the gradient of a layer's last output, which the request names.
    template <fixed_string Path>
    [[nodiscard]] auto gradient() const {
        require_gradients<Request::differentiates>();
        constexpr auto index = kept_index<Path>(typename Request::gradients{});
        return gradient_view<rank_at<Path>>(m_state->t.kept_gradients[index]);
    }

    // slots: begin
    /// The last output of the layer that was chosen at run time: a view of run-time rank.
    [[nodiscard]] detail::any_seen<value_type, device_type> chosen_activation() const {
        static_assert(Request::chooses_path,
                      "hookcam::plan: must be made by a request that chooses a path; use "
                      "activation<\"path\">()");
        auto const& t = m_state->t;
        return detail::any_view_of_cell<device_type>(t, t.values[index(t.node_values[index(t.chosen)])]);
    }
    /// The gradient there: a view of run-time rank.
    [[nodiscard]] detail::any_seen<value_type, device_type> chosen_gradient() const {
        static_assert(Request::chooses_path,
                      "hookcam::plan: must be made by a request that chooses a path; use "
                      "gradient<\"path\">()");
        auto const& t = m_state->t;
        return detail::any_view_of_cell<device_type>(t,
                                                     t.gradients[index(t.node_gradients[index(t.chosen)])]);
    }
    // slots: end

    /// A view of the gradient of the network's input.
    [[nodiscard]] auto input_gradient() const {
        require_gradients<Request::differentiates && Request::input_gradient>();
        return gradient_view<input_shape::rank>(m_state->input_gradient);
    }

    /// A view of the gradient of a parameter by its key, `parameter_gradient("conv1.weight")`, summed over
    /// the batch. An unknown key, or that of a statistic, throws.
    [[nodiscard]] auto parameter_gradient(std::string_view key) const {
        require_gradients<Request::differentiates && Request::parameter_gradients>();
        static_assert(detail::keys_differ<network_type>);
        auto const& t = m_state->t;
        std::string keys;
        for (auto const& row : t.table->parameters) {
            if (!row.is_learned)
                continue;
            if (row.key == key)
                return detail::any_view_on<device_type>(t, t.parameter_gradients.data() + row.offset,
                                                        row.sizes);
            keys += ' ' + row.key;
        }
        throw error{error_kind::use, "hookcam::plan: the network must learn the parameter \"" +
                                         std::string{key} + "\"; take one of:" + keys};
    }

    /// The number of images of the last call.
    [[nodiscard]] std::size_t batch() const noexcept { return m_state->t.batch; }

    /// The sizes of the last input, without the batch.
    [[nodiscard]] extents input_sizes() const { return m_state->t.values[0].sizes; }

    /// The bytes that the plan holds for the sizes of its last call.
    [[nodiscard]] std::size_t memory() const { return m_state->t.bytes(); }

    /// How many of these are parameters, packed for the kernels that read them.
    [[nodiscard]] std::size_t packed_memory() const { return m_state->t.packed_bytes(); }

    /// What the plan does, a line a step: forward, then backward, as `backward linear<512, 10> fc2`.
    [[nodiscard]] std::vector<std::string> steps() const {
        std::vector<std::string> lines;
        auto const& t = m_state->t;
        auto const line = [&](auto const& s) {
            std::string text{s.what};
            if (s.type_name != nullptr)
                text += ' ' + s.type_name();
            if (s.node != 0)
                text += ' ' + std::string{t.path_of(s.node)};
            return text;
        };
        for (auto const& s : t.forward) {
            lines.push_back(line(s));
            if (s.fused >= 0)
                for (auto const& name : t.fused[index(s.fused)].names)
                    lines.back() += " + " + name();
        }
        std::transform(t.backward.rbegin(), t.backward.rend(), std::back_inserter(lines), line);
        return lines;
    }

    /// For requests: what they keep from call to call.
    [[nodiscard]] auto& storage() noexcept { return m_state->storage; }

    // slots: begin
    /// For requests that choose a path: throws unless the output of the layer there has so many axes, without
    /// the batch, and lists the paths of those that have.
    void require_chosen_rank(std::size_t rank) const {
        auto const& t = m_state->t;
        auto const rank_of_node = [&t](std::size_t node) {
            return t.values[index(t.node_values[node])].expected.rank;
        };
        if (rank_of_node(index(t.chosen)) == rank)
            return;
        std::string message = "hookcam::plan: the output of the layer \"" + std::string{t.path_of(t.chosen)} +
                              "\" must have " + std::to_string(rank) + " axes beside the batch; take one of:";
        for (std::size_t node = 1; node < t.node_values.size(); ++node)
            if (rank_of_node(node) == rank)
                message += ' ' + t.table->paths[node - 1];
        throw error{error_kind::use, message};
    }
    // slots: end

    /// The request, with what its user put into it.
    [[nodiscard]] Request& request() noexcept { return m_state->request; }
    /// The same of a plan that is const.
    [[nodiscard]] Request const& request() const noexcept { return m_state->request; }

private:
    friend struct detail::plan_access;
    struct state {
        state(source&& a, Request&& b) : from{std::move(a)}, request{std::move(b)} {}
        source from;
        Request request;
        [[no_unique_address]] detail::device_side<device_type, value_type> side{};
        typename Request::template storage<value_type, output_shape::rank> storage{};
        typename detail::mode_of<Request>::template tape<typename source::tape_type> t;
        int input_gradient = -1;
        std::size_t packed_at = 0;    ///< the model's count of changes when its parameters were packed
        bool is_forward_done = false; ///< not so where a hook threw on the way
    };
    // On the heap, since the steps point at the hooks that the source may hold.
    detail::owner<state> m_state;

    static std::size_t index(int of) { return static_cast<std::size_t>(of); }

    template <bool Asked>
    static constexpr void require_gradients() {
        static_assert(detail::plan_must_be_asked_for<Request, Asked>::value);
    }

    void require_forward() const {
        if (!m_state->is_forward_done)
            throw error{error_kind::use, "hookcam::plan: forward must have run to its end before backward; "
                                         "call forward(input) first"};
    }

    template <fixed_string Path, class Paths>
    static constexpr std::size_t kept_index(Paths) {
        constexpr auto found = detail::index_of_path<Path>(Paths{});
        static_assert(found < Paths::size,
                      "hookcam::plan: the request must name this path when the plan is made; add it there");
        return found;
    }

    template <fixed_string Path>
    static constexpr std::size_t
        rank_at = detail::sizes_at<network_type>(Path.view(), input_shape::value).sizes.rank;

    template <std::size_t Rank>
    [[nodiscard]] auto value_view(int cell) const {
        auto const& t = m_state->t;
        return detail::view_of_cell<Rank, device_type>(t, t.values[index(cell)]);
    }
    template <std::size_t Rank>
    [[nodiscard]] auto gradient_view(int cell) const {
        auto const& t = m_state->t;
        return detail::view_of_cell<Rank, device_type>(t, t.gradients[index(cell)]);
    }

    void build() {
        static_assert(detail::check_paths<network_type>(typename Request::activations{}));
        static_assert(detail::check_paths<network_type>(typename Request::gradients{}));
        using items = detail::concatenate<typename source::items, detail::items_of_request<Request>,
                                          typename detail::mode_of<Request>::template items<Request>>;
        using facts = detail::facts_of<source, Request>;
        using at_root = detail::narrowed_at_root<typename detail::watch_of<items>::type>;
        auto& t = m_state->t;
        t.table = &detail::table_of<network_type>();
        t.where = m_state->side.place();
        t.parameters = m_state->from.parameters();
        t.kept_values.assign(Request::activations::size, -1);
        t.kept_gradients.assign(Request::gradients::size, -1);
        if constexpr (Request::parameter_gradients)
            t.parameter_gradients = hookcam::memory<value_type>(t.table->size, t.where);
        // slots: begin
        if constexpr (source::run_time_hooks) {
            t.node_values.assign(t.table->paths.size() + 1, -1);
            t.node_gradients.assign(t.table->paths.size() + 1, -1);
        }
        if constexpr (Request::chooses_path) {
            static_assert(source::run_time_hooks,
                          "hookcam::plan: a path given at run time needs a model with run-time "
                          "hooks; make one by with_runtime_hooks(model)");
            t.chosen = node_of(m_state->request.path());
        }
        // slots: end

        detail::lowering<facts> into{t};
        // slots: begin
        if constexpr (!std::is_same_v<typename source::slots_type, detail::leaves_for<>>)
            into.attached.slots = &m_state->from.slots();
        // slots: end
        detail::value<input_shape, detail::need::never, false, true> const input{
            t.add_value(input_shape::value, true), -1};
        constexpr auto wanted =
            Request::differentiates && Request::input_gradient ? detail::need::always : detail::need::never;
        auto const start = detail::raise<wanted, false>(into, input);
        m_state->input_gradient = start.gradient;
        auto const end = detail::dense(
            into, detail::lower_node<facts, typename at_root::here, typename at_root::below, true>(
                      into, m_state->from.network(), 0, start));
        t.output = end.cell;
        t.value(t.output).stays = true;
        if (m_state->input_gradient >= 0)
            t.gradient(m_state->input_gradient).stays = true;
        if constexpr (facts::differentiates) {
            auto const seeded = detail::raise<detail::need::always, false>(into, end);
            t.output_gradient = seeded.gradient;
            t.gradient(seeded.gradient).owns = true;
            t.gradient(seeded.gradient).stays = true;
        }
        if constexpr (may_repeat)
            m_state->side.repeats = std::none_of(t.forward.begin(), t.forward.end(), leaves_device) &&
                                    std::none_of(t.backward.begin(), t.backward.end(), leaves_device);
    }

    /// True where what a walk starts may be the same each time: nothing is decided while it runs.
    static constexpr bool may_repeat =
        // slots: begin
        !source::run_time_hooks &&
        // slots: end
        detail::a_gpu<device_type> && std::is_same_v<detail::mode_of<Request>, detail::inference>;

    static bool leaves_device(detail::step<value_type> const& s) { return s.leaves_device; }

    /// Does `work`, or what was recorded of it: `which(side)` says where that is kept.
    template <class Which, class Work>
    void repeat([[maybe_unused]] Which which, Work const& work) {
        if constexpr (may_repeat) {
            auto& side = m_state->side;
            if (side.repeats) {
                which(side).run(side.stream, work);
                return;
            }
        }
        work();
    }

    // slots: begin
    [[nodiscard]] int node_of(std::string_view path) const {
        auto const& all = m_state->t.table->paths;
        auto const found = std::find(all.begin(), all.end(), path);
        if (found == all.end())
            throw error{error_kind::use, detail::unknown_path("hookcam::plan", path, all)};
        return static_cast<int>(found - all.begin()) + 1;
    }
    // slots: end

    void run_backward() {
        auto& t = m_state->t;
        // slots: begin
        if constexpr (source::run_time_hooks) {
            auto const walk = t.walk_with(m_state->from.registry().snapshot());
            t.find_needed();
            t.run_needed_backward();
        } else
            // slots: end
            repeat(
                [](auto& side) -> auto& { return side.backward; }, [&t] { t.run_backward(); });
    }

    /// Sizes the plan for an input and copies it in.
    template <class Input>
    void copy_in(Input const& input) {
        static_assert(detail::an_expression<Input> || detail::is_device_view<Input>,
                      "hookcam::plan: the input must be an xtensor expression; give it N,C,H,W or C,H,W");
        constexpr bool is_there = detail::can_be_read_on<Input, device_type>();
        static_assert(detail::tensor_must_lie_where_model_does<Input, device_type, is_there>::value);
        static_assert(std::is_same_v<std::remove_cv_t<typename Input::value_type>, value_type>,
                      "hookcam::plan: the input must hold the model's scalar; convert it with xt::cast");
        constexpr std::size_t rank = input_shape::rank;
        constexpr std::size_t given = detail::axes_of<Input>();
        static_assert(
            given == dynamic || given == rank || given == rank + 1,
            "hookcam::plan: the input must have the axes of the network's input, with or without a batch in "
            "front; reshape it");
        auto const [has_batch, images, sizes] = detail::sizes_of_input(rank, input.shape());
        auto& t = m_state->t;
        hookcam::memory<value_type> before; // of other sizes: the input may lie in there
        if (!t.is_laid_out || t.batch != images || t.values[0].sizes != sizes) {
            if constexpr (!detail::a_gpu<device_type> || detail::is_device_view<Input>)
                before = std::exchange(t.arena, {});
            else
                t.arena = {}; // first, so that there is room for the next
            if constexpr (may_repeat)
                m_state->side.forget();
            t.lay_out(images, sizes);
        }
        if constexpr (detail::is_device_view<Input> && is_there)
            detail::copy_from_stream(m_state->side.stream, t.values[0].data, *input.device().stream,
                                     input.data(), input.size() * sizeof(value_type));
        else if constexpr (is_there)
            take_from_here<given>(input, images, sizes, has_batch);
    }

    /// Copies an input from this program's memory.
    template <std::size_t given, class Input>
    void take_from_here(Input const& input, std::size_t images, extents const& sizes,
                        [[maybe_unused]] bool has_batch) {
        constexpr std::size_t rank = input_shape::rank;
        auto& t = m_state->t;
        auto* const to = [&]() -> value_type* {
            if constexpr (detail::a_gpu<device_type>)
                return m_state->side.input.room(detail::size_of_batch(images, sizes));
            else
                return t.values[0].data;
        }();
        if constexpr (given != rank)
            if (has_batch)
                detail::fill(detail::batch_view<rank>(to, images, sizes), input);
        if constexpr (given != rank + 1)
            if (!has_batch)
                detail::fill(detail::image_view<rank>(to, sizes), input);
        if constexpr (detail::a_gpu<device_type>)
            m_state->side.input.send(t.values[0].data);
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET

namespace detail {

/// What is inside of a plan, for whoever is built around one.
struct plan_access {
    template <class Model, class Request, class Shape>
    [[nodiscard]] static auto& state_of(planned<Model, Request, Shape>& of) noexcept {
        return *of.m_state;
    }
    template <class Model, class Request, class Shape>
    [[nodiscard]] static auto const& state_of(planned<Model, Request, Shape> const& of) noexcept {
        return *of.m_state;
    }
};

/// Fails to compile where what is borrowed would be gone before it is used.
template <class Borrowed, bool Lives>
struct must_outlive {
    static_assert(Lives,
                  "hookcam::plan: what a plan or a hook borrows must outlive it; give the temporary a name");
    static constexpr bool value = true;
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// What lies at a view, as a tensor of its own: on a device where the input was there.
template <class Input, class View>
[[nodiscard]] auto owned_like(Input const& input, View const& view) {
    using T = typename View::value_type;
    if constexpr (is_device_view<Input>)
        return device_tensor<std::remove_const_t<T>, View::rank, decltype(input.device())>{input.device(),
                                                                                           view};
    else if constexpr (is_device_view<View>)
        return view.to_host();
    else
        return xt::xtensor<std::remove_const_t<T>, rank_of<View>>{view};
}

/// A plan that is run once; the result owns its memory, and lies where the input does.
template <class Model, class Input>
[[nodiscard]] auto run_once(Model const& of, Input const& input) {
    using network = typename Model::network_type;
    constexpr auto given = axes_of<Input>();
    constexpr bool is_vector = (given == 1 || given == 2) && begins_with<network, features<>::value>;
    using shape = std::conditional_t<is_vector, features<>, any_shape>;
    using named = typename source_of<Model>::template kept<true>;
    planned<named, logits_request, shape> once{borrow(of), {}};
    return owned_like(input, once(input));
}

} // namespace HOOKCAM_INSTRUCTION_SET

template <class T>
concept can_be_planned = requires {
    typename source_of<std::remove_cvref_t<T>>::type;
};

} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// A plan for a model (or one with hooks) and a request, for inputs of a shape that is known by type, or read
/// at the first call: `plan<image<3, 32, 32>>(model, grad_cam_request<"conv3">{})`. The model must outlive
/// the plan; what `attach` returns is moved in when it is temporary.
template <class Shape = any_shape, class Model, class Request = logits_request>
    requires detail::can_be_planned<Model>
[[nodiscard]] auto plan(Model&& of, Request request = {}) {
    using model_type = std::remove_cvref_t<Model>;
    constexpr bool lives =
        std::is_lvalue_reference_v<Model> || detail::source_of<model_type>::can_be_moved_in;
    static_assert(detail::must_outlive<model_type, lives>::value);
    using kept = typename detail::source_of<model_type>::template kept<std::is_lvalue_reference_v<Model>>;
    return planned<kept, Request, Shape>{detail::borrow(std::forward<Model>(of)), std::move(request)};
}

} // namespace HOOKCAM_INSTRUCTION_SET

template <class Network, class T, class Device>
template <class Input, class Set>
auto model<Network, T, Device>::operator()(Input const& input) const {
    return detail::run_once(*this, input);
}

} // namespace hookcam
