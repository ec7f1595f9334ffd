// Files of torch.save: genuine ones, made by hand, and every file that must be refused.

#define BOOST_TEST_MODULE io_pth
#include "io_files.hpp"

#include <hookcam/io/pth.hpp>
#include <hookcam/io/read_weights.hpp>
#include <hookcam/io/safetensors.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

using hookcam::dtype;
using namespace io_files;
namespace fs = std::filesystem;

namespace {

hookcam::state_dict read(std::string const& file) {
    return hookcam::read_pth(bytes(file), "some.file");
}

void refused(std::string const& file, std::vector<std::string> parts) {
    parts.insert(parts.begin(), "hookcam::read_pth: some.file: ");
    BOOST_CHECK_EXCEPTION(read(file), hookcam::error, says(parts));
}

std::vector<float> floats(hookcam::state_dict const& dict, std::string const& key) {
    auto const* entry = dict.find(key);
    BOOST_TEST_REQUIRE(entry != nullptr, key);
    return entry->to<float>();
}

std::vector<float> counted(std::size_t size, float first = 0) {
    std::vector<float> result(size);
    for (std::size_t i = 0; i < size; ++i) {
        result[i] = first + static_cast<float>(i);
    }
    return result;
}

void check_values(hookcam::state_dict const& dict, std::string const& key,
                  std::vector<std::size_t> const& shape, std::vector<float> const& values) {
    BOOST_TEST_CONTEXT(dict.source() << ", " << key) {
        BOOST_TEST(floats(dict, key) == values, boost::test_tools::per_element());
        BOOST_TEST(dict.find(key)->shape == shape, boost::test_tools::per_element());
    }
}

fs::path data(std::string const& name) {
    return fs::path{HOOKCAM_SOURCE_DIR} / "tests/data" / name;
}

std::string const small = numbers<float>({1, 2, 3, 4});

/// A file with one tensor `a` over the storage of 1, 2, 3, 4.
std::string one(std::int64_t offset, std::vector<std::int64_t> const& shape,
                std::vector<std::int64_t> const& strides) {
    return pth(dict({{"a", tensor(storage("FloatStorage", "0", 4), offset, shape, strides)}}),
               {{"0", small}});
}

/// A file whose pickle is that program, with the storage "0" of 1, 2, 3, 4.
std::string program(std::string const& text) {
    return pth(text, {{"0", small}});
}

} // namespace

// ------------------------------------------------------------------------------------------ genuine files

BOOST_AUTO_TEST_CASE(published_weights_have_the_bits_of_their_safetensors) {
    fs::path const shared{HOOKCAM_SHARED_DIR};
    struct couple {
        std::string pth, safetensors;
    };
    for (auto const& [pth, safetensors] : std::vector<couple>{
             {"data/weights/resnet20-12fca82f.th", "data/weights/resnet20-12fca82f.safetensors"},
             {"data/weights/resnet44-014dd654.th", "data/weights/resnet44-014dd654.safetensors"},
             {"reference/torch/cifar10_cnn.pth", "reference/torch/cifar10_cnn.safetensors"}}) {
        if (shared.empty() || !fs::exists(shared / pth)) {
            BOOST_TEST_MESSAGE("skipped: " << pth << " is not there");
            continue;
        }
        auto ours = hookcam::read_weights(shared / pth);
        BOOST_TEST(ours.strip_prefix("module.") == pth.ends_with(".th"));
        BOOST_TEST(ours.size() >= 10u);
        BOOST_TEST(same(ours, hookcam::read_weights(shared / safetensors)), pth);
    }
}

BOOST_AUTO_TEST_CASE(every_type_is_read) {
    for (auto const* name : {"types.pth", "types_stream.pth"}) {
        auto const dict = hookcam::read_pth(data(name));
        BOOST_TEST(dict.size() == 10u);
        for (auto const& [key, entry] : dict) {
            check_values(dict, key, {2, 3},
                         key == "bool" ? std::vector<float>{0, 1, 1, 1, 1, 1} : counted(6));
        }
        BOOST_TEST((dict.find("bfloat16")->type == dtype::bf16 && dict.find("float16")->type == dtype::f16));
        BOOST_TEST((dict.find("int8")->type == dtype::i8 && dict.find("uint8")->type == dtype::u8));
    }
}

BOOST_AUTO_TEST_CASE(views_are_gathered) {
    for (auto const* name : {"views.pth", "views_stream.pth"}) {
        auto const dict = hookcam::read_pth(data(name));
        BOOST_TEST(dict.size() == 9u);
        check_values(dict, "base", {4, 6}, counted(24));
        check_values(dict, "transposed", {6, 4},
                     {0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23});
        check_values(dict, "columns", {4, 3}, {1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23});
        check_values(dict, "tail", {2, 6}, counted(12, 12));
        check_values(dict, "element", {}, {23});
        check_values(dict, "expanded", {3, 6}, {6, 7, 8, 9, 10, 11, 6, 7, 8, 9, 10, 11, 6, 7, 8, 9, 10, 11});
        check_values(dict, "channels_last", {1, 2, 3, 4}, counted(24));
        check_values(dict, "none", {0, 3}, {});
        check_values(dict, "parameter", {6}, counted(6));
    }
}

BOOST_AUTO_TEST_CASE(the_state_dict_of_a_checkpoint_is_found) {
    for (auto const* name : {"checkpoint.pth", "checkpoint_protocol_5.pth", "checkpoint_stream.pth"}) {
        auto const dict = hookcam::read_pth(data(name));
        BOOST_TEST(dict.size() == 7u);
        check_values(dict, "0.weight", {2, 1, 3, 3}, counted(18));
        check_values(dict, "1.running_var", {2}, {0, 1});
        check_values(dict, "1.num_batches_tracked", {}, {0});
        BOOST_TEST((dict.find("1.num_batches_tracked")->type == dtype::i64));
    }
}

BOOST_AUTO_TEST_CASE(a_pickled_module_is_refused_by_name) {
    BOOST_CHECK_EXCEPTION(hookcam::read_pth(data("whole_module.pth")), hookcam::error,
                          says({"whole_module.pth", "'torch.nn.modules.activation.ReLU'", "state_dict()"}));
}

// ------------------------------------------------------------------------------------------- found or not

BOOST_AUTO_TEST_CASE(where_a_state_dict_may_lie) {
    auto const a = flat("FloatStorage", "0", 4);
    auto const in = [&](std::string const& key) { return dict({{key, a}}); };
    auto const key_of = [](std::string const& text) { return read(program(text)).begin()->first; };
    // Under the usual names, even beside tensors and other dicts of tensors.
    BOOST_TEST(key_of(dict({{"best", a}, {"model", in("x")}, {"ema", in("y")}})) == "x");
    BOOST_TEST(key_of(dict({{"model", in("x")}, {"state_dict", in("y")}})) == "y");
    BOOST_TEST(key_of(dict({{"model", in("x")}, {"model_state_dict", in("y")}})) == "y");
    BOOST_TEST(key_of(dict({{"model", dict({{"n", integer(1)}})}, {"net", in("y")}})) == "y");
    // At the top, before dicts of other names, and then the only one of another name.
    BOOST_TEST(key_of(dict({{"x", a}, {"net", in("y")}})) == "x");
    BOOST_TEST(key_of(dict({{"epoch", integer(1)}, {"net", in("y")}, {"list", "](K\1e"}})) == "y");
    // The same dict twice is one; two are too many; none is none.
    BOOST_TEST(key_of("}(" + text("p") + in("x") + "q\x01" + text("q") + "h\x01u") == "x");
    refused(program(dict({{"p", in("x")}, {"q", in("y")}})), {"several dicts of tensors"});
    refused(program(dict({{"p", integer(1)}})), {"no dict of tensors"});
    refused(program(a), {"must hold a state dict"});
    refused(program("N"), {"must hold a state dict"});
    BOOST_TEST(read(program("}")).empty());
}

BOOST_AUTO_TEST_CASE(what_is_no_tensor_is_ignored) {
    auto const content = dict({{"a", flat("FloatStorage", "0", 4)},
                               {"none", "N"},
                               {"flag", "\x88"},
                               {"real", "G" + std::string(8, '\x40')},
                               {"long", "\x8a\x09" + std::string(9, '\x7f')},
                               {"bytes", "C\x01x"},
                               {"list", "](K\x01K\x02" + "e"s},
                               {"set", "\x8f(K\x01\x90"},
                               {"nested", dict({{"a", dict({{"a", "N"}})}})},
                               {"device", global("torch", "device") + text("cuda") + "\x85R"},
                               {"type", global("torch", "float32")}});
    auto const dict = read(program(content));
    BOOST_TEST(dict.size() == 1u);
    check_values(dict, "a", {4}, {1, 2, 3, 4});
}

BOOST_AUTO_TEST_CASE(what_older_and_other_picklers_write_is_read) {
    auto const ordered = global("collections", "OrderedDict");
    auto const a = flat("FloatStorage", "0", 4);
    // Python 2: byte strings as keys, and an OrderedDict made from a list of lists.
    auto const list = "](](U\x01"
                      "a" +
                      a + "ee";
    check_values(read(program(ordered + list + "\x85R")), "a", {4}, {1, 2, 3, 4});
    // Attributes on the OrderedDict; torch.Size; _rebuild_tensor and _rebuild_parameter.
    auto const size = global("torch", "Size") + tuple(std::vector{tuple(std::vector<std::int64_t>{4})}) + "R";
    auto const old =
        global("torch._utils", "_rebuild_tensor") +
        tuple({storage("FloatStorage", "0", 4), integer(0), size, tuple(std::vector<std::int64_t>{1})}) + "R";
    auto const parameter = global("torch._utils", "_rebuild_parameter") + tuple({old, "\x88", "}"}) + "R";
    check_values(read(program(ordered + ")R(" + text("a") + parameter + "u}" + text("_metadata") + "}sb")),
                 "a", {4}, {1, 2, 3, 4});
    // Protocol 4: frames, short texts, MEMOIZE and STACK_GLOBAL.
    auto const name = [](std::string const& value) {
        return "\x8c" + std::string(1, static_cast<char>(value.size())) + value;
    };
    auto const program4 = "\x80\x04\x95" + number(std::uint64_t{99}) + name("collections") + "\x94" +
                          name("OrderedDict") + "\x94\x93\x94)R\x94" + name("a") + a + "s.";
    check_values(read(archive({{"x/data.pkl", program4}, {"x/data/0", small}})), "a", {4}, {1, 2, 3, 4});
}

// ------------------------------------------------------------------------------------------------ tensors

BOOST_AUTO_TEST_CASE(views_reach_anywhere_in_their_storage_and_nowhere_else) {
    check_values(read(one(0, {2, 2}, {1, 2})), "a", {2, 2}, {1, 3, 2, 4});
    check_values(read(one(3, {}, {})), "a", {}, {4});
    check_values(read(one(1, {1, 2, 1}, {99, 2, 99})), "a", {1, 2, 1}, {2, 4});
    check_values(read(one(3, {2, 2}, {0, 0})), "a", {2, 2}, {4, 4, 4, 4});
    check_values(read(one(99, {0, 7}, {7, 1})), "a", {0, 7}, {});
    auto const most = std::numeric_limits<std::int64_t>::max();
    refused(one(0, {5}, {1}), {"'a' reaches outside its storage of 4 numbers"});
    refused(one(1, {4}, {1}), {"reaches outside"});
    refused(one(4, {}, {}), {"reaches outside"});
    refused(one(0, {2, 2}, {2, 2}), {"reaches outside"});
    refused(one(most, {2}, {1}), {"reaches outside"});
    refused(one(0, {2, 3}, {0, most}), {"reaches outside"});
    refused(one(0, {3, 3}, {most, most}), {"reaches outside"});
    refused(one(0, {-1}, {1}), {"integers from 0"});
    refused(one(0, {2}, {-1}), {"integers from 0"});
    refused(one(-1, {2}, {1}), {"integers from 0"});
    refused(one(0, {2}, {1, 1}), {"as many strides"});
    refused(one(0, std::vector<std::int64_t>(65, 1), std::vector<std::int64_t>(65, 1)), {"at most 64"});
}

BOOST_AUTO_TEST_CASE(a_small_storage_may_not_become_a_large_tensor) {
    refused(one(0, {1 << 30}, {0}), {"'a' would take more memory"});
    refused(one(0, {std::int64_t{1} << 40, std::int64_t{1} << 40}, {0, 0}), {"'a' would take more memory"});
    // 2,000 tensors that are each all of one storage of 400 kB.
    std::string program = "}(";
    program += text("0") + flat("FloatStorage", "0", 100'000) + "q\x01";
    for (int i = 1; i < 2000; ++i) {
        program += text(std::to_string(i)) + "h\x01";
    }
    refused(pth(program + "u", {{"0", std::string(400'000, '\0')}}), {"would take more memory"});
}

BOOST_AUTO_TEST_CASE(tensors_share_a_storage) {
    auto const s = storage("FloatStorage", "0", 4);
    auto const dict =
        read(program(io_files::dict({{"a", tensor(s, 0, {2}, {1})}, {"b", tensor(s, 2, {2}, {1})}})));
    check_values(dict, "a", {2}, {1, 2});
    check_values(dict, "b", {2}, {3, 4});
}

BOOST_AUTO_TEST_CASE(tensors_without_sense_are_refused) {
    auto const rebuild = global("torch._utils", "_rebuild_tensor_v2");
    auto const with = [&](std::string const& value) { return program(dict({{"a", value}})); };
    auto const s = storage("FloatStorage", "0", 4);
    refused(with(rebuild + ")R"), {"too few arguments"});
    refused(with(rebuild + tuple({"N", integer(0), ")", ")"}) + "R"), {"'a' has no storage"});
    refused(with(rebuild + tuple({s, "N", ")", ")"}) + "R"), {"integers from 0"});
    refused(with(rebuild + tuple({s, integer(0), "N", ")"}) + "R"), {"a shape and strides"});
    refused(with(rebuild + tuple({s, integer(0), tuple(std::vector<std::string>{"N"}), ")"}) + "R"),
            {"integers from 0"});
    auto const claim = [&](std::string const& id) {
        return with(rebuild + tuple({id + "Q", integer(0), ")", ")"}) + "R");
    };
    auto const type = global("torch", "FloatStorage");
    refused(claim("N"), {"not that of a storage"});
    refused(claim(tuple({text("module"), type, text("0"), text("cpu"), integer(4)})),
            {"not that of a storage"});
    refused(claim(tuple({text("storage"), "N", text("0"), text("cpu"), integer(4)})),
            {"not that of a storage"});
    refused(claim(tuple({text("storage"), type, text("0"), text("cpu"), integer(-4)})),
            {"not that of a storage"});
    refused(claim(tuple({text("storage"), type, text("0"), text("cpu"), integer(4), ")"})),
            {"'0' is a view"});
    refused(program(dict({{"a", flat("FloatStorage", "0", 4)}, {"a", flat("FloatStorage", "0", 4)}})),
            {"key 'a' twice"});
}

// ------------------------------------------------------------------------------------------------ pickles

BOOST_AUTO_TEST_CASE(names_outside_the_list_are_refused) {
    refused(program(global("os", "system") + text("true") + "\x85R"), {"'os.system'"});
    refused(program(global("builtins", "eval")), {"'builtins.eval'"});
    refused(program(text("posix") + text("system") + "\x93"), {"'posix.system'"});
    refused(program(global("torch", "ComplexFloatStorage")), {"'torch.ComplexFloatStorage'"});
    refused(program(global("collections", "OrderedDict\x01")), {"'collections.OrderedDict?'"});
}

BOOST_AUTO_TEST_CASE(pickles_without_sense_are_refused) {
    auto const raw = [](std::string const& content) { return archive({{"x/data.pkl", content}}); };
    refused(raw(""), {"truncated"});
    refused(raw("\x80\x02"), {"truncated"});
    refused(raw("}."), {"PROTO"});
    refused(raw("\x80\x01}."), {"protocol 1"});
    refused(raw("\x80\x06}."), {"protocol 6"});
    refused(program(""), {"more from its stack"});
    refused(program("0"), {"more from its stack"});
    refused(program("}\x86"), {"more from its stack"});
    refused(program("}(\x85"), {"more from its stack"}); // a MARK is a floor
    refused(program("t"), {"lacks a MARK"});
    refused(program("(u"), {"more from its stack"});
    refused(program("](NNu"), {"no dict"});
    refused(program("}Na"), {"no list"});
    refused(program("}(Nu"), {"a key without a value"});
    refused(program("(Nd"), {"a key without a value"});
    refused(program("h\x05"), {"entry 5 of its memo"});
    refused(program("j" + number(~std::uint32_t{0})), {"memo"});
    refused(program("Nr" + number(~std::uint32_t{0})), {"skips memo indices"});
    refused(program("NN\x93"), {"a name must stand"});
    refused(program("N)R"), {"no function"});
    refused(program(global("torch", "Size") + "NR"), {"no function"});
    refused(program("i"), {"opcode 105"});        // INST, of protocol 0
    refused(program("\x82\x01"), {"opcode 130"}); // EXT1
    refused(program("\x97"), {"opcode 151"});     // NEXT_BUFFER
    refused(program("X" + number(~std::uint32_t{0}) + "abc"), {"truncated"});
    refused(program("\x8e" + number(~std::uint64_t{0}) + "abc"), {"truncated"});
    refused(program("ctorch"), {"line without an end"});
    refused(program(global("collections", "OrderedDict") + "](Ne\x85R"), {"something else than pairs"});
}

BOOST_AUTO_TEST_CASE(circles_and_depth_do_no_harm) {
    auto const a = flat("FloatStorage", "0", 4);
    // A dict that is its own value, a list that is its own item, a tensor whose argument is itself.
    auto const circle = read(program("}q\x01(" + text("self") + "h\x01" + text("a") + a + "u"));
    BOOST_TEST(circle.size() == 1u);
    BOOST_TEST(read(program(dict({{"a", a},
                                  {"l", "]q\x01h\x01"
                                        "a"}})))
                   .size() == 1u);
    auto const rebuild = global("torch._utils", "_rebuild_parameter");
    BOOST_TEST(read(program(dict({{"a", a}, {"b", rebuild + "(" + rebuild + "(NtRtR"}}))).size() == 1u);
    refused(program("}q\x01" + text("model") + "h\x01s"), {"no dict of tensors"});

    std::string lists;
    std::string dicts;
    std::string tuples;
    for (int i = 0; i < 300'000; ++i) {
        lists += "](";
        dicts += "}(K\x01";
        tuples += "\x85";
    }
    refused(program(lists), {});
    refused(program(dicts), {"must hold a state dict"});
    BOOST_TEST(read(program(dict({{"a", a}, {"b", lists + std::string(300'000, 'e')}, {"c", "N" + tuples}})))
                   .size() == 1u);
    refused(program(std::string(300'000, '(')), {"stack"});
}

// ----------------------------------------------------------------------------------------------- archives

BOOST_AUTO_TEST_CASE(archives_without_sense_are_refused) {
    auto const good = program(dict({{"a", flat("FloatStorage", "0", 4)}}));
    check_values(read(good), "a", {4}, {1, 2, 3, 4});
    for (std::size_t size = 4; size < good.size(); ++size) {
        BOOST_CHECK_THROW(read(good.substr(0, size)), hookcam::error);
    }
    auto const p = pickle(dict({{"a", flat("FloatStorage", "0", 4)}}));
    refused(archive({{"data.pkl", p}}), {"entry NAME/data.pkl"});
    refused(archive({{"x/y/data.pkl", p}}), {"entry NAME/data.pkl"});
    refused(archive({{"x/data.pkl", p}, {"y/data.pkl", p}}), {"several entries"});
    refused(archive({{"x/data.pkl", p}}), {"'x/data/0'"});
    refused(archive({{"x/data.pkl", p}, {"x/data/0", small + "1"}}), {"'0' has another size"});
    refused(archive({{"x/data.pkl", p}, {"x/data/0", ""}}), {"'0' has another size"});
    refused(archive({{"x/data.pkl", p}, {"x/data/0", small}, {"x/byteorder", "big"}}), {"big-endian"});
}

BOOST_AUTO_TEST_CASE(a_changed_value_fails_its_checksum) {
    auto file = program(dict({{"a", flat("FloatStorage", "0", 4)}}));
    auto const at = file.find(small);
    BOOST_TEST_REQUIRE(at != std::string::npos);
    file[at] = static_cast<char>(file[at] ^ 1);
    refused(file, {"'archive/data/0' is broken", "CRC"});
}

BOOST_AUTO_TEST_CASE(compressed_entries_are_read_unless_they_explode) {
    auto const packed = [](std::int64_t count) {
        return archive({{"x/data.pkl", pickle(dict({{"a", flat("ByteStorage", "0", count)}})), true},
                        {"x/data/0", std::string(static_cast<std::size_t>(count), '\x01'), true}});
    };
    check_values(read(packed(5)), "a", {5}, {1, 1, 1, 1, 1});
    refused(packed(100'000'000), {"'a' would take more memory"});
    refused(archive({{"x/data.pkl", pickle(dict({{"a", flat("ByteStorage", "0", 5)}}))},
                     {"x/data/0", std::string(100'000'000, '\x01'), true}}),
            {"'x/data/0' would take more memory"});
    auto const nothing = archive({{"x/data.pkl", pickle(std::string(10'000'000, ')')), true}});
    refused(nothing, {"'x/data.pkl' would take more memory"});
    auto const less = archive({{"x/data.pkl", pickle(std::string(900'000, ')')), true}});
    refused(less, {"compressed pickle is larger"});
}

// ------------------------------------------------------------------------------------------ legacy streams

BOOST_AUTO_TEST_CASE(streams_are_read) {
    auto const s = storage("FloatStorage", "9402", 4);
    auto const dict =
        read(pth_stream(io_files::dict({{"state_dict", io_files::dict({{"a", tensor(s, 0, {2, 2}, {1, 2})},
                                                                       {"b", tensor(s, 3, {}, {})}})}}),
                        {{"9402", 4, small}}));
    check_values(dict, "a", {2, 2}, {1, 3, 2, 4});
    check_values(dict, "b", {}, {4});
}

BOOST_AUTO_TEST_CASE(streams_without_sense_are_refused) {
    auto const a = dict({{"a", flat("FloatStorage", "0", 4)}});
    auto const good = pth_stream(a, {{"0", 4, small}});
    for (std::size_t size = 0; size < good.size(); ++size) {
        refused(good.substr(0, size), {});
    }
    refused(good + "x", {"1 bytes after its last storage"});
    refused(pickle(integer(1)) + good, {"magic number"});
    refused(stream_magic + pickle(integer(1000)), {"1001"});
    refused(pth_stream(a, {{"0", 4, small}}, "\x89"), {"little-endian"});
    refused(pth_stream(a, {{"0", 3, small}}), {"'0' has another size"});
    refused(pth_stream(a, {{"0", -1, small}}), {"'0' has another size"});
    refused(pth_stream(a, {{"1", 4, small}}), {"does not know"});
    refused(pth_stream(a, {{"0", 4, small}, {"0", 4, small}}), {"'0' twice"});
    refused(pth_stream(a, {}), {"'0' is not in the file"});
    refused(pth_stream(dict({{"a", flat("FloatStorage", "0", std::int64_t{1} << 62)}}),
                       {{"0", std::int64_t{1} << 62, small}}),
            {});
    refused(pth_stream(dict({{"a", flat("FloatStorage", "0", 4)}, {"b", flat("IntStorage", "0", 4)}}),
                       {{"0", 4, small}}),
            {"different things about the storage '0'"});
}

BOOST_AUTO_TEST_CASE(an_archive_of_absurdly_many_entries_is_refused_at_once) {
    // A tensor may hold the signature by chance; so many times it does not.
    std::string headers;
    for (int i = 0; i < 16384; ++i)
        headers += "PK\1\2"s;
    refused(archive({{"a/data.pkl", headers}}), {"at most 16384 entries"});
    headers.resize(headers.size() - 8);
    refused(archive({{"a/data.pkl", headers}}), {"pickle"}); // few enough: it is the pickle that is none
}
