#define BOOST_TEST_MODULE plan
#include <boost/test/unit_test.hpp>

#include "sanitized.hpp"
#include "xtensor.hpp"

#include "../examples/networks/simple_cnn.hpp"

#include <hookcam/hookcam.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace hc = hookcam;

// Every allocation of the process is counted: by operator new here, and by malloc, which glibc lets a program
// replace by wrapping its own entry points.
namespace {
std::atomic<std::size_t> allocations{0};
std::atomic<std::size_t> allocated_bytes{0};
} // namespace
#if !defined(HOOKCAM_ADDRESS_SANITIZER) && !defined(HOOKCAM_THREAD_SANITIZER)
#define HOOKCAM_COUNTS_MALLOC 1
extern "C" void* __libc_malloc(std::size_t);
extern "C" void* __libc_calloc(std::size_t, std::size_t);
extern "C" void* __libc_realloc(void*, std::size_t);
extern "C" void* __libc_memalign(std::size_t, std::size_t);
extern "C" void* malloc(std::size_t size) {
    ++allocations;
    allocated_bytes += size;
    return __libc_malloc(size);
}
extern "C" void* calloc(std::size_t count, std::size_t size) {
    ++allocations;
    allocated_bytes += count * size;
    return __libc_calloc(count, size);
}
extern "C" void* realloc(void* block, std::size_t size) {
    ++allocations;
    allocated_bytes += size;
    return __libc_realloc(block, size);
}
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
    ++allocations;
    allocated_bytes += size;
    return __libc_memalign(alignment, size);
}
#endif

namespace {

using networks::simple_cnn;
using small = hc::sequential<hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                             hc::named<"pool", hc::adaptive_avg_pool2d<1>>, hc::flatten<>,
                             hc::named<"fc", hc::linear<3, 4>>>;

template <class Model>
void randomize(Model& model, unsigned seed) {
    std::mt19937 generator{seed};
    std::uniform_real_distribution<typename Model::value_type> some{-0.1F, 0.1F};
    std::generate_n(model.data(), model.size(), [&] { return some(generator); });
}

template <class T>
xt::xtensor<T, 4> random_images(std::array<std::size_t, 4> const& shape, unsigned seed) {
    xt::xtensor<T, 4> images = xt::xtensor<T, 4>::from_shape(shape);
    std::mt19937 generator{seed};
    std::normal_distribution<T> some{0, 1};
    std::generate(images.begin(), images.end(), [&] { return some(generator); });
    return images;
}

std::size_t count(std::vector<std::string> const& steps, std::string const& what) {
    return static_cast<std::size_t>(
        std::count_if(steps.begin(), steps.end(), [&](auto const& s) { return s.find(what) == 0; }));
}

} // namespace

namespace {

// OpenBLAS allocates for each product that it shares among threads of its own.
boost::test_tools::assertion_result blas_has_one_thread(boost::unit_test::test_unit_id) {
    auto const* const threads = std::getenv("OPENBLAS_NUM_THREADS");
    boost::test_tools::assertion_result result{threads != nullptr && std::string{threads} == "1"};
    result.message() << "OpenBLAS's threads allocate; set OPENBLAS_NUM_THREADS=1";
    return result;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_second_and_third_call_of_a_plan_allocate_nothing,
                     *boost::unit_test::precondition(blas_has_one_thread)) {
    hc::model<simple_cnn> model;
    randomize(model, 1);
    auto const first = random_images<float>({1, 3, 32, 32}, 2);
    auto const second = random_images<float>({1, 3, 32, 32}, 3);
    auto look = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"conv1", "conv3">{});
    auto infer = hc::plan(model);
    auto slopes = hc::plan(
        model, hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"conv2">>>{});
    xt::xtensor<float, 2> const ones = xt::ones<float>({1, 10});
    std::vector<std::size_t> const targets{3};

    double sum = 0;
    auto const call = [&](xt::xtensor<float, 4> const& image) {
        auto const& cam = look(image);
        sum += static_cast<double>(cam.get<"conv3">().heatmap(0, 5, 5) + cam.logits(0, 2)) +
               static_cast<double>(look(image, targets).get<"conv1">().raw(0, 1, 1));
        sum += static_cast<double>(infer(image)(0, 3));
        slopes(image, ones);
        sum +=
            static_cast<double>(slopes.gradient<"conv2">()(0, 1, 2, 3) + slopes.input_gradient()(0, 1, 2, 3));
    };
    call(first);
    auto const before = allocations.load();
    call(second);
    call(first);
    auto const after = allocations.load();
    BOOST_TEST(std::isfinite(sum));
#ifdef HOOKCAM_COUNTS_MALLOC
    BOOST_TEST(after == before);
    // The counter counts.
    auto* volatile block = new int{3};
    delete block;
    BOOST_TEST(allocations.load() > after);
#else
    BOOST_TEST_MESSAGE("allocations are not counted under a sanitizer, which replaces malloc itself");
    BOOST_TEST(after == before);
#endif
}

#ifdef HOOKCAM_COUNTS_MALLOC
BOOST_AUTO_TEST_CASE(a_plan_says_how_many_bytes_it_has_allocated_after_its_first_call,
                     *boost::unit_test::precondition(blas_has_one_thread)) {
    hc::model<simple_cnn> model;
    randomize(model, 1);
    auto const check = [&](auto make, std::size_t batch) {
        auto const images = random_images<float>({batch, 3, 32, 32}, 2);
        auto const before = allocated_bytes.load();
        auto plan = make();
        static_cast<void>(plan(images));
        auto const grown = static_cast<double>(allocated_bytes.load() - before);
        // The list of its steps, what it notes while it lays things out, and its results are small.
        BOOST_TEST(grown == static_cast<double>(plan.memory()), boost::test_tools::tolerance(0.05));
    };
    using grad_cam = hc::grad_cam_request<"conv1", "conv3">;
    check([&] { return hc::plan<hc::image<3, 32, 32>>(model, grad_cam{}); }, 1);
    check([&] { return hc::plan(model); }, 1);
    check([&] { return hc::plan(model); }, 5);
}
#endif

BOOST_AUTO_TEST_CASE(a_grad_cam_plan_runs_no_backward_in_front_of_its_layer) {
    hc::model<simple_cnn> const model;
    auto const at_conv3 = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"conv3">{}).steps();
    BOOST_TEST(count(at_conv3, "forward conv2d") == 3U);
    BOOST_TEST(count(at_conv3, "backward conv2d") == 0U);
    BOOST_TEST(count(at_conv3, "backward to parameters") == 0U);
    BOOST_TEST(count(at_conv3, "backward linear") == 2U);
    BOOST_TEST(count(at_conv3, "backward max_pool2d") == 1U);
    auto const at_conv1 = hc::plan<hc::image<3, 32, 32>>(model, hc::grad_cam_request<"conv1">{}).steps();
    BOOST_TEST(count(at_conv1, "backward conv2d") == 2U);
    BOOST_TEST(count(at_conv1, "backward to parameters") == 0U);
    auto const inference = hc::plan<hc::image<3, 32, 32>>(model).steps();
    BOOST_TEST(count(inference, "backward") == 0U);
    auto const all = hc::plan(model, hc::with_parameter_gradients<hc::gradients_request<>>{}).steps();
    BOOST_TEST(count(all, "backward conv2d") == 2U); // the first one's input needs no gradient
    BOOST_TEST(count(all, "backward to parameters") == 5U);
}

BOOST_AUTO_TEST_CASE(a_relu_in_place_gives_the_bits_of_one_out_of_place) {
    // conv3 is kept, so the ReLU behind it runs out of place; the other two run in place.
    hc::model<simple_cnn> model;
    randomize(model, 4);
    auto const image = random_images<float>({2, 3, 32, 32}, 5);
    auto in_place = hc::plan<hc::image<3, 32, 32>>(model);
    auto out_of_place =
        hc::plan<hc::image<3, 32, 32>>(model, hc::activations_request<"conv1", "conv2", "conv3">{});
    xt::xtensor<float, 2> const logits = in_place(image);
    BOOST_TEST((xt::xtensor<float, 2>{out_of_place(image)} == logits));
    BOOST_TEST(in_place.memory() < out_of_place.memory());
    BOOST_TEST(xt::amin(out_of_place.activation<"conv3">())() < 0); // the true value, before the ReLU

    // What was kept is what the layer alone makes, also where the next step overwrites its own cell.
    auto const seen =
        hc::attach<"conv2">(model, hc::on_forward([&](auto const&, auto const&, auto const& output) {
                                BOOST_TEST((output == out_of_place.activation<"conv2">()));
                            }));
    BOOST_TEST((seen(image) == logits));
}

BOOST_AUTO_TEST_CASE(watched_on_every_layer_and_unwatched_give_the_same_bits) {
    hc::model<simple_cnn> model;
    randomize(model, 6);
    auto const image = random_images<float>({1, 3, 32, 32}, 7);
    auto const plain = hc::grad_cam<"conv2">(model, image);
    std::size_t calls = 0;
    auto const watched = hc::attach_all(model, hc::on_forward_pre([&](auto const&...) { ++calls; }),
                                        hc::on_forward([&](auto const&...) { ++calls; }),
                                        hc::on_backward_pre([&](auto const&...) { ++calls; }),
                                        hc::on_backward([&](auto const&...) { ++calls; }));
    auto const looked = hc::grad_cam<"conv2">(watched, image);
    BOOST_TEST(calls == 20U); // five layers, four events
    BOOST_TEST((looked.raw == plain.raw));
    BOOST_TEST((looked.heatmap == plain.heatmap));
    BOOST_TEST((looked.logits == plain.logits));

    auto const open = hc::with_runtime_hooks(model);
    calls = 0;
    for (auto const& path : hc::paths<simple_cnn>()) {
        open.at(path).register_forward_hook([&](auto const&...) { ++calls; });
        open.at(path).register_backward_hook([&](auto const&...) { ++calls; });
    }
    auto const opened = hc::grad_cam<"conv2">(open, image);
    BOOST_TEST(calls == 10U);
    BOOST_TEST((opened.raw == plain.raw));
    BOOST_TEST((opened.logits == plain.logits));
}

BOOST_AUTO_TEST_CASE(eight_threads_share_one_model) {
    hc::model<simple_cnn> model;
    randomize(model, 8);
    auto const& shared = model;
    auto const image = random_images<float>({1, 3, 32, 32}, 9);
    auto const alone = hc::grad_cam<"conv3">(shared, image);
    std::vector<int> same(8, 0);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < same.size(); ++i)
        threads.emplace_back([&, i] {
            auto look = hc::plan<hc::image<3, 32, 32>>(shared, hc::grad_cam_request<"conv3">{});
            bool all = true;
            for (int round = 0; round < 10; ++round) {
                auto const& cam = look(image);
                all =
                    all && cam.raw == alone.raw && cam.heatmap == alone.heatmap && cam.logits == alone.logits;
            }
            same[i] = all;
        });
    for (auto& thread : threads)
        thread.join();
    BOOST_TEST(std::count(same.begin(), same.end(), 1) == 8);
}

namespace {

/// gain·x, which keeps the sign of every element from forward to backward: a layer with a parameter and a state.
template <class... Policies>
struct remembering : hc::layer<remembering<Policies...>, Policies...> {
    using parameters = hc::parameters<hc::initially_one<hc::parameter<"gain", 1>>>;

    static constexpr std::size_t state_bytes(hc::extents const& in, hc::extents const&) { return in.count(); }

    void forward(auto const& own, auto const& x, auto& y) const {
        auto* const signs = static_cast<signed char*>(own.state);
        for (std::size_t i = 0; i < x.size(); ++i) {
            y.data()[i] = hc::get<"gain">(own)(0) * x.data()[i];
            if (signs != nullptr)
                signs[i] = x.data()[i] < 0 ? -1 : 1;
        }
    }
    void backward_parameters(auto const& own, auto const& x, auto const& grad_y,
                             auto const& gradients) const {
        auto const* const signs = static_cast<signed char const*>(own.state);
        float sum = 0;
        for (std::size_t i = 0; i < x.size(); ++i)
            sum += static_cast<float>(signs[i]) * std::abs(x.data()[i]) * grad_y.data()[i];
        hc::get<"gain">(gradients)(0) = sum;
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_first_layer_that_learns_finds_the_state_that_its_forward_left) {
    // Its input has no gradient, so only its parameters ask for the state. The layer behind has one of its own.
    using network = hc::sequential<hc::named<"first", remembering<>>, hc::max_pool2d<1>, hc::flatten<>>;
    hc::model<network> const model;
    auto const image = random_images<float>({2, 1, 3, 3}, 16);
    auto plan = hc::plan(model, hc::with_parameter_gradients<hc::gradients_request<>>{});
    plan(image, xt::xtensor<float, 2>{xt::ones<float>({2, 9})});
    float sum = 0;
    for (auto const x : image)
        sum += x;
    BOOST_TEST(plan.parameter_gradient("first.gain")(0) == sum, boost::test_tools::tolerance(1e-5F));
}

BOOST_AUTO_TEST_CASE(sizes_may_be_read_at_the_first_call_and_may_change) {
    hc::model<small> model;
    randomize(model, 10);
    auto plan = hc::plan(model, hc::gradients_request<"conv">{});
    xt::xtensor<float, 2> const one = xt::ones<float>({1, 4});
    for (std::size_t const size : {5U, 8U, 3U, 5U}) {
        auto const image = random_images<float>({1, 2, size, size + 1}, 11);
        xt::xtensor<float, 2> const logits = plan(image, one);
        BOOST_TEST(plan.gradient<"conv">().shape()[2] == size);
        BOOST_TEST((model(image) == logits));
    }
    auto fixed = hc::plan<hc::image<2, 5, 5>>(model);
    BOOST_CHECK_EXCEPTION(fixed(random_images<float>({1, 2, 5, 6}, 1)), hc::error,
                          [](auto const& e) { return e.kind() == hc::error_kind::shape; });
    BOOST_TEST(fixed(random_images<float>({3, 2, 5, 5}, 1)).shape()[0] == 3U);
    // Wrong channels are found at run time where the type does not say them, and the plan goes on.
    BOOST_CHECK_EXCEPTION(plan.forward(random_images<float>({1, 3, 5, 5}, 1)), hc::error, [](auto const& e) {
        return std::string{e.what()}.find("conv2d") != std::string::npos;
    });
    BOOST_TEST(plan.output().size() == 0U); // nothing, and not more than there is memory for
    BOOST_TEST(plan.forward(random_images<float>({1, 2, 5, 5}, 1)).shape()[1] == 4U);
}

BOOST_AUTO_TEST_CASE(a_plan_reads_its_own_output_though_its_size_is_another) {
    hc::model<hc::conv2d<2, 2, hc::kernel<3>>> model;
    randomize(model, 14);
    auto plan = hc::plan(model);
    // So large that memory is gone where it is freed.
    auto const once = plan.forward(random_images<float>({1, 2, 300, 300}, 15));
    xt::xtensor<float, 4> const copy = once;
    BOOST_TEST((plan.forward(once) == model(copy)));
}

BOOST_AUTO_TEST_CASE(inputs_are_expressions_with_or_without_a_batch) {
    hc::model<small> model;
    randomize(model, 12);
    auto const images = random_images<float>({3, 2, 6, 6}, 13);
    auto const all = model(images);
    auto const one = model(xt::view(images, 1));
    BOOST_TEST(one.shape()[0] == 1U);
    for (std::size_t c = 0; c < 4; ++c)
        BOOST_TEST(one(0, c) == all(1, c), boost::test_tools::tolerance(1e-5F));
    BOOST_TEST((model(2.F * images) == model(xt::xarray<float>{2.F * images})));
    auto plan = hc::plan(model, hc::gradients_request<>{});
    BOOST_CHECK_THROW(plan.backward(xt::ones<float>({1, 4})), hc::error); // before any forward
    plan.forward(images);
    BOOST_CHECK_THROW(plan.backward(xt::ones<float>({1, 4})), hc::error); // three images
    BOOST_CHECK_THROW(static_cast<void>(model(xt::xarray<float>{xt::zeros<float>({2, 3})})), hc::error);
    BOOST_CHECK_THROW(static_cast<void>(model(xt::xtensor<float, 4>{xt::zeros<float>({0, 2, 6, 6})})),
                      hc::error);
}

BOOST_AUTO_TEST_CASE(a_plan_moves_and_outlives_a_move_of_its_model) {
    hc::model<small> model;
    randomize(model, 14);
    auto const image = random_images<float>({1, 2, 6, 6}, 15);
    struct viewer {
        hc::planned<hc::model<small>, hc::grad_cam_request<"conv">> look;
    };
    viewer before{hc::plan(model, hc::grad_cam_request<"conv">{})};
    auto const expected = hc::grad_cam<"conv">(model, image);
    auto const moved_model = std::move(model);
    viewer after{std::move(before)};
    BOOST_TEST((after.look(image).heatmap == expected.heatmap));
    BOOST_TEST((moved_model(image) == expected.logits));
}
