#define BOOST_TEST_MODULE threads
#include <boost/test/unit_test.hpp>

#include <hookcam/core/threads.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace hc = hookcam;

#if defined(__ELF__)
extern "C" [[gnu::weak]] int openblas_get_num_threads();
#endif

namespace {

/// Sets the number of threads for a test's time.
struct with_threads {
    explicit with_threads(std::size_t count) { hc::set_num_threads(count); }
    ~with_threads() { hc::set_num_threads(1); }
};

/// How often each of `count` pieces was done.
std::vector<int> times_done(std::size_t count, std::size_t workers) {
    std::vector<int> times(count);
    hc::detail::parallel_for(count, workers, [&](std::size_t piece, std::size_t) { ++times[piece]; });
    return times;
}

} // namespace

BOOST_AUTO_TEST_CASE(one_thread_works_where_nobody_said_otherwise) {
    BOOST_TEST(hc::num_threads() == 1);
}

BOOST_AUTO_TEST_CASE(every_piece_is_done_once_by_any_number_of_threads) {
    for (std::size_t const threads : {1U, 2U, 3U, 7U}) {
        with_threads const scope{threads};
        BOOST_TEST(hc::num_threads() == threads);
        for (std::size_t const count : {0U, 1U, 2U, 5U, 1000U})
            for (int repeat = 0; repeat < 200; ++repeat)
                BOOST_REQUIRE(times_done(count, threads) == std::vector<int>(count, 1));
    }
}

BOOST_AUTO_TEST_CASE(a_worker_has_its_number_to_itself) {
    with_threads const scope{4};
    for (int repeat = 0; repeat < 500; ++repeat) {
        std::vector<std::atomic<int>> busy(4);
        std::atomic<bool> shared = false;
        std::atomic<bool> unknown = false;
        hc::detail::parallel_for(64, 3, [&](std::size_t, std::size_t worker) {
            if (worker >= 3)
                unknown = true;
            else if (busy[worker]++ != 0)
                shared = true;
            else
                --busy[worker];
        });
        BOOST_REQUIRE(!shared);
        BOOST_REQUIRE(!unknown);
    }
}

BOOST_AUTO_TEST_CASE(helpers_do_help) {
    with_threads const scope{2};
    // The piece that waits for another can only end where two threads are at work.
    std::atomic<int> begun = 0;
    hc::detail::parallel_for(2, 2, [&](std::size_t, std::size_t) {
        ++begun;
        while (begun < 2)
            std::this_thread::yield();
    });
    BOOST_TEST(begun == 2);
}

BOOST_AUTO_TEST_CASE(work_within_work_and_beside_work_is_done) {
    with_threads const scope{3};
    std::atomic<int> done = 0;
    hc::detail::parallel_for(8, 3, [&](std::size_t, std::size_t) {
        hc::detail::parallel_for(8, 3, [&](std::size_t, std::size_t) { ++done; });
    });
    BOOST_TEST(done == 64);

    std::vector<std::thread> callers;
    std::atomic<bool> all_right = true;
    for (int i = 0; i < 4; ++i)
        callers.emplace_back([&] {
            for (int repeat = 0; repeat < 300; ++repeat)
                if (times_done(50, 3) != std::vector<int>(50, 1))
                    all_right = false;
        });
    for (auto& caller : callers)
        caller.join();
    BOOST_TEST(all_right);
}

BOOST_AUTO_TEST_CASE(no_more_threads_work_than_callers_and_helpers) {
    constexpr std::size_t callers_count = 4;
    with_threads const scope{3};
    std::atomic<int> running = 0, most = 0, callers_begun = 0;
    auto const call = [&] {
        std::atomic<bool> begun = false;
        hc::detail::parallel_for(100, 3, [&](std::size_t, std::size_t) {
            int const now = ++running;
            for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
            }
            if (!begun.exchange(true))
                ++callers_begun;
            while (callers_begun < static_cast<int>(callers_count)) // so that all are at work at one time
                std::this_thread::yield();
            std::this_thread::yield();
            --running;
        });
    };
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < callers_count; ++i)
        callers.emplace_back(call);
    for (auto& caller : callers)
        caller.join();
    BOOST_TEST(most >= 4);
    BOOST_TEST(most <= 4 + 2);
}

BOOST_AUTO_TEST_CASE(the_number_may_change_while_others_work) {
    std::atomic<bool> stop = false;
    std::atomic<bool> all_right = true;
    std::thread worker{[&] {
        while (!stop)
            if (times_done(20, 4) != std::vector<int>(20, 1))
                all_right = false;
    }};
    for (std::size_t i = 0; i < 50; ++i)
        hc::set_num_threads(1 + i % 4);
    stop = true;
    worker.join();
    hc::set_num_threads(1);
    BOOST_TEST(all_right);
}

BOOST_AUTO_TEST_CASE(a_forked_process_works_without_the_helpers) {
    with_threads const scope{3};
    BOOST_TEST((times_done(10, 3) == std::vector<int>(10, 1)));
    auto const child = fork();
    if (child == 0)
        std::_Exit(times_done(10, 3) == std::vector<int>(10, 1) ? 7 : 1);
    int status = 0;
    BOOST_REQUIRE(waitpid(child, &status, 0) == child);
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 7));
}

BOOST_AUTO_TEST_CASE(a_number_that_cannot_be_is_refused) {
    auto const says_the_range = [](hc::error const& e) {
        return std::string_view{e.what()}.find("must be 1 to 1024") != std::string_view::npos;
    };
    BOOST_CHECK_EXCEPTION(hc::set_num_threads(0), hc::error, says_the_range);
    BOOST_CHECK_EXCEPTION(hc::set_num_threads(100000), hc::error, says_the_range);
    BOOST_TEST(hc::num_threads() == 1);
}

#if defined(__ELF__)
BOOST_AUTO_TEST_CASE(openblas_is_left_one_thread) {
    if (openblas_get_num_threads == nullptr || openblas_set_num_threads == nullptr) {
        BOOST_TEST_MESSAGE("skipped: BLAS is another one than OpenBLAS");
        return;
    }
    openblas_set_num_threads(2);
    BOOST_TEST_REQUIRE(openblas_get_num_threads() == 2);
    with_threads const scope{3};
    BOOST_TEST(openblas_get_num_threads() == 1);
}
#endif
