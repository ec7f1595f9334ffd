#pragma once

#include <hookcam/plan/model.hpp>

#include <algorithm>
#include <cstddef>
#include <set>
#include <span>
#include <vector>

/// What an optimiser learns from, with gradients that a test chooses: as a training plan, without a network to run.
template <class Model>
class given_gradients {
public:
    using value_type = typename Model::value_type;

    explicit given_gradients(Model& of) : m_model{&of}, m_gradients(of.size()) {}

    std::set<std::size_t> frozen; ///< entries
    std::size_t commits = 0;

    [[nodiscard]] auto entries() { return m_model->entries(); }
    [[nodiscard]] std::span<value_type> gradients() { return m_gradients; }
    [[nodiscard]] bool is_trained(std::size_t entry) const {
        return std::as_const(*m_model).entries()[entry].is_learned && !frozen.contains(entry);
    }
    void commit() { ++commits; }

private:
    Model* m_model;
    std::vector<value_type> m_gradients;
};
