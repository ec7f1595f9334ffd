// read_pth, and what it read into a model: archives, streams, and pickles without an archive, which is put around
// them here. Without that, no changed pickle would pass an archive's checksums.

#include "weights.hpp"

#include <hookcam/io/pth.hpp>
#include <hookcam/io/zip_writer.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace {

/// An archive of that pickle, and of three storages that it may refer to.
std::vector<std::uint8_t> archive_around(std::span<std::byte const> pickle) {
    hookcam::detail::file_context const context{"fuzz", "an archive"};
    hookcam::detail::zip_writer archive{context};
    std::vector<std::byte> const content(256, std::byte{1});
    archive.add("archive/data.pkl", pickle);
    archive.add("archive/data/0", std::span{content}.first(8));
    archive.add("archive/data/1", std::span{content}.first(72));
    archive.add("archive/data/2", content);
    return archive.finish();
}

} // namespace

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto const file = std::as_bytes(std::span{data, size});
    constexpr std::string_view stream{"\x80\x02\x8a\x0a", 4}; // a stream's magic number, as a pickle
    bool const is_pickle = size > 0 && data[0] == 0x80 && !hookcam::detail::as_text(file).starts_with(stream);
    auto const read = [](std::span<std::byte const> bytes) { return hookcam::read_pth(bytes); };
    if (is_pickle) {
        auto const archive = archive_around(file);
        fuzz::read_weight_file(std::as_bytes(std::span{archive}), read);
    } else {
        fuzz::read_weight_file(file, read);
    }
    return 0;
}
