// read_npy, for each type of numbers.

#include "fuzz.hpp"

#include <hookcam/io/npy.hpp>

#include <span>

namespace {

template <class T>
void read_as(std::span<std::byte const> file) {
    fuzz::allocation_meter const memory;
    hookcam::npy_array<T> array;
    bool const whole = fuzz::accepts([&] { array = hookcam::read_npy<T>(file); });
    fuzz::require(memory.total() <= 64 * file.size() + (std::size_t{1} << 20),
                  "reading allocates in proportion to the file");
    fuzz::require(!whole || hookcam::detail::checked_size(array.shape) == array.values.size(),
                  "there are as many values as the shape says");
}

} // namespace

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto const file = std::as_bytes(std::span{data, size});
    read_as<float>(file);
    read_as<double>(file);
    read_as<std::int64_t>(file);
    return 0;
}
