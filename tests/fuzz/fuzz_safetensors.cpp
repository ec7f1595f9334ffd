// read_safetensors, and what it read into a model.

#include "weights.hpp"

#include <hookcam/io/safetensors.hpp>

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    fuzz::read_weight_file(std::as_bytes(std::span{data, size}),
                           [](auto file) { return hookcam::read_safetensors(file); });
    return 0;
}
