#define BOOST_TEST_MODULE cuda_overlay
#include <boost/test/unit_test.hpp>

#include "xtensor.hpp"

#include "device_harness.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/explain/heatmap.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/viz/overlay.hpp>
#include <hookcam/viz/overlay_on_device.hpp>
#include <hookcam/viz/viridis.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <vector>

// Maps over pictures on a device, against the same on the processor.

namespace hc = hookcam;

namespace {

using device = device_harness::device_type;
using pictures_there = hc::device_tensor<std::uint8_t, 4, device>;
using maps_there = hc::device_tensor<float, 3, device>;
using pictures = xt::xtensor<std::uint8_t, 4>;
using maps = xt::xtensor<float, 3>;

pictures some_pictures(std::size_t count, std::size_t height, std::size_t width) {
    auto made = pictures::from_shape({count, height, width, 3});
    std::mt19937 next{5};
    std::generate(made.begin(), made.end(), [&] { return static_cast<std::uint8_t>(next() >> 24); });
    return made;
}

/// Raw maps, half of whose numbers are 0, as behind a ReLU.
maps some_maps(std::size_t count, std::size_t height, std::size_t width) {
    auto made = maps::from_shape({count, height, width});
    auto const values = device_harness::noise(made.size(), 3);
    std::transform(values.begin(), values.end(), made.begin(),
                   [](float value) { return std::max(value, 0.0f); });
    return made;
}

/// The processor's heatmaps of raw maps; zero where a map is the same everywhere, which would be rounding errors from 0 to 1.
maps heat_of(maps const& raw, std::size_t height, std::size_t width) {
    auto made = maps::from_shape({raw.shape()[0], height, width});
    for (std::size_t n = 0; n < raw.shape()[0]; ++n) {
        auto* const map = &made(n, 0, 0);
        hc::kernels::resize_bilinear(hc::cpu{}, raw.shape()[1], raw.shape()[2], &raw(n, 0, 0), height, width,
                                     map);
        hc::kernels::normalize_map(hc::cpu{}, height * width, map);
        auto const status =
            hc::kernels::status_of_map(hc::cpu{}, raw.shape()[1] * raw.shape()[2], &raw(n, 0, 0));
        if (status != hc::cam_status::ok)
            std::fill_n(map, height * width, 0.0f);
    }
    return made;
}

/// The processor's overlay, of heat that is a little more.
std::vector<std::uint8_t> expected(pictures const& of, maps const& heat, hc::colormap const& colours,
                                   double alpha, float more = 0) {
    std::vector<std::uint8_t> all;
    std::size_t const pixels = of.shape()[1] * of.shape()[2];
    for (std::size_t n = 0; n < of.shape()[0]; ++n) {
        auto const* const bytes = of.data() + n * pixels * 3;
        std::vector<float> values(heat.data() + n * pixels, heat.data() + (n + 1) * pixels);
        for (auto& value : values)
            value += more;
        auto const painted =
            hc::overlay(hc::picture{of.shape()[1], of.shape()[2], {bytes, bytes + pixels * 3}},
                        std::span<float const>{values}, colours, alpha);
        all.insert(all.end(), painted.bytes().begin(), painted.bytes().end());
    }
    return all;
}

/// Every byte is the processor's, up to `off`; or, where a rounding error moves the heat to the next colour, the processor's
/// for heat that is 1e-6 away, and that is rare.
void check_bytes(pictures const& got, pictures const& of, maps const& heat, hc::colormap const& colours,
                 double alpha, int off) {
    auto const exact = expected(of, heat, colours, alpha);
    auto const below = expected(of, heat, colours, alpha, -1e-6f);
    auto const above = expected(of, heat, colours, alpha, 1e-6f);
    BOOST_TEST_REQUIRE(got.size() == exact.size());
    std::size_t others = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        auto const is_near = [&](std::vector<std::uint8_t> const& to) {
            return std::abs(int{got.data()[i]} - int{to[i]}) <= off;
        };
        if (is_near(exact))
            continue;
        ++others;
        BOOST_TEST_REQUIRE((is_near(below) || is_near(above)),
                           "byte " << i << " is " << int{got.data()[i]} << ", expected " << int{exact[i]});
    }
    BOOST_TEST(others * 500 <= exact.size());
}

/// `run(device, stream)` on a device in both orders of threads; returns a picture.
template <class Run>
pictures painted(Run run) {
    std::array<std::size_t, 4> shape{};
    auto const got = device_harness::in_both_orders([&](auto& stream, auto const& on) {
        pictures const made = run(on, stream);
        shape = {made.shape()[0], made.shape()[1], made.shape()[2], made.shape()[3]};
        return std::vector<std::vector<std::uint8_t>>{{made.begin(), made.end()}};
    });
    auto made = pictures::from_shape(shape);
    std::copy(got[0].begin(), got[0].end(), made.begin());
    return made;
}

auto const is_shape = [](hc::error const& e) { return e.kind() == hc::error_kind::shape; };
auto const is_use = [](hc::error const& e) { return e.kind() == hc::error_kind::use; };

} // namespace

BOOST_AUTO_TEST_CASE(heat_over_pictures) {
    auto const of = some_pictures(3, 13, 11); // ends within a word
    auto heat = heat_of(some_maps(3, 4, 5), 13, 11);
    heat(0, 2, 3) = std::numeric_limits<float>::quiet_NaN(); // the picture stays
    heat(1, 0, 0) = -1.0f;
    heat(1, 0, 1) = 7.0f;
    heat(1, 0, 2) = std::numeric_limits<float>::infinity();
    for (double const alpha : {0.0, 0.25, 0.4, 1.0}) {
        auto const got = painted([&](auto const& on, auto&) {
            pictures_there const there{on, of};
            return hc::overlay(there, maps_there{on, heat}, hc::viridis, alpha).to_host();
        });
        BOOST_TEST(std::equal(got.begin(), got.end(), expected(of, heat, hc::viridis, alpha).begin()));
    }
}

BOOST_AUTO_TEST_CASE(raw_maps_over_pictures) {
    struct sizes {
        std::size_t count, height, width, to_height, to_width;
    };
    // Larger, one value alone, smaller, longer than wide, as large as it is; and some tiles of pixels.
    for (auto const& s : {sizes{3, 5, 7, 53, 61}, sizes{2, 1, 1, 9, 11}, sizes{2, 20, 17, 8, 9},
                          sizes{1, 2, 9, 40, 3}, sizes{1, 6, 6, 6, 6}, sizes{2, 7, 7, 96, 80}})
        BOOST_TEST_CONTEXT(s.height << "x" << s.width << " to " << s.to_height << "x" << s.to_width) {
            auto const of = some_pictures(s.count, s.to_height, s.to_width);
            auto const raw = some_maps(s.count, s.height, s.width);
            auto const heat = heat_of(raw, s.to_height, s.to_width);
            for (double const alpha : {0.4, 0.3}) { // 3c/10 + 7b/10 may lie in the middle between two bytes
                auto const got = painted([&](auto const& on, auto&) {
                    pictures_there const there{on, of};
                    hc::overlay_on_device<device> lay{on, hc::jet, alpha};
                    return lay(there, maps_there{on, raw}).pictures.to_host();
                });
                check_bytes(got, of, heat, hc::jet, alpha, alpha == 0.4 ? 0 : 1);
            }
        }
}

BOOST_AUTO_TEST_CASE(maps_that_say_nothing) {
    auto const of = some_pictures(3, 12, 10);
    auto raw = some_maps(3, 3, 4);
    std::fill_n(raw.data(), 12, 0.0f);
    std::fill_n(raw.data() + 12, 12, 0.7f);
    device::stream_type stream;
    device const on{&stream};
    pictures_there const there{on, of};
    hc::overlay_on_device<device> lay{on};
    auto const found = lay(there, maps_there{on, raw});
    auto const status = found.status.to_host();
    BOOST_TEST((status(0) == hc::cam_status::no_positive_evidence));
    BOOST_TEST((status(1) == hc::cam_status::flat));
    BOOST_TEST((status(2) == hc::cam_status::ok));
    check_bytes(found.pictures.to_host(), of, heat_of(raw, 12, 10), hc::jet, 0.4, 0);
}

BOOST_AUTO_TEST_CASE(pictures_anywhere_on_any_stream) {
    auto const of = some_pictures(2, 30, 40);
    auto const raw = some_maps(2, 4, 5);
    device::stream_type first, second, third;
    pictures_there const there{device{&first}, of};
    maps_there const maps_of{device{&second}, raw};
    hc::overlay_on_device<device> lay{device{&third}};
    auto const both = lay(there, maps_of).pictures.to_host();

    // The second picture begins at a word, or one byte behind it.
    hc::memory<std::uint8_t> odd(1 + of.size() / 2, &first);
    first.copy(odd.data() + 1, there.data() + of.size() / 2, of.size() / 2);
    std::array<std::size_t, 4> const shape{1, 30, 40, 3};
    hc::device_view<float const, 3, device> const map{device{&second}, maps_of.data() + 20, {1, 4, 5}};
    for (auto const* const at : {there.data() + of.size() / 2, odd.data() + 1}) {
        hc::device_view<std::uint8_t const, 4, device> const one{device{&first}, at, shape};
        auto const alone = lay(one, map).pictures.to_host();
        BOOST_TEST(std::equal(alone.begin(), alone.end(),
                              both.begin() + static_cast<std::ptrdiff_t>(of.size() / 2)));
    }
#if !defined(HOOKCAM_ON_GPU)
    lay(there, maps_of);
    auto const allocations = hc::emulated_stream::allocations();
    auto const copies = hc::emulated_stream::host_copies();
    lay(there, maps_of);
    BOOST_TEST(hc::emulated_stream::allocations() == allocations);
    BOOST_TEST(hc::emulated_stream::host_copies() == copies);
#endif
}

BOOST_AUTO_TEST_CASE(from_a_plan_to_pictures) {
    using net = hc::sequential<hc::named<"conv", hc::conv2d<3, 4, hc::kernel<3>, hc::stride<2>>>,
                               hc::flatten<>, hc::linear<4 * 4 * 4, 5>>;
    hc::model<net> model;
    for (auto const& entry : model.entries()) {
        auto const values = device_harness::noise(entry.size, 2);
        std::copy(values.begin(), values.end(), entry.data);
    }
    xt::xtensor<float, 4> x({2, 3, 9, 9});
    auto const values = device_harness::noise(x.size(), 4);
    std::copy(values.begin(), values.end(), x.begin());
    auto const of = some_pictures(2, 9, 9);

    auto const model_there = hc::to<device>(model);
    auto look = hc::plan(model_there, hc::grad_cam_on_device_request<"conv">{});
    auto const cam = look(x);
    pictures_there const there{cam.raw.device(), of};
    hc::overlay_on_device<device> lay{cam.raw.device()};
    auto const heat = cam.heatmap.to_host();
    check_bytes(lay(there, cam.raw).pictures.to_host(), of, heat, hc::jet, 0.4, 0);
    auto const given = hc::overlay(there, cam.heatmap).to_host();
    BOOST_TEST(std::equal(given.begin(), given.end(), expected(of, heat, hc::jet, 0.4).begin()));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_throws) {
    device::stream_type stream;
    device const on{&stream};
    pictures_there const two{on, some_pictures(2, 8, 9)};
    pictures_there const grey{on, pictures::from_shape({2, 8, 9, 1})};
    maps_there const heat{on, some_maps(2, 8, 9)};
    maps_there const three{on, some_maps(3, 8, 9)};
    maps_there const small{on, some_maps(2, 4, 9)};
    hc::overlay_on_device<device> lay{on};
    BOOST_CHECK_EXCEPTION(static_cast<void>(hc::overlay(two, three)), hc::error, is_shape);
    BOOST_CHECK_EXCEPTION(static_cast<void>(hc::overlay(two, small)), hc::error, is_shape);
    BOOST_CHECK_EXCEPTION(static_cast<void>(hc::overlay(grey, heat)), hc::error, is_shape);
    BOOST_CHECK_EXCEPTION(lay(two, three), hc::error, is_shape);
    BOOST_CHECK_EXCEPTION(static_cast<void>(hc::overlay(two, heat, hc::jet, 1.1)), hc::error, is_use);
    BOOST_CHECK_EXCEPTION((hc::overlay_on_device<device>{on, hc::jet, -0.1}), hc::error, is_use);
    BOOST_CHECK_EXCEPTION((hc::overlay_on_device<device>{device{}}), hc::error, is_use);
    BOOST_TEST((lay(two, small).status.to_host().size() == 2U));
}
