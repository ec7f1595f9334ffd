// The tools explain and evaluate, run as a user runs them: what they print and write, against PyTorch's
// values, and how they refuse.

#define BOOST_TEST_MODULE tools
#include "run_program.hpp"

#include <hookcam/data.hpp>
#include <hookcam/io.hpp>
#include <hookcam/viz.hpp>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

namespace hc = hookcam;
namespace fs = std::filesystem;
using strings = std::vector<std::string>;

namespace {

fs::path const shipped = fs::path{HOOKCAM_SOURCE_DIR} / "examples/data";
fs::path const shared = HOOKCAM_SHARED_DIR;
std::string const weights = shipped / "cifar10_cnn.safetensors";
std::string const pictures = shipped / "cifar10_test_200.bin";
std::string const squeezenet = shared / "data/weights/squeezenet1_0_deepcompressed.safetensors";
fs::path const photos = shared / "data/images";
// What PyTorch's values of simple_cnn were computed with.
std::string const pytorch_weights = shared / "reference/torch/cifar10_cnn.safetensors";
std::string const resnet20 = shared / "data/weights/resnet20-12fca82f.th";

// PyTorch's own distance from float64 is below 2e-5 in these files.
constexpr float tolerance = 1e-4f;

bool is_there(fs::path const& path) {
    bool const there = !shared.empty() && fs::exists(path);
    if (!there)
        BOOST_TEST_MESSAGE("skipped: " << path << " is not there");
    return there;
}

program_result explain(strings const& arguments, fs::path const& in = ".") {
    return run_program(HOOKCAM_EXPLAIN, arguments, in);
}
program_result evaluate(strings const& arguments) {
    return run_program(HOOKCAM_EVALUATE, arguments);
}

/// What explain found, from its JSON and its files.
struct found {
    nlohmann::json json;
    hc::npy_array<float> heatmap, raw, activation, gradient;
};

found explained(std::string const& network, std::string const& file, std::string const& input,
                std::string const& layer, strings const& more = {}) {
    temporary_folder const folder;
    auto const out = folder / "made/by it";
    strings arguments{"--network", network,   "--weights", file,    "--input",
                      input,       "--layer", layer,       "--out", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto const result = explain(arguments);
    BOOST_TEST(result.errors == "");
    BOOST_REQUIRE(result.status == 0);
    auto const figure = hc::load_picture(out / "figure.png");
    BOOST_TEST(figure.width() == 3 * figure.height());
    BOOST_TEST(std::distance(fs::directory_iterator{out}, {}) == 5);
    return {nlohmann::json::parse(result.output), hc::read_npy<float>(out / "heatmap.npy"),
            hc::read_npy<float>(out / "raw.npy"), hc::read_npy<float>(out / "activation.npy"),
            hc::read_npy<float>(out / "gradient.npy")};
}

/// Tensor `key` of a file, or image n of its batch.
std::vector<float> reference(hc::state_dict const& file, std::string const& key,
                             std::optional<std::size_t> image = {}) {
    auto const* const entry = file.find(key);
    BOOST_REQUIRE(entry != nullptr);
    auto const all = entry->to<float>();
    if (!image)
        return all;
    auto const size = static_cast<std::ptrdiff_t>(all.size() / entry->shape[0]);
    auto const begin = all.begin() + size * static_cast<std::ptrdiff_t>(*image);
    return {begin, begin + size};
}

/// The largest difference, over the largest reference value where that is above one.
float difference(std::vector<float> const& got, std::vector<float> const& expected) {
    BOOST_REQUIRE(got.size() == expected.size());
    float largest = 0;
    float scale = 1;
    for (std::size_t i = 0; i < got.size(); ++i) {
        largest = std::max(largest, std::abs(got[i] - expected[i]));
        scale = std::max(scale, std::abs(expected[i]));
    }
    return largest / scale;
}

bool is_zero(std::vector<float> const& values) {
    return std::ranges::all_of(values, [](float value) { return value == 0; });
}

/// A use that must be refused, and what the one line on stderr must say.
void refuse(program_result const& result, int status, strings const& texts) {
    BOOST_TEST(result.status == status);
    BOOST_TEST(result.output == "");
    BOOST_TEST(std::ranges::count(result.errors, '\n') == 1);
    BOOST_TEST(result.errors.ends_with('\n'));
    for (auto const& text : texts)
        BOOST_TEST((result.errors.find(text) != std::string::npos),
                   '"' << text << "\" must be in: " << result.errors);
}

/// The fields of each line of a file of comma-separated values, less the first line.
std::vector<strings> rows_of(fs::path const& path) {
    std::vector<strings> rows;
    std::ifstream file{path};
    std::string line;
    for (std::getline(file, line); std::getline(file, line);) {
        std::istringstream text{line};
        auto& row = rows.emplace_back();
        for (std::string field; std::getline(text, field, ',');)
            row.push_back(field);
    }
    return rows;
}

void write_text(fs::path const& path, std::string const& text) {
    std::ofstream{path, std::ios::binary} << text;
}

/// The arguments of a call that works, with one option of another value; without it where that is empty.
strings with(std::string const& option, std::string const& value) {
    strings arguments{"--network", "simple_cnn", "--weights", weights,
                      "--input",   pictures,     "--layer",   "conv3"};
    auto const at = std::ranges::find(arguments, option);
    if (at == arguments.end())
        arguments.insert(arguments.end(), {option, value});
    else if (value.empty())
        arguments.erase(at, at + 2);
    else
        *(at + 1) = value;
    return arguments;
}

std::string const networks = "simple_cnn resnet20 resnet32 resnet44 resnet56 resnet110 squeezenet1_0";

} // namespace

BOOST_AUTO_TEST_CASE(explain_tells_what_pytorch_finds) {
    auto const file = shared / "reference/torch/simple_cnn_grad_cam.safetensors";
    if (!is_there(file))
        return;
    auto const torch = hc::read_weights(file);
    auto const [json, heatmap, raw, activation, gradient] =
        explained("simple_cnn", pytorch_weights, pictures, "conv3", {"--index", "102"});
    std::set<std::string> keys;
    for (auto const& [key, value] : json.items())
        keys.insert(key);
    BOOST_TEST((keys == std::set<std::string>{"predicted", "target", "logits", "layer", "status"}));
    BOOST_TEST(json["predicted"].is_number_integer());
    BOOST_TEST(json["predicted"] == 6);
    BOOST_TEST(json["target"] == 6);
    BOOST_TEST(json["layer"] == "conv3");
    BOOST_TEST(json["status"] == "ok");
    BOOST_TEST(difference(json["logits"], reference(torch, "logits", 102)) < tolerance);

    using shape = std::vector<std::size_t>;
    BOOST_TEST((heatmap.shape == shape{32, 32}));
    BOOST_TEST((raw.shape == shape{8, 8}));
    BOOST_TEST((activation.shape == shape{128, 8, 8}));
    BOOST_TEST((gradient.shape == shape{128, 8, 8}));
    BOOST_TEST(difference(heatmap.values, reference(torch, "cam.conv3.predicted", 102)) < tolerance);
    BOOST_TEST(difference(activation.values, reference(torch, "conv3.activation.102")) < tolerance);
    BOOST_TEST(difference(gradient.values, reference(torch, "conv3.gradient.102")) < tolerance);
    // The raw map by its definition: ReLU(Σ mean(G) · A).
    for (std::size_t i = 0; i < 64; ++i) {
        double sum = 0;
        for (std::size_t c = 0; c < 128; ++c) {
            double weight = 0;
            for (std::size_t k = 0; k < 64; ++k)
                weight += gradient.values[c * 64 + k] / 64;
            sum += weight * activation.values[c * 64 + i];
        }
        BOOST_TEST(std::abs(raw.values[i] - std::max(sum, 0.0)) < 1e-6); // sums of 128 floats
    }
}

BOOST_AUTO_TEST_CASE(explain_takes_any_layer_and_target) {
    auto const file = shared / "reference/torch/simple_cnn_grad_cam.safetensors";
    if (!is_there(file))
        return;
    auto const torch = hc::read_weights(file);
    hc::cifar10_file const data{pictures};
    for (std::string const layer : {"conv1", "conv2", "conv3"})
        for (std::size_t const index : {0u, 57u, 199u}) {
            auto const label = data.label(index);
            auto const seen =
                explained("simple_cnn", pytorch_weights, pictures, layer,
                          {"--target", std::to_string(label), "--index", std::to_string(index)});
            BOOST_TEST(seen.json["target"] == label);
            BOOST_TEST(seen.json["layer"] == layer);
            BOOST_TEST(difference(seen.heatmap.values, reference(torch, "cam." + layer + ".label", index)) <
                       tolerance);
        }
}

BOOST_AUTO_TEST_CASE(explain_says_where_a_map_is_zero) {
    auto const file = shared / "reference/torch/simple_cnn_grad_cam.safetensors";
    if (!is_there(file))
        return;
    auto const torch = hc::read_weights(file);
    hc::cifar10_file const data{pictures};
    int zero_maps = 0;
    for (std::size_t index = 0; index < data.size(); ++index) {
        auto const image = std::to_string(index);
        if (is_zero(reference(torch, "cam.conv3.predicted", index))) {
            ++zero_maps;
            auto const seen = explained("simple_cnn", pytorch_weights, pictures, "conv3", {"--index", image});
            BOOST_TEST(seen.json["status"] == "no_positive_evidence");
            BOOST_TEST(is_zero(seen.heatmap.values));
            BOOST_TEST(is_zero(seen.raw.values));
        }
    }
    BOOST_TEST(zero_maps == 24);
}

BOOST_AUTO_TEST_CASE(explain_looks_into_a_residual_network) {
    auto const file = shared / "reference/torch/resnet20.safetensors";
    std::string const test_set = shared / "data/cifar10/test_batch.bin";
    if (!is_there(file) || !is_there(resnet20) || !is_there(test_set))
        return;
    auto const torch = hc::read_weights(file);
    hc::cifar10_file const data{test_set};
    for (std::string const layer : {"layer1.2.conv2", "layer2", "layer3"})
        for (std::size_t const index : {0u, 1u}) {
            auto const seen =
                explained("resnet20", resnet20, test_set, layer,
                          {"--index", std::to_string(index), "--target", std::to_string(data.label(index))});
            BOOST_TEST(difference(seen.json["logits"], reference(torch, "logits", index)) < tolerance);
            BOOST_TEST(difference(seen.heatmap.values, reference(torch, layer + ".grad_cam.label", index)) <
                       tolerance);
            BOOST_TEST(difference(seen.activation.values, reference(torch, layer + ".activation", index)) <
                       tolerance);
            // Gradients are small: the tolerance is a part of the largest.
            auto const expected = reference(torch, layer + ".gradient", index);
            auto const largest =
                std::abs(*std::ranges::max_element(expected, {}, [](float g) { return std::abs(g); }));
            BOOST_TEST(difference(seen.gradient.values, expected) < tolerance * std::min(largest, 1.0f));
        }
}

BOOST_AUTO_TEST_CASE(explain_takes_picture_files) {
    temporary_folder const folder;
    auto const frog = hc::cifar10_file{pictures}.picture(102);
    hc::save_png(folder / "frog.png", frog);
    auto const from_bin = explained("simple_cnn", weights, pictures, "conv2", {"--index", "102"});
    auto const from_png = explained("simple_cnn", weights, folder / "frog.png", "conv2");
    BOOST_TEST(from_png.json == from_bin.json);
    BOOST_TEST((from_png.heatmap.values == from_bin.heatmap.values));

    // Another size: as if it had been resized and cropped before.
    auto const wide = hc::resize(frog, 48, 77);
    hc::save_png(folder / "wide.png", wide);
    hc::save_png(folder / "cropped.png", hc::resize_and_crop(wide, 32, 32));
    auto const from_wide = explained("simple_cnn", weights, folder / "wide.png", "conv2");
    auto const from_cropped = explained("simple_cnn", weights, folder / "cropped.png", "conv2");
    BOOST_TEST((from_wide.json != from_png.json));
    BOOST_TEST(from_wide.json == from_cropped.json);

    auto const photo = shared / "data/images/gradcam_dog_cat.jpg";
    if (is_there(photo))
        BOOST_TEST(explained("simple_cnn", weights, photo, "conv3").json["status"] == "ok");
    refuse(explain({"--network", "simple_cnn", "--weights", weights, "--input", folder / "frog.png",
                    "--layer", "conv3", "--index", "1"}),
           2, {"--index", "from 0 to 0"});
}

BOOST_AUTO_TEST_CASE(explain_shows_several_layers_and_classes) {
    temporary_folder const folder;
    auto arguments = with("--index", "102");
    std::ranges::replace(arguments, "conv3", "conv3,conv1");
    arguments.insert(arguments.end(), {"--target", "6,3,0", "--out", folder / "all"});
    auto const result = explain(arguments);
    BOOST_TEST(result.errors == "");
    BOOST_REQUIRE(result.status == 0);
    auto const json = nlohmann::json::parse(result.output);
    BOOST_REQUIRE(json.size() == 6u);
    BOOST_TEST(std::distance(fs::directory_iterator{folder / "all"}, {}) == 7); // six folders and the figure

    // Row after row; each what it would be alone.
    std::size_t at = 0;
    for (std::string const target : {"6", "3", "0"})
        for (std::string const layer : {"conv3", "conv1"}) {
            auto const alone =
                explained("simple_cnn", weights, pictures, layer, {"--index", "102", "--target", target});
            auto one = json[at++];
            BOOST_TEST(one["folder"] == layer + '_' + target);
            auto const files = folder / "all" / one["folder"].get<std::string>();
            one.erase("folder");
            BOOST_TEST(one == alone.json);
            BOOST_TEST((hc::read_npy<float>(files / "heatmap.npy").values == alone.heatmap.values));
            BOOST_TEST((hc::read_npy<float>(files / "raw.npy").values == alone.raw.values));
            BOOST_TEST((hc::read_npy<float>(files / "activation.npy").values == alone.activation.values));
            BOOST_TEST((hc::read_npy<float>(files / "gradient.npy").values == alone.gradient.values));
            BOOST_TEST(std::distance(fs::directory_iterator{files}, {}) == 4);
        }
    // Three columns (the original and two layers) of three rows, and the bar.
    auto const figure = hc::load_picture(folder / "all/figure.png");
    BOOST_TEST(figure.width() > figure.height() * 19 / 20);
    BOOST_TEST(figure.width() < figure.height() * 21 / 20);

    // Several layers alone: the predicted class.
    arguments = with("--layer", "conv2,conv3");
    arguments.insert(arguments.end(), {"--index", "102", "--out", folder / "layers"});
    auto const layers = nlohmann::json::parse(explain(arguments).output);
    BOOST_REQUIRE(layers.size() == 2u);
    BOOST_TEST(layers[0]["folder"] == "conv2_6");
    BOOST_TEST(layers[1]["folder"] == "conv3_6");
}

/// The pictures of a figure's first row, cut out by their frames: gray lines, which colour bars have too, but
/// shorter ones.
std::vector<hc::picture> panels_of(hc::picture const& figure) {
    constexpr hc::rgb frame{89, 89, 89}; // 0.35 of white
    constexpr std::size_t widest_bar = 50;
    std::vector<hc::picture> panels;
    for (std::size_t y = 0; y < figure.height() && panels.empty(); ++y)
        for (std::size_t left = 0, right = 0; left < figure.width(); left = right + 1) {
            for (right = left; right < figure.width() && figure.at(y, right) == frame;)
                ++right;
            if (right - left < widest_bar)
                continue;
            std::size_t bottom = y + 1;
            while (bottom < figure.height() && figure.at(bottom, left) == frame)
                ++bottom;
            hc::picture panel{bottom - y - 2, right - left - 2};
            for (std::size_t row = 0; row < panel.height(); ++row)
                for (std::size_t column = 0; column < panel.width(); ++column)
                    panel.set(row, column, figure.at(y + 1 + row, left + 1 + column));
            panels.push_back(panel);
        }
    return panels;
}

BOOST_AUTO_TEST_CASE(explain_draws_in_the_colours_that_it_is_told) {
    temporary_folder const folder;
    auto const drawn = [&](strings const& more) {
        auto arguments = with("--index", "102");
        arguments.insert(arguments.end(), {"--out", folder / ""});
        arguments.insert(arguments.end(), more.begin(), more.end());
        BOOST_REQUIRE(explain(arguments).status == 0);
        auto panels = panels_of(hc::load_picture(folder / "figure.png"));
        BOOST_REQUIRE(panels.size() == 3u);
        BOOST_TEST(panels[0].height() > 250u);
        return panels;
    };
    auto const has = [](hc::picture const& panel, hc::rgb colour) {
        for (std::size_t y = 0; y < panel.height(); ++y)
            for (std::size_t x = 0; x < panel.width(); ++x)
                if (panel.at(y, x) == colour)
                    return true;
        return false;
    };
    // The heatmap goes from 0 to 1.
    auto const by_default = drawn({});
    BOOST_TEST(has(by_default[1], hc::jet.colours.front()));
    BOOST_TEST(has(by_default[1], hc::jet.colours.back()));
    auto const viridis = drawn({"--colormap", "viridis"});
    BOOST_TEST(has(viridis[1], hc::viridis.colours.front()));
    BOOST_TEST(has(viridis[1], hc::viridis.colours.back()));
    BOOST_TEST((viridis[0] == by_default[0]));
    BOOST_TEST((viridis[2] != by_default[2]));

    auto const picture_alone = drawn({"--alpha", "0"});
    BOOST_TEST((picture_alone[2] == picture_alone[0]));
    auto const heat_alone = drawn({"--alpha", "1"});
    BOOST_TEST((heat_alone[2] == heat_alone[1]));
    BOOST_TEST((heat_alone[0] != heat_alone[1]));
    BOOST_TEST((drawn({"--alpha", "0.4"})[2] == by_default[2]));
    // Enlarged pixels stay as they are, so what is drawn of the overlay is the overlay of what is drawn.
    auto const quarter = drawn({"--alpha", "0.25"});
    for (std::size_t i = 0; i < quarter[2].bytes().size(); ++i) {
        double const wanted = 0.25 * quarter[1].bytes()[i] + 0.75 * quarter[0].bytes()[i];
        BOOST_REQUIRE(std::abs(quarter[2].bytes()[i] - wanted) <= 0.5); // rounded once
    }
}

BOOST_AUTO_TEST_CASE(explain_writes_into_the_folder_where_it_runs) {
    temporary_folder const folder;
    auto const result = explain(with("--index", "7"), folder / "");
    BOOST_TEST(result.status == 0);
    BOOST_TEST(folder.size() == 5u);
}

BOOST_AUTO_TEST_CASE(a_gpu_is_used_or_said_not_to_be_there) {
    temporary_folder const folder;
    auto const explained = explain(with("--device", "cuda"), folder / "");
    if (explained.status != 0)
        refuse(explained, 2, {"explain: --device must be cpu"});
    auto const counted =
        evaluate({"--network", "simple_cnn", "--weights", weights, "--data", pictures, "--device", "cuda"});
    if (counted.status != 0)
        refuse(counted, 2, {"evaluate: --device must be cpu"});
}

BOOST_AUTO_TEST_CASE(wrong_use_is_told_in_one_line_that_lists_what_there_is) {
    temporary_folder const folder;
    refuse(explain(with("--network", "resnet18")), 2, {"explain: --network", networks, "resnet18"});
    refuse(explain(with("--layer", "conv4")), 2, {"conv1 conv2 conv3 fc1 fc2", "conv4"});
    refuse(explain(with("--layer", "")), 2, {"--layer is missing", "--layer PATH["});
    refuse(explain(with("--target", "10")), 2, {"--target", "0 to 9"});
    refuse(explain(with("--target", "-1")), 2, {"--target", "0 to 9"});
    refuse(explain(with("--target", "frog")), 2, {"--target", "0 to 9"});
    refuse(explain(with("--target", "3x")), 2, {"--target", "0 to 9"});
    refuse(explain(with("--target", "3,10")), 2, {"--target", "0 to 9", "\"10\""});
    refuse(explain(with("--target", "3,")), 2, {"--target", "0 to 9", "\"\""});
    refuse(explain(with("--target", "3,5,3")), 2, {"--target", "\"3\" stands twice", "3,5,3"});
    refuse(explain(with("--target", "3,03")), 2, {"--target", "\"03\" stands twice", "3,03"});
    refuse(explain(with("--layer", "conv1,conv1")), 2, {"--layer", "\"conv1\" stands twice"});
    refuse(explain(with("--layer", "conv1,conv4")), 2, {"conv1 conv2 conv3", "conv4"});
    refuse(explain(with("--layer", "conv1,fc1")), 2, {"conv1 conv2 conv3", "fc1"});
    refuse(explain(with("--colormap", "hot")), 2, {"--colormap", "gray jet turbo viridis", "\"hot\""});
    for (std::string const alpha : {"1.01", "-0.1", "nan", "0,5", "half", ""})
        refuse(explain(with("--alpha", alpha)), 2, {"--alpha", "from 0 to 1", '"' + alpha + '"'});
    refuse(explain(with("--device", "gpu")), 2, {"--device must be cpu or cuda", "\"gpu\""});
    refuse(explain(with("--index", "200")), 2, {"--index", "0 to 199"});
    refuse(explain(with("--index", "-1")), 2, {"--index", "0 to 199"});
    refuse(explain(with("--index", "99999999999999999999")), 2, {"--index", "0 to 199"});
    refuse(explain(with("--weights", shipped / "none.pth")), 2,
           {"--weights", "none.pth", "cifar10_cnn.safetensors"});
    refuse(explain(with("--weights", shipped)), 2, {"--weights", "cifar10_cnn.safetensors"});
    refuse(explain(with("--input", folder / "a\nb/c/d.bin")), 2, {"--input", "holds nothing"});
    refuse(explain(with("--size", "3")), 2, {"--size", "[--index K]"});
    refuse(explain({}), 2,
           {"--network is missing", "--network NAME --weights FILE --input FILE [--index K] "
                                    "--layer PATH[,PATH...] [--target N[,N...]] [--out DIR] "
                                    "[--classes FILE] [--colormap NAME] [--alpha A]"});
    refuse(explain({"--network"}), 2, {"--network needs a value"});
    refuse(explain({"--network", "a", "--network", "a"}), 2, {"--network is given twice"});

    // A layer without spatial output: those that have one are listed, and no other.
    auto const flat = explain(with("--layer", "fc1"));
    refuse(flat, 2, {"fc1", "conv1 conv2 conv3"});
    BOOST_TEST(flat.errors.find("fc2") == std::string::npos);

    refuse(evaluate({"--network", "vgg", "--weights", weights, "--data", pictures}), 2,
           {"evaluate: ", networks});
    refuse(evaluate({"--network", "simple_cnn", "--weights", weights, "--data", "none.bin"}), 2,
           {"--data", "none.bin"});
    refuse(evaluate({"--network", "simple_cnn", "--weights", weights, "--data", pictures, "--limit", "0"}), 2,
           {"--limit", "from 1"});
    refuse(evaluate({"--network", "simple_cnn"}), 2,
           {"--network NAME --weights FILE --data FILE.bin|DIR [--limit N] [--logits FILE.npy] "
            "[--labels FILE]"});
}

BOOST_AUTO_TEST_CASE(residual_networks_have_the_depth_of_their_name) {
    for (int const depth : {20, 32, 44, 56, 110}) {
        int const blocks =
            (depth - 2) / 6; // two convolutions a block, three stages, and two layers around them
        auto const stage = [](int number) { return "layer3." + std::to_string(number); };
        auto arguments = with("--network", "resnet" + std::to_string(depth));
        std::ranges::replace(arguments, "conv3", stage(blocks));
        refuse(explain(arguments), 2, {' ' + stage(blocks - 1) + ".bn2 linear"});
    }
}

BOOST_AUTO_TEST_CASE(help_is_no_wrong_use) {
    auto const result = explain({"--help"});
    BOOST_TEST(result.status == 0);
    BOOST_TEST(result.output.starts_with("usage: explain --network NAME"));
}

BOOST_AUTO_TEST_CASE(other_failures_have_another_status) {
    temporary_folder const folder;
    auto const copy_part = [&](std::string const& from, std::string const& to, std::size_t bytes) {
        auto const all = hc::read_file_bytes(from);
        hc::replace_file(folder / to, std::span{all}.first(std::min(bytes, all.size())));
        return (folder / to).string();
    };
    auto const short_weights = copy_part(weights, "short.safetensors", 100000);
    auto const no_weights = copy_part(weights, "empty.pth", 0);
    refuse(explain(with("--weights", short_weights)), 1, {"short.safetensors"});
    refuse(explain(with("--weights", no_weights)), 1, {"empty.pth"});
    refuse(explain(with("--weights", pictures)), 1, {"cifar10_test_200.bin"});
    refuse(explain(with("--input", copy_part(pictures, "short.bin", 5000))), 1, {"short.bin", "3073"});
    refuse(explain(with("--input", copy_part(pictures, "no.png", 5000))), 1, {"no.png", "PNG or JPEG"});
    refuse(evaluate({"--network", "simple_cnn", "--weights", short_weights, "--data", pictures}), 1,
           {"short.safetensors"});
    refuse(evaluate({"--network", "simple_cnn", "--weights", weights, "--data", folder / "short.bin"}), 1,
           {"short.bin"});
    // Weights of another network: all keys that differ are told.
    refuse(evaluate({"--network", "resnet20", "--weights", weights, "--data", pictures}), 1,
           {"missing: ", "layer1.0.conv1.weight", "linear.bias", "unexpected: ", "fc1.weight"});
    // Nothing can be written there.
    refuse(explain(with("--out", weights)), 1, {"cifar10_cnn.safetensors"});
    refuse(evaluate({"--network", "simple_cnn", "--weights", weights, "--data", pictures, "--logits",
                     folder / "none/logits.npy"}),
           1, {"logits.npy"});
    BOOST_TEST(run_program("/bin/sh", {"-c",
                                       std::string{HOOKCAM_EVALUATE} +
                                           " --network simple_cnn --limit 1 --weights \"$0\" --data \"$1\" "
                                           ">/dev/full",
                                       weights, pictures})
                   .status == 1);
}

BOOST_AUTO_TEST_CASE(evaluate_counts_and_keeps_the_logits) {
    temporary_folder const folder;
    // 150: one batch and a half.
    auto const file = shared / "reference/torch/simple_cnn_grad_cam.safetensors";
    bool const compares = is_there(file);
    auto const result =
        evaluate({"--network", "simple_cnn", "--weights", compares ? pytorch_weights : weights, "--data",
                  pictures, "--limit", "150", "--logits", folder / "logits.npy"});
    BOOST_TEST(result.status == 0);
    BOOST_TEST(result.errors == "");
    auto const logits = hc::read_npy<float>(folder / "logits.npy");
    BOOST_TEST((logits.shape == std::vector<std::size_t>{150, 10}));
    hc::cifar10_file const data{pictures};
    std::size_t correct = 0;
    for (std::size_t i = 0; i < 150; ++i) {
        auto const row = std::span{logits.values}.subspan(i * 10, 10);
        correct +=
            static_cast<std::size_t>(std::ranges::max_element(row) - row.begin()) == data.label(i) ? 1 : 0;
    }
    BOOST_TEST(result.output == std::to_string(correct) + " of 150 correct\n");
    if (compares) {
        auto expected = reference(hc::read_weights(file), "logits");
        expected.resize(1500);
        BOOST_TEST(difference(logits.values, expected) < tolerance);
    }
    // A limit above what there is: all.
    BOOST_TEST(
        evaluate({"--network", "simple_cnn", "--weights", weights, "--data", pictures, "--limit", "1000"})
            .output.ends_with(" of 200 correct\n"));
}

BOOST_AUTO_TEST_CASE(evaluate_classifies_a_folder_of_pictures) {
    if (!is_there(squeezenet) || !is_there(photos / "labels.csv"))
        return;
    temporary_folder const folder;
    // The reference: name and width, height, label, ..., class and probability.
    auto const table = rows_of(photos / "labels.csv");
    BOOST_REQUIRE(table.size() == 5u);
    std::string expected;
    std::string labels = "name,class\r\n"; // as a spreadsheet writes it
    for (auto const& row : table) {
        auto const name = fs::path{row[0]}.stem().string();
        expected += name + ".png " + row[5] + ' ' + row[7] + '\n';
        labels += name + ',' + (name == "gradcam_horses" ? "339" : row[5]) + "\r\n";
    }
    write_text(folder / "labels.csv", labels);
    strings const arguments{"--network", "squeezenet1_0", "--weights",
                            squeezenet,  "--data",        photos / "crop227"};
    auto all = arguments;
    all.insert(all.end(), {"--labels", folder / "labels.csv", "--logits", folder / "logits.npy"});
    auto const result = evaluate(all);
    BOOST_TEST(result.errors == "");
    BOOST_TEST(result.status == 0);
    BOOST_TEST(result.output == expected + "4 of 5 correct\n");

    auto const logits = hc::read_npy<float>(folder / "logits.npy");
    BOOST_TEST((logits.shape == std::vector<std::size_t>{5, 1000}));
    auto const reference_file = photos / "squeezenet_logits.safetensors";
    BOOST_TEST(difference(logits.values, reference(hc::read_weights(reference_file), "squeezenet_logits")) <
               tolerance);

    // Without labels nothing is counted; with a few, only those; a limit takes the first.
    BOOST_TEST(evaluate(arguments).output == expected);
    write_text(folder / "two.csv", "tfkerasvis_goldfish,1\ngradcam_both,2");
    auto two = arguments;
    two.insert(two.end(), {"--labels", folder / "two.csv"});
    BOOST_TEST(evaluate(two).output == expected + "1 of 2 correct\n");
    two.insert(two.end(), {"--limit", "1"});
    BOOST_TEST(evaluate(two).output == expected.substr(0, expected.find('\n') + 1) + "0 of 1 correct\n");
}

BOOST_AUTO_TEST_CASE(evaluate_takes_a_folder_for_any_network) {
    temporary_folder const folder;
    hc::cifar10_file const data{pictures};
    // Written in another order than that of their names.
    for (std::size_t const index : {2u, 0u, 1u})
        hc::save_png(folder / ("picture " + std::to_string(index) + ".PNG"), data.picture(index));
    write_text(folder / "notes.txt", "no picture");
    auto const result = [&](std::string const& from) {
        return evaluate({"--network", "simple_cnn", "--weights", weights, "--data", from, "--limit", "3",
                         "--logits", folder / "logits.npy"});
    };
    auto const of_folder = result(folder / "");
    BOOST_TEST(of_folder.status == 0);
    BOOST_TEST(std::ranges::count(of_folder.output, '\n') == 3);
    BOOST_TEST(of_folder.output.starts_with("picture 0.PNG "));
    auto const logits = hc::read_npy<float>(folder / "logits.npy");
    BOOST_TEST(result(pictures).status == 0);
    // Batches of another size: rounding may differ.
    BOOST_TEST(difference(logits.values, hc::read_npy<float>(folder / "logits.npy").values) < 1e-6f);
}

BOOST_AUTO_TEST_CASE(folders_and_labels_are_refused_in_one_line) {
    temporary_folder const folder;
    hc::save_png(folder / "frog.png", hc::cifar10_file{pictures}.picture(102));
    auto const with_labels = [&](std::string const& text, std::string const& data) {
        write_text(folder / "labels.csv", text);
        return evaluate({"--network", "simple_cnn", "--weights", weights, "--data", data, "--labels",
                         folder / "labels.csv"});
    };
    BOOST_TEST(with_labels("frog,6\n", folder / "").output.ends_with("1 of 1 correct\n"));
    for (std::string const line : {"frog,10", "frog,-1", "frog,", "frog", "frog,6,7", "cat,3"})
        refuse(with_labels("cat,3\n\n" + line + '\n', folder / ""), 2,
               {"--labels", "NAME,CLASS", "0 to 9", "line 3", line});
    refuse(with_labels("cat,3\n", folder / ""), 2, {"--labels", "without its extension"});
    refuse(with_labels("", folder / ""), 2, {"--labels", "without its extension"});
    refuse(with_labels("frog,6\n", pictures), 2, {"--labels", "folder"});
    refuse(evaluate({"--network", "simple_cnn", "--weights", weights, "--data", folder / "", "--labels",
                     folder / "none.csv"}),
           2, {"--labels must be a file", "labels.csv"});
    refuse(evaluate({"--network", "simple_cnn", "--weights", weights, "--data", shipped}), 2,
           {"--data", "PNG or JPEG"});
    // A picture that is none.
    write_text(folder / "broken.jpg", "no picture");
    refuse(evaluate({"--network", "simple_cnn", "--weights", weights, "--data", folder / ""}), 1,
           {"broken.jpg"});

    // CIFAR-10's files are for its networks.
    refuse(evaluate({"--network", "squeezenet1_0", "--weights", weights, "--data", pictures}), 2,
           {"--data must be a folder"});
    auto arguments = with("--network", "squeezenet1_0");
    std::ranges::replace(arguments, "conv3", "features.12");
    refuse(explain(arguments), 2, {"--input", "PNG or JPEG", "squeezenet1_0"});
    arguments.insert(arguments.end(), {"--target", "1000"});
    refuse(explain(arguments), 2, {"--target", "0 to 999"});
    write_text(folder / "classes.txt", "one\ntwo\n");
    refuse(explain(with("--classes", folder / "classes.txt")), 2, {"--classes", "10 lines", "has 2"});
}

BOOST_AUTO_TEST_CASE(explain_takes_a_photograph_at_its_networks_size) {
    auto const photo = photos / "gradcam_both.png";
    if (!is_there(squeezenet) || !is_there(photo))
        return;
    auto const expected =
        reference(hc::read_weights(photos / "squeezenet_logits.safetensors"), "squeezenet_logits", 0);
    using shape = std::vector<std::size_t>;
    /// Part of the picture, 227×227: the faces as one sees them there.
    struct part {
        std::size_t top, bottom, left, right;

        [[nodiscard]] bool has(std::size_t y, std::size_t x) const {
            return y >= top && y < bottom && x >= left && x < right;
        }
        [[nodiscard]] float mean(std::vector<float> const& heat) const {
            float sum = 0;
            for (std::size_t y = top; y < bottom; ++y)
                for (std::size_t x = left; x < right; ++x)
                    sum += heat[y * 227 + x];
            return sum / static_cast<float>((bottom - top) * (right - left));
        }
    };
    part const all{0, 227, 0, 227};
    part const upper_half{0, 113, 0, 227};   // the dog sits, and its head and breast are here
    part const lower_half{113, 227, 0, 227}; // the cat lies in front of it
    part const dog{5, 75, 80, 150};
    part const cat{120, 172, 142, 195};
    for (auto const& [target, own, other, half] :
         {std::tuple{"243", dog, cat, upper_half}, std::tuple{"282", cat, dog, lower_half}}) {
        auto const seen = explained("squeezenet1_0", squeezenet, photo, "features.12",
                                    {"--target", target, "--classes", photos / "imagenet_classes.txt"});
        BOOST_TEST(seen.json["predicted"] == 243);
        BOOST_TEST(seen.json["target"] == std::stoul(target));
        BOOST_TEST(seen.json["status"] == "ok");
        BOOST_TEST(difference(seen.json["logits"], expected) < tolerance);
        BOOST_TEST((seen.heatmap.shape == shape{227, 227}));
        BOOST_TEST((seen.raw.shape == shape{13, 13}));
        BOOST_TEST((seen.activation.shape == shape{512, 13, 13}));
        BOOST_TEST((seen.gradient.shape == shape{512, 13, 13}));
        auto const& heat = seen.heatmap.values;
        auto const brightest = static_cast<std::size_t>(std::ranges::max_element(heat) - heat.begin());
        BOOST_TEST(own.has(brightest / 227, brightest % 227));
        BOOST_TEST(own.mean(heat) > 2 * other.mean(heat));
        BOOST_TEST(own.mean(heat) > 3 * all.mean(heat));
        // Most of the heat lies in the half that the animal fills: 77 and 73 of 100 when this was written.
        BOOST_TEST(half.mean(heat) / all.mean(heat) > 2 * 0.65f);
    }
    // Cropped to the network's size already: the same input.
    auto const cropped =
        explained("squeezenet1_0", squeezenet, photos / "crop227/gradcam_both.png", "features.12");
    auto const whole = explained("squeezenet1_0", squeezenet, photo, "features.12");
    BOOST_TEST(cropped.json == whole.json);
    BOOST_TEST(explained("squeezenet1_0", squeezenet, photos / "gradcam_dog_cat.jpg", "features.12")
                   .json["status"] == "ok");
}
