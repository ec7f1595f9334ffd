// Loading a state dict into a model: strictly, leniently, and never by halves.

#define BOOST_TEST_MODULE io_load
#include "io_files.hpp"
#include "temporary_folder.hpp"

#include <hookcam/compose/named.hpp>
#include <hookcam/compose/sequential.hpp>
#include <hookcam/io.hpp>
#include <hookcam/layers/adaptive_avg_pool2d/adaptive_avg_pool2d.hpp>
#include <hookcam/layers/batch_norm2d/batch_norm2d.hpp>
#include <hookcam/layers/conv2d/conv2d.hpp>
#include <hookcam/layers/flatten/flatten.hpp>
#include <hookcam/layers/linear/linear.hpp>
#include <hookcam/layers/max_pool2d/max_pool2d.hpp>
#include <hookcam/layers/relu/relu.hpp>
#include <hookcam/plan/plan.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

using hookcam::dtype;
using hookcam::load_options;
using hookcam::load_state_dict;
using hookcam::state_dict;
using hookcam::state_entry;
using namespace io_files;
namespace fs = std::filesystem;
namespace hc = hookcam;

namespace {

using network =
    hc::sequential<hc::named<"conv", hc::conv2d<1, 2, hc::kernel<3>>>, hc::named<"bn", hc::batch_norm2d<2>>,
                   hc::relu<>, hc::adaptive_avg_pool2d<1>, hc::flatten<>, hc::named<"fc", hc::linear<2, 3>>>;

template <class T>
state_entry entry(dtype type, std::vector<std::size_t> const& shape, std::vector<T> const& values) {
    auto const raw = numbers(values);
    auto const view = bytes(raw);
    return {type, shape, {view.begin(), view.end()}};
}

state_entry filled(std::vector<std::size_t> const& shape, float value) {
    return entry(dtype::f32, shape, std::vector<float>(*hc::detail::checked_size(shape), value));
}

/// A state dict that fits `network`; each tensor has one value of its own.
state_dict fitting(std::string const& prefix = "") {
    state_dict dict{"some.file"};
    dict.insert(prefix + "conv.weight", filled({2, 1, 3, 3}, 1));
    dict.insert(prefix + "conv.bias", filled({2}, 2));
    dict.insert(prefix + "bn.weight", filled({2}, 3));
    dict.insert(prefix + "bn.bias", filled({2}, 4));
    dict.insert(prefix + "bn.running_mean", filled({2}, 5));
    dict.insert(prefix + "bn.running_var", filled({2}, 6));
    dict.insert(prefix + "fc.weight", filled({3, 2}, 7));
    dict.insert(prefix + "fc.bias", filled({3}, 8));
    return dict;
}

/// A copy without some keys.
state_dict without(state_dict const& dict, std::vector<std::string> const& keys) {
    state_dict rest{dict.source()};
    for (auto const& [key, value] : dict) {
        if (std::ranges::find(keys, key) == keys.end()) {
            rest.insert(key, value);
        }
    }
    return rest;
}

template <class T>
std::vector<T> values(hc::model<network, T> const& model, std::string const& key) {
    for (auto const& row : model.entries()) {
        if (row.key == key) {
            return {row.data, row.data + row.size};
        }
    }
    BOOST_FAIL("no key " << key);
    return {};
}

template <class T>
std::vector<T> all(hc::model<network, T> const& model) {
    return {model.data(), model.data() + model.size()};
}

} // namespace

BOOST_AUTO_TEST_CASE(every_tensor_reaches_its_place) {
    hc::model<network> model;
    BOOST_TEST(load_state_dict(model, fitting()).empty());
    float expected = 1;
    for (auto const* key : {"conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean",
                            "bn.running_var", "fc.weight", "fc.bias"}) {
        auto const got = values(model, key);
        BOOST_TEST(got == std::vector<float>(got.size(), expected), boost::test_tools::per_element());
        expected += 1;
    }
}

/// A plan packs weights for its kernels, and must see that there are others.
BOOST_AUTO_TEST_CASE(a_plan_that_was_there_before_computes_with_what_was_loaded) {
    temporary_folder const folder;
    hc::model<network> model;
    auto plan = hc::plan(model);
    auto x = xt::xtensor<float, 4>::from_shape({1, 1, 5, 4});
    x.fill(1);
    xt::xtensor<float, 2> before = plan(x);
    auto const check = [&] {
        xt::xtensor<float, 2> const after = plan(x);
        BOOST_TEST((after != before));
        BOOST_TEST((after == xt::xtensor<float, 2>{hc::plan(model)(x)}));
        before = after;
    };
    load_state_dict(model, fitting());
    check();

    hc::model<network> other{model};
    for (auto& number : other.parameter("conv.weight"))
        number = -number;
    hc::save(folder / "other.safetensors", other);
    model = hc::load<network>(folder / "other.safetensors");
    check();
}

BOOST_AUTO_TEST_CASE(numbers_convert_to_the_type_of_the_model) {
    auto dict = without(fitting(), {"conv.bias", "bn.bias", "bn.weight"});
    dict.insert("conv.bias", entry<double>(dtype::f64, {2}, {0.1, -2}));
    dict.insert("bn.bias", entry<std::uint16_t>(dtype::f16, {2}, {0x3c00, 0x0001}));
    dict.insert("bn.weight", entry<std::uint16_t>(dtype::bf16, {2}, {0x3f80, 0xc000}));
    hc::model<network, double> wide;
    hc::model<network, float> narrow;
    load_state_dict(wide, dict);
    load_state_dict(narrow, dict);
    BOOST_TEST(values(wide, "conv.bias") == (std::vector<double>{0.1, -2}), boost::test_tools::per_element());
    BOOST_TEST(values(narrow, "conv.bias") == (std::vector<float>{0.1f, -2}),
               boost::test_tools::per_element());
    BOOST_TEST(values(wide, "bn.bias") == (std::vector<double>{1, 0x1p-24}),
               boost::test_tools::per_element());
    BOOST_TEST(values(narrow, "bn.weight") == (std::vector<float>{1, -2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(counters_of_batches_may_be_there) {
    auto dict = fitting();
    dict.insert("bn.num_batches_tracked", entry<std::int64_t>(dtype::i64, {}, {42}));
    hc::model<network> model;
    BOOST_TEST(load_state_dict(model, dict).empty());
}

BOOST_AUTO_TEST_CASE(all_differences_are_told_at_once_and_nothing_is_loaded) {
    auto dict = without(fitting(), {"bn.bias", "conv.bias", "fc.weight", "fc.bias", "bn.weight"});
    dict.insert("fc.weight", filled({2, 3}, 7));
    dict.insert("fc.bias", entry<std::int32_t>(dtype::i32, {3}, {1, 2, 3}));
    dict.insert("bn.weight", filled({}, 7));
    dict.insert("fc.scale", filled({1}, 7));
    dict.insert("extra", filled({1}, 7));
    hc::model<network> model;
    auto const before = all(model);
    BOOST_CHECK_EXCEPTION(load_state_dict(model, dict), hc::error,
                          says({"hookcam::load_state_dict: some.file: ", "missing: bn.bias, conv.bias; ",
                                "unexpected: extra, fc.scale; ",
                                "of another shape or type: bn.weight () where the model has (2), ",
                                "fc.bias of I32 where the model has floating-point numbers, ",
                                "fc.weight (2, 3) where the model has (3, 2)"}));
    BOOST_TEST(all(model) == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_fits_is_loaded_where_strict_is_off) {
    auto dict = without(fitting(), {"conv.bias", "fc.weight"});
    dict.insert("fc.weight", filled({2, 3}, 7));
    dict.insert("extra", filled({1}, 7));
    hc::model<network> model;
    auto const report = load_state_dict(model, dict, {.strict = false, .strip_prefix = ""});
    BOOST_TEST(report.missing == std::vector<std::string>{"conv.bias"}, boost::test_tools::per_element());
    BOOST_TEST(report.unexpected == std::vector<std::string>{"extra"}, boost::test_tools::per_element());
    BOOST_TEST(report.mismatched.size() == 1u);
    BOOST_TEST(values(model, "fc.bias") == std::vector<float>(3, 8), boost::test_tools::per_element());
    BOOST_TEST(values(model, "conv.bias") == std::vector<float>(2, 0), boost::test_tools::per_element());
    BOOST_TEST(values(model, "fc.weight") == std::vector<float>(6, 0), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_entry_that_lies_about_its_shape_is_refused) {
    auto dict = without(fitting(), {"fc.bias"});
    dict.insert("fc.bias", {dtype::f32, {3}, std::vector<std::byte>(4)});
    hc::model<network> model;
    BOOST_CHECK_EXCEPTION(load_state_dict(model, dict), hc::error, says({"fc.bias"}));
}

BOOST_AUTO_TEST_CASE(a_prefix_is_stripped_by_option) {
    hc::model<network> model;
    BOOST_CHECK_EXCEPTION(load_state_dict(model, fitting("module.")), hc::error,
                          says({"missing: bn.bias, ", "unexpected: module.bn.bias, "}));
    load_options const options{.strict = true, .strip_prefix = "module."};
    BOOST_TEST(load_state_dict(model, fitting("module."), options).empty());
    BOOST_TEST(load_state_dict(model, fitting(), options).empty());
    auto mixed = without(fitting("module."), {"module.fc.bias"});
    mixed.insert("fc.bias", filled({3}, 8));
    BOOST_CHECK_THROW(load_state_dict(model, mixed, options), hc::error);
}

BOOST_AUTO_TEST_CASE(files_load_into_models) {
    using simple_cnn = hc::sequential<
        hc::named<"conv1", hc::conv2d<3, 32, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, hc::max_pool2d<2>,
        hc::named<"conv2", hc::conv2d<32, 64, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, hc::max_pool2d<2>,
        hc::named<"conv3", hc::conv2d<64, 128, hc::kernel<3>, hc::padding<1>>>, hc::relu<>, hc::max_pool2d<2>,
        hc::flatten<>, hc::named<"fc1", hc::linear<128 * 4 * 4, 512>>, hc::relu<>,
        hc::named<"fc2", hc::linear<512, 10>>>;
    auto const folder = fs::path{HOOKCAM_SHARED_DIR} / "reference/torch";
    if (!fs::exists(folder / "cifar10_cnn.pth")) {
        BOOST_TEST_MESSAGE("skipped: the folder of reference data is not there");
        return;
    }
    auto const a = hc::load<simple_cnn>(folder / "cifar10_cnn.pth");
    auto const b = hc::load<simple_cnn, double>(folder / "cifar10_cnn.safetensors");
    BOOST_TEST(a.size() == 1'147'466u);
    BOOST_TEST(std::equal(a.data(), a.data() + a.size(), b.data(), b.data() + b.size()));
    BOOST_TEST(std::ranges::any_of(a.entries().back().shape, [](auto extent) { return extent == 10; }));
    BOOST_CHECK_EXCEPTION(hc::load<network>(folder / "cifar10_cnn.pth"), hc::error,
                          says({"cifar10_cnn.pth", "missing: bn.bias", "unexpected: conv1.bias"}));
}
