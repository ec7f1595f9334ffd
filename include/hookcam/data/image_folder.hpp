#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "dataset.hpp"
#include "image_file.hpp"
#include "picture.hpp"
#include "resize.hpp"

namespace hookcam {

/// How a picture of another shape comes to the size that is asked for.
enum class image_fit {
    crop,    ///< its shorter side resized, the middle of the longer one taken: `resize_and_crop`
    stretch, ///< resized, its shape not kept: `resize`
};

/// How a folder of pictures is read.
struct image_folder_options {
    std::size_t height = 0;          ///< of each image; 0: all pictures must be of one size, and stay so
    std::size_t width = 0;           ///< of each image; 0 where `height` is
    image_fit fit = image_fit::crop; ///< how they come to that size
    bool in_memory = true;           ///< whether they are kept decoded, or decoded anew each time
};

/// A folder of labelled pictures as a data set, 3 × height × width bytes: one sub-folder a class, as torchvision's
/// `ImageFolder` has it. Classes are the names of the sub-folders in the order of their bytes, and so are the pictures in
/// each, files that end in .png, .jpg or .jpeg, in folders below it too; others are passed over.
///
/// Each picture is decoded once when the data set is made, so that a broken one is found then: `error_kind::file`, which
/// names it. A folder without classes and a class without pictures are such errors, and pictures of several sizes where
/// none is asked for are `error_kind::shape`.
class image_folder {
public:
    /// Reads a folder.
    explicit image_folder(std::filesystem::path const& folder, image_folder_options const& options = {})
        : m_options{options} {
        if ((options.height == 0) != (options.width == 0)) {
            throw error{error_kind::use,
                        "hookcam::image_folder: height and width must both be given, or neither; one is 0"};
        }
        list(folder);
        m_shape = {3, options.height, options.width};
        for (std::size_t i = 0; i < m_entries.size(); ++i) {
            keep(i);
        }
    }

    /// How many pictures there are.
    [[nodiscard]] std::size_t size() const noexcept { return m_entries.size(); }

    /// The sizes of each: three channels, red, green, blue.
    [[nodiscard]] image_shape shape() const noexcept { return m_shape; }

    /// The names of the classes, by label.
    [[nodiscard]] std::vector<std::string> const& classes() const noexcept { return m_classes; }

    /// The label of picture `index`.
    [[nodiscard]] std::int64_t label(std::size_t index) const { return m_entries.at(index).label; }

    /// Where picture `index` lies.
    [[nodiscard]] std::filesystem::path const& path(std::size_t index) const {
        return m_entries.at(index).path;
    }

    /// Writes picture `index` and returns its label. Throws `error_kind::file` where it has to be decoded again and has
    /// changed for the worse.
    std::int64_t read(std::size_t index, image_span<std::uint8_t> image) const {
        auto const& [path, label] = m_entries.at(index);
        if (m_options.in_memory) {
            auto const from = m_bytes.begin() + static_cast<std::ptrdiff_t>(index * m_shape.size());
            std::copy_n(from, m_shape.size(), image.values().begin());
        } else {
            auto const found = decode(path);
            require_size(found, path);
            write(found, image);
        }
        return label;
    }

private:
    struct entry {
        std::filesystem::path path;
        std::int64_t label;
    };

    [[noreturn]] static void refuse(std::filesystem::path const& path, std::string const& what) {
        throw error{error_kind::file, "hookcam::image_folder: \"" + path.string() + "\" must " + what};
    }

    void list(std::filesystem::path const& folder) {
        namespace fs = std::filesystem;
        auto const follow = fs::directory_options::follow_directory_symlink;
        fs::path reading = folder;
        try {
            for (auto const& item : fs::directory_iterator{folder, follow}) {
                if (item.is_directory()) {
                    m_classes.push_back(item.path().filename().string());
                }
            }
            std::ranges::sort(m_classes);
            for (std::size_t label = 0; label < m_classes.size(); ++label) {
                reading = folder / m_classes[label];
                auto const first = m_entries.size();
                for (auto const& item : fs::recursive_directory_iterator{reading, follow}) {
                    if (has_picture_name(item.path()) && item.is_regular_file()) {
                        m_entries.push_back({item.path(), static_cast<std::int64_t>(label)});
                    }
                }
                if (m_entries.size() == first) {
                    refuse(reading,
                           "hold a picture, .png, .jpg or .jpeg: it is a class; remove it, or fill it");
                }
                std::sort(m_entries.begin() + static_cast<std::ptrdiff_t>(first), m_entries.end(),
                          [](auto const& a, auto const& b) { return a.path.native() < b.path.native(); });
            }
        } catch (fs::filesystem_error const& e) {
            refuse(reading, "be a folder that can be read; " + e.code().message());
        }
        if (m_classes.empty()) {
            refuse(folder, "hold a folder a class, with its pictures; it holds no folder");
        }
    }

    static bool has_picture_name(std::filesystem::path const& path) {
        auto ending = path.extension().string();
        std::ranges::transform(ending, ending.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
    }

    [[nodiscard]] picture decode(std::filesystem::path const& path) const {
        auto const as_it_is = load_picture(path);
        if (m_options.height == 0) {
            return as_it_is;
        }
        return m_options.fit == image_fit::crop ? resize_and_crop(as_it_is, m_options.height, m_options.width)
                                                : resize(as_it_is, m_options.height, m_options.width);
    }

    void require_size(picture const& found, std::filesystem::path const& path) const {
        if (found.height() != m_shape.height || found.width() != m_shape.width) {
            throw error{error_kind::shape,
                        "hookcam::image_folder: all pictures must be of one size; \"" + path.string() +
                            "\" is " + std::to_string(found.height()) + "×" + std::to_string(found.width()) +
                            ", the first " + std::to_string(m_shape.height) + "×" +
                            std::to_string(m_shape.width) + ", ask for a height and a width"};
        }
    }

    void keep(std::size_t index) {
        auto const& path = m_entries[index].path;
        auto const found = decode(path);
        if (m_shape.height == 0) {
            m_shape = {3, found.height(), found.width()};
        }
        if (m_options.in_memory && index == 0) {
            m_bytes.reserve(m_entries.size() * m_shape.size());
        }
        require_size(found, path);
        if (m_options.in_memory) {
            m_bytes.resize(m_bytes.size() + m_shape.size());
            write(found, {m_bytes.data() + index * m_shape.size(), m_shape});
        }
    }

    /// Pixel after pixel becomes plane after plane.
    static void write(picture const& from, image_span<std::uint8_t> to) {
        auto const bytes = from.bytes();
        for (std::size_t c = 0; c < 3; ++c) {
            auto const plane = to.plane(c);
            for (std::size_t i = 0; i < plane.size(); ++i) {
                plane[i] = bytes[3 * i + c];
            }
        }
    }

    image_folder_options m_options;
    image_shape m_shape{};
    std::vector<std::string> m_classes;
    std::vector<entry> m_entries;
    std::vector<std::uint8_t> m_bytes; ///< of all images, where they are kept
};

} // namespace hookcam
