#define BOOST_TEST_MODULE training_allocations
#include "sanitized.hpp"
#include "xtensor.hpp"

#include <hookcam/hookcam.hpp>
#include <hookcam/train.hpp>

#include "../examples/networks/simple_cnn.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

// A training step behind the first allocates nothing.

namespace hc = hookcam;

// Every allocation of the process is counted, as in plan.cpp.
namespace {
std::atomic<std::size_t> allocations{0};
}
#if !defined(HOOKCAM_ADDRESS_SANITIZER) && !defined(HOOKCAM_THREAD_SANITIZER)
#define HOOKCAM_COUNTS_MALLOC 1
extern "C" void* __libc_malloc(std::size_t);
extern "C" void* __libc_calloc(std::size_t, std::size_t);
extern "C" void* __libc_realloc(void*, std::size_t);
extern "C" void* __libc_memalign(std::size_t, std::size_t);
extern "C" void* malloc(std::size_t size) {
    ++allocations;
    return __libc_malloc(size);
}
extern "C" void* calloc(std::size_t count, std::size_t size) {
    ++allocations;
    return __libc_calloc(count, size);
}
extern "C" void* realloc(void* block, std::size_t size) {
    ++allocations;
    return __libc_realloc(block, size);
}
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
    ++allocations;
    return __libc_memalign(alignment, size);
}
#endif

namespace {

// OpenBLAS allocates for each product that it shares among threads of its own.
boost::test_tools::assertion_result blas_has_one_thread(boost::unit_test::test_unit_id) {
    auto const* const threads = std::getenv("OPENBLAS_NUM_THREADS");
    boost::test_tools::assertion_result result{threads != nullptr && std::string{threads} == "1"};
    result.message() << "OpenBLAS's threads allocate; set OPENBLAS_NUM_THREADS=1";
    return result;
}

/// Layers that are others in training, in front of the tutorial's network.
using network =
    hc::sequential<hc::named<"bn", hc::batch_norm2d<3>>, hc::dropout<hc::probability<0.1>>,
                   hc::named<"body", networks::simple_cnn>, hc::named<"last", hc::batch_norm1d<10>>>;

/// What two steps with a loss, an optimiser and a schedule allocate behind the first.
std::size_t allocations_of_two_steps() {
    hc::model<network> model;
    hc::initialize(model, 1);
    auto training = hc::training_plan<hc::image<3, 32, 32>>(model);
    auto optimizer =
        hc::adam(training, {.weight_decay = 0.1, .amsgrad = true}, {{"bn", {.learning_rate = 0.01}}});
    hc::scheduler schedule{optimizer, hc::cosine_annealing_lr{.t_max = 10}};
    hc::cross_entropy<float> criterion{{.label_smoothing = 0.1}};
    xt::xtensor<float, 4> const x = xt::ones<float>({4, 3, 32, 32});
    std::vector<int> const labels{1, 2, 3, 4};
    float sum = 0;
    auto const call = [&] {
        auto const loss = criterion(training.forward(x), labels);
        sum += loss.value;
        training.backward(loss.gradient);
        hc::clip_gradient_value(training, 10);
        hc::clip_gradient_norm(training, 1);
        optimizer.step();
        schedule.step();
    };
    call();
    auto const before = allocations.load();
    call();
    call();
    auto const after = allocations.load();
    BOOST_TEST(std::isfinite(sum));
    return after - before;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_step_behind_the_first_allocates_nothing,
                     *boost::unit_test::precondition(blas_has_one_thread)) {
    hc::model<network> model;
    hc::initialize(model, 1);
    auto training = hc::training_plan<hc::image<3, 32, 32>>(model);
    auto tuning = hc::training_plan<hc::image<3, 32, 32>>(model, hc::freeze<"bn", "body.conv1">{});
    xt::xtensor<float, 4> const x = xt::ones<float>({4, 3, 32, 32});
    xt::xtensor<float, 2> const g = xt::ones<float>({4, 10});
    float sum = 0;
    auto const call = [&] {
        sum += training.forward(x)(0, 3);
        training.backward(g);
        training.forward(x);
        training.accumulate(g);
        training.commit();
        for (float const value : training.gradients())
            sum += value;
        tuning.forward(x);
        tuning.gradient_to_fill().fill(0.5f);
        tuning.backward();
        tuning.zero_gradients();
        tuning.commit();
    };
    call();
    auto const before = allocations.load();
    call();
    call();
    auto const after = allocations.load();
    BOOST_TEST(std::isfinite(sum));
    BOOST_TEST(after == before);
#ifdef HOOKCAM_COUNTS_MALLOC
    // The counter counts.
    auto* volatile block = new int{3};
    delete block;
    BOOST_TEST(allocations.load() > after);
#else
    BOOST_TEST_MESSAGE("allocations are not counted under a sanitizer, which replaces malloc itself");
#endif
}

BOOST_AUTO_TEST_CASE(nor_does_one_with_a_loss_an_optimiser_and_a_schedule,
                     *boost::unit_test::precondition(blas_has_one_thread)) {
    BOOST_TEST(allocations_of_two_steps() == 0u);
}

BOOST_AUTO_TEST_CASE(nor_does_one_that_two_threads_share) {
    hc::set_num_threads(2); // OpenBLAS has one then
    BOOST_TEST(allocations_of_two_steps() == 0u);
    hc::set_num_threads(1);
}
