#define BOOST_TEST_MODULE hooks_typed
#include "hook_networks.hpp"
#include "own_layers.hpp"

#include <memory>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

// Hooks at compile time: each test is a line of the hook contract.

using namespace hooked;

namespace {

/// Notes events as `forward block.conv1`.
struct journal {
    std::vector<std::string> lines;

    auto note(std::string const& event) {
        return [this, event](auto const& layer, auto const&...) {
            lines.push_back(event + ' ' + std::string{layer.path()});
        };
    }
    auto all() {
        return std::tuple{hc::on_forward_pre(note("pre")), hc::on_forward(note("forward")),
                          hc::on_backward_pre(note("backward_pre")), hc::on_backward(note("backward")),
                          hc::on_parameter_gradient([this](auto const& layer, auto const& name, auto const&) {
                              lines.push_back("gradient " + std::string{layer.path()} + ' ' +
                                              std::string{name});
                          })};
    }
};

template <class Model>
auto attach_journal_everywhere(Model&& to, journal& log) {
    return std::apply(
        [&](auto... slots) { return hc::attach_all(std::forward<Model>(to), std::move(slots)...); },
        log.all());
}

auto const times_three = [](auto const&, auto const&... seen) {
    return std::get<sizeof...(seen) - 1>(std::tie(seen...)) * 3.0;
};

} // namespace

// --- the events --------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(on_forward_pre_sees_layer_and_input_before_the_layer_runs_and_replaces_the_input) {
    auto const m = by_hand();
    std::vector<double> seen;
    auto watched = hc::attach<"b">(m, hc::on_forward_pre([&](auto const& layer, auto const& input) {
                                       BOOST_TEST(layer.path() == "b");
                                       seen = numbers(input);
                                       return input + 1.0;
                                   }));
    auto const y = watched(by_hand_input());
    BOOST_TEST(seen == (std::vector{5.5, 3.0}), boost::test_tools::per_element());
    BOOST_TEST(y(0, 0) == 2 * 6.5 - 4 + 1);
}

BOOST_AUTO_TEST_CASE(on_forward_sees_layer_input_and_output_after_it_ran_and_replaces_the_output) {
    auto const m = by_hand();
    std::vector<double> in, out;
    auto watched =
        hc::attach<"a">(m, hc::on_forward([&](auto const& layer, auto const& input, auto const& output) {
                            BOOST_TEST(layer.path() == "a");
                            in = numbers(input);
                            out = numbers(output);
                            return output * 2.0;
                        }));
    auto const y = watched(by_hand_input());
    BOOST_TEST(in == (std::vector{1.0, 2.0}), boost::test_tools::per_element());
    BOOST_TEST(out == (std::vector{5.5, 3.0}), boost::test_tools::per_element());
    BOOST_TEST(y(0, 0) == 2 * 11 - 6 + 1);
}

BOOST_AUTO_TEST_CASE(
    on_backward_pre_sees_layer_and_grad_output_before_its_backward_and_replaces_grad_output) {
    auto const m = by_hand();
    std::vector<double> seen;
    auto p = hc::plan(hc::attach<"a">(m, hc::on_backward_pre([&](auto const& layer, auto const& grad_output) {
                                          BOOST_TEST(layer.path() == "a");
                                          seen = numbers(grad_output);
                                          return grad_output * 10.0;
                                      })),
                      all_gradients{});
    p(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(seen == (std::vector{2.0, -1.0}), boost::test_tools::per_element());
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{30, 20}});
    // The layer's own parameters get the replacement too, as in PyTorch.
    check_same(p.parameter_gradient("a.bias"), xt::xtensor<double, 1>{20, -10});
    check_same(p.parameter_gradient("a.weight"), xt::xtensor<double, 2>{{20, 40}, {-10, -20}});
}

BOOST_AUTO_TEST_CASE(
    on_backward_sees_layer_grad_input_and_grad_output_after_its_backward_and_replaces_grad_input) {
    auto const m = by_hand();
    std::vector<double> in, out;
    auto p = hc::plan(hc::attach<"b">(m, hc::on_backward([&](auto const& layer, auto const& grad_input,
                                                             auto const& grad_output) {
                                          BOOST_TEST(layer.path() == "b");
                                          in = numbers(grad_input);
                                          out = numbers(grad_output);
                                          return grad_input * 10.0;
                                      })),
                      all_gradients{});
    p(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(in == (std::vector{2.0, -1.0}), boost::test_tools::per_element());
    BOOST_TEST(out == std::vector{1.0}, boost::test_tools::per_element());
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{30, 20}});
    // Replacing grad_input does not change the gradients of the layer's own parameters, as in PyTorch.
    check_same(p.parameter_gradient("b.weight"), xt::xtensor<double, 2>{{5.5, 3}});
}

BOOST_AUTO_TEST_CASE(on_parameter_gradient_sees_layer_name_and_complete_gradient_and_replaces_it) {
    auto const m = by_hand();
    std::vector<std::string> names;
    std::vector<double> weight;
    auto p =
        hc::plan(hc::attach<"a">(m, hc::on_parameter_gradient(
                                        [&](auto const& layer, std::string_view name, auto const& gradient) {
                                            BOOST_TEST(layer.path() == "a");
                                            names.emplace_back(name);
                                            if (name == "weight")
                                                weight = numbers(gradient);
                                            return -gradient;
                                        })),
                 all_gradients{});
    // Two equal images: complete is the sum over the batch.
    p(xt::xtensor<double, 2>{{1, 2}, {1, 2}}, xt::xtensor<double, 2>{{1}, {1}});
    BOOST_TEST(names == (std::vector<std::string>{"weight", "bias"}), boost::test_tools::per_element());
    BOOST_TEST(weight == (std::vector{4.0, 8.0, -2.0, -4.0}), boost::test_tools::per_element());
    check_same(p.parameter_gradient("a.weight"), xt::xtensor<double, 2>{{-4, -8}, {2, 4}});
    check_same(p.parameter_gradient("a.bias"), xt::xtensor<double, 1>{-4, 2});
    check_same(p.parameter_gradient("b.bias"), xt::xtensor<double, 1>{2}); // another layer's stays
}

BOOST_AUTO_TEST_CASE(on_parameter_gradient_at_a_composite_sees_all_its_parameters_by_their_names_below_it) {
    auto const m = with_noise<nested>();
    std::vector<std::string> block, network;
    auto const note = [](std::vector<std::string>& to) {
        return hc::on_parameter_gradient(
            [&to](auto const&, auto const& name, auto const&) { to.emplace_back(name); });
    };
    auto p = hc::plan<hc::image<2, 4, 4>>(hc::attach<"">(hc::attach<"block">(m, note(block)), note(network)),
                                          all_gradients{});
    p(two_images(), two_gradients());
    BOOST_TEST(block ==
                   (std::vector<std::string>{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"}),
               boost::test_tools::per_element());
    BOOST_TEST(network == (std::vector<std::string>{"conv.weight", "conv.bias", "block.conv1.weight",
                                                    "block.conv1.bias", "block.conv2.weight",
                                                    "block.conv2.bias", "fc.weight", "fc.bias"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(at_a_tap_hooks_see_the_tensor_as_it_passes_and_its_gradient) {
    auto const m = by_hand();
    std::vector<std::string> events;
    auto const check = [&](char const* event, auto const& got, std::vector<double> const& expected) {
        events.emplace_back(event);
        BOOST_TEST(numbers(got) == expected, boost::test_tools::per_element());
    };
    auto p = hc::plan(hc::attach<"t">(m, hc::on_forward_pre([&](auto const& layer, auto const& input) {
                                          BOOST_TEST(layer.path() == "t");
                                          check("pre", input, {5.5, 3});
                                          return input * 2.0;
                                      }),
                                      hc::on_forward([&](auto const&, auto const& input, auto const& output) {
                                          check("forward in", input, {11, 6});
                                          check("forward out", output, {11, 6});
                                          return output + 1.0;
                                      }),
                                      hc::on_backward_pre([&](auto const&, auto const& grad) {
                                          check("backward_pre", grad, {2, -1});
                                          return grad * 5.0;
                                      }),
                                      hc::on_backward([&](auto const&, auto const& in, auto const& out) {
                                          check("backward in", in, {10, -5});
                                          check("backward out", out, {10, -5});
                                          return in / 10.0;
                                      })),
                      all_gradients{});
    auto const y = p(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(y(0, 0) == 2 * 12 - 7 + 1);
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{1 - -0.5, 2 + -1}});
    BOOST_TEST(events == (std::vector<std::string>{"pre", "forward in", "forward out", "backward_pre",
                                                   "backward in", "backward out"}),
               boost::test_tools::per_element());
}

// --- what a hook may return --------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(any_expression_of_the_rank_whose_values_convert_replaces) {
    auto const m = by_hand();
    auto const input = by_hand_input();
    auto const with = [&](auto hook) {
        return hc::attach<"t">(m, hc::on_forward(std::move(hook)))(input)(0, 0);
    };
    // 5.5, 3 before it; y = 2·first − second + 1.
    BOOST_TEST(with([](auto const&, auto const&, auto const& out) { return out; }) == 9);
    BOOST_TEST(with([](auto const&, auto const&, auto const& out) { return out / 2.0; }) == 5);
    BOOST_TEST(with([](auto const&, auto const&, auto const&) {
                   return xt::xtensor<double, 2>{{1, 2}};
               }) == 1);
    BOOST_TEST(with([](auto const&, auto const&, auto const&) { return xt::xtensor<int, 2>{{3, 1}}; }) == 6);
    BOOST_TEST(with([](auto const&, auto const&, auto const&) {
                   return xt::xtensor<float, 2>{{0.5f, 1}};
               }) == 1);
    BOOST_TEST(with([](auto const&, auto const&, auto const&) {
                   return xt::xarray<double>{{1.0, 2.0}};
               }) == 1);
    BOOST_TEST(with([](auto const&, auto const&, auto const&) {
                   return xt::xtensor_fixed<double, xt::xshape<1, 2>>{{4, 2}};
               }) == 7);
    BOOST_TEST(with([](auto const&, auto const&, auto const& out) { return out > 4.0; }) ==
               3); // a mask: 1, 0
    xt::xtensor<double, 2> const kept{{7, 8}};
    BOOST_TEST(with([&](auto const&, auto const&, auto const&) -> auto const& { return kept; }) == 7);
    // Column-major memory, same tensor.
    BOOST_TEST(with([](auto const&, auto const&, auto const&) {
                   return xt::xtensor<double, 2, xt::layout_type::column_major>{{1, 2}};
               }) == 1);
}

BOOST_AUTO_TEST_CASE(a_replacement_is_evaluated_before_the_arguments_die) {
    // An expression of all the hook's arguments, in a network whose layers reuse memory where they may.
    auto const m = with_noise<nested>();
    auto const head = [&] {
        hc::model<behind_tap, double> made;
        std::copy_n(m.data() + (m.size() - made.size()), made.size(), made.data());
        return made;
    }();
    auto const x = two_images();
    auto const tap = get<"tap">(hc::activations<"tap">(m, x));
    auto const expected = head(xt::xtensor<double, 4>{tap + tap * 0.5});
    check_same(hc::attach<"tap">(m, hc::on_forward([](auto const&, auto const& in, auto const& out) {
                                     return in + out * 0.5;
                                 }))(x),
               expected);
}

BOOST_AUTO_TEST_CASE(a_replacement_of_another_shape_throws_with_both_shapes_and_kind_hook) {
    auto const m = by_hand();
    auto const refused = [](hc::error const& e) {
        std::string_view const what = e.what();
        return e.kind() == hc::error_kind::hook && what.find("1x2") != what.npos &&
               what.find("1x3") != what.npos;
    };
    auto const three = [](auto const&, auto const&...) { return xt::xtensor<double, 2>{{1, 2, 3}}; };
    auto const x = by_hand_input();
    BOOST_CHECK_EXCEPTION((void)hc::attach<"t">(m, hc::on_forward(three))(x), hc::error, refused);
    BOOST_CHECK_EXCEPTION((void)hc::attach<"t">(m, hc::on_forward_pre(three))(x), hc::error, refused);
    xt::xtensor<double, 2> const one{{1}};
    auto before = hc::plan(hc::attach<"t">(m, hc::on_backward_pre(three)), all_gradients{});
    BOOST_CHECK_EXCEPTION(before(x, one), hc::error, refused);
    auto after = hc::plan(hc::attach<"t">(m, hc::on_backward(three)), all_gradients{});
    BOOST_CHECK_EXCEPTION(after(x, one), hc::error, refused);
    auto gradient = hc::plan(hc::attach<"b">(m, hc::on_parameter_gradient(three)), all_gradients{});
    BOOST_CHECK_EXCEPTION(gradient(x, one), hc::error, refused); // the weight's shape is 1x2
    // A rank that is known at run time only.
    BOOST_CHECK_THROW((void)hc::attach<"t">(m, hc::on_forward([](auto const&, auto const&, auto const&) {
                                                return xt::xarray<double>{1.0, 2.0};
                                            }))(x),
                      hc::error);
    // A shape that would broadcast is another shape.
    BOOST_CHECK_THROW((void)hc::attach<"t">(m, hc::on_forward([](auto const&, auto const&, auto const&) {
                                                return xt::xtensor<double, 2>{{1}};
                                            }))(x),
                      hc::error);
}

// --- where slots are, and in which order they are called ---------------------------------------------------

BOOST_AUTO_TEST_CASE(a_hook_that_holds_something_may_stand_in_front_of_one_that_holds_nothing) {
    int sum = 0;
    auto const both = hc::on_forward([&](int by) { sum += by; }, [](int) {});
    both.hook<0>()(2);
    BOOST_TEST(sum == 2);
    auto const in_front = hc::prepend(hc::on_forward([&](int by) { sum += by; }, [](int) {}, [](int) {}));
    in_front.hook<0>()(3);
    BOOST_TEST(sum == 5);
}

BOOST_AUTO_TEST_CASE(slots_exist_on_every_layer_and_on_every_composite) {
    auto const m = with_noise<nested>();
    auto const x = two_images();
    journal log;
    auto p = hc::plan<hc::image<2, 4, 4>>(attach_journal_everywhere(m, log), all_gradients{});
    p(x, two_gradients());
    for (auto const& path : nested_paths)
        for (std::string const event : {"pre ", "forward ", "backward_pre ", "backward "})
            BOOST_TEST(std::count(log.lines.begin(), log.lines.end(), event + path) == 1, event << path);
}

BOOST_AUTO_TEST_CASE(a_composite_can_be_replaced_around_like_a_layer) {
    // Whatever stands inside, a hook at the block's output decides what the rest sees.
    auto const m = with_noise<nested>();
    auto const x = two_images();
    auto const at_tap = noise<double, 4>({2, 3, 4, 4}, 9);
    auto const put = hc::on_forward([&](auto const&, auto const&, auto const&) { return at_tap; });
    auto const expected = hc::attach<"tap">(m, put)(x);
    check_same(hc::attach<"block">(m, put)(x), expected);
    // The network itself has the empty path.
    auto whole = hc::attach<"">(m, hc::on_forward_pre([](auto const& layer, auto const& input) {
                                    BOOST_TEST(layer.path() == "");
                                    return input * 0.5;
                                }),
                                hc::on_forward([](auto const& layer, auto const&, auto const& output) {
                                    BOOST_TEST(layer.path() == "");
                                    return output + 100.0;
                                }));
    check_same(whole(x), xt::xtensor<double, 2>{m(xt::xtensor<double, 4>{x * 0.5}) + 100.0});
}

BOOST_AUTO_TEST_CASE(pre_hooks_run_outside_in_forward_hooks_inside_out_backward_mirrored) {
    auto const m = with_noise<nested>();
    journal log;
    auto p = hc::plan<hc::image<2, 4, 4>>(attach_journal_everywhere(m, log), all_gradients{});
    p(two_images(), two_gradients());
    std::vector<std::string> const expected{
        "pre conv", "forward conv", "pre block", "pre block.conv1", "forward block.conv1", "pre block.conv2",
        "forward block.conv2", "forward block", "pre tap", "forward tap", "pre features", "pre features.0",
        "forward features.0", "pre features.1", "forward features.1", "forward features", "pre fc",
        "forward fc",
        // Gradients of a layer's parameters are complete before its backward hooks are called.
        "backward_pre fc", "gradient fc weight", "gradient fc bias", "backward fc", "backward_pre features",
        "backward_pre features.1", "backward features.1", "backward_pre features.0", "backward features.0",
        "backward features", "backward_pre tap", "backward tap", "backward_pre block",
        "backward_pre block.conv2", "gradient block.conv2 weight", "gradient block.conv2 bias",
        "backward block.conv2", "backward_pre block.conv1", "gradient block.conv1 weight",
        "gradient block.conv1 bias", "backward block.conv1", "gradient block conv1.weight",
        "gradient block conv1.bias", "gradient block conv2.weight", "gradient block conv2.bias",
        "backward block", "backward_pre conv", "gradient conv weight", "gradient conv bias", "backward conv"};
    BOOST_TEST(log.lines == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(within_a_slot_hooks_run_in_order_of_attachment_and_prepend_puts_first) {
    auto const m = by_hand();
    std::string order;
    auto const say = [&order](char what) { return [&order, what](auto const&...) { order += what; }; };
    // Two in one slot, another slot of the same call, another call, and two prepended ones.
    auto watched = hc::attach<"t">(
        hc::attach<"t">(hc::attach<"t">(m, hc::on_forward(say('1'), say('2')), hc::on_forward(say('3'))),
                        hc::prepend(hc::on_forward(say('a'), say('b'))), hc::on_forward(say('4'))),
        hc::prepend(hc::on_forward(say('x'))));
    static_cast<void>(watched(by_hand_input()));
    BOOST_TEST(order == "xab1234");

    // The same for every other event.
    order.clear();
    auto p = hc::plan(hc::attach<"a">(hc::attach<"a">(m, hc::on_forward_pre(say('1'), say('2')),
                                                      hc::on_backward_pre(say('3'), say('4')),
                                                      hc::on_backward(say('5'), say('6'))),
                                      hc::prepend(hc::on_forward_pre(say('A'))),
                                      hc::prepend(hc::on_backward_pre(say('B'))),
                                      hc::prepend(hc::on_backward(say('C')))),
                      all_gradients{});
    p(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(order == "A12B34C56");

    order.clear();
    auto q = hc::plan(hc::attach<"b">(hc::attach<"b">(m, hc::on_parameter_gradient(say('1'), say('2'))),
                                      hc::prepend(hc::on_parameter_gradient(say('D')))),
                      all_gradients{});
    q(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(order == "DD1122"); // each hook for the weight and the bias
}

BOOST_AUTO_TEST_CASE(later_hooks_see_what_earlier_ones_returned) {
    auto const m = by_hand();
    std::vector<double> seen;
    auto const look = [&seen](auto const&, auto const&... args) {
        auto const& last = std::get<sizeof...(args) - 1>(std::tie(args...));
        seen.push_back(last.data()[0]);
    };
    auto const look_first = [&seen](auto const&, auto const& first, auto const&) {
        seen.push_back(first.data()[0]);
    };
    auto const triple_first = [](auto const&, auto const& first, auto const&) { return first * 3.0; };
    auto p = hc::plan(hc::attach<"t">(m, hc::on_forward_pre(times_three, look, times_three, look),
                                      hc::on_forward(look, times_three, look),
                                      hc::on_backward_pre(look, times_three, look),
                                      hc::on_backward(look_first, triple_first, look_first)),
                      all_gradients{});
    p(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(seen == (std::vector{16.5, 49.5, 49.5, 148.5, 2.0, 6.0, 6.0, 18.0}),
               boost::test_tools::per_element());
    seen.clear();
    auto q =
        hc::plan(hc::attach<"b">(m, hc::on_parameter_gradient(look, times_three, look)), all_gradients{});
    q(by_hand_input(), xt::xtensor<double, 2>{{1}});
    // The weight's first element is 5.5, the bias's 1.
    BOOST_TEST(seen == (std::vector{5.5, 1.0, 16.5, 3.0}), boost::test_tools::per_element());
}

// --- policies of a layer type ------------------------------------------------------------------------------

namespace {

/// What default-constructed hooks of a type note. Set by the test that uses it.
std::vector<std::string>* noted = nullptr;

struct note_forward {
    void operator()(auto const& layer, auto const&, auto const&) const {
        noted->push_back("forward " + std::string{layer.path()});
    }
};
struct double_output {
    auto operator()(auto const&, auto const&, auto const& output) const { return output * 2.0; }
};
struct note_backward {
    void operator()(auto const& layer, auto const&, auto const& grad_output) const {
        noted->push_back("backward " + std::string{layer.path()} + ' ' + std::to_string(grad_output.size()));
    }
};
struct count_calls_of_its_own {
    int calls = 0;
    void operator()(auto const&, auto const&, auto const&) {
        ++calls;
        noted->push_back(std::to_string(calls));
    }
};

using forward_note = hc::slot<hc::events::forward, note_forward>;
using with_policies =
    hc::sequential<hc::named<"a", hc::linear<2, 2, forward_note>>,
                   hc::relu<hc::slot<hc::events::forward, double_output, note_forward>>,
                   hc::tap<"t", forward_note, hc::slot<hc::events::backward, note_backward>>,
                   hc::named<"b", hc::sequential<hc::named<"c", hc::linear<2, 1>>>, forward_note>>;

} // namespace

BOOST_AUTO_TEST_CASE(slots_are_policies_of_layers_names_and_taps) {
    std::vector<std::string> log;
    noted = &log;
    hc::model<with_policies, double> m;
    auto const from = by_hand();
    std::copy_n(from.data(), from.size(), m.data());
    auto const y = m(by_hand_input());
    BOOST_TEST(y(0, 0) == 2 * 11 - 6 + 1);
    // The ReLU has no name: its path is that of what it stands in.
    BOOST_TEST(log == (std::vector<std::string>{"forward a", "forward ", "forward t", "forward b"}),
               boost::test_tools::per_element());

    // With attached ones: policies first, and each plan with gradients calls the backward slot.
    log.clear();
    auto p = hc::plan(hc::attach<"t">(m, hc::on_forward([&](auto const&, auto const&, auto const&) {
                                          log.emplace_back("attached");
                                      })),
                      all_gradients{});
    p(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(log == (std::vector<std::string>{"forward a", "forward ", "forward t", "attached", "forward b",
                                                "backward t 2"}),
               boost::test_tools::per_element());
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{3, 2}}); // straight through the doubling
    noted = nullptr;
}

BOOST_AUTO_TEST_CASE(a_hook_keeps_a_state_of_its_own) {
    std::vector<std::string> log;
    noted = &log;
    hc::model<hc::sequential<hc::relu<hc::slot<hc::events::forward, count_calls_of_its_own>>,
                             hc::relu<hc::slot<hc::events::forward, count_calls_of_its_own>>>,
              double> const m;
    static_cast<void>(m(by_hand_input()));
    static_cast<void>(m(by_hand_input()));
    BOOST_TEST(log == (std::vector<std::string>{"1", "1", "2", "2"}), boost::test_tools::per_element());
    noted = nullptr;

    // A lambda too, and one that can only be moved.
    auto const n = by_hand();
    int last = 0;
    auto p = hc::plan(hc::attach<"t">(
        n, hc::on_forward([&last, calls = std::make_unique<int>(0)](
                              auto const&, auto const&, auto const&) mutable { last = ++*calls; })));
    p(by_hand_input());
    p(by_hand_input());
    BOOST_TEST(last == 2);
}

// --- watching changes nothing ------------------------------------------------------------------------------

using scalars = std::tuple<float, double>;

BOOST_AUTO_TEST_CASE_TEMPLATE(a_hook_that_only_looks_leaves_every_bit_as_it_is, T, scalars) {
    auto const m = with_noise<nested, T>();
    auto const x = two_images<T>();
    auto const g = two_gradients<T>();
    std::size_t seen = 0;
    auto const look = [&seen](auto const&, auto const&... tensors) {
        seen += (std::size_t{0} + ... + static_cast<std::size_t>(tensors.size() != 0));
    };
    auto watched = hc::attach<"">(
        hc::attach_all(m, hc::on_forward_pre(look), hc::on_forward(look, look), hc::on_backward_pre(look),
                       hc::on_backward(look, look), hc::on_parameter_gradient(look)),
        hc::on_forward_pre(look), hc::on_forward(look), hc::on_backward_pre(look), hc::on_backward(look));
    auto p = hc::plan<hc::image<2, 4, 4>>(m, all_gradients{});
    auto q = hc::plan<hc::image<2, 4, 4>>(watched, all_gradients{});
    check_same(q(x, g), p(x, g));
    check_same(q.input_gradient(), p.input_gradient());
    for (auto const& entry : m.entries())
        BOOST_TEST_CONTEXT(entry.key)
    check_same(q.parameter_gradient(entry.key), p.parameter_gradient(entry.key));
    BOOST_TEST(seen > 9 * 6u);
    check_same(watched(x), m(x));
    // Sizes at run time: the same bits again.
    auto r = hc::plan(watched, all_gradients{});
    check_same(r(x, g), p(x, g));
    check_same(r.input_gradient(), p.input_gradient());
}

BOOST_AUTO_TEST_CASE(a_hook_that_only_looks_is_given_the_memory_itself) {
    // No wrapper, no copy: before and after a tap it is one address (PyTorch's full backward hook changed the
    // identity of inputs and broke in-place layers).
    auto const m = by_hand();
    double const *before = nullptr, *in = nullptr, *out = nullptr, *after = nullptr;
    auto p = hc::plan(hc::attach<"b">(
        hc::attach<"t">(hc::attach<"a">(m, hc::on_forward([&](auto const&, auto const&, auto const& o) {
                                            before = o.data();
                                        })),
                        hc::on_forward_pre([&](auto const&, auto const& i) { in = i.data(); }),
                        hc::on_forward([&](auto const&, auto const&, auto const& o) { out = o.data(); })),
        hc::on_forward_pre([&](auto const&, auto const& i) { after = i.data(); })));
    p(by_hand_input());
    BOOST_TEST(before == in);
    BOOST_TEST(in == out);
    BOOST_TEST(out == after);
}

BOOST_AUTO_TEST_CASE(an_unused_slot_leaves_size_and_triviality_as_they_are) {
    static_assert(std::is_empty_v<hc::relu<>> && std::is_empty_v<hc::conv2d<2, 3, hc::kernel<3>>>);
    static_assert(std::is_empty_v<hc::slot<hc::events::forward>>);
    static_assert(std::is_trivially_copyable_v<nested> &&
                  std::is_trivially_default_constructible_v<hc::relu<>>);
    static_assert(std::is_empty_v<hc::tap<"t">>);
    static_assert(std::is_empty_v<hc::relu<hc::slot<hc::events::forward, double_output, note_forward>>>);
    BOOST_TEST(sizeof(hc::relu<>) == 1u);
}

// --- the true value ----------------------------------------------------------------------------------------

namespace {

template <class Relu>
using conv_relu = hc::sequential<hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>,
                                 hc::named<"relu", Relu>, hc::named<"pool", hc::avg_pool2d<2>>, hc::flatten<>,
                                 hc::named<"fc", hc::linear<12, 4>>>;

} // namespace

BOOST_AUTO_TEST_CASE(a_watcher_sees_the_true_value_and_never_what_an_in_place_step_wrote_over_it) {
    auto const m = with_noise<conv_relu<hc::relu<>>>();
    auto const x = two_images();
    hc::model<hc::sequential<hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, double> alone;
    std::copy_n(m.data(), alone.size(), alone.data());
    auto const pre_relu = alone(x);
    BOOST_TEST((xt::amin(pre_relu)() < 0)); // the test would be empty otherwise

    // A kept activation (captum#156, pytorch-grad-cam and torch-cam: conv followed by an in-place ReLU).
    check_same(get<"conv">(hc::activations<"conv">(m, x)), pre_relu);
    check_same(get<"conv">(hc::activations<"conv", "relu">(m, x)), pre_relu);
    // The input of the ReLU, seen by a hook after the ReLU ran (pytorch#95617).
    std::vector<double> seen;
    auto const note_input = [&](auto const&, auto const& input, auto const&) { seen = numbers(input); };
    static_cast<void>(hc::attach<"relu">(m, hc::on_forward(note_input))(x));
    BOOST_TEST(seen == numbers(pre_relu), boost::test_tools::per_element());
    // The input of a composite, seen after all of it ran, with an in-place layer first.
    using grouped =
        hc::sequential<hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>,
                       hc::named<"group", hc::sequential<hc::identity<>, hc::relu<>, hc::relu<>>>>;
    hc::model<grouped, double> g;
    std::copy_n(m.data(), g.size(), g.data());
    static_cast<void>(hc::attach<"group">(g, hc::on_forward(note_input))(x));
    BOOST_TEST(seen == numbers(pre_relu), boost::test_tools::per_element());
    // A view of a watched tensor is watched memory too.
    using viewed = hc::sequential<hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>,
                                  hc::flatten<>, hc::relu<>>;
    hc::model<viewed, double> v;
    std::copy_n(m.data(), v.size(), v.data());
    check_same(get<"conv">(hc::activations<"conv">(v, x)), pre_relu);
}

BOOST_AUTO_TEST_CASE(in_place_and_out_of_place_give_the_same_bits) {
    auto const in_place = with_noise<conv_relu<hc::relu<>>>();
    hc::model<conv_relu<mine::relu_out_of_place<>>, double> out_of_place;
    std::copy_n(in_place.data(), in_place.size(), out_of_place.data());
    auto const x = two_images();
    auto const g = two_gradients();
    using request = hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"conv">>>;
    auto p = hc::plan<hc::image<2, 4, 4>>(in_place, request{});
    auto q = hc::plan<hc::image<2, 4, 4>>(out_of_place, request{});
    check_same(p(x, g), q(x, g));
    check_same(p.activation<"conv">(), q.activation<"conv">());
    check_same(p.gradient<"conv">(), q.gradient<"conv">());
    check_same(p.input_gradient(), q.input_gradient());
    check_same(p.parameter_gradient("conv.weight"), q.parameter_gradient("conv.weight"));
    auto const cam = hc::grad_cam<"conv">(in_place, x), other = hc::grad_cam<"conv">(out_of_place, x);
    check_same(cam.raw, other.raw);
    check_same(cam.heatmap, other.heatmap);
}

BOOST_AUTO_TEST_CASE(who_looks_pays_with_memory_and_nobody_else) {
    auto const m = with_noise<conv_relu<hc::relu<>>>();
    auto const x = two_images();
    auto const memory_of = [&](auto plan) {
        plan.forward(x);
        return plan.memory();
    };
    auto const unwatched = memory_of(hc::plan<hc::image<2, 4, 4>>(m));
    // At most a copy in each form: as people see it, and in blocks, which 3 channels fill up to 8; in lines of 64 bytes.
    std::size_t const dense = 2 * 3 * 4 * 4 * sizeof(double);
    std::size_t const blocked = 2 * 8 * 4 * 4 * sizeof(double);
    std::size_t const most = unwatched + dense + blocked + 2 * 64;
    // What is kept cannot give its place to what comes later.
    auto const with_kept = memory_of(hc::plan<hc::image<2, 4, 4>>(m, hc::activations_request<"conv">{}));
    BOOST_TEST(with_kept > unwatched);
    BOOST_TEST(with_kept <= most);
    // A hook sees its value while it is there.
    auto const nothing = [](auto const&, auto const&, auto const&) {};
    for (auto const watched :
         {memory_of(hc::plan<hc::image<2, 4, 4>>(hc::attach<"conv">(m, hc::on_forward(nothing)))),
          memory_of(hc::plan<hc::image<2, 4, 4>>(hc::attach<"relu">(m, hc::on_forward(nothing))))}) {
        BOOST_TEST(watched >= unwatched);
        BOOST_TEST(watched <= most);
    }
}

// --- replacements and gradients ----------------------------------------------------------------------------

namespace {

/// The head of `nested` behind its tap, with the same parameters.
hc::model<behind_tap, double> head_of(hc::model<nested, double> const& m) {
    hc::model<behind_tap, double> made;
    std::copy_n(m.data() + (m.size() - made.size()), made.size(), made.data());
    return made;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_replacement_is_what_the_rest_of_the_network_sees) {
    auto const m = with_noise<nested>();
    auto const head = head_of(m);
    auto const x = two_images();
    auto const put = noise<double, 4>({2, 3, 4, 4}, 7);
    auto const expected = head(put);
    auto const replace_output = hc::on_forward([&](auto const&, auto const&, auto const&) { return put; });
    auto const replace_input = hc::on_forward_pre([&](auto const&, auto const&) { return put; });
    check_same(hc::attach<"tap">(m, replace_output)(x), expected);
    check_same(hc::attach<"tap">(m, replace_input)(x), expected);
    check_same(hc::attach<"block">(m, replace_output)(x), expected);
    check_same(hc::attach<"features">(m, replace_input)(x), expected);
    check_same(hc::attach<"features.0">(m, replace_input)(x), expected);
    // A replaced tensor in one branch of a residual is that branch's alone.
    hc::model<nested, double> const zero; // parameters are zero: the body ends in zeros
    auto const relu_of = [](auto const& t) { return xt::xtensor<double, 4>{xt::where(t > 0.0, t, 0.0)}; };
    auto found = hc::activations<"block">(hc::attach<"block.conv2">(zero, replace_output), x);
    check_same(get<"block">(found), relu_of(put)); // the shortcut brings zeros
}

BOOST_AUTO_TEST_CASE(the_gradient_passes_straight_through_a_replacement) {
    auto const m = with_noise<nested>();
    auto const head = head_of(m);
    auto const x = two_images();
    auto const g = two_gradients();
    auto const put = noise<double, 4>({2, 3, 4, 4}, 7);

    // At the tap there is the gradient of the head at the replacement, whatever function made that.
    auto from_head = hc::plan<hc::image<3, 4, 4>>(head, all_gradients{});
    from_head(put, g);
    using request =
        hc::with_parameter_gradients<hc::with_input_gradient<hc::gradients_request<"tap", "block">>>;
    auto p = hc::plan<hc::image<2, 4, 4>>(
        hc::attach<"tap">(m, hc::on_forward([&](auto const&, auto const&, auto const&) { return put; })),
        request{});
    p(x, g);
    check_same(p.gradient<"tap">(), from_head.input_gradient());
    check_same(p.gradient<"block">(), from_head.input_gradient());
    check_same(p.parameter_gradient("fc.weight"), from_head.parameter_gradient("fc.weight"));

    // A shift by a constant has the derivative one, so straight through is exact: finite differences.
    auto const shift = noise<double, 4>({2, 3, 4, 4}, 8);
    auto const shifted = hc::attach<"block.conv1">(
        hc::attach<"tap">(m, hc::on_forward_pre([&](auto const&, auto const& in) { return in + shift; })),
        hc::on_forward([&](auto const&, auto const&, auto const& out) { return out - shift; }));
    auto q = hc::plan<hc::image<2, 4, 4>>(shifted, request{});
    q(x, g);
    auto moved = x;
    check_near(q.input_gradient(), differences(moved.data(), moved.size(), g, [&] { return shifted(moved); }),
               difference_tolerance);
    auto changed = m;
    auto const again = hc::attach<"block.conv1">(
        hc::attach<"tap">(changed,
                          hc::on_forward_pre([&](auto const&, auto const& in) { return in + shift; })),
        hc::on_forward([&](auto const&, auto const&, auto const& out) { return out - shift; }));
    for (std::string const key : {"conv.weight", "block.conv1.weight", "block.conv2.bias", "fc.weight"}) {
        auto const of = changed.parameter(key);
        check_near(q.parameter_gradient(key),
                   differences(changed.parameter(key).data(), of.size(), g, [&] { return again(x); }),
                   difference_tolerance);
    }
}

BOOST_AUTO_TEST_CASE(a_transform_brings_its_own_backward) {
    auto const m = with_noise<nested>();
    auto const x = two_images();
    auto const g = two_gradients();
    auto const mask = noise<double, 4>({2, 3, 4, 4}, 11);
    auto const prune = hc::transform([&](auto const&, auto const&, auto const& out) { return out * mask; },
                                     [&](auto const& layer, auto const& grad) {
                                         BOOST_TEST(!layer.path().empty());
                                         return grad * mask;
                                     });
    auto const prune_input = hc::transform([&](auto const&, auto const& in) { return in * mask; },
                                           [&](auto const&, auto const& grad) { return grad * mask; });
    auto changed = m;
    auto const pruned =
        hc::attach<"tap">(hc::attach<"block">(hc::attach<"conv">(changed, hc::on_forward(prune)),
                                              hc::on_forward_pre(prune_input)),
                          hc::on_forward(prune, prune));
    auto p = hc::plan<hc::image<2, 4, 4>>(pruned, all_gradients{});
    check_same(p(x, g), pruned(x));
    auto moved = x;
    check_near(p.input_gradient(), differences(moved.data(), moved.size(), g, [&] { return pruned(moved); }),
               difference_tolerance);
    for (std::string const key :
         {"conv.weight", "conv.bias", "block.conv1.weight", "block.conv2.bias", "fc.weight"}) {
        auto const of = changed.parameter(key);
        check_near(p.parameter_gradient(key),
                   differences(changed.parameter(key).data(), of.size(), g, [&] { return pruned(x); }),
                   difference_tolerance);
    }

    // By hand: y = 2·(5.5·4) − (3·0) + 1, and the gradient is multiplied once.
    auto const a = by_hand();
    xt::xtensor<double, 2> const factors{{4, 0}};
    auto q = hc::plan(
        hc::attach<"t">(a, hc::on_forward(hc::transform(
                               [&](auto const&, auto const&, auto const& out) { return out * factors; },
                               [&](auto const&, auto const& grad) { return grad * factors; }))),
        all_gradients{});
    BOOST_TEST(q(by_hand_input(), xt::xtensor<double, 2>{{1}})(0, 0) == 45);
    check_same(q.input_gradient(), xt::xtensor<double, 2>{{8, 16}});
    // Straight through, the same replacement leaves the gradient alone.
    auto r = hc::plan(hc::attach<"t">(a, hc::on_forward([&](auto const&, auto const&, auto const& out) {
                                          return out * factors;
                                      })),
                      all_gradients{});
    r(by_hand_input(), xt::xtensor<double, 2>{{1}});
    check_same(r.input_gradient(), xt::xtensor<double, 2>{{3, 2}});
}

BOOST_AUTO_TEST_CASE(hooks_see_gradients_on_the_outer_side_of_the_layers_own_replacements) {
    // grad_output is that of the replaced output, grad_input that of the replaced input.
    auto const m = by_hand();
    std::vector<double> in, out;
    auto p = hc::plan(
        hc::attach<"t">(
            m,
            hc::on_forward_pre(hc::transform([](auto const&, auto const& x) { return x * 2.0; },
                                             [](auto const&, auto const& g) { return g * 2.0; })),
            hc::on_forward(hc::transform([](auto const&, auto const&, auto const& y) { return y * 5.0; },
                                         [](auto const&, auto const& g) { return g * 5.0; })),
            hc::on_backward([&](auto const&, auto const& grad_input, auto const& grad_output) {
                in = numbers(grad_input);
                out = numbers(grad_output);
            })),
        all_gradients{});
    p(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(out == (std::vector{2.0, -1.0}), boost::test_tools::per_element());
    BOOST_TEST(in == (std::vector{10.0, -5.0}), boost::test_tools::per_element());
    check_same(p.input_gradient(), xt::xtensor<double, 2>{{30, 20}});
}

BOOST_AUTO_TEST_CASE(replaced_gradients_are_what_the_rest_of_the_backward_sees) {
    auto const m = with_noise<nested>();
    auto const x = two_images();
    auto const g = two_gradients();
    auto const put = noise<double, 4>({2, 3, 4, 4}, 7);
    // The gradients of everything before the tap follow from the one at the tap alone.
    using before_tap = hc::sequential<
        hc::named<"conv", hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>, hc::relu<>,
        hc::named<"block", hc::sequential<hc::residual<hc::sequential<
                                              hc::named<"conv1", hc::conv2d<3, 3, hc::kernel<1>>>, hc::relu<>,
                                              hc::named<"conv2", hc::conv2d<3, 3, hc::kernel<1>>>>>,
                                          hc::relu<>>>>;
    hc::model<before_tap, double> front;
    std::copy_n(m.data(), front.size(), front.data());
    auto expected = hc::plan<hc::image<2, 4, 4>>(front, all_gradients{});
    expected(x, put);
    auto const check = [&](auto hooked_model) {
        auto p = hc::plan<hc::image<2, 4, 4>>(std::move(hooked_model), all_gradients{});
        p(x, g);
        check_same(p.input_gradient(), expected.input_gradient());
        check_same(p.parameter_gradient("conv.weight"), expected.parameter_gradient("conv.weight"));
        check_same(p.parameter_gradient("block.conv2.bias"), expected.parameter_gradient("block.conv2.bias"));
    };
    auto const put_before = hc::on_backward_pre([&](auto const&, auto const&) { return put; });
    auto const put_after = hc::on_backward([&](auto const&, auto const&, auto const&) { return put; });
    check(hc::attach<"tap">(m, put_before));
    check(hc::attach<"tap">(m, put_after));
    check(hc::attach<"block">(m, put_before));
    check(hc::attach<"features">(m, put_after));
    check(hc::attach<"features.0">(m, put_after));
}

BOOST_AUTO_TEST_CASE(gradients_of_the_unhooked_network_are_those_of_finite_differences) {
    // What the tests above compare with.
    auto m = with_noise<nested>();
    auto x = two_images();
    auto const g = two_gradients();
    auto p = hc::plan<hc::image<2, 4, 4>>(m, all_gradients{});
    p(x, g);
    xt::xtensor<double, 4> const of_input = p.input_gradient();
    check_near(of_input, differences(x.data(), x.size(), g, [&] { return m(x); }), difference_tolerance);
    for (auto const& entry : m.entries())
        check_near(p.parameter_gradient(entry.key),
                   differences(entry.data, entry.size, g, [&] { return m(x); }), difference_tolerance);
}

// --- the first layer ---------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_gradient_of_the_input_exists_where_it_was_asked_for) {
    auto const m = by_hand();
    using request = hc::with_parameter_gradients<hc::gradients_request<>>;
    bool first_was_empty = false, second_was_there = false;
    auto const hook = [&](auto const& layer, auto const& grad_input, auto const& grad_output) {
        using type = std::remove_cvref_t<decltype(grad_input)>;
        // One generic lambda serves every layer.
        auto const shape = grad_input.shape();
        BOOST_TEST(grad_output.size() != 0u);
        if (layer.path() == "a") {
            first_was_empty = std::is_same_v<type, hc::no_gradient>;
            BOOST_TEST(grad_input.size() == (first_was_empty ? 0u : 2u));
            BOOST_TEST(shape.size() == (first_was_empty ? 1u : 2u));
        } else {
            second_was_there = !std::is_same_v<type, hc::no_gradient>;
        }
    };
    auto const watched = hc::attach_all(m, hc::on_backward(hook));
    auto without = hc::plan(watched, request{});
    without(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(first_was_empty);
    BOOST_TEST(second_was_there);
    BOOST_TEST(count_steps(without, "backward linear") == 1u); // nothing runs backward to the input
    auto with = hc::plan(watched, hc::with_input_gradient<request>{});
    with(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(!first_was_empty);
    BOOST_TEST(count_steps(with, "backward linear") == 2u);
    static_assert(std::is_empty_v<hc::no_gradient>);
}

BOOST_AUTO_TEST_CASE(a_first_composite_and_its_first_layer_have_no_gradient_of_the_input_either) {
    using net =
        hc::sequential<hc::named<"stem", hc::sequential<hc::tap<"in">, hc::named<"a", hc::linear<2, 2>>>>,
                       hc::named<"b", hc::linear<2, 1>>>;
    hc::model<net, double> m;
    std::vector<std::string> order;
    auto const note = hc::on_backward([&](auto const& layer, auto const& in, auto const&) {
        order.push_back(std::string{layer.path()} + ' ' + std::to_string(in.size()));
    });
    xt::xtensor<double, 2> const one{{1}};
    auto p = hc::plan(hc::attach<"stem">(hc::attach<"b">(hc::attach<"stem.a">(m, note), note), note),
                      hc::gradients_request<>{});
    p(by_hand_input(), one);
    // In the order of the contract, whether there is a gradient or not (pytorch#100528 called the root
    // first).
    BOOST_TEST(order == (std::vector<std::string>{"b 2", "stem.a 0", "stem 0"}),
               boost::test_tools::per_element());
    // A hook of the tap asks for the gradient behind it, so then the layer computes that.
    order.clear();
    auto q = hc::plan(hc::attach_all(m, note), hc::gradients_request<>{});
    q(by_hand_input(), one);
    BOOST_TEST(order == (std::vector<std::string>{"b 2", "stem.a 2", "stem.in 0", "stem 0"}),
               boost::test_tools::per_element());
}

// --- how far backward goes ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(backward_goes_exactly_as_far_as_the_furthest_slot_or_request_needs) {
    auto const m = with_noise<nested>();
    auto const x = two_images();
    auto const g = two_gradients();
    auto const look = [](auto const&...) {};
    auto const backward_steps = [&](auto const& model, auto request) {
        auto p = hc::plan<hc::image<2, 4, 4>>(model, request);
        p(x, g);
        return count_steps(p, "backward");
    };
    using none = hc::gradients_request<>;
    // Nobody asks: not a single step.
    BOOST_TEST(backward_steps(m, none{}) == 0u);
    // The gradient of an output runs nothing of its own layer.
    BOOST_TEST(backward_steps(m, hc::gradients_request<"fc">{}) == 0u);
    BOOST_TEST(backward_steps(hc::attach<"fc">(m, hc::on_backward_pre(look)), none{}) == 0u);
    // That of an input runs its layer, and nothing before it.
    BOOST_TEST(backward_steps(hc::attach<"fc">(m, hc::on_backward(look)), none{}) == 1u);
    // linear, flatten, relu: up to the pool's output.
    BOOST_TEST(backward_steps(m, hc::gradients_request<"features.0">{}) == 3u);
    BOOST_TEST(backward_steps(hc::attach<"features.0">(m, hc::on_backward_pre(look)), none{}) == 3u);
    BOOST_TEST(backward_steps(hc::attach<"features.0">(m, hc::on_backward(look)), none{}) == 4u);
    // The furthest one decides.
    BOOST_TEST(backward_steps(hc::attach<"features.0">(m, hc::on_backward(look)),
                              hc::gradients_request<"fc">{}) == 4u);
    BOOST_TEST(backward_steps(hc::attach<"fc">(m, hc::on_backward(look)),
                              hc::gradients_request<"features.0">{}) == 3u);
    // Inside a residual: relu and sum come before conv2's output; the tap has nothing to do, and the shortcut is left alone.
    BOOST_TEST(backward_steps(m, hc::gradients_request<"block.conv2">{}) == 6u);
    // Forward hooks widen nothing, and neither do hooks of parameter gradients.
    BOOST_TEST(backward_steps(hc::attach_all(m, hc::on_forward(look), hc::on_forward_pre(look),
                                             hc::on_parameter_gradient(look)),
                              none{}) == 0u);
    // Grad-CAM at the convolution runs nothing of that convolution's backward, and no parameter's gradient.
    auto cam = hc::plan<hc::image<2, 4, 4>>(m, hc::grad_cam_request<"conv">{});
    cam(x);
    BOOST_TEST(count_steps(cam, "backward conv2d<2, 3") == 0u);
    BOOST_TEST(count_steps(cam, "backward conv2d<3, 3") == 2u);
    BOOST_TEST(count_steps(cam, "backward to parameters") == 0u);
}

BOOST_AUTO_TEST_CASE(a_truncated_backward_still_calls_the_hooks_of_its_target) {
    // (In PyTorch, autograd.grad does not run the node hooks of its inputs: #35802.)
    auto const m = with_noise<nested>();
    std::size_t calls = 0;
    auto p = hc::plan<hc::image<2, 4, 4>>(
        hc::attach<"block">(m, hc::on_backward_pre([&](auto const&, auto const& grad) {
                                ++calls;
                                return grad * 2.0;
                            })),
        hc::gradients_request<"block">{});
    auto q = hc::plan<hc::image<2, 4, 4>>(m, hc::gradients_request<"block">{});
    p(two_images(), two_gradients());
    q(two_images(), two_gradients());
    BOOST_TEST(calls == 1u);
    check_same(p.gradient<"block">(), xt::xtensor<double, 4>{q.gradient<"block">() * 2.0});
}

BOOST_AUTO_TEST_CASE(on_parameter_gradient_is_silent_in_a_plan_that_was_not_asked_for_parameter_gradients) {
    auto const m = by_hand();
    std::size_t calls = 0;
    auto const watched = hc::attach<"a">(m, hc::on_parameter_gradient([&](auto const&...) { ++calls; }));
    auto p = hc::plan(watched, hc::with_input_gradient<hc::gradients_request<>>{});
    p(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(calls == 0u);
    BOOST_TEST(count_steps(p, "backward to parameters") == 0u);
    auto q = hc::plan(watched, all_gradients{});
    q(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(calls == 2u);
}

BOOST_AUTO_TEST_CASE(the_gradient_of_a_parameter_is_complete_inside_a_backward_hook) {
    // (In PyTorch param.grad is None there: #149938.)
    auto const m = by_hand();
    std::vector<std::string> order;
    auto p =
        hc::plan(hc::attach<"b">(m, hc::on_backward([&](auto const&...) { order.emplace_back("backward"); }),
                                 hc::on_parameter_gradient([&](auto const&, auto const& name, auto const&) {
                                     order.emplace_back(name);
                                 }),
                                 hc::on_backward_pre([&](auto const&...) { order.emplace_back("pre"); })),
                 all_gradients{});
    p(by_hand_input(), xt::xtensor<double, 2>{{1}});
    BOOST_TEST(order == (std::vector<std::string>{"pre", "weight", "bias", "backward"}),
               boost::test_tools::per_element());
}

// --- inference ---------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(hooks_run_in_inference_and_backward_slots_are_silent_there) {
    auto const m = with_noise<nested>();
    journal log;
    auto const watched = attach_journal_everywhere(m, log);
    check_same(watched(two_images()), m(two_images()));
    BOOST_TEST(log.lines.size() == 2 * nested_paths.size());
    for (auto const& line : log.lines)
        BOOST_TEST((line.rfind("pre ", 0) == 0 || line.rfind("forward ", 0) == 0));
    log.lines.clear();
    auto p = hc::plan<hc::image<2, 4, 4>>(watched, hc::activations_request<"fc">{});
    p(two_images());
    BOOST_TEST(log.lines.size() == 2 * nested_paths.size());
}

// --- what a hook knows of its layer ------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(layer_has_type_name_path_type_and_parameters) {
    auto const m = with_noise<nested, float>();
    auto const x = two_images<float>();
    std::size_t calls = 0;
    auto const check = [&](std::string const& path, std::string const& type_name) {
        return hc::on_forward([&calls, path, type_name](auto const& layer, auto const&, auto const&) {
            ++calls;
            BOOST_TEST(layer.path() == path);
            BOOST_TEST(layer.type_name() == type_name);
        });
    };
    static_cast<void>(hc::attach<"conv">(m, check("conv", "conv2d<2, 3, kernel<3>, padding<1>>"))(x));
    static_cast<void>(hc::attach<"features">(
        m, check("features", "sequential<named<\"0\", avg_pool2d<2>>, named<\"1\", relu<>>>"))(x));
    static_cast<void>(hc::attach<"tap">(m, check("tap", "identity<>"))(x));
    BOOST_TEST(calls == 3u);
    static_cast<void>(hc::attach<"conv">(
        m, hc::on_forward([&](auto const& layer, auto const&, auto const&) {
            using type = typename std::remove_cvref_t<decltype(layer)>::type;
            static_assert(std::is_same_v<type, hc::conv2d<2, 3, hc::kernel<3>, hc::padding<1>>>);
            auto const weight = layer.parameter("weight");
            BOOST_TEST(weight.dimension() == 4u);
            BOOST_TEST(weight.data() == m.parameter("conv.weight").data());
            BOOST_CHECK_THROW((void)layer.parameter("wait"), hc::error);
            BOOST_CHECK_THROW((void)layer.parameter("conv.weight"), hc::error);
        }))(x));
    static_cast<void>(hc::attach<"block">(m, hc::on_forward([&](auto const& layer, auto const&, auto const&) {
                                              BOOST_TEST(layer.parameter("conv1.bias").data() ==
                                                         m.parameter("block.conv1.bias").data());
                                          }))(x));
    // A hook that names the base serves too.
    static_cast<void>(hc::attach<"conv">(
        m, hc::on_forward([](hc::layer_view<float> const& layer, hc::tensor_view<float const, 4> const& in,
                             hc::tensor_view<float const, 4> const& out) {
            BOOST_TEST(layer.path() == "conv");
            BOOST_TEST(in.shape()[1] == 2u);
            BOOST_TEST(out.shape()[1] == 3u);
        }))(x));
}

// --- exceptions --------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_throwing_hook_propagates_and_leaves_the_model_untouched_and_the_plan_usable) {
    auto const m = with_noise<nested>();
    auto const before = numbers(xt::adapt(m.data(), m.size(), xt::no_ownership(), std::array{m.size()}));
    auto const x = two_images();
    auto const g = two_gradients();
    auto expected = hc::plan<hc::image<2, 4, 4>>(m, all_gradients{});
    expected(x, g);
    std::string broken; // the event that throws
    std::string skipped;
    auto const may_throw = [&](std::string const& event) {
        return [&broken, event](auto const&...) {
            if (broken == event)
                throw std::runtime_error{event};
        };
    };
    auto const after = [&](std::string const& event) {
        return [&skipped, &broken, event](auto const&...) {
            if (broken == event)
                skipped += event;
        };
    };
    auto p = hc::plan<hc::image<2, 4, 4>>(
        hc::attach<"block">(m, hc::on_forward_pre(may_throw("pre"), after("pre")),
                            hc::on_forward(may_throw("forward"), after("forward")),
                            hc::on_backward_pre(may_throw("backward_pre"), after("backward_pre")),
                            hc::on_backward(may_throw("backward"), after("backward")),
                            hc::on_parameter_gradient(may_throw("gradient"), after("gradient"))),
        all_gradients{});
    for (std::string const event : {"pre", "forward", "backward_pre", "gradient", "backward"}) {
        broken = event;
        BOOST_CHECK_EXCEPTION(p(x, g), std::runtime_error, [&](auto const& e) { return event == e.what(); });
        BOOST_TEST(skipped == ""); // later hooks are skipped
        BOOST_TEST(numbers(xt::adapt(m.data(), m.size(), xt::no_ownership(), std::array{m.size()})) ==
                   before);
        broken.clear();
        check_same(p(x, g), expected.output());
        check_same(p.input_gradient(), expected.input_gradient());
        check_same(p.parameter_gradient("conv.weight"), expected.parameter_gradient("conv.weight"));
    }
}

BOOST_AUTO_TEST_CASE(after_a_forward_that_threw_there_is_no_backward) {
    auto const m = with_noise<nested>();
    bool throws = true;
    auto p = hc::plan<hc::image<2, 4, 4>>(hc::attach<"conv">(m, hc::on_forward([&](auto const&...) {
                                                                 if (throws)
                                                                     throw std::runtime_error{"no"};
                                                             })),
                                          all_gradients{});
    // Half of the activations are of another input, or not there at all.
    BOOST_CHECK_THROW(p.forward(two_images()), std::runtime_error);
    BOOST_CHECK_THROW(p.backward(two_gradients()), hc::error);
    throws = false;
    p.forward(two_images());
    p.backward(two_gradients());
    throws = true;
    BOOST_CHECK_THROW(p.forward(two_images(5)), std::runtime_error);
    BOOST_CHECK_THROW(p.backward(two_gradients()), hc::error);
    throws = false;
    p.forward(two_images());
    p.backward(two_gradients());
}

BOOST_AUTO_TEST_CASE(a_backward_that_threw_can_be_run_again) {
    auto const m = with_noise<nested>();
    bool throws = true;
    auto p = hc::plan<hc::image<2, 4, 4>>(hc::attach<"block.conv1">(m, hc::on_backward([&](auto const&...) {
                                                                        if (throws)
                                                                            throw std::runtime_error{"no"};
                                                                    })),
                                          all_gradients{});
    auto q = hc::plan<hc::image<2, 4, 4>>(m, all_gradients{});
    p.forward(two_images());
    BOOST_CHECK_THROW(p.backward(two_gradients()), std::runtime_error);
    throws = false;
    p.backward(two_gradients());
    q(two_images(), two_gradients());
    check_same(p.input_gradient(), q.input_gradient());
    check_same(p.parameter_gradient("conv.bias"), q.parameter_gradient("conv.bias"));
}

// --- attach ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(attach_borrows_the_model_and_copies_no_parameter) {
    auto m = by_hand();
    auto const watched = hc::attach<"t">(m, hc::on_forward([](auto const&...) {}));
    m.parameter("b.bias").data()[0] = 10;
    BOOST_TEST(watched(by_hand_input())(0, 0) == 18);
    auto p = hc::plan(watched);
    m.parameter("b.bias").data()[0] = 1;
    BOOST_TEST(p(by_hand_input())(0, 0) == 9);
    // Constness goes with it.
    static_assert(std::is_same_v<decltype(watched.parameters()), double*>);
    auto const& constant = m;
    static_assert(std::is_same_v<
                  decltype(hc::attach<"t">(constant, hc::on_forward([](auto const&...) {})).parameters()),
                  double const*>);
    // The model moves; what borrowed it goes on.
    auto const moved = std::move(m);
    BOOST_TEST(p(by_hand_input())(0, 0) == 9);
    BOOST_TEST(watched(by_hand_input())(0, 0) == 9);
}

BOOST_AUTO_TEST_CASE(calls_of_attach_nest_as_temporaries_and_by_name) {
    auto const m = by_hand();
    auto const add = [](double what) {
        return hc::on_forward([what](auto const&, auto const&, auto const& out) { return out + what; });
    };
    auto const one = hc::attach<"b">(m, add(1));
    auto const two = hc::attach<"b">(one, add(10));
    auto const three = hc::attach<"">(hc::attach<"b">(two, add(100)), add(1000));
    BOOST_TEST(one(by_hand_input())(0, 0) == 10);
    BOOST_TEST(two(by_hand_input())(0, 0) == 20);
    BOOST_TEST(three(by_hand_input())(0, 0) == 1120);
    auto p = hc::plan(two);
    auto q = hc::plan(hc::attach<"b">(two, add(100)));
    BOOST_TEST(p(by_hand_input())(0, 0) == 20);
    BOOST_TEST(q(by_hand_input())(0, 0) == 120);
    // A plan can be moved, with the hooks that it holds.
    auto moved = std::move(q);
    BOOST_TEST(moved(by_hand_input())(0, 0) == 120);
}

BOOST_AUTO_TEST_CASE(the_same_hook_attached_twice_is_called_twice) {
    auto const m = by_hand();
    std::size_t calls = 0;
    auto const hook = [&](auto const&...) { ++calls; };
    static_cast<void>(hc::attach<"t">(m, hc::on_forward(hook, hook), hc::on_forward(hook))(by_hand_input()));
    BOOST_TEST(calls == 3u);
}

// --- explanation -------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_activation_that_is_explained_is_the_layers_output_after_the_users_hooks) {
    auto const m = with_noise<nested>();
    auto const head = head_of(m);
    auto const x = two_images();
    auto const put = noise<double, 4>({2, 3, 4, 4}, 7);
    auto const watched =
        hc::attach<"tap">(m, hc::on_forward([&](auto const&, auto const&, auto const&) { return put; }));
    check_same(get<"tap">(hc::activations<"tap">(watched, x)), put);
    // The same map as at the input of the head.
    using tapped_head = hc::sequential<hc::tap<"in">, behind_tap>;
    hc::model<tapped_head, double> h;
    std::copy_n(head.data(), head.size(), h.data());
    auto const cam = hc::grad_cam<"tap">(watched, x, std::array{1, 2});
    auto const expected = hc::grad_cam<"in">(h, put, std::array{1, 2});
    check_same(cam.raw, expected.raw);
    check_same(cam.logits, expected.logits);
    check_same(get<"tap">(hc::gradients<"tap">(watched, x, std::array{1, 2})),
               get<"in">(hc::gradients<"in">(h, put, std::array{1, 2})));
}

BOOST_AUTO_TEST_CASE(
    one_kind_of_backward_hook_gives_grad_input_and_grad_output_of_the_layer_or_composite_itself) {
    // (PyTorch's first backward hook gave those of the last operation inside: #598, #12331.)
    auto const m = with_noise<nested>();
    auto const x = two_images();
    auto const g = two_gradients();
    using request = hc::with_input_gradient<hc::gradients_request<"conv", "block", "tap", "features", "fc">>;
    std::vector<std::vector<double>> in, out;
    auto p = hc::plan<hc::image<2, 4, 4>>(
        hc::attach<"features">(
            m, hc::on_backward([&](auto const&, auto const& grad_input, auto const& grad_output) {
                in.push_back(numbers(grad_input));
                out.push_back(numbers(grad_output));
            })),
        request{});
    p(x, g);
    BOOST_TEST_REQUIRE(in.size() == 1u);
    BOOST_TEST(in[0] == numbers(p.gradient<"tap">()), boost::test_tools::per_element());
    BOOST_TEST(out[0] == numbers(p.gradient<"features">()), boost::test_tools::per_element());
    BOOST_TEST(in[0].size() == 2 * 3 * 4 * 4u);
    BOOST_TEST(out[0].size() == 2 * 3 * 2 * 2u);
}
