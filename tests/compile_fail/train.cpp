#include <hookcam/hookcam.hpp>
#include <hookcam/train.hpp>

#include <vector>

namespace hc = hookcam;

// Losses

void losses() {
    hc::cross_entropy<float> criterion;
    xt::xtensor<float, 2> const logits;
    std::vector<int> const labels;
#if defined(LABELS_OF_FLOATS) // refused: hookcam::cross_entropy: labels must be integers
    criterion(logits, std::vector<float>{});
#elif defined(LOGITS_OF_DOUBLES) // refused: hookcam::cross_entropy: the scores must hold the loss's scalar
    criterion(xt::xtensor<double, 2>{}, labels);
#elif defined(LOGITS_WITHOUT_CLASSES) // refused: the scores must have two axes N,C or more
    criterion(xt::xtensor<float, 1>{}, labels);
#else
    criterion(logits, labels);
#endif
}

// Optimisers

struct training {
    using value_type = float;
    std::vector<hc::parameter_entry<float>> entries();
    std::span<float> gradients();
    bool is_trained(std::size_t);
    void commit();
};

void optimizers() {
    training plan;
#if defined(TEMPORARY_TRAINING) // refused: hookcam::optimizer: the training plan must outlive its optimiser
    auto optimizer = hc::adam(training{});
#else
    auto optimizer = hc::adam(plan, {.learning_rate = 1e-3}, {{"fc", {.learning_rate = 1e-4}}});
#endif
    optimizer.step();
}
