// Variables and the graphs that they make.

#define BOOST_TEST_MODULE autograd_graph
#include "expect_error.hpp"
#include "sanitized.hpp"

#include <hookcam/autograd.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>
#include <type_traits>

namespace hc = hookcam;

namespace {

/// Values that do not lie in their node: they are what is allocated with an alignment.
[[maybe_unused]] std::atomic<int> large_values{0};

} // namespace

// ThreadSanitizer defines these itself, and one program cannot do so twice.
#ifndef HOOKCAM_THREAD_SANITIZER
void* operator new(std::size_t size, std::align_val_t alignment) {
    auto const line = static_cast<std::size_t>(alignment);
    void* const made = std::aligned_alloc(line, (size + line - 1) / line * line);
    if (made == nullptr)
        throw std::bad_alloc{};
    ++large_values;
    return made;
}
void operator delete(void* at, std::align_val_t) noexcept {
    --large_values;
    std::free(at);
}
void operator delete(void* at, std::size_t, std::align_val_t alignment) noexcept {
    operator delete(at, alignment);
}
#endif

using vector = xt::xtensor<double, 1>;

BOOST_AUTO_TEST_CASE(the_gradient_of_the_tutorial_without_a_hook_is_192) {
    auto const x = hc::variable{vector{2.0}};
    pow(pow(x, 2.0), 3.0).backward();
    BOOST_TEST(x.grad()(0) == 192.0);
}

BOOST_AUTO_TEST_CASE(a_leaf_accumulates_until_it_is_cleared) {
    auto x = hc::variable{vector{2.0}};
    BOOST_TEST(!x.has_grad());
    (x * x).backward();
    (x * x).backward();
    BOOST_TEST(x.grad()(0) == 8.0);
    x.zero_grad();
    BOOST_TEST(!x.has_grad());
    expect_error(hc::error_kind::use, {"hookcam::grad: the tensor must have a gradient"},
                 [&] { (void)x.grad(); });
    (x * 3.0).backward();
    BOOST_TEST(x.grad()(0) == 3.0);
}

BOOST_AUTO_TEST_CASE(gradients_that_two_leaves_share_stay_apart) {
    auto a = hc::variable{vector{1.0, 2.0}}, b = hc::variable{vector{3.0, 4.0}};
    auto const given = hc::constant(vector{1.0, 10.0});
    (a + b).backward(given);
    (a * 2.0).backward(given);
    BOOST_TEST(a.grad()(1) == 30.0);
    BOOST_TEST(b.grad()(1) == 10.0);
    BOOST_TEST(given.value()(1) == 10.0);
    (a + b).backward(given);
    b.mutable_grad()(1) = 0;
    BOOST_TEST(a.grad()(1) == 40.0);
    BOOST_TEST(given.value()(1) == 10.0);
    a.zero_grad();
    auto changing = given;
    (a + b).backward(changing);
    changing.mutable_value()(1) = 0;
    BOOST_TEST(a.grad()(1) == 10.0);
}

BOOST_AUTO_TEST_CASE(what_is_no_leaf_keeps_its_gradient_on_request) {
    auto const x = hc::variable{vector{2.0}};
    auto y = x * x;
    auto z = y * 3.0;
    BOOST_TEST((x.is_leaf() && !y.is_leaf()));
    BOOST_TEST(y.operation() == "multiply");
    y.retain_grad();
    z.backward();
    BOOST_TEST(y.grad()(0) == 3.0);
    BOOST_TEST(!z.has_grad());
}

BOOST_AUTO_TEST_CASE(one_tensor_used_often_gets_the_sum) {
    auto const x = hc::variable{vector{3.0}};
    auto const y = x * x * x + x * 2.0 - x;
    y.backward();
    BOOST_TEST(x.grad()(0) == 3 * 9.0 + 1);
}

BOOST_AUTO_TEST_CASE(a_result_of_several_elements_needs_a_gradient) {
    auto const x = hc::variable{vector{1.0, 2.0}};
    expect_error(hc::error_kind::shape, {"hookcam::backward: the tensor must have one element"},
                 [&] { (x * x).backward(); });
    expect_error(hc::error_kind::shape, {"the tensor's shape: 2; got 3"}, [&] {
        (x * x).backward(vector{1.0, 2.0, 3.0});
    });
    (x * x).backward(vector{1.0, 10.0});
    BOOST_TEST(x.grad()(1) == 40.0);
    BOOST_TEST(sum(x).item() == 3.0);
    expect_error(hc::error_kind::shape, {"hookcam::item"}, [&] { (void)x.item(); });
}

BOOST_AUTO_TEST_CASE(constants_and_no_grad_record_nothing) {
    auto const x = hc::variable{vector{2.0}};
    auto const c = hc::constant(vector{3.0});
    BOOST_TEST(!(c * c).requires_grad());
    BOOST_TEST((x * c).requires_grad());
    BOOST_TEST((c * c).is_leaf());
    {
        hc::no_grad const guard;
        BOOST_TEST(!hc::is_grad_enabled());
        BOOST_TEST(!(x * c).requires_grad());
        hc::enable_grad const again;
        BOOST_TEST((x * c).requires_grad());
    }
    BOOST_TEST(hc::is_grad_enabled());
    expect_error(hc::error_kind::use, {"hookcam::backward: a gradient must reach the tensor"},
                 [&] { (c * c).backward(); });
    (x * c).backward();
    BOOST_TEST(!c.has_grad());
}

BOOST_AUTO_TEST_CASE(detach_cuts_off_and_shares_the_values) {
    auto const x = hc::variable{vector{2.0}};
    auto const y = x * x;
    auto cut = y.detach();
    BOOST_TEST(!cut.requires_grad());
    BOOST_TEST(cut.value().data() == y.value().data());
    auto const z = y * cut;
    z.backward();
    BOOST_TEST(x.grad()(0) == 4.0 * 4.0);
}

BOOST_AUTO_TEST_CASE(a_graph_frees_itself_unless_it_is_retained) {
    auto x = hc::variable{vector{2.0}};
    auto const y = x * x;
    y.backward({.retain_graph = true});
    y.backward();
    BOOST_TEST(x.grad()(0) == 8.0);
    expect_error(hc::error_kind::use,
                 {"an earlier pass freed multiply; call that one with {.retain_graph = true}"},
                 [&] { y.backward(); });
}

namespace {

/// Counts what a graph keeps alive.
struct counted_hook {
    static inline int alive = 0;
    counted_hook() { ++alive; }
    counted_hook(counted_hook const&) { ++alive; }
    counted_hook(counted_hook&&) noexcept { ++alive; }
    counted_hook& operator=(counted_hook const&) = default;
    ~counted_hook() { --alive; }
    void operator()(hc::tensor_view<double const, 1> const&) const {}
};

} // namespace

BOOST_AUTO_TEST_CASE(a_graph_goes_with_its_result_and_backward_frees_on_the_way) {
    auto x = hc::variable{vector{2.0}};
    {
        auto const y = hooked(hooked(x * x, counted_hook{}) * x, counted_hook{}) * x;
        BOOST_TEST(counted_hook::alive == 2);
        y.backward();
        BOOST_TEST(counted_hook::alive == 0);
        auto const z = hooked(x * x, counted_hook{}) * 2.0;
        BOOST_TEST(counted_hook::alive == 1);
    }
    BOOST_TEST(counted_hook::alive == 0);
}

BOOST_AUTO_TEST_CASE(a_hundred_thousand_operations_neither_overflow_the_stack_nor_leak) {
    constexpr int count = 100'000;
    auto x = hc::variable{vector{1.0}};
    {
        auto y = hooked(x, counted_hook{});
        for (int i = 0; i < count; ++i)
            y = y + 1.0;
        BOOST_TEST(y.value()(0) == count + 1.0);
        y.backward();
        BOOST_TEST(x.grad()(0) == 1.0);
        BOOST_TEST(counted_hook::alive == 0);
        // And one that is never differentiated.
        auto z = hooked(x, counted_hook{});
        for (int i = 0; i < count; ++i)
            z = z * 1.0;
        BOOST_TEST(counted_hook::alive == 1);
    }
    BOOST_TEST(counted_hook::alive == 0);
    // Two ways at each step: 2^20 paths, 20 operations.
    auto y = x * 1.0;
    for (int i = 0; i < 20; ++i)
        y = y + y;
    x.zero_grad();
    y.backward();
    BOOST_TEST(x.grad()(0) == 1048576.0);
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_kept_holds_no_graph_and_so_no_cycle) {
    {
        auto const x = hc::variable{vector{2.0}};
        auto const y = hooked(x * x, counted_hook{});
        y.retain_grad();
        auto const z = y * y; // whose gradient reads y
        auto const first = hc::grad(z, x, {.create_graph = true});
        BOOST_TEST(first.value()(0) == 32.0);
        BOOST_TEST(y.grad()(0) == 8.0);
        BOOST_TEST(counted_hook::alive == 1);
    }
    BOOST_TEST(counted_hook::alive == 0);
}

#ifndef HOOKCAM_THREAD_SANITIZER
BOOST_AUTO_TEST_CASE(memory_of_large_values_that_went_is_used_again) {
    vector const many{xt::xtensor<double, 1>::from_shape({100'000})};
    int const before = large_values;
    bool is_same = false;
    int most = 0;
    std::thread{[&] {
        auto const x = hc::variable{many};
        auto const first = [&] {
            auto const y = x + 1.0;
            return y.value().data();
        }();
        is_same = (x * 2.0).value().data() == first;
        for (std::size_t i = 1; i < 60; ++i)
            (void)(hc::variable{vector::from_shape({10'000 * i})} * 2.0);
        most = large_values - before;
    }}.join();
#ifndef HOOKCAM_ADDRESS_SANITIZER // it is to see what is used after its end
    BOOST_TEST(is_same);
#endif
    BOOST_TEST(most <= 1 + 32);         // so many blocks are kept at most
    BOOST_TEST(large_values == before); // and none when the thread has ended
}

BOOST_AUTO_TEST_CASE(a_value_that_nobody_reads_is_freed_before_backward) {
    vector const ones{xt::xtensor<double, 1>::from_shape({1000})};
    auto const x = hc::variable{ones};
    int const before = large_values;
    {
        auto y = x + 1.0;
        for (int i = 0; i < 100; ++i)
            y = y + 1.0; // nobody reads the terms of a sum again
        BOOST_TEST(large_values - before <= 1);
        for (int i = 0; i < 100; ++i)
            y = exp(y - y); // but exp reads what it made
        BOOST_TEST(large_values - before == 100);
        sum(y).backward();
        BOOST_TEST(large_values - before <= 2); // y, and the gradient of x
    }
    BOOST_TEST(x.grad()(999) == 0.0);
    BOOST_TEST(large_values - before == 1);
}
#endif

BOOST_AUTO_TEST_CASE(a_value_changed_in_place_that_backward_reads_is_an_error_that_names_the_operation) {
    auto const changed = [](auto const& make, char const* name) {
        auto x = hc::variable{vector{2.0}};
        auto y = make(x);
        x.mutable_value()(0) = 5.0;
        expect_error(hc::error_kind::use, {"a value that the backward of ", name, " reads"},
                     [&] { y.backward(); });
    };
    changed([](auto const& x) { return x * x; }, "multiply");
    changed([](auto const& x) { return log(x); }, "log");
    changed([](auto const& x) { return sum(1 / reshape(x, 1, 1)); }, "divide");
    // Of the result.
    auto x = hc::variable{vector{2.0}};
    auto y = exp(x);
    y.mutable_value() += 1.0;
    expect_error(hc::error_kind::use, {"the backward of exp reads"}, [&] { y.backward(); });
    auto z = sigmoid(x);
    z.detach().mutable_value() += 1.0;
    expect_error(hc::error_kind::use, {"the backward of sigmoid reads"}, [&] { z.backward(); });
    // What reads nothing does not mind, and the gradient is right.
    x.zero_grad();
    auto w = x + 1.0;
    x.mutable_value() += 1.0;
    w.backward();
    BOOST_TEST(x.grad()(0) == 1.0);
    BOOST_TEST(x.value()(0) == 3.0);
}

BOOST_AUTO_TEST_CASE(grad_touches_no_leaf) {
    auto const x = hc::variable{vector{2.0}}, y = hc::variable{vector{3.0}};
    auto const u = x * y;
    auto const z = u * u + y;
    auto const [gx, gy, gu] = hc::grad(z, std::tie(x, y, u), {.retain_graph = true});
    BOOST_TEST(gx.value()(0) == 2 * 6.0 * 3);
    BOOST_TEST(gy.value()(0) == 2 * 6.0 * 2 + 1);
    BOOST_TEST(gu.value()(0) == 12.0);
    BOOST_TEST((!x.has_grad() && !y.has_grad()));
    BOOST_TEST(!gx.requires_grad());
    BOOST_TEST(hc::grad(z, u, {.retain_graph = true}).value()(0) == 12.0);
    BOOST_TEST(hc::grad(z, x, hc::constant(vector{2.0}), {.retain_graph = true}).value()(0) == 72.0);
    BOOST_TEST(hc::grad(z, z, {.retain_graph = true}).value()(0) == 1.0);
    // Several outputs: the gradient of their sum.
    auto const [sum_x] = hc::grad(std::tie(z, u), std::tie(x), {.retain_graph = true});
    BOOST_TEST(sum_x.value()(0) == 36.0 + 3.0);
    // An input that is not used.
    auto const other = hc::variable{vector{1.0, 2.0}};
    expect_error(hc::error_kind::use, {"was not from number 1"},
                 [&] { (void)hc::grad(z, std::tie(x, other), {.retain_graph = true}); });
    auto const [again, zeros] = hc::grad(z, std::tie(x, other), {.allow_unused = true});
    BOOST_TEST(again.value()(0) == 36.0);
    BOOST_TEST((zeros.size() == 2u && zeros.value()(1) == 0.0));
}

BOOST_AUTO_TEST_CASE(grad_walks_only_what_lies_between) {
    auto const x = hc::variable{vector{2.0}}, y = hc::variable{vector{3.0}};
    int beside = 0;
    auto const side = hooked(x * x, [&beside](auto const&) { ++beside; });
    auto const z = side * (y * y);
    (void)hc::grad(z, y);
    BOOST_TEST(beside == 0);
}

BOOST_AUTO_TEST_CASE(a_graph_is_walked_by_one_pass_at_a_time) {
    auto const x = hc::variable{vector{2.0}};
    auto const y = x * x;
    auto z = y * y;
    auto const handle = y.register_hook([&y](auto const&) { (void)hc::grad(y, y, {.retain_graph = true}); });
    expect_error(hc::error_kind::use, {"a graph must be walked by one pass at a time"},
                 [&] { z.backward({.retain_graph = true}); });
    // A hook may differentiate another graph.
    auto const other = hc::variable{vector{5.0}};
    auto const w = x * 2.0;
    double inner = 0;
    auto const second = w.register_hook([&](auto const&) {
        hc::enable_grad const guard; // a pass records nothing unless it creates a graph
        inner = hc::grad(other * other, other).value()(0);
    });
    w.backward();
    BOOST_TEST(inner == 10.0);
    BOOST_TEST(x.grad()(0) == 2.0);
}

BOOST_AUTO_TEST_CASE(two_threads_walk_two_graphs_over_shared_leaves) {
    auto const w = hc::variable{vector{3.0, 4.0}};
    auto const work = [&w](double scale, double& result) {
        for (int i = 0; i < 200; ++i) {
            auto const x = hc::variable{vector{scale, scale}};
            auto const y = sum(w * w * x);
            result = hc::grad(y, w).value()(1);
        }
    };
    double one = 0, two = 0;
    std::thread first{[&] { work(1.0, one); }};
    std::thread second{[&] { work(2.0, two); }};
    first.join();
    second.join();
    BOOST_TEST(one == 8.0);
    BOOST_TEST(two == 16.0);
    BOOST_TEST(!w.has_grad());
    // A graph goes from one thread to another.
    auto y = w * w;
    std::thread third{[&] { y = y * y; }};
    third.join();
    sum(y).backward();
    BOOST_TEST(w.grad()(0) == 4 * 27.0);
}

BOOST_AUTO_TEST_CASE(a_variable_is_one_pointer_and_a_node_pays_one_for_hooks) {
    static_assert(sizeof(hc::variable<double, 4>) == sizeof(void*));
    // A twin of the node without the pointer.
    struct base {
        virtual ~base() = default;
        std::uint32_t counts[2];
        void* gradient;
        std::uint64_t order;
        std::uint32_t walked_by, version;
        bool flags[7];
    };
    static_assert(sizeof(hc::detail::node) == sizeof(base) + sizeof(void*));
    static_assert(sizeof(hc::detail::value_node<double, 1>) == sizeof(hc::detail::node) + 3 * sizeof(void*));
    using variable = hc::variable<double, 1>;
    using sum = hc::detail::operation_node<double, 1, hc::detail::add_operation, variable, variable>;
    static_assert(sizeof(sum) <=
                  sizeof(hc::detail::value_node<double, 1>) + 2 * sizeof(hc::detail::edge) + 8);
    static_assert(sizeof(hc::detail::edge) == 16);
    BOOST_TEST(sizeof(sum) <= 120u);
}

BOOST_AUTO_TEST_CASE(float_and_numbers) {
    auto const x = hc::variable{2.0F};
    static_assert(std::is_same_v<decltype(x), hc::variable<float, 0> const>);
    auto const y = x * x * 0.5 + 1;
    y.backward();
    BOOST_TEST(y.item() == 3.0F);
    BOOST_TEST(x.grad()() == 2.0F);
}
