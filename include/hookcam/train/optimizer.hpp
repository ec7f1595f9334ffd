#pragma once

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../plan/model.hpp"
#include "../tensor/device_view.hpp"
#include "../tensor/memory.hpp"
#include "parameter_group.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hookcam {

/// What an optimiser learns from: the model's parameters and, in the same order, their gradients. `training_plan` is
/// one.
template <class T>
concept trainable = requires(T& training) {
    typename T::value_type;
    training.entries();   ///< a range of `parameter_entry`, one behind the other in memory
    training.gradients(); ///< a span over the gradients of all entries; on a device a view of them
    training.is_trained(std::size_t{}); ///< false for an entry that is not learned, or frozen
    training.commit();                  ///< says that the parameters have changed
};

namespace detail {

template <class Training, bool Lives>
struct optimizer_must_be_outlived {
    static_assert(
        Lives, "hookcam::optimizer: the training plan must outlive its optimiser; give the temporary a name");
    static constexpr bool value = true;
};

/// Whether a path is a parameter's key, or names something that holds it.
[[nodiscard]] inline bool is_path_to(std::string_view path, std::string_view key) noexcept {
    return !path.empty() && key.starts_with(path) && (key.size() == path.size() || key[path.size()] == '.');
}

} // namespace detail

inline namespace HOOKCAM_INSTRUCTION_SET {

/// Changes a model's parameters by their gradients, by a rule such as that of `sgd` or `adam`, which make it.
/// Parameters that are frozen or not learned are left alone, and so is what it remembers of them. It keeps a pointer to
/// the training plan, which must outlive it and stay where it is. No step after the first allocates.
///
/// Where the model is on a device, parameters and what is remembered stay there, and a step is kernels of the training
/// plan's stream.
///
/// A rule has `options` with a `learning_rate`, `slots` (names of what is remembered of each parameter), and
/// functions `check`, `uses`, `update`, `visit` and `describe`, as those of `sgd_rule`.
template <class Training, class Rule>
class optimizer {
public:
    /// The model's scalar.
    using value_type = typename Training::value_type;
    /// What can be chosen.
    using options = typename Rule::options;

    /// Made by `sgd`, `adam`, …
    optimizer(Training& training, options const& of_all, std::vector<parameter_group<options>> groups)
        : m_training{&training} {
        m_groups.push_back({"", of_all});
        for (auto& group : groups)
            m_groups.push_back(std::move(group));
        for (auto const& group : m_groups)
            Rule::check(group.options);
        assign_groups();
    }

    /// One step: changes the parameters by the gradients that the training plan has, and commits.
    void step() {
        make_slots();
        auto const gradients = m_training->gradients();
        if constexpr (on_device)
            m_training->wait_for_readers();
        for (std::size_t i = 0; i < m_parts.size();) {
            std::size_t const end = end_of_stretch(i);
            if (m_training->is_trained(i))
                update(gradients, i, end);
            i = end;
        }
        m_training->commit();
    }

    /// The options of the parameters in no other group, then those of the groups in the order given. They may be
    /// changed between steps.
    [[nodiscard]] std::span<parameter_group<options>> groups() noexcept { return m_groups; }
    /// The same of an optimiser that is const.
    [[nodiscard]] std::span<parameter_group<options> const> groups() const noexcept { return m_groups; }

    /// The learning rate of the parameters in no other group.
    [[nodiscard]] double learning_rate() const noexcept { return m_groups.front().options.learning_rate; }

    /// For checkpoints: shows which optimiser it is, what it remembers, and the groups' options, to `visit`.
    template <class Visit>
    void visit_state(Visit&& visit) {
        make_slots();
        visit("", describe());
        for (std::size_t i = 0; i < m_parts.size(); ++i) {
            auto& part = m_parts[i];
            if (!part.is_learned)
                continue;
            visit(part.key + ".step", part.steps);
            for (std::size_t s = 0; s < slot_count; ++s)
                if (m_slots[s].data() != nullptr)
                    visit(part.key + '.' + std::string{Rule::slots[s]}, remembered(s, part), part.shape);
        }
        for (std::size_t i = 0; i < m_groups.size(); ++i)
            Rule::visit(m_groups[i].options, [&](char const* name, double& value) {
                visit("groups." + std::to_string(i) + '.' + name, value);
            });
    }

private:
    using gradients_type = decltype(std::declval<Training&>().gradients());
    static constexpr bool on_device = detail::is_device_view<gradients_type>;
    static constexpr std::size_t slot_count = Rule::slots.size();

    /// The rule of all parameters, then those of the groups.
    [[nodiscard]] std::string describe() const {
        auto text = Rule::describe(m_groups.front().options);
        for (std::size_t i = 1; i < m_groups.size(); ++i) {
            text += ", ";
            text += m_groups[i].path;
            text += " by ";
            text += Rule::describe(m_groups[i].options);
        }
        return text;
    }

    /// What belongs to one parameter.
    struct one_parameter {
        std::string key;
        std::span<std::size_t const> shape;
        value_type* data;
        std::size_t offset;
        std::size_t size;
        bool is_learned;
        std::size_t group = 0;
        std::int64_t steps = 0;
    };

    Training* m_training;
    std::vector<parameter_group<options>> m_groups;
    std::vector<one_parameter> m_parts;
    std::array<memory<value_type>, slot_count> m_slots;
    std::size_t m_size = 0;

    /// The end of the parameters from there on that are neighbours in memory and step alike.
    [[nodiscard]] std::size_t end_of_stretch(std::size_t begin) const {
        std::size_t end = begin + 1;
        auto const is_alike = [&](std::size_t i) {
            return m_training->is_trained(i) && m_parts[i].group == m_parts[begin].group &&
                   m_parts[i].steps == m_parts[begin].steps;
        };
        while (end < m_parts.size() && is_alike(begin) && is_alike(end))
            ++end;
        return end;
    }

    void update(gradients_type const& gradients, std::size_t begin, std::size_t end) {
        auto const& first = m_parts[begin];
        auto const& last = m_parts[end - 1];
        std::size_t const size = last.offset + last.size - first.offset;
        for (std::size_t i = begin; i < end; ++i)
            ++m_parts[i].steps;
        std::array<value_type*, slot_count> slots{};
        for (std::size_t s = 0; s < slot_count; ++s)
            slots[s] = m_slots[s].data() == nullptr ? nullptr : m_slots[s].data() + first.offset;
        auto const& with = m_groups[first.group].options;
        value_type const* const slopes = gradients.data() + first.offset;
        if constexpr (on_device)
            Rule::update(gradients.device(), with, first.steps, size, slopes, first.data, slots);
        else
            Rule::update(with, first.steps, size, slopes, first.data, slots);
    }

    /// What a slot holds of a parameter, where it lies.
    [[nodiscard]] auto remembered(std::size_t slot, one_parameter const& of) {
        auto* const data = m_slots[slot].data() + of.offset;
        if constexpr (on_device)
            return gradients_type{m_training->gradients().device(), data, {of.size}};
        else
            return std::span{data, of.size};
    }

    [[nodiscard]] memory_place* place() const {
        if constexpr (on_device)
            return m_training->gradients().device().stream;
        else
            return nullptr;
    }

    void assign_groups() {
        std::vector<std::size_t> members(m_groups.size());
        for (auto const& entry : m_training->entries()) {
            one_parameter one{std::string{entry.key}, entry.shape, entry.data, m_size, entry.size,
                              entry.is_learned};
            m_size += entry.size;
            for (std::size_t g = 1; g < m_groups.size(); ++g)
                if (entry.is_learned && detail::is_path_to(m_groups[g].path, entry.key)) {
                    ++members[g];
                    if (one.group != 0 && m_groups[g].path == m_groups[one.group].path)
                        throw error{
                            error_kind::use,
                            "hookcam::optimizer: the groups must have different paths, and two have \"" +
                                m_groups[g].path + "\"; join them"};
                    if (one.group == 0 || m_groups[g].path.size() > m_groups[one.group].path.size())
                        one.group = g;
                }
            m_parts.push_back(std::move(one));
        }
        for (std::size_t g = 1; g < m_groups.size(); ++g)
            if (members[g] == 0) {
                std::string keys;
                for (auto const& part : m_parts)
                    if (part.is_learned)
                        keys += ' ' + part.key;
                throw error{error_kind::use,
                            "hookcam::optimizer: the path of a group must lead to a parameter, and \"" +
                                m_groups[g].path +
                                "\" does not; take one of these, or what holds it:" + keys};
            }
    }

    /// The memory that the options ask for now, where it is not there yet.
    void make_slots() {
        for (std::size_t s = 0; s < slot_count; ++s) {
            bool is_used = false;
            for (auto const& group : m_groups)
                is_used = is_used || Rule::uses(group.options, s);
            if (is_used && m_slots[s].data() == nullptr)
                m_slots[s] = memory<value_type>(m_size, place());
        }
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET

namespace detail {

/// Throws unless an option has a value that makes sense.
inline void check_option(bool holds, char const* sentence, double got) {
    if (!holds)
        throw error{error_kind::use, std::string{sentence} + "; got " + std::to_string(got)};
}

inline namespace HOOKCAM_INSTRUCTION_SET {

template <class Rule, class Training>
[[nodiscard]] auto make_optimizer(Training&& training, typename Rule::options const& of_all,
                                  std::vector<parameter_group<typename Rule::options>> groups) {
    static_assert(optimizer_must_be_outlived<Training, std::is_lvalue_reference_v<Training>>::value);
    return optimizer<std::remove_reference_t<Training>, Rule>{training, of_all, std::move(groups)};
}

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace detail

} // namespace hookcam
