#pragma once

// Values that PyTorch computed, pictures and weights, for the tests that hold hookcam against them.

#include <hookcam/data/cifar10.hpp>
#include <hookcam/data/image_tensor.hpp>
#include <hookcam/io/safetensors.hpp>
#include <hookcam/tensor/xtensor.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace reference {

inline std::filesystem::path const folder = HOOKCAM_SHARED_DIR;

/// A Boost.Test precondition: the folder of reference values is there. A test without it is skipped, and says
/// so.
inline boost::test_tools::assertion_result is_there(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result result{!folder.empty() &&
                                               std::filesystem::exists(folder / "reference")};
    result.message() << "the folder of reference values is not there; set HOOKCAM_SHARED_DIR";
    return result;
}

/// One tensor of a reference file.
inline xt::xarray<float> tensor(hookcam::state_dict const& file, std::string const& key) {
    auto const* const entry = file.find(key);
    BOOST_REQUIRE_MESSAGE(entry != nullptr, "no " << key);
    auto const values = entry->to<float>();
    xt::xarray<float> result = xt::xarray<float>::from_shape(entry->shape);
    std::copy(values.begin(), values.end(), result.begin());
    return result;
}

inline hookcam::state_dict file(char const* name) {
    return hookcam::read_safetensors(folder / "reference/torch" / name);
}

/// The largest difference of two ranges of one length.
template <class A, class B>
double distance(A const& a, B const& b) {
    BOOST_REQUIRE_EQUAL(a.size(), b.size());
    double largest = 0;
    auto at = b.begin();
    for (auto const value : a) {
        // Written so that NaN is a distance.
        double const difference = std::abs(static_cast<double>(value) - static_cast<double>(*at++));
        if (!(difference <= largest))
            largest = difference;
    }
    return largest;
}

template <class A>
double largest(A const& a) {
    double result = 0;
    for (auto const value : a)
        result = std::max(result, std::abs(static_cast<double>(value)));
    return result;
}

/// Images of CIFAR-10's test set as a network reads them: N,3,32,32.
inline xt::xtensor<float, 4> images(hookcam::normalization const& how, std::size_t first, std::size_t count) {
    return hookcam::image_tensor<float>(hookcam::cifar10_file{folder / "data/cifar10/test_batch.bin"}, first,
                                        count, how);
}

inline std::vector<std::size_t> labels(std::size_t first, std::size_t count) {
    hookcam::cifar10_file const set{folder / "data/cifar10/test_batch.bin"};
    std::vector<std::size_t> result;
    for (std::size_t n = 0; n < count; ++n)
        result.push_back(set.label(first + n));
    return result;
}

/// x/255, mean and deviation ½: what the tutorial's network reads.
inline hookcam::normalization const halves{.mean = {.5, .5, .5}, .deviation = {.5, .5, .5}};
/// What the ResNets read.
inline hookcam::normalization const imagenet{.mean = {.485, .456, .406}, .deviation = {.229, .224, .225}};

} // namespace reference
