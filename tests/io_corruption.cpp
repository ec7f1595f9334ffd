// Weight files with seeded corruptions: an error, or what the file's checksums still promise; and memory in
// proportion to the file, whatever it says.

#define BOOST_TEST_MODULE io_corruption
#include "io_files.hpp"
#include "sanitized.hpp"

#include <hookcam/io/allowance.hpp>
#include <hookcam/io/load_state_dict.hpp>
#include <hookcam/io/read_weights.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace io_files;
namespace fs = std::filesystem;

// ------------------------------------------------------------------------------------- counted allocation

namespace {

std::size_t allocated = 0; // bytes that operator new gave out so far, freed ones included

/// What `action` allocates through operator new. libzip allocates besides, bounded by what is read from it:
/// the entries' sizes, which are counted as our buffers, and a directory that the file itself holds.
template <class Action>
std::size_t allocation(Action&& action) {
    auto const before = allocated;
    action();
    return allocated - before;
}

bool in_proportion(std::size_t bytes, std::size_t file_size) {
    return bytes <= hookcam::max_allocation::factor * file_size + hookcam::max_allocation::constant;
}

} // namespace

#ifndef HOOKCAM_THREAD_SANITIZER // clang's brings a new and delete that cannot be replaced: nothing is counted there
// Not inlined: g++ would see malloc and free through them, and warn of memory that new and free share.
[[gnu::noinline]] void* operator new(std::size_t size) {
    allocated += size;
    if (auto* memory = std::malloc(std::max(size, std::size_t{1}))) {
        return memory;
    }
    throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
#endif

// -------------------------------------------------------------------------------------------- corruptions

namespace {

/// A model with the keys and shapes of a genuine file.
struct table_model {
    using value_type = float;
    struct row {
        std::string_view key;
        std::span<std::size_t const> shape;
        float* data;
        std::size_t size;
    };

    explicit table_model(hookcam::state_dict const& genuine) {
        for (auto const& [key, entry] : genuine) {
            values.emplace_back(entry.size());
            rows.push_back({key, entry.shape, values.back().data(), entry.size()});
        }
    }

    std::vector<row> const& entries() const { return rows; }
    static std::vector<std::string> const& optional_keys() {
        static std::vector<std::string> const none;
        return none;
    }

    std::vector<std::vector<float>> values;
    std::vector<row> rows;
};

using generator = std::mt19937_64;

std::size_t below(generator& random, std::size_t bound) {
    return static_cast<std::size_t>(random() % std::max(bound, std::size_t{1}));
}

/// Where the bytes lie that say what the others mean: [begin, end) pairs.
using regions = std::vector<std::pair<std::size_t, std::size_t>>;

regions structure_of(std::string const& file) {
    if (file.starts_with(
            "PK")) { // the pickle, which comes first, some storages' local headers, the directory
        auto const directory = file.find("PK\x01\x02");
        return {{0, 2048}, {directory, file.size()}};
    }
    if (file[8] == '{') {
        return {{0, 8 + hookcam::detail::load_number<std::uint64_t>(bytes(file).data())}};
    }
    // A stream: all before the first storage's numbers, found as the end of the list of keys.
    auto const keys = file.find("\x80\x02]q");
    auto const end = file.find("e.", keys);
    return {{0, keys}, {keys, end + 2 + 8}};
}

std::string corrupted(std::string file, regions const& structure, generator& random) {
    // Half of the corruptions aim at the structure, and half of those change one spot only.
    auto [begin, end] = random() % 2 == 0 ? structure[below(random, structure.size())]
                                          : std::pair{std::size_t{0}, file.size()};
    auto const spots = random() % 2 == 0 ? 1 : 1 + below(random, 8);
    for (std::size_t i = 0; i < spots; ++i) {
        end = std::min(end, file.size());
        begin = std::min(begin, end);
        auto const at = begin + below(random, end - begin);
        auto const length = std::min(1 + below(random, 16), file.size() - at);
        if (length == 0) {
            break;
        }
        switch (random() % 8) {
        case 0: // one bit
            file[at] = static_cast<char>(file[at] ^ (1 << random() % 8));
            break;
        case 1: // one byte
            file[at] = static_cast<char>(random());
            break;
        case 2: // a run of random bytes
            std::generate_n(file.begin() + static_cast<std::ptrdiff_t>(at), length,
                            [&] { return static_cast<char>(random()); });
            break;
        case 3: // a run of ones or of zeros
            std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(at), length,
                        random() % 2 == 0 ? '\xff' : '\0');
            break;
        case 4: // a digit or a letter for another, as headers and keys have them
            file[at] = "0123456789afFIUB"[random() % 16];
            break;
        case 5: // bytes lost
            file.erase(at, length);
            break;
        case 6: // bytes twice
            file.insert(at, std::string{file, at, length});
            break;
        default: // the end lost, or swapped places
            if (random() % 4 == 0) {
                file.resize(at);
            } else {
                auto const other = begin + below(random, end - begin);
                std::swap(file[at], file[other]);
            }
        }
    }
    return file;
}

struct outcome {
    std::size_t refused = 0;
    std::size_t loaded = 0;
};

/// Reads 1,000 corruptions of the file and checks what is promised of each.
outcome corrupt(fs::path const& path, bool has_checksum) {
    auto const file = slurp(path);
    auto const structure = structure_of(file);
    auto const genuine = hookcam::read_weights(bytes(file));
    outcome result;
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        BOOST_TEST_CONTEXT(path << ", seed " << seed) {
            generator random{seed};
            auto const broken = corrupted(file, structure, random);
            auto const used = allocation([&] {
                try {
                    auto const dict = hookcam::read_weights(bytes(broken), "some.file");
                    table_model model{genuine};
                    hookcam::load_state_dict(model, dict);
                    ++result.loaded;
                    bool const same_types =
                        std::ranges::equal(genuine, dict, [](auto const& a, auto const& b) {
                            return a.first == b.first && a.second.type == b.second.type &&
                                   a.second.shape == b.second.shape;
                        });
                    BOOST_TEST(same_types);
                    BOOST_TEST((!has_checksum || same(genuine, dict)));
                } catch (hookcam::error const& error) {
                    ++result.refused;
                    BOOST_TEST((error.kind() == hookcam::error_kind::file));
                    BOOST_TEST(std::string_view{error.what()}.starts_with("hookcam::"));
                }
            });
            BOOST_TEST(in_proportion(used, broken.size()));
        }
    }
    BOOST_TEST_MESSAGE(path.filename()
                       << ": " << result.refused << " refused, " << result.loaded << " loaded");
    return result;
}

void corrupt_shared(std::string const& name, bool has_checksum) {
    auto const path = fs::path{HOOKCAM_SHARED_DIR} / name;
    if (!fs::exists(path)) {
        BOOST_TEST_MESSAGE("skipped: " << name << " is not there");
        return;
    }
    auto const result = corrupt(path, has_checksum);
    // The corruptions are neither all harmless nor all fatal, so that both promises were put to the test.
    BOOST_TEST(result.refused > 300u);
    BOOST_TEST(result.loaded > 10u);
}

} // namespace

BOOST_AUTO_TEST_CASE(corrupted_archives) {
    corrupt_shared("reference/torch/cifar10_cnn.pth", true);
}
BOOST_AUTO_TEST_CASE(corrupted_streams) {
    corrupt_shared("data/weights/resnet20-12fca82f.th", false);
}
BOOST_AUTO_TEST_CASE(corrupted_longer_streams) {
    corrupt_shared("data/weights/resnet44-014dd654.th", false);
}
BOOST_AUTO_TEST_CASE(corrupted_safetensors) {
    corrupt_shared("data/weights/resnet20-12fca82f.safetensors", false);
}
BOOST_AUTO_TEST_CASE(corrupted_longer_safetensors) {
    corrupt_shared("data/weights/resnet44-014dd654.safetensors", false);
}

BOOST_AUTO_TEST_CASE(corrupted_safetensors_of_the_tutorial) {
    corrupt_shared("reference/torch/cifar10_cnn.safetensors", false);
}
BOOST_AUTO_TEST_CASE(corrupted_safetensors_of_squeezenet) {
    corrupt_shared("data/weights/squeezenet1_0_deepcompressed.safetensors", false);
}

BOOST_AUTO_TEST_CASE(corrupted_small_files) {
    for (auto const* name : {"types.pth", "views.pth", "checkpoint.pth", "checkpoint_protocol_5.pth"}) {
        auto const file = slurp(fs::path{HOOKCAM_SOURCE_DIR} / "tests/data" / name);
        auto const genuine = hookcam::read_weights(bytes(file));
        std::size_t loaded = 0;
        for (std::uint64_t seed = 0; seed < 1000; ++seed) {
            generator random{seed};
            auto const broken = corrupted(file, {{0, file.size()}}, random);
            auto const used = allocation([&] {
                try {
                    BOOST_TEST(same(genuine, hookcam::read_weights(bytes(broken))));
                    ++loaded;
                } catch (hookcam::error const&) {
                }
            });
            BOOST_TEST(in_proportion(used, broken.size()));
        }
        BOOST_TEST(loaded > 0u);
    }
    // Streams have no checksum: whatever happens, it is an error or a state dict.
    for (auto const* name : {"types_stream.pth", "views_stream.pth", "checkpoint_stream.pth"}) {
        auto const file = slurp(fs::path{HOOKCAM_SOURCE_DIR} / "tests/data" / name);
        std::size_t refused = 0;
        for (std::uint64_t seed = 0; seed < 1000; ++seed) {
            generator random{seed};
            auto const broken = corrupted(file, {{0, file.size()}}, random);
            auto const used = allocation([&] {
                try {
                    hookcam::read_weights(bytes(broken));
                } catch (hookcam::error const&) {
                    ++refused;
                }
            });
            BOOST_TEST(in_proportion(used, broken.size()));
        }
        BOOST_TEST(refused > 0u);
    }
}

// ---------------------------------------------------------------------------------------- absurd files

BOOST_AUTO_TEST_CASE(genuine_files_take_a_few_times_their_size) {
    for (auto const* name : {"reference/torch/cifar10_cnn.pth", "data/weights/resnet20-12fca82f.th",
                             "data/weights/resnet20-12fca82f.safetensors"}) {
        auto const path = fs::path{HOOKCAM_SHARED_DIR} / name;
        if (!fs::exists(path)) {
            BOOST_TEST_MESSAGE("skipped: " << name << " is not there");
            continue;
        }
        auto const used = allocation([&] { hookcam::read_weights(path); });
        // The file, the storages of an archive, the result, and the small rest.
        BOOST_TEST(used < 3 * fs::file_size(path) + 500'000, name << " took " << used);
    }
}

BOOST_AUTO_TEST_CASE(absurd_files_take_memory_in_proportion) {
    constexpr int many = 200'000;
    auto const repeated = [](std::string const& part) {
        std::string result;
        for (int i = 0; i < many; ++i) {
            result += part;
        }
        return result;
    };
    auto const rows = [&](auto const& make) {
        std::string result;
        for (int i = 0; i < many; ++i) {
            result += (i > 0 ? "," : "") + make(std::to_string(i));
        }
        return result;
    };
    std::string const none = R"(":{"dtype":"I8","shape":[],"data_offsets":[0,0]})";
    std::vector<std::pair<std::string, std::string>> const absurd{
        {"a long text", safetensors("{\"" + repeated("a") + "\":{}}")},
        {"metadata", safetensors("{\"__metadata__\":{" +
                                 rows([](auto const& i) { return "\"" + i + "\":\"\""; }) + "}}")},
        {"rows", safetensors("{" + rows([](auto const& i) {
                                 return "\"" + i + R"(":{"dtype":"I8","shape":[0],"data_offsets":[0,0]})";
                             }) +
                             "}")},
        {"rows of no numbers", safetensors("{" + rows([&](auto const& i) { return "\"" + i + none; }) + "}")},
        {"nested arrays", safetensors("{\"a\":" + repeated("["))},
        {"nested objects", safetensors(repeated("{\"a\":"))},
        {"marks", pth_stream(repeated("("), {})},
        {"empty tuples", pth_stream(repeated(")"), {})},
        {"memoized tuples", pth_stream(repeated(")\x94"), {})},
        {"persistent ids", pth_stream(repeated(")Q"), {})},
        {"nested lists", pth_stream(repeated("]("), {})},
        {"a long list", pth_stream("](" + repeated("N") + "e", {})},
        {"a list that grows", pth_stream("]" + repeated("Na"), {})},
        {"copies", pth_stream("N" + repeated("2"), {})},
        {"memo", pth_stream("N" + repeated("q\xff"), {})},
        {"far memo", pth_stream("Nr\xff\xff\xff\x7f", {})},
        {"short texts", pth_stream(repeated("\x8c"s + '\0'), {})},
        {"dicts of dicts", pth_stream("}(" + repeated("}}") + "u", {})},
        {"one dict often", pth_stream("}q\x01(" + repeated("h\x01h\x01") + "u", {})},
        {"calls", pth_stream(global("torch", "Size") + "q\x01" + repeated("h\x01)R"), {})},
        {"a text of 4 GB", pth_stream("X\xff\xff\xff\xff", {})},
        {"a storage of 8 EB", pth_stream(dict({{"a", flat("FloatStorage", "0", std::int64_t{1} << 61)}}),
                                         {{"0", std::int64_t{1} << 61, ""}})},
        {"an expanded tensor",
         pth(dict({{"a", tensor(storage("ByteStorage", "0", 1), 0, {1 << 30}, {0})}}), {{"0", "x"}})},
        {"a compressed pickle", archive({{"x/data.pkl", pickle(repeated(")")), true}})},
        {"a compressed storage",
         archive({{"x/data.pkl", pickle(dict({{"a", flat("ByteStorage", "0", many)}}))},
                  {"x/data/0", repeated("a"), true}})},
    };
    for (auto const& couple : absurd) {
        auto const& name = couple.first;
        auto const& file = couple.second;
        std::string text = "read";
        auto const used = allocation([&] {
            try {
                hookcam::read_weights(bytes(file));
            } catch (hookcam::error const& error) {
                text = error.what();
            }
        });
        BOOST_TEST(in_proportion(used, file.size()), name << " took " << used << " of " << file.size());
        // The constant hides nothing: large files keep to the factor alone.
        if (file.size() > 100'000) {
            BOOST_TEST(used <= hookcam::max_allocation::factor * file.size(), name << " took " << used);
        }
        BOOST_TEST_MESSAGE(name << ": " << file.size() << " bytes took " << used << ": "
                                << text.substr(0, 150));
    }
}
