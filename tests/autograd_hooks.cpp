// Hooks on tensors: each case is a rule of PyTorch's. Not here, since there is no such thing: hooks on nodes of a graph
// (an operation has one result, whose hooks run before it, and inputs, whose hooks run after it), on tensors saved for
// backward, and handles that can be pickled. Hooks on modules have tests of their own.

#define BOOST_TEST_MODULE autograd_hooks
#include "expect_error.hpp"
#include "xtensor.hpp"

#include <hookcam/autograd.hpp>

#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

namespace hc = hookcam;

using vector = xt::xtensor<double, 1>;

namespace {

auto const halve = [](auto const& grad) { return grad / 2.0; };

} // namespace

BOOST_AUTO_TEST_CASE(the_hook_of_the_tutorial_sees_48_and_x_grad_is_96) {
    auto x = hc::variable{vector{2.0}};
    auto const run = [&x](auto const& hook_it) {
        x.zero_grad();
        auto const y = pow(x, 2.0);
        auto const z = pow(y, 3.0);
        hook_it(y);
        z.backward();
        return x.grad()(0);
    };
    double seen = 0;
    auto const hook = [&seen](auto const& grad) {
        seen = grad(0);
        return grad / 2.0;
    };
    BOOST_TEST(run([&](auto const& y) { y.register_hook(hook); }) == 96.0);
    BOOST_TEST(seen == 48.0);
    BOOST_TEST(run([](auto const&) {}) == 192.0);
    BOOST_TEST(run([&](auto const& y) {
                   auto handle = y.register_hook(hook);
                   handle.remove();
               }) == 192.0);
}

// ------------------------------------------------------------------------------------------- register_hook

BOOST_AUTO_TEST_CASE(register_hook_is_called_once_a_backward_with_the_accumulated_gradient) {
    auto const x = hc::variable{vector{3.0}};
    auto const y = x * 2.0;
    std::vector<double> seen;
    y.register_hook([&seen](auto const& grad) { seen.push_back(grad(0)); });
    auto const z = y * y + y;
    z.backward({.retain_graph = true});
    BOOST_TEST(seen == std::vector<double>{13.0});
    z.backward();
    BOOST_TEST(seen.size() == 2u);
    // On a leaf too.
    std::vector<double> at_leaf;
    x.register_hook([&at_leaf](auto const& grad) { at_leaf.push_back(grad(0)); });
    (x * x + x).backward();
    BOOST_TEST(at_leaf == std::vector<double>{7.0});
}

BOOST_AUTO_TEST_CASE(register_hook_replaces_the_gradient_by_what_it_returns) {
    auto const x = hc::variable{vector{3.0}};
    x.register_hook([](auto const&) { return vector{7.0}; });
    (x * x).backward();
    BOOST_TEST(x.grad()(0) == 7.0);
    auto const y = x * 2.0; // a whole variable
    y.register_hook([](hc::variable<double, 1> const& grad) { return grad * 10.0; });
    double seen = 0;
    y.register_hook([&seen](hc::variable<double, 1> const& grad) { seen = grad.item(); });
    y.backward();
    BOOST_TEST(seen == 10.0);
}

BOOST_AUTO_TEST_CASE(register_hook_needs_a_tensor_that_requires_a_gradient) {
    auto const c = hc::constant(vector{3.0});
    expect_error(hc::error_kind::use, {"hookcam::register_hook: a gradient must reach the tensor"},
                 [&] { c.register_hook(halve); });
    auto const x = hc::variable{vector{3.0}};
    hc::no_grad const guard;
    expect_error(hc::error_kind::use, {"hookcam::register_hook"}, [&] { (x * 2.0).register_hook(halve); });
}

BOOST_AUTO_TEST_CASE(register_hook_checks_the_size_of_a_replacement) {
    auto const x = hc::variable{vector{3.0}};
    auto const y = x * 2.0;
    y.register_hook([](auto const&) { return vector{1.0, 2.0}; });
    expect_error(hc::error_kind::hook, {"a hook must return the shape of the gradient", "1; got 2"},
                 [&] { y.backward(); });
}

BOOST_AUTO_TEST_CASE(register_hook_fires_where_the_tensor_is_only_an_input_of_grad) {
    auto const x = hc::variable{vector{3.0}};
    int before = 0;
    auto const y = hooked(x * 2.0, [&before](auto const&) { ++before; });
    auto const z = y * y;
    y.register_hook(halve);
    BOOST_TEST(hc::grad(z, y).value()(0) == 6.0);
    BOOST_TEST(before == 0); // what made y need not run
    auto const w = x * x;
    x.register_hook(halve);
    BOOST_TEST(hc::grad(w, x).value()(0) == 3.0);
}

BOOST_AUTO_TEST_CASE(hooks_of_one_tensor_run_in_order_of_registration_and_later_ones_see_earlier_edits) {
    auto const x = hc::variable{vector{1.0}};
    std::vector<double> seen;
    x.register_hook([&seen](auto const& grad) {
        seen.push_back(grad(0));
        return grad * 10.0;
    });
    x.register_hook([&seen](auto const& grad) {
        seen.push_back(grad(0));
        return grad + 1.0;
    });
    (x * 2.0).backward();
    BOOST_TEST((seen == std::vector<double>{2.0, 20.0}));
    BOOST_TEST(x.grad()(0) == 21.0);
}

BOOST_AUTO_TEST_CASE(retain_grad_sees_the_gradient_after_all_hooks_in_whatever_order) {
    auto const x = hc::variable{vector{1.0}};
    auto const y = x * 2.0;
    y.register_hook(halve);
    y.retain_grad();
    y.register_hook([](auto const& grad) { return grad * 5.0; });
    (y * 4.0).backward();
    BOOST_TEST(y.grad()(0) == 10.0);
    BOOST_TEST(x.grad()(0) == 20.0);
    x.retain_grad(); // of a leaf, nothing
    BOOST_TEST(x.grad()(0) == 20.0);
}

BOOST_AUTO_TEST_CASE(a_hook_registered_before_an_in_place_change_gets_the_gradient_of_the_value_before_it) {
    auto const x = hc::variable{vector{3.0}};
    auto y = x * 2.0;
    double before = 0, after = 0;
    y.register_hook([&before](auto const& grad) { before = grad(0); });
    y *= 5.0;
    y.register_hook([&after](auto const& grad) { after = grad(0); });
    (y * 7.0).backward();
    BOOST_TEST(before == 35.0);
    BOOST_TEST(after == 7.0);
}

// -------------------------------------------------------------------- register_post_accumulate_grad_hook

BOOST_AUTO_TEST_CASE(a_post_accumulate_grad_hook_runs_after_grad_is_updated_and_may_edit_the_leaf) {
    auto x = hc::variable{vector{3.0}};
    std::vector<double> seen;
    auto handle = x.register_post_accumulate_grad_hook([&seen](auto& leaf) {
        BOOST_TEST(!hc::is_grad_enabled());
        seen.push_back(leaf.grad()(0));
        leaf.mutable_value() -= 0.5 * leaf.grad();
        leaf.zero_grad();
    });
    (x * x).backward(); // a step of gradient descent
    BOOST_TEST(x.value()(0) == 0.0);
    BOOST_TEST(!x.has_grad());
    (x * 4.0).backward();
    BOOST_TEST((seen == std::vector<double>{6.0, 4.0}));
    handle.remove();
    (x * 4.0).backward();
    BOOST_TEST(seen.size() == 2u);
    BOOST_TEST(x.grad()(0) == 4.0);
    // It sees what hooks on the gradient made of it, and grad() does not call it.
    x.zero_grad();
    x.register_hook(halve);
    x.register_post_accumulate_grad_hook([&seen](auto& leaf) { seen.push_back(leaf.grad()(0)); });
    (void)hc::grad(x * 4.0, x);
    BOOST_TEST(seen.size() == 2u);
    (x * 4.0).backward();
    BOOST_TEST(seen.back() == 2.0);
}

BOOST_AUTO_TEST_CASE(a_post_accumulate_grad_hook_is_for_leaves_only) {
    auto const x = hc::variable{vector{3.0}};
    expect_error(hc::error_kind::use,
                 {"hookcam::register_post_accumulate_grad_hook: the tensor must be a leaf"},
                 [&] { (x * 2.0).register_post_accumulate_grad_hook([](auto&) {}); });
}

// ------------------------------------------------------------------------------- register_multi_grad_hook

BOOST_AUTO_TEST_CASE(a_multi_grad_hook_waits_for_those_tensors_that_the_pass_reaches) {
    auto const a = hc::variable{vector{1.0}}, b = hc::variable{vector{2.0}};
    auto const c = hc::variable{xt::xtensor<double, 2>{{3.0}}};
    auto const y = a * b;
    int calls = 0;
    std::vector<double> seen;
    auto handle = hc::register_multi_grad_hook(
        std::tie(a, b, c, y), [&](auto const& ga, auto const& gb, auto const& gc, auto const& gy) {
            ++calls;
            seen.push_back(ga ? (*ga)(0) : -1);
            seen.push_back(gb ? (*gb)(0) : -1);
            seen.push_back(gc ? (*gc)(0, 0) : -1);
            seen.push_back(gy ? (*gy)(0) : -1);
        });
    (y * 3.0).backward({.retain_graph = true});
    BOOST_TEST(calls == 1);
    BOOST_TEST((seen == std::vector<double>{6.0, 3.0, -1.0, 3.0}));
    seen.clear();
    (c * 2.0).backward(xt::xtensor<double, 2>{{1.0}});
    BOOST_TEST((seen == std::vector<double>{-1.0, -1.0, 2.0, -1.0}));
    (hc::variable{vector{1.0}} * 1.0).backward(); // reaches none
    BOOST_TEST(calls == 2);
    seen.clear();
    (void)hc::grad(y * 3.0, b, {.retain_graph = true}); // a is not computed here
    BOOST_TEST((seen == std::vector<double>{-1.0, 3.0, -1.0, 3.0}));
    handle.remove();
    (y * 3.0).backward();
    BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_CASE(a_multi_grad_hook_of_mode_any_takes_the_first_gradient) {
    auto const a = hc::variable{vector{1.0}}, b = hc::variable{vector{2.0}};
    std::vector<double> seen;
    auto handle = hc::register_multi_grad_hook<hc::multi_grad_mode::any>(
        std::tie(a, b), [&seen](auto const& grad) { seen.push_back(grad(0)); });
    (a * 3.0 + b * 4.0).backward();
    BOOST_TEST(seen.size() == 1u);
    (b * 4.0).backward();
    BOOST_TEST(seen.size() == 2u);
    BOOST_TEST(seen.back() == 4.0);
}

BOOST_AUTO_TEST_CASE(a_multi_grad_hook_keeps_no_tensor_alive) {
    auto const a = hc::variable{vector{1.0}};
    auto const alive = std::make_shared<int>();
    hc::hook_handle handle;
    int calls = 0;
    {
        auto const gone = hc::variable{vector{2.0}};
        handle = hc::register_multi_grad_hook(std::tie(a, gone),
                                              [alive, &calls](auto const&, auto const&) { ++calls; });
        BOOST_TEST(alive.use_count() == 2);
    }
    (a * 2.0).backward();
    BOOST_TEST(calls == 1);
    handle.remove();
    BOOST_TEST(alive.use_count() == 1);
}

// ------------------------------------------------------------------------------------ handles and removal

BOOST_AUTO_TEST_CASE(a_handle_removes_once_outlives_the_tensor_and_can_be_a_scope) {
    hc::hook_handle late;
    {
        auto const x = hc::variable{vector{3.0}};
        int calls = 0;
        auto handle = x.register_hook([&calls](auto const&) { ++calls; });
        {
            hc::scoped_hook const scope{x.register_hook([&calls](auto const&) { calls += 10; })};
            (x * 1.0).backward();
            BOOST_TEST(calls == 11);
        }
        (x * 1.0).backward();
        BOOST_TEST(calls == 12);
        handle.remove();
        handle.remove();
        (x * 1.0).backward();
        BOOST_TEST(calls == 12);
        late = x.register_hook(halve);
    }
    late.remove();
}

BOOST_AUTO_TEST_CASE(a_tensor_hook_removed_between_forward_and_backward_does_not_fire) {
    auto const x = hc::variable{vector{3.0}};
    auto const y = x * 2.0;
    auto handle = y.register_hook(halve);
    auto const z = y * y;
    handle.remove();
    z.backward();
    BOOST_TEST(x.grad()(0) == 24.0);
}

BOOST_AUTO_TEST_CASE(
    a_tensor_hook_that_another_removes_in_flight_still_fires_and_one_that_is_added_does_not) {
    auto const x = hc::variable{vector{3.0}};
    std::vector<int> order;
    hc::hook_handle second, own;
    own = x.register_hook([&](auto const&) {
        order.push_back(1);
        second.remove();
        own.remove();
        x.register_hook([&](auto const&) { order.push_back(3); });
    });
    second = x.register_hook([&](auto const&) { order.push_back(2); });
    (x * 1.0).backward();
    BOOST_TEST((order == std::vector<int>{1, 2}));
    (x * 1.0).backward();
    BOOST_TEST((order == std::vector<int>{1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(an_exception_in_a_hook_propagates_skips_later_hooks_and_leaves_them_registered) {
    auto const x = hc::variable{vector{3.0}};
    auto const y = x * 2.0;
    int calls = 0;
    bool throws = true;
    y.register_hook([&](auto const&) {
        if (throws)
            throw std::runtime_error{"from the hook"};
    });
    y.register_hook([&](auto const&) { ++calls; });
    auto const z = y * y;
    BOOST_CHECK_THROW(z.backward({.retain_graph = true}), std::runtime_error);
    BOOST_TEST(calls == 0);
    BOOST_TEST(!x.has_grad());
    BOOST_TEST(hc::is_grad_enabled());
    throws = false;
    z.backward();
    BOOST_TEST(calls == 1);
    BOOST_TEST(x.grad()(0) == 24.0);
}

BOOST_AUTO_TEST_CASE(the_same_function_registered_twice_fires_twice) {
    auto const x = hc::variable{vector{8.0}};
    x.register_hook(halve);
    auto handle = x.register_hook(halve);
    (x * 4.0).backward();
    BOOST_TEST(x.grad()(0) == 1.0);
    handle.remove();
    x.zero_grad();
    (x * 4.0).backward();
    BOOST_TEST(x.grad()(0) == 2.0);
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_variable_has_its_hooks) {
    auto const x = hc::variable{vector{8.0}};
    auto const copy = x;
    copy.register_hook(halve);
    (x * 4.0).backward();
    BOOST_TEST(copy.grad()(0) == 2.0);
}

// ------------------------------------------------------------------------------------------------- hooked

BOOST_AUTO_TEST_CASE(hooked_holds_its_lambdas_by_value_in_the_node) {
    auto const x = hc::variable{vector{2.0}};
    std::vector<double> seen;
    auto const y = hooked(
        pow(x, 2.0),
        [&seen](auto const& grad) {
            seen.push_back(grad(0));
            return grad / 2.0;
        },
        [&seen](auto const& grad) { seen.push_back(grad(0)); });
    BOOST_TEST(y.operation() == "hooked");
    pow(y, 3.0).backward();
    BOOST_TEST((seen == std::vector<double>{48.0, 24.0}));
    BOOST_TEST(x.grad()(0) == 96.0);

    // As large as its lambdas: no erasure, no list of hooks.
    struct of_64_bytes {
        double numbers[8];
        void operator()(hc::tensor_view<double const, 1> const&) const {}
    };
    using variable = hc::variable<double, 1>;
    using small = hc::detail::operation_node<double, 1, hc::detail::add_operation, variable>;
    using large = hc::detail::operation_node<double, 1, hc::detail::hooked_operation<of_64_bytes>, variable>;
    static_assert(sizeof(large) <= sizeof(small) + sizeof(of_64_bytes));
    static_assert(sizeof(large) >= sizeof(of_64_bytes) + sizeof(hc::detail::value_node<double, 1>));
}

BOOST_AUTO_TEST_CASE(a_hook_clips_and_one_that_only_looks_changes_no_bit) {
    auto const x = hc::variable{vector{0.1, 0.7, 13.0}};
    auto const gradient = [&x](auto const&... hooks) {
        x.zero_grad();
        auto const y = hooked(
            x / 3.0, [](auto const&) {}, hooks...);
        (y * y).backward(vector{1.0, 1.0, 1.0});
        return vector{x.grad()};
    };
    x.zero_grad();
    auto const y = x / 3.0;
    (y * y).backward(vector{1.0, 1.0, 1.0});
    vector const plain{x.grad()};
    BOOST_TEST((gradient() == plain));
    auto const clipped = gradient([](auto const& grad) { return xt::clip(grad, -1.0, 1.0); });
    BOOST_TEST(clipped(0) == plain(0));
    BOOST_TEST(clipped(2) == 1.0 / 3.0);
}

BOOST_AUTO_TEST_CASE(a_replacing_hook_under_create_graph_takes_a_variable_and_is_differentiated) {
    auto const x = hc::variable{vector{2.0}};
    auto const y = x * x;
    auto handle = y.register_hook(halve);
    auto const z = y * y;
    expect_error(hc::error_kind::hook,
                 {"a hook that replaces a gradient in a pass with create_graph must take"},
                 [&] { (void)hc::grad(z, x, {.create_graph = true}); });
    handle.remove();
    y.register_hook([](hc::variable<double, 1> const& grad) { return grad / 2.0; });
    auto const first = hc::grad(z, x, {.create_graph = true}); // 2 x³
    BOOST_TEST(first.item() == 16.0);
    // Its derivative by x alone, 6 x²; through z's graph the hook halves once more what passes y.
    BOOST_TEST(hc::grad(first, x).item() == 2 * 4.0 + 8.0);
}
