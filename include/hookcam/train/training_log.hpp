#pragma once

#include "../core/files.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace hookcam {

/// How a training went since the row before.
struct training_row {
    std::int64_t epoch;   ///< from 1
    std::int64_t batch;   ///< the last, counted from 1 in its epoch
    std::int64_t step;    ///< the same, counted from the beginning
    double learning_rate; ///< at the last
    double loss;          ///< mean over the batches
    double accuracy;      ///< share of the images, 0 to 1
    double validation_loss = std::numeric_limits<double>::quiet_NaN();     ///< where it was validated
    double validation_accuracy = std::numeric_limits<double>::quiet_NaN(); ///< likewise
};

/// The rows of a training, in memory and as a CSV file. A part of a checkpoint.
class training_log {
public:
    /// Adds a row.
    void add(training_row const& row) {
        for (double const value :
             {static_cast<double>(row.epoch), static_cast<double>(row.batch), static_cast<double>(row.step),
              row.learning_rate, row.loss, row.accuracy, row.validation_loss, row.validation_accuracy})
            m_values.push_back(value);
    }

    /// All rows so far.
    [[nodiscard]] std::vector<training_row> rows() const {
        std::vector<training_row> all;
        for (std::size_t i = 0; i + columns <= m_values.size(); i += columns) {
            auto const* const v = m_values.data() + i;
            all.push_back({whole(v[0]), whole(v[1]), whole(v[2]), v[3], v[4], v[5], v[6], v[7]});
        }
        return all;
    }

    /// As CSV, with a line of names; what is not known is empty.
    [[nodiscard]] std::string text() const {
        std::string lines =
            "epoch,batch,step,learning_rate,loss,accuracy,validation_loss,validation_accuracy\n";
        for (std::size_t i = 0; i < m_values.size(); ++i) {
            if (!std::isnan(m_values[i])) {
                std::array<char, 32> number{};
                std::snprintf(number.data(), number.size(), "%.9g", m_values[i]);
                lines += number.data();
            }
            lines += (i + 1) % columns == 0 ? '\n' : ',';
        }
        return lines;
    }

    /// Writes the CSV file, whole or not at all; throws `error_kind::file` where it cannot be written.
    void write(std::filesystem::path const& path) const {
        auto const lines = text();
        replace_file(path, {reinterpret_cast<std::uint8_t const*>(lines.data()), lines.size()},
                     "training_log");
    }

    /// For checkpoints.
    template <class Visit>
    void visit_state(Visit&& visit) {
        visit("rows", m_values, columns);
    }

private:
    static constexpr std::size_t columns = 8;
    std::vector<double> m_values;

    /// Of a number from a file that may say anything.
    [[nodiscard]] static std::int64_t whole(double number) noexcept {
        constexpr double most = 9e15;
        return std::abs(number) <= most ? static_cast<std::int64_t>(number) : 0;
    }
};

} // namespace hookcam
