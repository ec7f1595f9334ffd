// Trains the networks of training_pytorch.py for a few passes: training_pytorch INPUTS OUTPUTS, both safetensors.

#include "layers_pytorch.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>
#include <hookcam/train/training_plan.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

namespace {

namespace hc = hookcam;
using compared::store;

template <std::size_t In, std::size_t Out, class... Policies>
using conv3x3 = hc::conv2d<In, Out, hc::kernel<3>, hc::padding<1>, hc::no_bias, Policies...>;

/// One layer alone, so that its statistics and gradients are all there is.
template <class Layer>
using alone = hc::sequential<hc::named<"layer", Layer>>;

using front = hc::sequential<hc::named<"conv", conv3x3<3, 6>>, hc::named<"bn", hc::batch_norm2d<6>>,
                             hc::relu<>, hc::dropout<>>;
template <class Front>
using residual_network = hc::sequential<
    hc::named<"front", Front>,
    hc::residual<hc::sequential<hc::named<"conv1", conv3x3<6, 6>>, hc::named<"bn1", hc::batch_norm2d<6>>,
                                hc::relu<>, hc::named<"conv2", conv3x3<6, 6>>,
                                hc::named<"bn2", hc::batch_norm2d<6, hc::momentum<0.01>>>>>,
    hc::relu<>, hc::max_pool2d<2>, hc::flatten<>, hc::named<"fc", hc::linear<96, 7>>,
    hc::named<"bn3", hc::batch_norm1d<7>>>;
using without_dropout =
    hc::sequential<hc::named<"conv", conv3x3<3, 6>>, hc::named<"bn", hc::batch_norm2d<6>>, hc::relu<>>;

/// Four passes and a commit: the gradients are those of the second, then the third is added, and the fourth is a forward
/// alone.
template <class Network, class Shape, class Request = hc::train_all>
void run(std::string const& key, hc::state_dict const& given, hc::state_dict& results) {
    hc::model<Network, double> model;
    for (auto const& own : model.entries()) {
        auto const values =
            compared::entry(given, key + ".own." + std::string{own.key}).template to<double>();
        std::copy(values.begin(), values.end(), own.data);
    }
    auto training = hc::training_plan<Shape>(model, hc::with_input_gradient<Request>{});
    for (int pass = 0; pass < 4; ++pass) {
        auto const number = std::to_string(pass);
        auto const x = compared::tensor<Shape::rank + 1>(compared::entry(given, key + ".x" + number));
        store(results, key + ".y" + number, training.forward(x));
        if (pass == 3)
            continue;
        using output = typename decltype(training)::output_shape;
        auto const grad_y =
            compared::tensor<output::rank + 1>(compared::entry(given, key + ".grad_y" + number));
        if (pass == 2)
            training.accumulate(grad_y);
        else
            training.backward(grad_y);
        store(results, key + ".grad_x" + number, training.input_gradient());
    }
    training.commit();
    auto const entries = training.entries();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        std::vector<std::size_t> const shape(entries[i].shape.begin(), entries[i].shape.end());
        auto const name = std::string{entries[i].key};
        store(results, key + ".after." + name, entries[i].data, shape);
        if (training.is_trained(i))
            store(results, key + ".grad." + name,
                  training.gradients().data() + (entries[i].data - entries[0].data), shape);
    }
}

} // namespace

int main(int, char** argv) {
    auto const given = hc::read_weights(std::filesystem::path{argv[1]});
    hc::state_dict results;
    using image = hc::image<5, 4, 3>;
    using vector = hc::features<9>;
    run<alone<hc::batch_norm2d<5>>, image>("batch_norm2d", given, results);
    run<alone<hc::batch_norm2d<5, hc::eps<0.01>, hc::momentum<0.3>>>, image>("batch_norm2d_options", given,
                                                                             results);
    run<alone<hc::batch_norm2d<5, hc::no_affine>>, image>("batch_norm2d_no_affine", given, results);
    run<alone<hc::batch_norm1d<9>>, vector>("batch_norm1d", given, results);
    run<alone<hc::batch_norm1d<9, hc::no_affine, hc::momentum<1.0>>>, vector>("batch_norm1d_options", given,
                                                                              results);
    run<alone<hc::instance_norm2d<5, hc::affine>>, image>("instance_norm2d", given, results);
    run<alone<hc::group_norm<5, 5>>, image>("group_norm", given, results);
    run<alone<hc::layer_norm<hc::shape<4, 3>>>, image>("layer_norm", given, results);
    run<residual_network<without_dropout>, hc::image<3, 8, 8>>("residual", given, results);
    run<residual_network<front>, hc::image<3, 8, 8>, hc::freeze<"front", "fc">>("frozen", given, results);
    hc::write_safetensors(argv[2], results);
}
