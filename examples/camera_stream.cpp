// Explains a stream of pictures as they come, and says how many a second:
//
//     camera_stream WEIGHTS FILE.bin [FRAMES]       pictures of a CIFAR-10 file
//     camera_stream WEIGHTS --folder DIR [FRAMES]   PNG and JPEG files, in the order of their names

#include "networks/simple_cnn.hpp"
#include "tools/picture_files.hpp"

#include <hookcam/data.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

namespace fs = std::filesystem;
namespace hc = hookcam;

/// Puts the next picture into `frame`, or returns false where there is none: what a camera's driver does.
using camera = std::function<bool(hc::picture& frame)>;

camera open_file(fs::path const& file) {
    return [pictures = std::make_shared<hc::cifar10_file>(file), next = std::size_t{0}](auto& frame) mutable {
        if (next == pictures->size())
            return false;
        frame = pictures->picture(next++);
        return true;
    };
}

camera open_folder(fs::path const& folder) {
    auto const files = tools::picture_files(folder);
    if (files.empty())
        throw std::runtime_error{"the folder must hold PNG or JPEG files; \"" + folder.string() +
                                 "\" has none"};
    return [files, next = std::size_t{0}](auto& frame) mutable {
        if (next == files.size())
            return false;
        frame = hc::load_picture(files[next++]);
        return true;
    };
}

/// Whether the text is a number, digits alone, which `number` is then.
bool read_number(std::string_view text, std::size_t& number) {
    auto const* const end = text.data() + text.size();
    auto const [stop, failure] = std::from_chars(text.data(), end, number);
    return failure == std::errc{} && stop == end;
}

/// A line about a frame: what it shows, and where that is seen best.
void print(std::size_t number, auto const& cam) {
    std::cout << "frame " << number << ": " << hc::cifar10_classes[cam.predicted[0]];
    if (cam.status[0] == hc::cam_status::no_positive_evidence) {
        std::cout << ", though nothing in the layer speaks for it";
    } else if (cam.status[0] == hc::cam_status::flat) {
        std::cout << ", the same everywhere";
    } else {
        auto const best = std::ranges::max_element(cam.heatmap) - cam.heatmap.begin();
        auto const width = static_cast<std::ptrdiff_t>(cam.heatmap.shape(2));
        std::cout << ", most at row " << best / width << ", column " << best % width;
    }
    std::cout << '\n';
}

void explain(hc::model<networks::simple_cnn> const& model, camera const& read, std::size_t most) {
    // Made once: the plan, which keeps its memory from frame to frame, and the memory of its input.
    auto look = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"conv3">{});
    auto input = xt::xtensor<float, 3>::from_shape({3, 32, 32});
    hc::normalization const scale{.range = 255, .mean = {0.5, 0.5, 0.5}, .deviation = {0.5, 0.5, 0.5}};

    auto const begin = std::chrono::steady_clock::now();
    std::size_t count = 0;
    for (hc::picture frame; count < most && read(frame); ++count) {
        hc::normalize(hc::resize_and_crop(frame, 32, 32), scale, std::span{input.data(), input.size()});
        auto const& cam = look(input); // good until the next frame
        print(count, cam);
    }
    std::chrono::duration<double> const seconds = std::chrono::steady_clock::now() - begin;

    std::cout << count << " frames\n";
    std::cerr << static_cast<double>(count) / seconds.count() << " frames per second\n";
}

} // namespace

int main(int count, char** arguments) {
    std::vector<std::string> words{arguments + 1, arguments + count};
    bool const is_folder = words.size() > 1 && words[1] == "--folder";
    if (is_folder)
        words.erase(words.begin() + 1);
    auto most = std::numeric_limits<std::size_t>::max();
    if (words.size() != 2 && !(words.size() == 3 && read_number(words[2], most))) {
        std::cerr << "use it as: camera_stream WEIGHTS FILE.bin|--folder DIR [FRAMES]\n";
        return 1;
    }
    try {
        auto const model = hc::load<networks::simple_cnn>(words[0]);
        auto const read = is_folder ? open_folder(words[1]) : open_file(words[1]);
        explain(model, read, most);
    } catch (std::exception const& e) {
        std::cerr << "camera_stream: " << e.what() << '\n';
        return 1;
    }
}
