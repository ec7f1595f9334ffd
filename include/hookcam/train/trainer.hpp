#pragma once

#include "../core/error.hpp"
#include "../core/instruction_set.hpp"
#include "../core/progress.hpp"
#include "../tensor/device_view.hpp"
#include "accuracy.hpp"
#include "checkpoint.hpp"
#include "evaluate.hpp"
#include "first_not_finite.hpp"
#include "interrupt_guard.hpp"
#include "optimizer.hpp"
#include "training_log.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace hookcam {

/// How a `trainer` goes on and what it writes.
struct trainer_options {
    std::int64_t epochs = 1;            ///< so many times through the data
    std::int64_t report_every = 100;    ///< batches in a line of output and in a row of the log
    std::filesystem::path log{};        ///< a CSV file; none where it is empty
    std::filesystem::path checkpoint{}; ///< written after each epoch and at Ctrl-C; none where it is empty
    std::int64_t checkpoint_every =
        0;                      ///< batches after which it is written too; 0: not before the epoch's end
    std::FILE* output = stdout; ///< a progress bar on a terminal, lines elsewhere; null: nothing
};

inline namespace HOOKCAM_INSTRUCTION_SET {

/// The loop around a training plan, an optimiser and a criterion, with what such a loop needs beside them:
///
///     hc::trainer trainer{model, training, optimizer, criterion, {.epochs = 10, .checkpoint = "checkpoint.safetensors"}};
///     if (std::filesystem::exists("checkpoint.safetensors")) trainer.resume("checkpoint.safetensors");
///     trainer.fit(loader);
///
/// A loader is a range of batches with `images` (N,C,H,W) and `labels` (N), of which a pass is an epoch; it has a
/// `size()`, the number of batches, and, where its order is not the same in every epoch, `set_epoch(epoch, batch)`, as
/// `data_loader` has. On a terminal there is a progress bar; elsewhere every 100 batches a line such as
/// `[1, 100] loss: 1.234`, the mean of these. Ctrl-C finishes the step, saves the checkpoint and returns. A resumed
/// training makes the same bits as one that never stopped. What it is given is borrowed.
template <class Model, class Training, class Optimizer, class Criterion>
class trainer {
public:
    /// `training` is a training plan of `model`, and `optimizer` steps it.
    trainer(Model& model, Training& training, Optimizer& optimizer, Criterion& criterion,
            trainer_options options = {})
        : m_model{&model},
          m_training{&training},
          m_optimizer{&optimizer},
          m_criterion{&criterion},
          m_options{std::move(options)},
          m_state{std::make_unique<state>()} {
        detail::check_option(m_options.report_every > 0, "hookcam::trainer: report_every must be at least 1",
                             static_cast<double>(m_options.report_every));
        m_checkpoint.add("model", training).add("optimizer", optimizer).add("trainer", *m_state);
    }

    /// Steps a scheduler after each batch, and keeps its state in the checkpoint under `name`.
    template <class Scheduler>
    trainer& step_each_batch(Scheduler& scheduler, std::string name = "batch_scheduler") {
        m_checkpoint.add(std::move(name), scheduler);
        m_after_batch.push_back([&scheduler] { scheduler.step(); });
        return *this;
    }
    /// Steps a scheduler after each epoch, likewise.
    template <class Scheduler>
    trainer& step_each_epoch(Scheduler& scheduler, std::string name = "epoch_scheduler") {
        m_checkpoint.add(std::move(name), scheduler);
        m_after_epoch.push_back([&scheduler] { scheduler.step(); });
        return *this;
    }
    /// Calls `function()` when the gradients of a batch are there, before the optimiser's step: to clip them.
    trainer& before_step(std::function<void()> function) {
        m_before_step.push_back(std::move(function));
        return *this;
    }

    /// What is saved; parts of your own, and what must be the same to go on, can be added before the first `resume` or
    /// `fit`.
    [[nodiscard]] hookcam::checkpoint& checkpoint() noexcept { return m_checkpoint; }

    /// Goes on with the next `fit` where the training stopped that wrote the file. Throws as `checkpoint::load`.
    void resume(std::filesystem::path const& path) { m_checkpoint.load(path); }

    /// Trains until `epochs` are over, or Ctrl-C; returns whether they are over.
    ///
    /// Throws `error_kind::use` where the loss is not finite, with the name of the first layer whose output was not; all
    /// is then as it was before that batch. Throws `error_kind::file` where a folder to write to is not there.
    template <class Loader>
    bool fit(Loader& loader) {
        return run(loader, [](training_row&) {});
    }
    /// The same; after each epoch the model is evaluated, in inference, with the batches of another loader.
    template <class Loader, class Validation>
    bool fit(Loader& loader, Validation& validation) {
        return run(loader, [&](training_row& row) {
            if constexpr (requires { validation.set_epoch(std::size_t{}, std::size_t{}); })
                validation.set_epoch(static_cast<std::size_t>(m_state->epoch), std::size_t{0});
            auto const found =
                evaluate<typename Training::input_shape>(std::as_const(*m_model), validation, *m_criterion);
            row.validation_loss = found.loss;
            row.validation_accuracy = found.accuracy();
        });
    }

    /// How it went so far.
    [[nodiscard]] std::vector<training_row> rows() const { return m_state->log.rows(); }
    /// How many epochs are over.
    [[nodiscard]] std::int64_t epochs() const noexcept { return m_state->epoch; }
    /// How many steps were made.
    [[nodiscard]] std::int64_t steps() const noexcept { return m_state->step; }

private:
    /// All that the loop itself must remember.
    struct state {
        std::int64_t epoch = 0;
        std::int64_t batch = 0; ///< of the epoch; the next
        std::int64_t step = 0;
        // Since the last row:
        std::int64_t batches = 0;
        std::int64_t images = 0;
        std::int64_t correct = 0;
        double loss = 0;
        double learning_rate = 0; ///< of the last step
        training_log log;

        void visit_state(auto const& visit) {
            visit("epoch", epoch);
            visit("batch", batch);
            visit("step", step);
            visit("batches", batches);
            visit("images", images);
            visit("correct", correct);
            visit("loss", loss);
            visit("learning_rate", learning_rate);
            log.visit_state(visit);
        }
    };

    Model* m_model;
    Training* m_training;
    Optimizer* m_optimizer;
    Criterion* m_criterion;
    trainer_options m_options;
    std::unique_ptr<state> m_state; ///< stays where it is when the trainer moves
    hookcam::checkpoint m_checkpoint;
    std::vector<std::function<void()>> m_before_step;
    std::vector<std::function<void()>> m_after_batch;
    std::vector<std::function<void()>> m_after_epoch;

    template <class Loader, class Validate>
    bool run(Loader& loader, Validate const& validate) {
        require_folder(m_options.checkpoint); // now, not when an epoch is over
        require_folder(m_options.log);
        interrupt_guard const interrupt;
        while (m_state->epoch < m_options.epochs) {
            if (!run_epoch(loader, interrupt)) {
                save();
                print("interrupted");
                return false;
            }
            finish_epoch(validate);
        }
        return true;
    }

    /// Returns false where it was interrupted.
    template <class Loader>
    bool run_epoch(Loader& loader, interrupt_guard const& interrupt) {
        auto& now = *m_state;
        auto const label = "epoch " + std::to_string(now.epoch + 1) + '/' + std::to_string(m_options.epochs);
        std::optional<progress_bar> bar;
        if (m_options.output != nullptr) {
            bar.emplace(loader.size(), progress_options{.label = label, .keep = true}, m_options.output);
            bar->start_at(static_cast<std::size_t>(now.batch));
        }
        auto skip = now.batch;
        if constexpr (requires { loader.set_epoch(std::size_t{}, std::size_t{}); }) {
            loader.set_epoch(static_cast<std::size_t>(now.epoch), static_cast<std::size_t>(skip));
            skip = 0;
        }
        for (auto const& batch : loader) {
            if (skip > 0) {
                --skip;
                continue;
            }
            step(batch);
            if (bar && bar->visible()) {
                std::array<char, 64> text{};
                auto const size = std::snprintf(text.data(), text.size(), "loss %.3f, rate %.3g", mean_loss(),
                                                now.learning_rate);
                bar->show(static_cast<std::size_t>(now.batch), {text.data(), static_cast<std::size_t>(size)});
            }
            if (now.batches >= m_options.report_every) { // more, where a resumed one reports more often
                if (bar && !bar->visible()) {
                    std::fprintf(m_options.output, "[%lld, %lld] loss: %.3f\n",
                                 static_cast<long long>(now.epoch + 1), static_cast<long long>(now.batch),
                                 mean_loss());
                    std::fflush(m_options.output);
                }
                // The last of an epoch waits for its validation.
                if (static_cast<std::size_t>(now.batch) != loader.size())
                    end_row(row());
            }
            if (interrupt.requested())
                return false;
            if (m_options.checkpoint_every > 0 && now.step % m_options.checkpoint_every == 0)
                save();
        }
        if (now.batch == 0)
            throw error{error_kind::use,
                        "hookcam::trainer: an epoch must have a batch, and the loader gave none in epoch " +
                            std::to_string(now.epoch + 1) + "; give a range that can be walked again"};
        return true;
    }

    template <class Batch>
    void step(Batch const& batch) {
        auto& now = *m_state;
        auto const moment = m_training->moment();
        auto const output = m_training->forward(batch.images);
        auto const& logits = detail::here(output);
        auto const correct = correct_count(logits, batch.labels);
        auto const loss = (*m_criterion)(logits, batch.labels);
        if (!std::isfinite(loss.value))
            refuse(static_cast<double>(loss.value), batch, moment);
        m_training->backward(loss.gradient);
        for (auto const& function : m_before_step)
            function();
        now.learning_rate = m_optimizer->learning_rate();
        m_optimizer->step();
        ++now.batch;
        ++now.step;
        ++now.batches;
        now.images += static_cast<std::int64_t>(batch.labels.size());
        now.correct += static_cast<std::int64_t>(correct);
        now.loss += static_cast<double>(loss.value);
        for (auto const& function : m_after_batch)
            function();
    }

    template <class Validate>
    void finish_epoch(Validate const& validate) {
        auto& now = *m_state;
        auto last = row();
        validate(last);
        if (!std::isnan(last.validation_accuracy) && m_options.output != nullptr) {
            std::fprintf(m_options.output, "[%lld] validation loss: %.3f, accuracy: %.4f\n",
                         static_cast<long long>(last.epoch), last.validation_loss, last.validation_accuracy);
            std::fflush(m_options.output); // who reads a pipe waits for no other epoch
        }
        for (auto const& function : m_after_epoch)
            function();
        ++now.epoch;
        now.batch = 0;
        end_row(last);
        save();
    }

    [[nodiscard]] double mean_loss() const { return m_state->loss / static_cast<double>(m_state->batches); }

    /// What the log will say of the batches since its last row.
    [[nodiscard]] training_row row() const {
        auto const& now = *m_state;
        return {now.epoch + 1, now.batch,
                now.step,      now.learning_rate,
                mean_loss(),   static_cast<double>(now.correct) / static_cast<double>(now.images)};
    }

    void end_row(training_row const& last) {
        auto& now = *m_state;
        now.log.add(last);
        now.batches = now.images = now.correct = 0;
        now.loss = 0;
        if (!m_options.log.empty())
            now.log.write(m_options.log);
    }

    static void require_folder(std::filesystem::path const& of) {
        std::error_code failure;
        if (of.has_parent_path() && !std::filesystem::is_directory(of.parent_path(), failure))
            throw error{error_kind::file,
                        "hookcam::trainer: the folder of \"" + of.string() + "\" must be there; create it"};
    }

    void save() const {
        if (!m_options.checkpoint.empty())
            m_checkpoint.save(m_options.checkpoint);
    }

    void print(std::string const& what) const {
        if (m_options.output == nullptr)
            return;
        std::fprintf(m_options.output, "%s after %lld batches of epoch %lld%s\n", what.c_str(),
                     static_cast<long long>(m_state->batch), static_cast<long long>(m_state->epoch + 1),
                     m_options.checkpoint.empty() ? ""
                                                  : (", saved in " + m_options.checkpoint.string()).c_str());
        std::fflush(m_options.output);
    }

    template <class Batch>
    [[noreturn]] void refuse(double loss, Batch const& batch, training_moment const& moment) const {
        auto const where = first_not_finite(*m_model, *m_training, batch.images, moment);
        m_training->forget_forward();
        throw error{error_kind::use,
                    "hookcam::trainer: the loss must be finite, and is " +
                        (std::isnan(loss) ? "nan" : std::to_string(loss)) + " at batch " +
                        std::to_string(m_state->batch + 1) + " of epoch " +
                        std::to_string(m_state->epoch + 1) +
                        (where.empty() ? "; the outputs of all layers were finite"
                                       : "; the first output that was not is that of " + where) +
                        "; lower the learning rate, clip gradients, or look at the images"};
    }
};

} // namespace HOOKCAM_INSTRUCTION_SET

} // namespace hookcam
