#pragma once

#include "../compose/paths.hpp"
#include "../core/instruction_set.hpp"
#include "../cuda/training/numbers.hpp"
#include "../plan/attach.hpp"
#include "../plan/model.hpp"
#include "../plan/plan.hpp"
#include "../plan/source.hpp"
#include "../plan/walk_layer.hpp"
#include "../tensor/device_view.hpp"
#include "../tensor/memory.hpp"
#include "training_mode.hpp"
#include "training_request.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hookcam {

/// Where the random numbers of a training plan stand. A checkpoint keeps it, so that a resumed training drops what it
/// would have dropped.
struct training_moment {
    std::uint64_t seed = 0; ///< of the request
    std::uint32_t step = 0; ///< how many forwards there were
};

namespace detail {

/// Stands in a plan's type for a model that is borrowed to be changed.
template <class Model>
struct changing {};
template <class Network, class T, class Device>
struct source_of<changing<model<Network, T, Device>>> {
    using type = model_source<Network, T, Device>;
};

/// The model itself, as one that may be changed; of a model with hooks, what a plan keeps of it.
template <class Model, bool IsNamed>
struct kept_to_change {
    using type = typename source_of<Model>::template kept<IsNamed>;
};
template <class Network, class T, class Device, bool IsNamed>
struct kept_to_change<model<Network, T, Device>, IsNamed> {
    using type = changing<model<Network, T, Device>>;
};

template <class Model>
[[nodiscard]] auto borrow_to_change(Model&& of) {
    if constexpr (is_model<std::remove_cvref_t<Model>>)
        return source_as_is(of);
    else
        return borrow(std::forward<Model>(of));
}

template <class Source>
inline constexpr bool is_changeable =
    !std::is_const_v<std::remove_pointer_t<decltype(std::declval<Source const&>().parameters())>>;

/// Fails to compile where the model that would be trained is const.
template <class Borrowed, bool IsChangeable>
struct must_be_changeable {
    static_assert(IsChangeable,
                  "hookcam::training_plan: the model must not be const, since training changes it; "
                  "take the const away, also where hooks were attached to it");
    static constexpr bool value = true;
};

/// True where a key of the state dict is at a path or below it.
[[nodiscard]] inline bool is_below(std::string_view key, std::string_view path) {
    return path.empty() || !path_behind(key, path).empty();
}
template <fixed_string... Paths>
[[nodiscard]] bool is_below_one_of([[maybe_unused]] std::string_view key, path_list<Paths...>) {
    return (false || ... || is_below(key, Paths.view()));
}

/// A network's table, in which only what a request trains is learned.
template <class Network, class Request>
[[nodiscard]] std::unique_ptr<network_table> table_to_train() {
    auto table = std::make_unique<network_table>(table_of<Network>());
    for (auto& row : table->parameters)
        row.is_learned = row.is_learned && (!is_below_one_of(row.key, typename Request::frozen{}) ||
                                            is_below_one_of(row.key, typename Request::trained{}));
    return table;
}

} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// A plan that trains. It borrows a model, to change it, and owns what training needs: activations, gradients of all
/// parameters, and new running statistics, which wait until `commit()`. A hook that throws changes nothing of the model.
/// Movable. Made by `training_plan`.
template <class Model, class Request, class Shape = any_shape>
class planned_training {
    using source = typename detail::source_of<Model>::type;
    using plan_type = planned<Model, detail::request_to_train<Request>, Shape>;

public:
    using network_type = typename source::network_type;
    using value_type = typename source::value_type;
    using device_type = typename source::device_type;
    /// What the plan was asked for.
    using request_type = Request;
    /// The shape of an input without the batch, as far as it is known by type.
    using input_shape = typename plan_type::input_shape;
    /// The shape of the output, likewise.
    using output_shape = typename plan_type::output_shape;

    /// Made by `training_plan`.
    planned_training(source from, Request request)
        : m_plan{std::move(from), {std::move(request)}},
          m_table{detail::table_to_train<network_type, Request>()} {
        tape().table = m_table.get();
        tape().is_used_up = true;
        tape().seed = m_plan.request().seed;
    }

    /// Runs the network as training does: batch norm by the statistics of this batch, dropout with new masks. The input
    /// is an xtensor expression of the model's scalar, N,C,H,W (N,F for feature vectors). Returns a view of the output,
    /// good until the next call. A call that throws leaves everything as it was.
    template <class Input>
    auto forward(Input const& input) {
        take_measured();
        tape().step = m_steps;
        auto const made = m_plan.forward(input);
        ++m_steps;
        m_is_measured = true;
        return made;
    }

    /// Replaces the gradients by those from the gradient of the output, an expression of its shape. Once behind each
    /// forward: backward uses up what forward kept. One that throws leaves gradients of zero, and forgets the statistics
    /// of its forward.
    template <class Gradient>
    void backward(Gradient const& grad_output) {
        replace_gradients([&] { m_plan.backward(grad_output); });
    }
    /// The same from what was written to `gradient_to_fill()`.
    void backward() {
        replace_gradients([&] { m_plan.backward(); });
    }

    /// Adds to the gradients instead, as PyTorch's `backward` does: several batches, one step. Hooks see what is added.
    /// One that throws adds nothing. The first call allocates.
    template <class Gradient>
    void accumulate(Gradient const& grad_output) {
        add_gradients([&] { m_plan.backward(grad_output); });
    }
    /// The same from what was written to `gradient_to_fill()`.
    void accumulate() {
        add_gradients([&] { m_plan.backward(); });
    }

    /// Where the gradient of the output goes before `backward()`: a view to write to.
    [[nodiscard]] auto gradient_to_fill() { return m_plan.gradient_to_fill(); }

    /// The model's parameters and statistics, to be changed: in the order of `model.data()`, and where the model is: on a
    /// device for kernels alone, in the order of `gradients().device().stream`. Whoever changes them calls
    /// `wait_for_readers()` before and `commit()` then.
    [[nodiscard]] std::vector<parameter_entry<value_type>> entries() {
        std::vector<parameter_entry<value_type>> entries;
        for (auto const& row : detail::table_of<network_type>().parameters)
            entries.push_back({row.key,
                               {row.sizes.sizes.data(), row.sizes.rank},
                               from().parameters() + row.offset,
                               row.sizes.count(),
                               row.is_learned});
        return entries;
    }

    /// True where an entry, by its index, is learned and not frozen.
    [[nodiscard]] bool is_trained(std::size_t entry) const {
        return m_table->parameters.at(entry).is_learned;
    }

    /// The gradients, one for each element of the model in the order of `model.data()`; zero for what is not trained.
    /// They stay where they are as long as the plan lives, and may be changed, as clipping does. A span, or of a model on a
    /// device a `device_view` of one axis.
    [[nodiscard]] auto gradients() noexcept { return numbers_at(tape().parameter_gradients.data()); }
    /// The same of a plan that is const.
    [[nodiscard]] auto gradients() const noexcept { return numbers_at(tape().parameter_gradients.data()); }

    /// A view of the gradient of a parameter by its key. The key of one that is not trained throws.
    [[nodiscard]] auto parameter_gradient(std::string_view key) const {
        return m_plan.parameter_gradient(key);
    }

    /// Sets all gradients to zero, for a first `accumulate`.
    void zero_gradients() noexcept(!on_device) {
        auto const all = gradients();
        if constexpr (on_device)
            kernels::set_numbers_to_zero(all.device(), all.size(), all.data());
        else
            std::fill(all.begin(), all.end(), value_type{0});
    }

    /// Writes the running statistics of all forwards since the last commit into the model, and tells its plans that it
    /// has changed. An optimiser calls it at the end of its step. On a device it waits until the model is written.
    void commit() {
        take_measured();
        if (m_is_waiting) {
            wait_for_readers();
            each_statistic([&](auto& layer, std::size_t at, std::size_t count) {
                auto const* const made = layer.waiting.data() + at;
                auto* const to = from().parameters() + layer.parameters + at;
                if constexpr (on_device)
                    tape().where->copy(to, made, count * sizeof(value_type));
                else
                    std::copy_n(made, count, to);
            });
        }
        m_is_waiting = false;
        if constexpr (on_device)
            tape().where->synchronize(); // other plans have streams of their own
        m_are_readers_done = false;
        from().count_change();
    }

    /// Waits, where the model is on a device, until what was started there is done: another plan may still read the model.
    /// An optimiser calls it before it changes parameters; until `commit()` nobody may start another.
    void wait_for_readers() {
        if constexpr (on_device)
            if (!std::exchange(m_are_readers_done, true))
                tape().where->synchronize_device();
    }

    /// Where the plan's random numbers stand.
    [[nodiscard]] training_moment moment() const noexcept { return {tape().seed, m_steps}; }
    /// Goes on from there with the next forward.
    void resume_at(training_moment const& at) noexcept {
        tape().seed = at.seed;
        m_steps = at.step;
    }
    /// Takes the last forward back: what it measured is forgotten, and the next draws its random numbers. For a batch
    /// that shall not count, as where the loss is not finite. Nothing where a commit or a throwing backward came behind it.
    void forget_forward() noexcept {
        if (!std::exchange(m_is_measured, false))
            return;
        detail::plan_access::state_of(m_plan).is_forward_done = false;
        --m_steps;
    }

    /// A view of the last output.
    [[nodiscard]] auto output() const { return m_plan.output(); }
    /// A view of the gradient of the network's input, where the request asks for it.
    [[nodiscard]] auto input_gradient() const { return m_plan.input_gradient(); }
    /// The number of images of the last call.
    [[nodiscard]] std::size_t batch() const noexcept { return m_plan.batch(); }
    /// The sizes of the last input, without the batch.
    [[nodiscard]] extents input_sizes() const { return m_plan.input_sizes(); }
    /// The bytes that the plan holds, gradients included, for the sizes of its last call.
    [[nodiscard]] std::size_t memory() const { return m_plan.memory(); }
    /// What the plan does, a line a step.
    [[nodiscard]] std::vector<std::string> steps() const { return m_plan.steps(); }
    /// The request.
    [[nodiscard]] Request const& request() const noexcept { return m_plan.request(); }

private:
    static constexpr bool on_device = detail::a_gpu<device_type>;

    plan_type m_plan;
    std::unique_ptr<detail::network_table const> m_table;
    std::uint32_t m_steps = 0;
    bool m_is_measured = false;      ///< the layers hold statistics of the last forward
    bool m_is_waiting = false;       ///< they hold running statistics for the model
    bool m_are_readers_done = false; ///< no other plan reads the model on its device

    [[nodiscard]] auto& tape() noexcept { return detail::plan_access::state_of(m_plan).t; }
    [[nodiscard]] auto const& tape() const noexcept { return detail::plan_access::state_of(m_plan).t; }
    [[nodiscard]] source const& from() const noexcept { return detail::plan_access::state_of(m_plan).from; }
    [[nodiscard]] std::size_t size() const noexcept { return m_table->size; }

    /// All numbers of a block with the gradients' order.
    template <class T>
    [[nodiscard]] auto numbers_at(T* data) const noexcept {
        if constexpr (on_device)
            return device_view<T, 1, device_type>{detail::device_at<device_type>(tape()), data, {size()}};
        else
            return std::span<T>{data, size()};
    }

    /// Calls `function(layer, first, count)` for each layer that measures, and its statistics that lie one behind the other.
    template <class Function>
    void each_statistic(Function function) {
        for (auto& layer : tape().measuring) {
            std::size_t first = 0;
            std::size_t count = 0;
            for (auto const& row : m_table->parameters) {
                if (row.is_learned || row.offset < layer.parameters ||
                    row.offset >= layer.parameters + layer.measured.size())
                    continue;
                std::size_t const at = row.offset - layer.parameters;
                if (count != 0 && at != first + count)
                    function(layer, first, std::exchange(count, 0));
                if (count == 0)
                    first = at;
                count += row.sizes.count();
            }
            if (count != 0)
                function(layer, first, count);
        }
    }

    /// Takes what the last forward measured into the running statistics that wait.
    void take_measured() {
        if (!m_is_measured)
            return;
        m_is_measured = false;
        each_statistic([&](auto& layer, std::size_t at, std::size_t count) {
            auto const* const before =
                (m_is_waiting ? layer.waiting.data() : from().parameters() + layer.parameters) + at;
            auto const* const measured = layer.measured.data() + at;
            auto* const waiting = layer.waiting.data() + at;
            auto const share = static_cast<value_type>(layer.update_share);
            if constexpr (on_device)
                kernels::blend_numbers(detail::device_at<device_type>(tape()), count, share, before, measured,
                                       waiting);
            else
                for (std::size_t i = 0; i < count; ++i)
                    waiting[i] = (value_type{1} - share) * before[i] + share * measured[i];
        });
        m_is_waiting = true;
    }

    /// Runs a backward, for which forward must run again; where it throws, its forward's statistics are forgotten.
    template <class Backward>
    void use_up(Backward const& run) {
        bool const was_measured = std::exchange(m_is_measured, false);
        run();
        detail::plan_access::state_of(m_plan).is_forward_done = false;
        m_is_measured = was_measured;
    }

    template <class Backward>
    void replace_gradients(Backward const& run) {
        try {
            use_up(run);
        } catch (...) {
            zero_gradients();
            throw;
        }
    }

    template <class Backward>
    void add_gradients(Backward const& run) {
        auto& passed = tape().added;
        auto& all = tape().parameter_gradients;
        if (passed.size() == 0)
            passed = hookcam::memory<value_type>(size(), tape().where);
        std::swap(all, passed);
        try {
            use_up(run);
        } catch (...) {
            std::swap(all, passed);
            throw;
        }
        std::swap(all, passed);
        if constexpr (on_device)
            kernels::add_numbers(detail::device_at<device_type>(tape()), size(), passed.data(), all.data());
        else
            for (std::size_t i = 0; i < size(); ++i)
                all.data()[i] += passed.data()[i];
    }
};

/// A plan that trains a model (or one with hooks), for inputs of a shape that is known by type, or read at the first
/// call: `training_plan<image<3, 32, 32>>(model)`, with a request `training_plan<…>(model, freeze<"conv1">{})`. The model
/// is borrowed to be changed: it must not be const, and must outlive the plan.
template <class Shape = any_shape, class Model, class Request = train_all>
    requires detail::can_be_planned<Model>
[[nodiscard]] auto training_plan(Model&& of, Request request = {}) {
    using model_type = std::remove_cvref_t<Model>;
    constexpr bool is_named = std::is_lvalue_reference_v<Model>;
    static_assert(detail::must_outlive < model_type,
                  is_named || detail::source_of<model_type>::can_be_moved_in > ::value);
    using borrowed = decltype(detail::borrow_to_change(std::forward<Model>(of)));
    using network = typename borrowed::network_type;
    static_assert(detail::check_paths<network>(typename Request::frozen{}));
    static_assert(detail::check_paths<network>(typename Request::trained{}));
    if constexpr (detail::must_be_changeable<model_type, detail::is_changeable<borrowed>>::value &&
                  detail::is_changeable<borrowed>) {
        using kept = typename detail::kept_to_change<model_type, is_named>::type;
        return planned_training<kept, Request, Shape>{detail::borrow_to_change(std::forward<Model>(of)),
                                                      std::move(request)};
    }
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
