// Runs every setting that layers_pytorch.py wrote: layers_pytorch INPUTS OUTPUTS, both safetensors.

#include "layers_pytorch.hpp"

#include <hookcam/io.hpp>

int main(int, char** argv) {
    auto const given = hookcam::read_weights(std::filesystem::path{argv[1]});
    hookcam::state_dict results;
    for (auto const& [key, run] : compared::settings())
        run(key, given, results);
    hookcam::write_safetensors(argv[2], results);
}
