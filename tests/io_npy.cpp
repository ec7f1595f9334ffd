// .npy files: written and read back, byte for byte as the format has it, and refused where they are broken.

#define BOOST_TEST_MODULE io_npy
#include "io_files.hpp"

#include <hookcam/io/npy.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <tuple>
#include <vector>

using namespace io_files;
namespace fs = std::filesystem;

namespace {

/// An empty folder that goes with the test.
struct temporary_folder {
    fs::path path = fs::temp_directory_path() / ("hookcam_io_npy_" + std::to_string(std::random_device{}()));
    temporary_folder() { fs::create_directory(path); }
    ~temporary_folder() { fs::remove_all(path); }
};

std::string npy(std::string const& dict, std::string const& data) {
    return "\x93NUMPY\x01"s + '\0' + number(static_cast<std::uint16_t>(dict.size())) + dict + data;
}

} // namespace

using number_types = std::tuple<float, double, std::int64_t>;

BOOST_AUTO_TEST_CASE_TEMPLATE(what_is_written_is_read, T, number_types) {
    temporary_folder const folder;
    std::vector<T> const values{1, std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max(), 4, 5, 6};
    for (std::vector<std::size_t> const& shape :
         {std::vector<std::size_t>{6}, {2, 3}, {1, 2, 3, 1}, std::vector<std::size_t>(40, 1)}) {
        std::span<T const> const part{values.data(), shape.size() == 40 ? 1 : values.size()};
        hookcam::write_npy(folder.path / "a.npy", part, shape);
        auto const got = hookcam::read_npy<T>(folder.path / "a.npy");
        BOOST_TEST(std::ranges::equal(got.values, part));
        BOOST_TEST(got.shape == shape, boost::test_tools::per_element());
        BOOST_TEST((slurp(folder.path / "a.npy").size() - part.size_bytes()) % 64 == 0u);
    }
    hookcam::write_npy(folder.path / "a.npy", std::span<T const>{values.data(), 1}, {});
    BOOST_TEST(hookcam::read_npy<T>(folder.path / "a.npy").shape.empty());
    hookcam::write_npy(folder.path / "a.npy", std::span<T const>{}, std::vector<std::size_t>{0, 3});
    BOOST_TEST(hookcam::read_npy<T>(folder.path / "a.npy").values.empty());
    // Only the file itself is left.
    BOOST_TEST(std::distance(fs::directory_iterator{folder.path}, {}) == 1);
}

BOOST_AUTO_TEST_CASE(the_bytes_are_those_of_numpy) {
    temporary_folder const folder;
    std::vector<float> const values{1, 2};
    hookcam::write_npy(folder.path / "a.npy", std::span<float const>{values}, std::vector<std::size_t>{2});
    std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
    dict.resize(117, ' ');
    BOOST_TEST(slurp(folder.path / "a.npy") == npy(dict + "\n", numbers(values)));
}

BOOST_AUTO_TEST_CASE(a_failed_write_leaves_no_trace) {
    temporary_folder const folder;
    std::vector<float> const values{1, 2};
    fs::create_directories(folder.path / "a.npy" / "full");
    BOOST_CHECK_EXCEPTION(
        hookcam::write_npy(folder.path / "a.npy", std::span{values}, std::vector<std::size_t>{2}),
        hookcam::error, says({"write_npy", "a.npy", "is a directory"}));
    BOOST_TEST(std::distance(fs::directory_iterator{folder.path}, {}) == 1);
    BOOST_CHECK_EXCEPTION(
        hookcam::write_npy(folder.path / "no" / "a.npy", std::span{values}, std::vector<std::size_t>{2}),
        hookcam::error, says({"must be writable"}));
    BOOST_CHECK_EXCEPTION(
        hookcam::write_npy(folder.path / "b.npy", std::span{values}, std::vector<std::size_t>{3}),
        hookcam::error, [](auto const& error) { return error.kind() == hookcam::error_kind::shape; });
    BOOST_TEST(!fs::exists(folder.path / "b.npy"));
}

BOOST_AUTO_TEST_CASE(other_writers_are_understood) {
    temporary_folder const folder;
    auto const data = numbers<double>({1, 2});
    spill(folder.path / "a.npy", npy("{\"shape\":(1 , 2),'descr':'<f8','fortran_order':False}", data));
    auto const got = hookcam::read_npy<double>(folder.path / "a.npy");
    BOOST_TEST(got.shape == (std::vector<std::size_t>{1, 2}), boost::test_tools::per_element());
    BOOST_TEST(got.values == (std::vector<double>{1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_file_may_lie_in_memory) {
    auto const file =
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", numbers<float>({1.5f, -2}));
    auto const got = hookcam::read_npy<float>(bytes(file));
    BOOST_TEST(got.values == (std::vector<float>{1.5f, -2}), boost::test_tools::per_element());
    BOOST_TEST(got.shape == std::vector<std::size_t>{2}, boost::test_tools::per_element());
    BOOST_CHECK_EXCEPTION(hookcam::read_npy<double>(bytes(file), "embedded weights"), hookcam::error,
                          says({"embedded weights", "must hold row-major <f8"}));
}

BOOST_AUTO_TEST_CASE(broken_files_are_refused) {
    temporary_folder const folder;
    auto const refused = [&](std::string const& file, std::string const& part) {
        spill(folder.path / "a.npy", file);
        BOOST_CHECK_EXCEPTION(hookcam::read_npy<float>(folder.path / "a.npy"), hookcam::error,
                              says({"read_npy", "a.npy", part}));
    };
    auto const data = numbers<float>({1, 2});
    auto const header = [](std::string const& descr, std::string const& order, std::string const& shape) {
        return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + "}\n";
    };
    auto const good = npy(header("<f4", "False", "(2,)"), data);
    spill(folder.path / "a.npy", good);
    BOOST_TEST(hookcam::read_npy<float>(folder.path / "a.npy").values.size() == 2u);
    for (std::size_t size = 0; size < good.size(); ++size) {
        refused(good.substr(0, size), "");
    }
    refused(good + "x", "bytes of data");
    refused("x" + good, "magic");
    refused(npy(header("<f8", "False", "(1,)"), data), "'<f8'");
    refused(npy(header(">f4", "False", "(2,)"), data), "'>f4'");
    refused(npy(header("<f4", "True", "(2,)"), data), "column-major");
    refused(npy(header("<f4", "Maybe", "(2,)"), data), "once each");
    refused(npy(header("<f4", "False", "(-2,)"), data), "once each");
    refused(npy(header("<f4", "False", "2"), data), "once each");
    refused(npy(header("<f4", "False", "(4611686018427387906,)"), data),
            "bytes of data"); // times 4 is 8 in 64 bits
    refused(npy(header("<f4", "False", "(99999999999999999999,)"), data), "once each");
    refused(npy("{'descr': '<f4', 'shape': (2,)}", data), "once each");
    refused(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", data),
            "once each");
    refused(npy(header("<f4", "False", "(2,)") + "{}", data), "once each");
}
