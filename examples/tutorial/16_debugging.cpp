// A hook at every layer: what passes, in numbers, and where the first NaN came from.
#include "sample.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <limits>
#include <string>

struct statistics {
    std::size_t numbers = 0, nans = 0;
    double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0, squares = 0;

    explicit statistics(auto const& values) {
        for (double const x : values) {
            if (std::isnan(x)) {
                ++nans;
                continue;
            }
            ++numbers;
            low = std::min(low, x);
            high = std::max(high, x);
            sum += x;
            squares += x * x;
        }
    }
    [[nodiscard]] double mean() const { return sum / static_cast<double>(numbers); }
    [[nodiscard]] double deviation() const {
        return std::sqrt(squares / static_cast<double>(numbers) - mean() * mean());
    }
};

void run_with_report(hc::model<simple_cnn> const& model, xt::xtensor<float, 4> const& image) {
    std::cout << "layer       min      mean       max       std    NaN\n"
              << std::fixed << std::setprecision(3);
    std::string culprit;
    auto const report = [&](auto const& layer, auto const& input, auto const& output) {
        statistics const found{output};
        std::cout << std::left << std::setw(5) << layer.path() << std::right;
        if (found.numbers == 0)
            std::cout << "   nothing but NaN                     ";
        else
            for (double const number : {found.low, found.mean(), found.high, found.deviation()})
                std::cout << std::setw(10) << number;
        std::cout << std::setw(7) << found.nans << '\n';
        if (culprit.empty() && found.nans > 0 && statistics{input}.nans == 0)
            culprit = std::string{layer.path()} + ", a " + layer.type_name();
    };
    auto const logits = hc::attach_all(model, hc::on_forward(report))(image);
    std::cout << (culprit.empty() ? "no NaN" : "the first NaN comes out of " + culprit) << "\n\n";
}

int main(int count, char** arguments) {
    sample const all{count, arguments};
    run_with_report(all.model, all.image(102));

    auto broken = all.model; // a copy: a model is a value
    broken.parameter("conv2.bias")(7) = std::numeric_limits<float>::quiet_NaN();
    run_with_report(broken, all.image(102));
}
