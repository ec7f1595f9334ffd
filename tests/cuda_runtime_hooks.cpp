#define BOOST_TEST_MODULE cuda_runtime_hooks
#include <boost/test/unit_test.hpp>

#include "device_tensors.hpp"

#include <hookcam/cuda.hpp>
#include <hookcam/hookcam.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Hooks that are registered at a model on a device while the program runs: what they see, and what they put in its place,
// is what typed hooks see and put there, bit by bit.

namespace hc = hookcam;

namespace {

using device_harness::filled_model, device_harness::filled_tensor;
using device = device_harness::device_type;
using net = hc::sequential<hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
                           hc::flatten<>, hc::named<"fc", hc::linear<3 * 5 * 4, 6>>>;
using shape = hc::image<2, 5, 4>;
using everything = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<>>>;
using tensor = xt::xarray<float>;
using record = std::vector<std::pair<std::string, tensor>>;

/// Made when a test begins: before, nobody has asked whether there is a GPU.
struct fixture {
    hc::model<net, float, device> const model = filled_model<net>();
};

auto const x = filled_tensor<4>({3, 2, 5, 4}, 1);
auto const grad_y = filled_tensor<2>({3, 6}, 2);

template <class Plan>
void run(Plan& plan, record& to) {
    to.emplace_back("output", plan.forward(x).to_host());
    plan.backward(grad_y);
    to.emplace_back("input gradient", plan.input_gradient().to_host());
    to.emplace_back("weight gradient", plan.parameter_gradient("conv.weight").to_host());
}

void check_same(record const& a, record const& b) {
    BOOST_TEST_REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        BOOST_TEST(a[i].first == b[i].first);
        BOOST_TEST((a[i].second == b[i].second), a[i].first);
    }
}

/// The hooks of one event each, which note what they see.
struct watchers {
    record& to;

    auto forward_pre() const {
        return [&to = to](auto const& layer, auto const& in) {
            to.emplace_back("before " + std::string{layer.path()}, in.to_host());
            to.emplace_back("weight", layer.parameter("weight").to_host());
        };
    }
    auto forward() const {
        return [&to = to](auto const&, auto const& in, auto const& out) {
            to.emplace_back("in", in.to_host());
            to.emplace_back("out", out.to_host());
        };
    }
    auto backward_pre() const {
        return [&to = to](auto const&, auto const& grad) { to.emplace_back("back", grad.to_host()); };
    }
    auto backward() const {
        return [&to = to](auto const&, auto const& of_input, auto const& of_output) {
            to.emplace_back("gradient of input", of_input.to_host());
            to.emplace_back("gradient of output", of_output.to_host());
        };
    }
    auto parameter_gradient() const {
        return [&to = to](auto const&, std::string_view name, auto const& gradient) {
            to.emplace_back(name, gradient.to_host());
        };
    }
};

auto const doubled_here = [](auto const&, auto const&, auto const& out) {
    return tensor{out.to_host() * 2.0f};
};

template <class View>
auto twice(View const& of) {
    hc::device_tensor<float, View::rank, device> made{of.device(), of.shape()};
    hc::kernels::add(of.device(), of.size(), of.data(), of.data(), made.data());
    return made;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(they_see_what_typed_hooks_see, fixture) {
    record plain;
    auto unwatched = hc::plan<shape>(model, everything{});
    run(unwatched, plain);

    record typed;
    watchers const of_typed{typed};
    auto const watched = hc::attach<"conv">(
        model, hc::on_forward_pre(of_typed.forward_pre()), hc::on_forward(of_typed.forward()),
        hc::on_backward_pre(of_typed.backward_pre()), hc::on_backward(of_typed.backward()),
        hc::on_parameter_gradient(of_typed.parameter_gradient()));
    auto typed_plan = hc::plan<shape>(watched, everything{});
    run(typed_plan, typed);

    auto const open = hc::with_runtime_hooks(model);
    auto plan = hc::plan<shape>(open, everything{});
    record silent;
    run(plan, silent);
    check_same(silent, plain);

    record found;
    watchers const of_found{found};
    auto const conv = open.at("conv");
    std::vector<hc::hook_handle> handles;
    handles.push_back(conv.register_forward_pre_hook(of_found.forward_pre()));
    handles.push_back(conv.register_forward_hook(of_found.forward()));
    handles.push_back(conv.register_backward_pre_hook(of_found.backward_pre()));
    handles.push_back(conv.register_backward_hook(of_found.backward()));
    handles.push_back(conv.register_parameter_gradient_hook(of_found.parameter_gradient()));
    run(plan, found);
    check_same(found, typed);
    for (auto& handle : handles)
        handle.remove();
    found.clear();
    run(plan, found);
    check_same(found, plain);
}

BOOST_FIXTURE_TEST_CASE(they_replace_what_typed_hooks_replace, fixture) {
    auto const doubled_there = [](auto const&, auto const&, auto const& out) { return twice(out); };
    auto const doubled_back = [](auto const&, auto const& grad) { return twice(grad); };
    auto const doubled_weight = [](auto const&, std::string_view, auto const& gradient) {
        return twice(gradient);
    };
    record typed;
    auto const watched =
        hc::attach<"conv">(model, hc::on_forward(doubled_here), hc::on_backward_pre(doubled_back),
                           hc::on_parameter_gradient(doubled_weight));
    auto typed_plan = hc::plan<shape>(watched, everything{});
    run(typed_plan, typed);

    auto const open = hc::with_runtime_hooks(model);
    auto plan = hc::plan<shape>(open, everything{});
    auto const conv = open.at("conv");
    static_cast<void>(conv.register_backward_pre_hook(doubled_back));
    static_cast<void>(conv.register_parameter_gradient_hook(doubled_weight));
    {
        hc::scoped_hook const from_here = conv.register_forward_hook(doubled_here);
        record found;
        run(plan, found);
        check_same(found, typed);
    }
    {
        hc::scoped_hook const from_there = conv.register_forward_hook(doubled_there);
        record found;
        run(plan, found);
        check_same(found, typed);
    }

    // A hook sees what the one before it has made, and a view is as good as a tensor.
    tensor first, second;
    hc::scoped_hook const one = conv.register_forward_hook([&](auto const&, auto const&, auto const& out) {
        first = out.to_host();
        return out;
    });
    hc::scoped_hook const two = conv.register_forward_hook(doubled_there, true);
    hc::scoped_hook const three = conv.register_forward_hook(
        [&](auto const&, auto const&, auto const& out) { second = out.to_host(); });
    record found;
    run(plan, found);
    check_same(found, typed);
    BOOST_TEST((first == second));
}

BOOST_FIXTURE_TEST_CASE(of_another_shape_throws_and_the_plan_goes_on, fixture) {
    auto const open = hc::with_runtime_hooks(model);
    auto plan = hc::plan<shape>(open);
    auto handle = open.at("conv").register_forward_hook([](auto const&, auto const&, auto const&) {
        return tensor{xt::zeros<float>({1, 2, 3, 4})};
    });
    BOOST_CHECK_EXCEPTION(plan.forward(x), hc::error,
                          [](hc::error const& e) { return e.kind() == hc::error_kind::hook; });
    handle.remove();
    BOOST_TEST((plan.forward(x).to_host() == model(x)));
}

BOOST_FIXTURE_TEST_CASE(an_input_without_a_gradient_is_an_empty_view, fixture) {
    auto const open = hc::with_runtime_hooks(model);
    auto plan = hc::plan<shape>(open, hc::gradients_request<>{});
    std::size_t of_input = 1, of_output = 0;
    static_cast<void>(open.at("conv").register_backward_hook([&](auto const&, auto const& a, auto const& b) {
        of_input = a.size();
        of_output = b.size();
    }));
    plan.forward(x);
    plan.backward(grad_y);
    BOOST_TEST(of_input == 0U);
    BOOST_TEST(of_output == 3U * 3 * 5 * 4);
}

BOOST_FIXTURE_TEST_CASE(grad_cam_at_a_path_given_at_run_time, fixture) {
    auto const open = hc::with_runtime_hooks(model);
    auto const found = hc::grad_cam(open, "conv", x);
    auto const wanted = hc::grad_cam<"conv">(model, x);
    BOOST_TEST((found.raw == wanted.raw));
    BOOST_TEST((found.heatmap == wanted.heatmap));
    BOOST_TEST((found.logits == wanted.logits));

    auto look = hc::plan<shape>(open, hc::grad_cam_at<>{"conv"});
    look(x);
    auto known = hc::plan<shape>(model, hc::grad_cam_request<"conv">{});
    known(x);
    BOOST_TEST((look.chosen_activation().to_host() == tensor{known.activation<"conv">().to_host()}));
    BOOST_TEST((look.chosen_gradient().to_host() == tensor{known.gradient<"conv">().to_host()}));
}
