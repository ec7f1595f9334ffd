// Shows where a network looks: Grad-CAM of one picture at one layer, as a figure, as arrays, and as JSON.

#include "tools/command_line.hpp"
#include "tools/networks.hpp"
#include "tools/progress_bar.hpp"
#include "tools/read_lines.hpp"

#include <hookcam/data.hpp>
#include <hookcam/io/npy.hpp>
#include <hookcam/io/read_weights.hpp>
#include <hookcam/viz.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
namespace hc = hookcam;

constexpr std::array options{tools::option{"--network", "NAME"},   tools::option{"--weights", "FILE"},
                             tools::option{"--input", "FILE"},     tools::option{"--index", "K", false},
                             tools::option{"--layer", "PATH"},     tools::option{"--target", "N", false},
                             tools::option{"--out", "DIR", false}, tools::option{"--classes", "FILE", false}};

/// The name of each class: a line of the file `--classes`, without WordNet's number as in "n01443537 goldfish";
/// or else what is known of the network; or else its number.
std::vector<std::string> class_names(tools::command_line const& line, tools::network_entry const& entry) {
    auto const file = line.find_file("--classes");
    if (!file) {
        std::vector<std::string> names{entry.class_names.begin(), entry.class_names.end()};
        for (auto i = names.size(); i < entry.classes; ++i)
            names.push_back("class " + std::to_string(i));
        return names;
    }
    auto names = tools::read_lines(*file);
    if (names.size() != entry.classes)
        throw tools::wrong_use{"--classes must be a file of " + std::to_string(entry.classes) +
                               " lines, a name each; \"" + *file + "\" has " + std::to_string(names.size())};
    for (auto& name : names)
        if (name.size() > 10 && name[0] == 'n' && tools::to_number(name.substr(1, 8)) && name[9] == ' ')
            name.erase(0, 10);
    return names;
}

struct input {
    hc::picture picture;
    std::optional<std::size_t> label; ///< where it is known
};

/// Picture `--index` of a CIFAR-10 file, whose name ends with .bin, or the picture of a PNG or JPEG file at
/// the network's size.
input read_input(tools::command_line const& line, tools::network_entry const& entry) {
    fs::path const file = line.file("--input");
    if (file.extension() != ".bin") {
        static_cast<void>(line.find_number("--index", 0, 0)); // such a file holds one picture
        return {entry.fit(hc::load_picture(file)), std::nullopt};
    }
    if (!entry.is_for_cifar10())
        throw tools::wrong_use{"--input must be a PNG or JPEG file for " + std::string{entry.name} +
                               ", which is not for CIFAR-10; it is \"" + file.string() + '"'};
    hc::cifar10_file const pictures{file};
    auto const index = line.find_number("--index", 0, pictures.size() - 1).value_or(0);
    return {pictures.picture(index), pictures.label(index)};
}

/// What the middle panel shows.
std::string title_of(tools::explanation const& found, std::vector<std::string> const& names) {
    auto const& target = names[found.target];
    if (found.status == hc::cam_status::no_positive_evidence)
        return "All zero: nothing speaks for " + target;
    if (found.status == hc::cam_status::flat)
        return "Grad-CAM: " + target + ", the same everywhere";
    if (found.target == found.predicted)
        return "Grad-CAM: " + target + " (predicted)";
    return "Grad-CAM: " + target + " (predicted: " + names[found.predicted] + ")";
}

hc::figure draw(input const& in, tools::explanation const& found, std::string const& layer,
                std::vector<std::string> const& names) {
    std::span<float const> const heat{found.heatmap.data(), found.heatmap.size()};
    hc::figure figure{12, 4};
    figure.add({in.picture, in.label ? "Original: " + names[*in.label] : "Original"});
    figure.add(hc::heat_panel(heat, in.picture.height(), in.picture.width(), title_of(found, names)));
    figure.add({hc::overlay(in.picture, heat, hc::jet, 0.4), "Overlay, layer " + layer});
    return figure;
}

template <std::size_t Rank>
void write_npy(fs::path const& path, xt::xtensor<float, Rank> const& values) {
    std::array<std::size_t, Rank> shape{};
    std::copy(values.shape().begin(), values.shape().end(), shape.begin());
    hc::write_npy<float>(path, std::span{values.data(), values.size()}, shape);
}

/// Writes the figure and the arrays into a folder, which is made where it is not there.
void write(fs::path const& folder, input const& in, tools::explanation const& found, std::string const& layer,
           std::vector<std::string> const& names) {
    fs::create_directories(folder);
    draw(in, found, layer, names).save_png(folder / "figure.png");
    write_npy(folder / "heatmap.npy", found.heatmap);
    write_npy(folder / "raw.npy", found.raw);
    write_npy(folder / "activation.npy", found.activation);
    write_npy(folder / "gradient.npy", found.gradient);
}

void explain(tools::command_line const& line) {
    auto const& entry = tools::find_network(line.text("--network"));
    auto const& layer = line.text("--layer");
    auto const network = entry.make();
    network->require_spatial(layer);
    auto const target = line.find_number("--target", 0, entry.classes - 1);
    auto const weights = line.file("--weights");
    auto const names = class_names(line, entry);
    auto const in = read_input(line, entry);

    tools::progress_bar progress{3};
    network->load(hc::read_weights(weights));
    progress.show(1);
    auto const found = network->explain(layer, hc::image_tensor<float>(in.picture, entry.input), target);
    progress.show(2);
    write(line.find("--out").value_or("."), in, found, layer, names);
    progress.finish();

    nlohmann::ordered_json const json{{"predicted", found.predicted},
                                      {"target", found.target},
                                      {"logits", found.logits},
                                      {"layer", layer},
                                      {"status", hc::to_string(found.status)}};
    std::cout << json << '\n';
}

} // namespace

int main(int count, char** arguments) {
    return tools::run_tool("explain", options,
                           std::span{arguments, static_cast<std::size_t>(count)}.subspan(1), explain);
}
