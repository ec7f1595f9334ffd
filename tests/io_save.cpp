// Saving: the same bits come back, the bytes are those of the formats, and a failed save harms nothing. What
// PyTorch makes of the files is in io_pytorch.py.

#define BOOST_TEST_MODULE io_save
#include "io_files.hpp"
#include "temporary_folder.hpp"

#include "../examples/networks/cifar_resnet.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/io.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

using hookcam::dtype;
using hookcam::state_dict;
using hookcam::state_entry;
using namespace io_files;
namespace fs = std::filesystem;
namespace hc = hookcam;

namespace {

using network =
    hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>>>, hc::named<"bn", hc::batch_norm2d<2>>,
                   hc::relu<>, hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"fc", hc::linear<2, 3>>>;

/// Parameters of every kind of bits: subnormal, infinite, not a number with a payload, minus zero.
template <class T>
hc::model<network, T> unusual() {
    using limits = std::numeric_limits<T>;
    T const first[] = {-T{0},          limits::denorm_min(), limits::infinity(),
                       -limits::max(), limits::quiet_NaN(),  T(1) / 3};
    hc::model<network, T> model;
    for (std::size_t i = 0; i < model.size(); ++i) {
        model.data()[i] = i < std::size(first) ? first[i] : static_cast<T>(i) / 7;
    }
    return model;
}

template <class Model>
bool same_bits(Model const& a, Model const& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof *a.data()) == 0;
}

/// A state dict of every type and of shapes with corners; the keys need escapes in JSON.
state_dict every_type() {
    state_dict dict;
    std::size_t i = 0;
    for (auto type : {dtype::f64, dtype::f32, dtype::f16, dtype::bf16, dtype::i64, dtype::i32, dtype::i16,
                      dtype::i8, dtype::u8, dtype::boolean}) {
        std::vector<std::byte> bytes(3 * size_of(type), std::byte{1});
        dict.insert("a.\"" + std::to_string(i++) + "\"\\\n\u5c42", {type, {1, 3}, bytes});
    }
    dict.insert("one", {dtype::f32, {}, std::vector<std::byte>(4, std::byte{0x40})});
    dict.insert("none", {dtype::f64, {2, 0, 3}, {}});
    dict.insert("", {dtype::u8, {1}, std::vector<std::byte>(1)});
    return dict;
}

void write(fs::path const& path, state_dict const& dict) {
    path.extension() == ".pth" ? hc::write_pth(path, dict) : hc::write_safetensors(path, dict);
}

auto const extensions = {".pth", ".safetensors"};

bool is_of_kind(hc::error const& error, hc::error_kind kind, std::string const& part) {
    BOOST_TEST(std::string{error.what()}.find(part) != std::string::npos, error.what());
    return error.kind() == kind;
}

} // namespace

BOOST_AUTO_TEST_CASE(keys_and_types_are_those_of_pytorch) {
    hc::model<network> model;
    for (std::size_t i = 0; i < model.size(); ++i) {
        model.data()[i] = static_cast<float>(i);
    }
    auto const dict = hc::to_state_dict(model);
    std::vector<std::string> keys;
    for (auto const& [key, entry] : dict) {
        keys.push_back(key);
        BOOST_TEST((entry.type == (key == "bn.num_batches_tracked" ? dtype::i64 : dtype::f32)));
    }
    BOOST_TEST(keys == (std::vector<std::string>{"bn.bias", "bn.num_batches_tracked", "bn.running_mean",
                                                 "bn.running_var", "bn.weight", "conv.bias", "conv.weight",
                                                 "fc.bias", "fc.weight"}),
               boost::test_tools::per_element());
    BOOST_TEST(dict.find("bn.num_batches_tracked")->to<std::int64_t>() == std::vector<std::int64_t>{0},
               boost::test_tools::per_element());
    BOOST_TEST(dict.find("bn.num_batches_tracked")->shape.empty());
    BOOST_TEST(dict.find("fc.weight")->shape == (std::vector<std::size_t>{3, 2}),
               boost::test_tools::per_element());
    // In the order of execution: 18 + 2 of conv, 4 × 2 of bn, then fc.
    BOOST_TEST(dict.find("fc.weight")->to<float>() == (std::vector<float>{28, 29, 30, 31, 32, 33}),
               boost::test_tools::per_element());
    auto const wide = hc::to_state_dict(hc::model<network, double>{});
    BOOST_TEST((wide.find("fc.weight")->type == dtype::f64));
}

BOOST_AUTO_TEST_CASE(models_come_back_bit_by_bit) {
    temporary_folder const folder;
    for (auto const* name : {"m.safetensors", "m.pth", "m.pt"}) {
        hc::save(folder / name, unusual<float>());
        BOOST_TEST(same_bits(hc::load<network>(folder / name), unusual<float>()));
        hc::save(folder / name, unusual<double>()); // in place of the other
        BOOST_TEST(same_bits(hc::load<network, double>(folder / name), unusual<double>()));
    }
    BOOST_TEST(folder.size() == 3u);
}

BOOST_AUTO_TEST_CASE(every_type_comes_back) {
    temporary_folder const folder;
    for (auto const* extension : extensions) {
        for (auto const& dict : {every_type(), state_dict{}}) {
            auto const path = folder / (std::string{"dict"} + extension);
            write(path, dict);
            BOOST_TEST(same(hc::read_weights(path), dict));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_same_state_dict_makes_the_same_bytes) {
    temporary_folder const folder;
    auto const write_both = [&](std::string const& name) {
        hc::write_pth(folder / (name + ".pth"), every_type());
        hc::write_safetensors(folder / (name + ".safetensors"), every_type());
    };
    write_both("a");
    std::this_thread::sleep_for(std::chrono::milliseconds{2100}); // zip archives count time in steps of 2 s
    write_both("b");
    BOOST_TEST((slurp(folder / "a.pth") == slurp(folder / "b.pth")));
    BOOST_TEST((slurp(folder / "a.safetensors") == slurp(folder / "b.safetensors")));
}

BOOST_AUTO_TEST_CASE(safetensors_are_as_the_format_says) {
    temporary_folder const folder;
    state_dict dict;
    dict.insert("a", {dtype::u8, {3}, std::vector<std::byte>(3, std::byte{'u'})});
    dict.insert("b", {dtype::f32, {1, 1}, std::vector<std::byte>(4, std::byte{'f'})});
    dict.insert("c", {dtype::i64, {}, std::vector<std::byte>(8, std::byte{'i'})});
    hc::write_safetensors(folder / "three.safetensors", dict);
    std::string header = R"({"__metadata__":{"format":"pt"},)"
                         R"("a":{"data_offsets":[12,15],"dtype":"U8","shape":[3]},)"
                         R"("b":{"data_offsets":[8,12],"dtype":"F32","shape":[1,1]},)"
                         R"("c":{"data_offsets":[0,8],"dtype":"I64","shape":[]}})";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    BOOST_TEST(slurp(folder / "three.safetensors") == safetensors(header, "iiiiiiiiffffuuu"));
}

BOOST_AUTO_TEST_CASE(pth_archives_store_aligned) {
    temporary_folder const folder;
    hc::write_pth(folder / "m.pth", every_type());
    auto const file = slurp(folder / "m.pth");
    auto const at = [&file]<class T>(std::size_t position, T) {
        return hc::detail::load_number<T>(bytes(file).data() + position);
    };
    std::vector<std::string> names;
    std::size_t position = 0;
    while (file.compare(position, 4, "PK\x03\x04") == 0) {   // as long as there are entries
        BOOST_TEST(at(position + 8, std::uint16_t{}) == 0u); // the method: stored
        auto const size = at(position + 18, std::uint32_t{});
        std::size_t const name = at(position + 26, std::uint16_t{});
        std::size_t const extra = at(position + 28, std::uint16_t{});
        names.push_back(file.substr(position + 30, name));
        position += 30 + name + extra;
        BOOST_TEST(position % 64 == 0u, names.back() << " begins at byte " << position);
        if (names.back() == "archive/version") {
            BOOST_TEST(file.substr(position, size) == "3\n");
        } else if (names.back() == "archive/byteorder") {
            BOOST_TEST(file.substr(position, size) == "little");
        }
        position += size;
    }
    BOOST_TEST(names.size() == every_type().size() + 3);
    BOOST_TEST(names.front() == "archive/data.pkl");
    BOOST_TEST(names.back() == "archive/version");
    BOOST_TEST(std::ranges::count(names, "archive/data/0") == 1);
}

BOOST_AUTO_TEST_CASE(what_no_format_can_hold_is_refused) {
    temporary_folder const folder;
    for (auto const* extension : extensions) {
        auto const path = folder / (std::string{"m"} + extension);
        state_dict broken;
        broken.insert("w", {dtype::f32, {3}, std::vector<std::byte>(8)});
        BOOST_CHECK_EXCEPTION(write(path, broken), hc::error, [](auto const& error) {
            return is_of_kind(error, hc::error_kind::shape, "the entry 'w' has 8 bytes");
        });
        state_dict unnameable;
        unnameable.insert("w\xff", {dtype::u8, {1}, std::vector<std::byte>(1)});
        BOOST_CHECK_EXCEPTION(write(path, unnameable), hc::error, [](auto const& error) {
            return is_of_kind(error, hc::error_kind::use, "must be UTF-8");
        });
    }
    state_dict reserved;
    reserved.insert("__metadata__", {dtype::u8, {1}, std::vector<std::byte>(1)});
    BOOST_CHECK_EXCEPTION(hc::write_safetensors(folder / "m.safetensors", reserved), hc::error,
                          [](auto const& error) {
                              return is_of_kind(error, hc::error_kind::use, "no key may be __metadata__");
                          });
    BOOST_TEST(folder.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_pth_file_has_as_many_tensors_as_can_be_read_back) {
    temporary_folder const folder;
    state_dict many;
    for (int i = 0; i < 16381; ++i) {
        many.insert(std::to_string(i), {dtype::u8, {0}, {}});
    }
    hc::write_pth(folder / "many.pth", many);
    BOOST_TEST(hc::read_pth(folder / "many.pth").size() == 16381u);
    many.insert("one more", {dtype::u8, {0}, {}});
    BOOST_CHECK_EXCEPTION(hc::write_pth(folder / "more.pth", many), hc::error, [](auto const& error) {
        return is_of_kind(error, hc::error_kind::use, "at most 16381 tensors");
    });
}

BOOST_AUTO_TEST_CASE(the_extension_chooses_the_format) {
    temporary_folder const folder;
    hc::model<network> const model;
    for (auto const* name : {"m.pth", "m.pt"}) {
        hc::save(folder / name, model);
        BOOST_TEST(slurp(folder / name).starts_with("PK\x03\x04"));
    }
    hc::save(folder / "m.safetensors", model);
    BOOST_TEST(slurp(folder / "m.safetensors")[8] == '{');
    for (auto const* name : {"m.bin", "m", "pth", ".pth", "m.pth.gz"}) {
        BOOST_CHECK_EXCEPTION(hc::save(folder / name, model), hc::error, [](auto const& error) {
            return is_of_kind(error, hc::error_kind::use, "must end with .safetensors, .pth or .pt");
        });
    }
    BOOST_TEST(folder.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_failed_save_leaves_the_old_file) {
    hc::model<network> const old;
    for (auto const* extension : extensions) {
        temporary_folder const folder;
        auto const path = folder / (std::string{"m"} + extension);
        hc::save(path, old);
        auto const before = slurp(path);

        // A disk that is full after some bytes: no file may grow beyond 512.
        auto const handler = std::signal(SIGXFSZ, SIG_IGN);
        rlimit limits{};
        BOOST_REQUIRE(getrlimit(RLIMIT_FSIZE, &limits) == 0);
        rlimit const small{512, limits.rlim_max};
        BOOST_REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
        std::string said;
        try {
            hc::save(path, unusual<double>());
        } catch (hc::error const& error) {
            said = error.kind() == hc::error_kind::file ? error.what() : "";
        }
        setrlimit(RLIMIT_FSIZE, &limits);
        std::signal(SIGXFSZ, handler);
        BOOST_TEST(said.find("must be writable; File too large") != std::string::npos, said);
        BOOST_TEST((slurp(path) == before));
        BOOST_TEST(folder.size() == 1u);

        // A folder that is in the way, and one that is not there.
        auto const in_the_way = folder / (std::string{"folder"} + extension);
        fs::create_directory(in_the_way);
        BOOST_CHECK_EXCEPTION(hc::save(in_the_way, old), hc::error, says({"is a directory", "folder"}));
        BOOST_TEST(fs::is_directory(in_the_way));
        BOOST_CHECK_EXCEPTION(hc::save(folder / ("absent/m"s + extension), old), hc::error,
                              says({"must be writable", "No such file"}));
        BOOST_TEST(folder.size() == 2u);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_file_is_refused) {
    temporary_folder const folder;
    hc::model<network> const model;
    fs::create_directory(folder / "folder.pth");
    BOOST_REQUIRE(mkfifo((folder / "pipe.pth").c_str(), 0600) == 0);
    fs::create_symlink("/dev/null", folder / "device.pth");
    fs::create_symlink("pipe.pth", folder / "link.pth");
    for (auto const& [name, what] :
         {std::pair{"folder.pth", "is a directory"}, std::pair{"pipe.pth", "is a pipe"},
          std::pair{"device.pth", "is a device"}, std::pair{"link.pth", "is a pipe"}}) {
        BOOST_CHECK_EXCEPTION(hc::save(folder / name, model), hc::error,
                              says({name, what, "choose another path"}));
    }
    BOOST_TEST(fs::is_directory(folder / "folder.pth"));
    BOOST_TEST(fs::is_fifo(folder / "pipe.pth"));
    BOOST_TEST(fs::is_character_file("/dev/null"));
    BOOST_TEST(folder.size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_link_stays_and_its_target_is_replaced) {
    temporary_folder const folder;
    fs::create_directory(folder / "weights");
    fs::create_symlink("weights/old.pth", folder / "link.pth"); // relative: to the folder that it is in
    fs::create_symlink(folder / "link.pth", folder / "link_of_link.pth");
    auto const target = folder / "weights/old.pth";
    for (auto const* link : {"link.pth", "link_of_link.pth"}) {
        for (bool const there : {false, true}) {
            fs::remove(target);
            if (there) {
                spill(target, "old");
            }
            hc::save(folder / link, unusual<float>());
            BOOST_TEST(fs::is_symlink(folder / link));
            BOOST_TEST(!fs::is_symlink(target));
            BOOST_TEST(same_bits(hc::load<network>(target), unusual<float>()));
        }
    }
    fs::create_symlink("circle.pth", folder / "circle.pth");
    BOOST_CHECK_EXCEPTION(hc::save(folder / "circle.pth", unusual<float>()), hc::error,
                          says({"circle.pth", "must be writable", "symbolic links"}));
    BOOST_TEST(folder.size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_replaced_file_keeps_its_permissions) {
    temporary_folder const folder;
    auto const permissions = [&](fs::path const& path) {
        return static_cast<unsigned>(fs::status(path).permissions());
    };
    auto const umask_before = umask(0027);
    hc::save(folder / "new.pth", hc::model<network>{});
    BOOST_TEST(permissions(folder / "new.pth") == 0640u);
    for (unsigned const mode : {0600u, 0666u, 0755u, 0400u}) { // also those that the umask would take away
        fs::permissions(folder / "new.pth", fs::perms{mode});
        hc::save(folder / "new.pth", unusual<float>());
        BOOST_TEST(permissions(folder / "new.pth") == mode);
    }
    umask(umask_before);
}

BOOST_AUTO_TEST_CASE(what_a_killed_save_left_is_removed_and_what_a_living_one_writes_is_not) {
    temporary_folder const folder;
    auto const path = folder / "m.pth";
    auto const left = folder / "m.pth.hookcam-part-0";
    spill(left, "half a file");
    hc::save(path, hc::model<network>{});
    BOOST_TEST(!fs::exists(left));
    BOOST_TEST(folder.size() == 1u);

    spill(left, "half a file, to be whole soon");
    hc::detail::descriptor const writer{::open(left.c_str(), O_RDONLY)};
    BOOST_REQUIRE(flock(writer.get(), LOCK_EX) == 0);
    hc::save(path, unusual<float>());
    BOOST_TEST(same_bits(hc::load<network>(path), unusual<float>()));
    BOOST_TEST(slurp(left) == "half a file, to be whole soon");
    BOOST_TEST(folder.size() == 2u);
}

BOOST_AUTO_TEST_CASE(writers_of_one_path_do_not_disturb_each_other) {
    temporary_folder const folder;
    auto const path = folder / "file";
    std::vector<std::thread> writers;
    for (std::uint8_t value = 1; value <= 4; ++value) {
        writers.emplace_back([value, &path] {
            std::vector<std::uint8_t> const bytes(10'000u * value, value);
            for (int i = 0; i < 25; ++i) {
                hc::replace_file(path, bytes);
            }
        });
    }
    for (auto& writer : writers) {
        writer.join();
    }
    auto const bytes = hc::read_file_bytes(path);
    BOOST_REQUIRE(!bytes.empty());
    BOOST_TEST((bytes == std::vector<std::uint8_t>(10'000u * bytes.front(), bytes.front())));
    BOOST_TEST(folder.size() == 1u);
}

BOOST_AUTO_TEST_CASE(genuine_weights_stay_the_same) {
    auto const path = fs::path{HOOKCAM_SHARED_DIR} / "data/weights/resnet20-12fca82f.th";
    if (!fs::exists(path)) {
        BOOST_TEST_MESSAGE("skipped: the folder of reference data is not there");
        return;
    }
    temporary_folder const folder;
    auto const dict = hc::read_weights(path);
    auto const model =
        hc::load<networks::cifar_resnet<20>>(path, {.strict = true, .strip_prefix = "module."});
    for (auto const* extension : extensions) {
        auto const copy = folder / (std::string{"copy"} + extension);
        write(copy, dict);
        BOOST_TEST(same(hc::read_weights(copy), dict));
        hc::save(copy, model);
        BOOST_TEST(same_bits(hc::load<networks::cifar_resnet<20>>(copy), model));
    }
}
