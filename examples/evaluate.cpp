// Classifies the pictures of a CIFAR-10 file or of a folder, and counts how many are what their labels say.

#include "tools/command_line.hpp"
#include "tools/device.hpp"
#include "tools/networks.hpp"
#include "tools/picture_files.hpp"
#include "tools/probability.hpp"
#include "tools/progress_bar.hpp"
#include "tools/read_lines.hpp"

#include <hookcam/data/cifar10.hpp>
#include <hookcam/data/image_file.hpp>
#include <hookcam/data/image_tensor.hpp>
#include <hookcam/data/normalize.hpp>
#include <hookcam/io/npy.hpp>
#include <hookcam/io/read_weights.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
namespace hc = hookcam;

constexpr std::array options{tools::option{"--network", "NAME"},
                             tools::option{"--weights", "FILE"},
                             tools::option{"--data", "FILE.bin|DIR"},
                             tools::option{"--limit", "N", false},
                             tools::option{"--logits", "FILE.npy", false},
                             tools::option{"--labels", "FILE", false},
                             tools::device_option};

constexpr std::size_t batch_size = 100;

/// The class with the largest logit.
std::size_t predicted_class(std::span<float const> logits) {
    return static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
}

/// The logits of some pictures, row by row.
class logit_table {
public:
    explicit logit_table(std::size_t classes) : m_classes{classes} {}

    void append(xt::xtensor<float, 2> const& rows) {
        m_values.insert(m_values.end(), rows.data(), rows.data() + rows.size());
    }

    [[nodiscard]] std::span<float const> row(std::size_t picture) const {
        return std::span{m_values}.subspan(picture * m_classes, m_classes);
    }

    /// Writes the file `--logits` where it is asked for.
    void write(tools::command_line const& line) const {
        if (auto const to = line.find("--logits"))
            hc::write_npy<float>(*to, m_values, std::array{m_values.size() / m_classes, m_classes});
    }

private:
    std::size_t m_classes;
    std::vector<float> m_values;
};

std::unique_ptr<tools::network> load(tools::network_entry const& entry, tools::device on,
                                     std::string const& weights) {
    auto network = entry.make(on);
    network->load(hc::read_weights(weights));
    return network;
}

/// How many of so many pictures are asked for.
std::size_t number_of_pictures(tools::command_line const& line, std::size_t all) {
    auto const limit = line.find_number("--limit", 1, std::numeric_limits<std::size_t>::max());
    return std::min(all, limit.value_or(all));
}

void evaluate_file(tools::command_line const& line, tools::network_entry const& entry) {
    if (line.find("--labels"))
        throw tools::wrong_use{"--labels goes with a folder of pictures; a CIFAR-10 file has its own"};
    auto const on = tools::find_device(line);
    auto const weights = line.file("--weights");
    hc::cifar10_file const data{line.file("--data")};
    auto const count = number_of_pictures(line, data.size());

    auto const network = load(entry, on, weights);
    logit_table logits{entry.classes};
    tools::progress_bar progress{count};
    for (std::size_t begin = 0; begin < count; begin += batch_size) {
        auto const end = std::min(begin + batch_size, count);
        logits.append(network->logits(hc::image_tensor<float>(data, begin, end - begin, entry.input)));
        progress.show(end);
    }
    progress.finish();
    logits.write(line);

    std::size_t correct = 0;
    for (std::size_t i = 0; i < count; ++i)
        correct += predicted_class(logits.row(i)) == data.label(i) ? 1 : 0;
    std::cout << correct << " of " << count << " correct\n";
}

/// The pictures of a folder, one at least.
std::vector<fs::path> pictures_in(fs::path const& folder) {
    auto files = tools::picture_files(folder);
    if (files.empty())
        throw tools::wrong_use{"--data must be a folder with PNG or JPEG files; \"" + folder.string() +
                               "\" has none"};
    return files;
}

using label_map = std::map<std::string, std::size_t>;

/// The class of each picture by its name without extension, from a file of lines NAME,CLASS; the first may be
/// a heading.
label_map read_labels(std::string const& file, std::size_t classes) {
    label_map labels;
    auto const lines = tools::read_lines(file);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        auto const name = lines[i].substr(0, lines[i].find(','));
        auto const rest = std::string_view{lines[i]}.substr(name.size());
        auto const label = rest.empty() ? std::nullopt : tools::to_number(rest.substr(1));
        bool const is_heading = i == 0 && !label;
        if (is_heading || lines[i].empty())
            continue;
        if (!label || *label >= classes || !labels.emplace(name, *label).second)
            throw tools::wrong_use{
                "--labels must be a file of lines NAME,CLASS, each name once, the class from 0 to " +
                std::to_string(classes - 1) + "; line " + std::to_string(i + 1) + " of \"" + file +
                "\" is \"" + lines[i] + '"'};
    }
    return labels;
}

void evaluate_folder(tools::command_line const& line, tools::network_entry const& entry) {
    auto const on = tools::find_device(line);
    auto const weights = line.file("--weights");
    auto files = pictures_in(line.folder("--data"));
    files.resize(number_of_pictures(line, files.size()));
    auto const label_file = line.find_file("--labels");
    auto const labels = label_file ? read_labels(*label_file, entry.classes) : label_map{};
    auto const labelled =
        std::ranges::count_if(files, [&](auto const& file) { return labels.contains(file.stem().string()); });
    if (label_file && labelled == 0)
        throw tools::wrong_use{"--labels must hold a picture's name without its extension; \"" + *label_file +
                               "\" has none of those in --data"};

    auto const network = load(entry, on, weights);
    logit_table logits{entry.classes};
    auto image = xt::xtensor<float, 4>::from_shape({1, 3, entry.side, entry.side});
    tools::progress_bar progress{files.size()};
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto const picture = entry.fit(hc::load_picture(files[i]));
        hc::normalize(picture, entry.input, std::span{image.data(), image.size()});
        logits.append(network->logits(image));
        progress.show(i + 1);
    }
    progress.finish();
    logits.write(line);

    std::size_t correct = 0;
    std::cout << std::fixed << std::setprecision(4);
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto const predicted = predicted_class(logits.row(i));
        std::cout << files[i].filename().string() << ' ' << predicted << ' '
                  << tools::probability(logits.row(i), predicted) << '\n';
        auto const label = labels.find(files[i].stem().string());
        correct += label != labels.end() && label->second == predicted ? 1 : 0;
    }
    if (label_file)
        std::cout << correct << " of " << labelled << " correct\n";
}

void evaluate(tools::command_line const& line) {
    auto const& entry = tools::find_network(line.text("--network"));
    if (!entry.is_for_cifar10() || fs::is_directory(line.file_or_folder("--data")))
        evaluate_folder(line, entry);
    else
        evaluate_file(line, entry);
}

} // namespace

int main(int count, char** arguments) {
    return tools::run_tool("evaluate", options,
                           std::span{arguments, static_cast<std::size_t>(count)}.subspan(1), evaluate);
}
