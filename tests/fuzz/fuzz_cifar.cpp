// cifar10_file: all its pictures and labels.

#include "fuzz.hpp"

#include <hookcam/data/cifar10.hpp>

#include <optional>

int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::optional<hookcam::cifar10_file> file;
    if (!fuzz::accepts([&] { file.emplace(std::vector<std::uint8_t>(data, data + size)); })) {
        return 0;
    }
    fuzz::require(file->size() * hookcam::cifar10_file::record_bytes == size,
                  "every byte belongs to a record");
    for (std::size_t i = 0; i < file->size(); ++i) {
        fuzz::require(file->label(i) < hookcam::cifar10_classes.size(), "a label is that of a class");
        auto const picture = file->picture(i);
        auto const planes = file->planes(i);
        auto const last = picture.at(31, 31);
        fuzz::require(picture.height() == 32 && picture.width() == 32, "a picture is 32 × 32");
        fuzz::require(last == hookcam::rgb{planes[1023], planes[2047], planes[3071]},
                      "a pixel is of the three planes");
    }
    try {
        (void)file->label(file->size());
        fuzz::require(false, "an index past the end is refused");
    } catch (hookcam::error const& error) {
        fuzz::require(error.kind() == hookcam::error_kind::use, "a wrong index is an error of use");
    }
    return 0;
}
