// The training plan (docs/concepts/training.md).
#include <hookcam/hookcam.hpp>
#include <hookcam/train.hpp>

#include <cstddef>
#include <iomanip>
#include <iostream>
#include <string_view>

namespace hc = hookcam;

using network = hc::sequential<
    hc::named<"features", hc::sequential<hc::named<"conv", hc::conv2d<1, 4, hc::kernel<3>, hc::padding<1>>>,
                                         hc::named<"bn", hc::batch_norm2d<4>>, hc::relu<>>>,
    hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::dropout<hc::probability<0.2>>,
    hc::named<"fc", hc::linear<4, 1>>>;

/// Images of 6×6 whose mean the network is to find.
struct batch {
    xt::xtensor<float, 4> images = xt::xtensor<float, 4>::from_shape({8, 1, 6, 6});
    xt::xtensor<float, 2> wanted = xt::xtensor<float, 2>::from_shape({8, 1});
};

batch some_images(std::uint32_t number) {
    hc::counter_random const draw{1, hc::random_use::other, number};
    batch made;
    for (std::size_t i = 0; i < made.images.size(); ++i)
        made.images.data()[i] = draw.uniform<float>(i) + static_cast<float>(i / 36) / 4;
    for (std::size_t n = 0; n < 8; ++n) {
        made.wanted(n, 0) = 0;
        for (std::size_t i = 0; i < 36; ++i)
            made.wanted(n, 0) += made.images.data()[36 * n + i] / 36;
    }
    return made;
}

/// Half the squared distance; its gradient goes where the plan wants it.
template <class Output, class Gradient>
float distance(Output const& output, batch const& of, Gradient gradient) {
    float sum = 0;
    for (std::size_t n = 0; n < 8; ++n) {
        gradient(n, 0) = (output(n, 0) - of.wanted(n, 0)) / 8;
        sum += gradient(n, 0) * gradient(n, 0) * 4;
    }
    return sum;
}

/// Gradient descent: what an optimiser does with a training plan.
template <class Training>
void step(Training& training, float rate) {
    auto const entries = training.entries();
    auto const gradients = training.gradients();
    for (std::size_t i = 0, at = 0; i < entries.size(); at += entries[i].size, ++i)
        if (training.is_trained(i))
            for (std::size_t k = 0; k < entries[i].size; ++k)
                entries[i].data[k] -= rate * gradients[at + k];
    training.commit();
}

int main() {
    auto model = hc::model<network>{};
    hc::initialize(model, 1); // PyTorch's beginning, from a seed

    auto training = hc::training_plan<hc::image<1, 6, 6>>(model, {.seed = 7});
    float first = 0;
    float last = 0;
    for (std::uint32_t number = 0; number < 200; ++number) {
        auto const data = some_images(number);
        auto const output = training.forward(data.images);
        last = distance(output, data, training.gradient_to_fill());
        training.backward();
        step(training, 0.1F);
        if (number == 0)
            first = last;
    }
    std::cout << (last < first / 10 ? "it learned\n" : "it did not learn\n");

    std::cout << "# statistics wait for a commit\n";
    auto const data = some_images(1000);
    float const before = model.parameter("features.bn.running_mean")(0);
    training.forward(data.images);
    std::cout << (model.parameter("features.bn.running_mean")(0) == before ? "the model is as it was" : "?");
    training.commit();
    std::cout << (model.parameter("features.bn.running_mean")(0) != before ? ", now it has changed\n"
                                                                           : "?\n");

    std::cout << "# two batches, one step\n";
    training.zero_gradients();
    for (std::uint32_t number : {1001U, 1002U}) {
        auto const part = some_images(number);
        distance(training.forward(part.images), part, training.gradient_to_fill());
        training.accumulate();
    }
    step(training, 0.1F);

    std::cout << "# a frozen front\n";
    auto tuning = hc::training_plan<hc::image<1, 6, 6>>(model, hc::freeze<"features">{});
    for (auto const& line : tuning.steps())
        if (line.starts_with("backward"))
            std::cout << line << '\n';

    std::cout << "# a hook clips\n";
    auto clipped = hc::attach<"fc">(
        model, hc::on_parameter_gradient([](auto const&, std::string_view, auto const& gradient) {
            return xt::clip(gradient, -0.01F, 0.01F);
        }));
    auto careful = hc::training_plan<hc::image<1, 6, 6>>(clipped);
    careful.forward(data.images);
    careful.gradient_to_fill().fill(100);
    careful.backward();
    std::cout << careful.parameter_gradient("fc.bias")(0) << '\n';

    std::cout << "# a hook freezes, another logs\n";
    auto frozen = hc::attach<"features.conv">(
        model, hc::on_parameter_gradient([](auto const&, std::string_view, auto const& gradient) {
            return xt::zeros_like(gradient);
        }));
    auto logged = hc::attach<"">(
        frozen, hc::on_parameter_gradient([](auto const&, std::string_view name, auto const& gradient) {
            std::cout << name << ": " << std::setprecision(2) << xt::amax(xt::abs(gradient))() << '\n';
        }));
    auto watched = hc::training_plan<hc::image<1, 6, 6>>(logged);
    watched.forward(data.images);
    watched.gradient_to_fill().fill(0.125F);
    watched.backward();
}
