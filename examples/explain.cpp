// Shows where a network looks: Grad-CAM of one picture, at one layer for one class or at several for several, as a
// figure, as arrays, and as JSON.

#include "tools/command_line.hpp"
#include "tools/device.hpp"
#include "tools/networks.hpp"
#include "tools/probability.hpp"
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
#include <iomanip>
#include <iostream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
namespace hc = hookcam;

constexpr std::array options{tools::option{"--network", "NAME"},
                             tools::option{"--weights", "FILE"},
                             tools::option{"--input", "FILE"},
                             tools::option{"--index", "K", false},
                             tools::option{"--layer", "PATH[,PATH...]"},
                             tools::option{"--target", "N[,N...]", false},
                             tools::option{"--out", "DIR", false},
                             tools::option{"--classes", "FILE", false},
                             tools::option{"--colormap", "NAME", false},
                             tools::option{"--alpha", "A", false},
                             tools::device_option};

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

/// What Grad-CAM found at a layer.
struct finding {
    std::string layer;
    tools::explanation found;

    [[nodiscard]] std::span<float const> heat() const { return {found.heatmap.data(), found.heatmap.size()}; }

    /// Where its files lie if it is not the only one.
    [[nodiscard]] std::string folder() const { return layer + '_' + std::to_string(found.target); }
};

hc::panel original(input const& in, std::vector<std::string> const& names) {
    return {in.picture, in.label ? "Original: " + names[*in.label] : "Original"};
}

/// What the middle panel of a figure of one finding shows.
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

/// The figure of one finding: the picture, the map, and both over one another.
hc::figure draw(input const& in, finding const& one, std::vector<std::string> const& names,
                hc::overlay_style const& style) {
    hc::figure figure{12, 4};
    figure.add(original(in, names));
    figure.add(hc::heat_panel(one.heat(), in.picture.height(), in.picture.width(), title_of(one.found, names),
                              {style.colours, 0, 1}));
    figure.add(
        {hc::overlay(in.picture, one.heat(), style.colours, style.alpha), "Overlay, layer " + one.layer});
    return figure;
}

/// The softmax of the logits at the target, such as "83.9 %".
std::string probability_of(tools::explanation const& found) {
    double const percent = 100 * tools::probability(found.logits, found.target);
    if (percent < 0.1)
        return "< 0.1 %";
    std::ostringstream text;
    text << std::fixed << std::setprecision(1) << percent << " %";
    return text.str();
}

/// What a panel of a figure of several findings shows.
std::string short_title_of(finding const& one, std::vector<std::string> const& names) {
    auto const& found = one.found;
    auto title = one.layer + ": " + names[found.target] + ' ' + probability_of(found);
    if (found.status == hc::cam_status::no_positive_evidence)
        return title + ", all zero";
    if (found.status == hc::cam_status::flat)
        return title + ", the same everywhere";
    return found.target == found.predicted ? title + " (predicted)" : title;
}

/// The figure of several findings: the picture, and beside it a row of overlays a class, a column a layer.
hc::figure draw(input const& in, std::span<finding const> findings, std::size_t layers,
                std::vector<std::string> const& names, hc::overlay_style const& style) {
    std::vector<hc::titled_heat> maps;
    for (auto const& one : findings)
        maps.push_back({one.heat(), short_title_of(one, names)});
    return hc::overlay_figure(original(in, names), maps, layers, style);
}

template <std::size_t Rank>
void write_npy(fs::path const& path, xt::xtensor<float, Rank> const& values) {
    std::array<std::size_t, Rank> shape{};
    std::copy(values.shape().begin(), values.shape().end(), shape.begin());
    hc::write_npy<float>(path, std::span{values.data(), values.size()}, shape);
}

/// Writes the arrays into a folder, which is made where it is not there.
void write_arrays(fs::path const& folder, tools::explanation const& found) {
    fs::create_directories(folder);
    write_npy(folder / "heatmap.npy", found.heatmap);
    write_npy(folder / "raw.npy", found.raw);
    write_npy(folder / "activation.npy", found.activation);
    write_npy(folder / "gradient.npy", found.gradient);
}

nlohmann::ordered_json to_json(finding const& one) {
    return {{"predicted", one.found.predicted},
            {"target", one.found.target},
            {"logits", one.found.logits},
            {"layer", one.layer},
            {"status", hc::to_string(one.found.status)}};
}

/// How the heat is shown: the library's defaults where nothing else is asked for.
hc::overlay_style read_style(tools::command_line const& line) {
    hc::overlay_style style;
    if (auto const name = line.find("--colormap")) {
        try {
            style.colours = hc::find_colormap(*name);
        } catch (hc::error const& error) {
            throw tools::wrong_use{std::string{"--colormap: "} + error.what()};
        }
    }
    style.alpha = line.find_real("--alpha", 0, 1).value_or(style.alpha);
    return style;
}

void explain(tools::command_line const& line) {
    auto const& entry = tools::find_network(line.text("--network"));
    auto const layers = line.list("--layer");
    auto const network = entry.make(tools::find_device(line));
    for (auto const& layer : layers)
        network->require_spatial(layer);
    std::vector<std::optional<std::size_t>> targets;
    for (auto const target : line.list_numbers("--target", 0, entry.classes - 1))
        targets.emplace_back(target);
    if (targets.empty())
        targets.emplace_back(); // the predicted class
    auto const style = read_style(line);
    auto const weights = line.file("--weights");
    auto const names = class_names(line, entry);
    auto const in = read_input(line, entry);

    tools::progress_bar progress{targets.size() * layers.size() + 2};
    network->load(hc::read_weights(weights));
    progress.show(1);
    auto const image = hc::image_tensor<float>(in.picture, entry.input);
    std::vector<finding> findings;
    for (auto const& target : targets)
        for (auto const& layer : layers) {
            findings.push_back({layer, network->explain(layer, image, target)});
            progress.show(findings.size() + 1);
        }

    fs::path const out = line.find("--out").value_or(".");
    nlohmann::ordered_json json;
    if (findings.size() == 1) {
        write_arrays(out, findings[0].found);
        draw(in, findings[0], names, style).save_png(out / "figure.png");
        json = to_json(findings[0]);
    } else {
        for (auto const& one : findings) {
            write_arrays(out / one.folder(), one.found);
            json.push_back(to_json(one));
            json.back()["folder"] = one.folder();
        }
        draw(in, findings, layers.size(), names, style).save_png(out / "figure.png");
    }
    progress.finish();
    std::cout << json << '\n';
}

} // namespace

int main(int count, char** arguments) {
    return tools::run_tool("explain", options,
                           std::span{arguments, static_cast<std::size_t>(count)}.subspan(1), explain);
}
