// Runs what train_pytorch.py chose: train_pytorch INPUTS OUTPUTS, both safetensors. A key such as `adam.3` says what is
// run, and tensors below it say how: `adam.3.options`, `adam.3.gradients`.

#include "given_gradients.hpp"

#include <hookcam/compose/named.hpp>
#include <hookcam/compose/sequential.hpp>
#include <hookcam/io/read_weights.hpp>
#include <hookcam/io/write_safetensors.hpp>
#include <hookcam/layers/linear/linear.hpp>
#include <hookcam/train.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace hc = hookcam;
namespace {

using numbers = std::vector<double>;

/// What the script gave below a key, and what goes back.
struct setting {
    std::string key;
    hc::state_dict const& given;
    hc::state_dict& results;

    [[nodiscard]] bool has(std::string const& name) const { return given.find(key + '.' + name) != nullptr; }
    [[nodiscard]] hc::state_entry const& entry(std::string const& name) const {
        auto const* const found = given.find(key + '.' + name);
        if (found == nullptr)
            throw hc::error{hc::error_kind::use, "train_pytorch: there must be a tensor " + key + '.' + name};
        return *found;
    }
    [[nodiscard]] numbers get(std::string const& name) const { return entry(name).to<double>(); }
    [[nodiscard]] numbers get_or_none(std::string const& name) const {
        return has(name) ? get(name) : numbers{};
    }

    template <std::size_t Rank>
    [[nodiscard]] xt::xtensor<double, Rank> tensor(std::string const& name) const {
        std::array<std::size_t, Rank> shape{};
        std::copy_n(entry(name).shape.begin(), Rank, shape.begin());
        auto result = xt::xtensor<double, Rank>::from_shape(shape);
        std::ranges::copy(get(name), result.data());
        return result;
    }

    void put(std::string const& name, std::span<double const> values, std::vector<std::size_t> shape) const {
        auto const bytes = std::as_bytes(values);
        results.insert(key + '.' + name, {hc::dtype::f64, std::move(shape), {bytes.begin(), bytes.end()}});
    }
    void put(std::string const& name, auto const& view) const {
        put(name, {view.data(), view.size()}, {view.shape().begin(), view.shape().end()});
    }
};

// ------------------------------------------------------------------------------------------------ losses

void put_loss(setting const& one, auto const& loss) {
    one.put("value", std::array{loss.value}, {});
    one.put("values", loss.values);
    one.put("gradient", loss.gradient);
}

hc::reduction reduction_of(double number) {
    return number == 0 ? hc::reduction::mean : number == 1 ? hc::reduction::sum : hc::reduction::none;
}

void run_class_loss(setting const& one, auto criterion) {
    auto const labels = one.entry("labels").to<std::int64_t>();
    if (one.entry("x").shape.size() == 2)
        put_loss(one, criterion(one.tensor<2>("x"), labels));
    else
        put_loss(one, criterion(one.tensor<4>("x"), labels));
}

void run_loss(setting const& one, std::string const& what) {
    auto const options = one.get("options");
    auto const how = reduction_of(options[0]);
    if (what == "cross_entropy")
        run_class_loss(one,
                       hc::cross_entropy<double>{{one.get_or_none("weight"),
                                                  static_cast<std::int64_t>(options[1]), how, options[2]}});
    else if (what == "nll_loss")
        run_class_loss(one, hc::nll_loss<double>{
                                {one.get_or_none("weight"), static_cast<std::int64_t>(options[1]), how}});
    else if (what == "mse_loss")
        put_loss(one, hc::mse_loss<double>{{how}}(one.tensor<2>("x"), one.tensor<2>("t")));
    else if (what == "l1_loss")
        put_loss(one, hc::l1_loss<double>{{how}}(one.tensor<2>("x"), one.tensor<2>("t")));
    else
        put_loss(one, hc::binary_cross_entropy_with_logits<double>{{one.get_or_none("weight"),
                                                                    one.get_or_none("pos_weight"), how}}(
                          one.tensor<2>("x"), one.tensor<2>("t")));
}

void run_default_loss(setting const& one, std::string const& what) {
    if (what == "cross_entropy")
        run_class_loss(one, hc::cross_entropy<double>{});
    else if (what == "nll_loss")
        run_class_loss(one, hc::nll_loss<double>{});
    else if (what == "mse_loss")
        put_loss(one, hc::mse_loss<double>{}(one.tensor<2>("x"), one.tensor<2>("t")));
    else if (what == "l1_loss")
        put_loss(one, hc::l1_loss<double>{}(one.tensor<2>("x"), one.tensor<2>("t")));
    else
        put_loss(one, hc::binary_cross_entropy_with_logits<double>{}(one.tensor<2>("x"), one.tensor<2>("t")));
}

// -------------------------------------------------------------------------------------------- optimisers

using net = hc::sequential<hc::named<"a", hc::linear<7, 5>>, hc::named<"b", hc::linear<5, 3>>>;
using training = given_gradients<hc::model<net, double>>;

hc::sgd_options sgd_of(numbers const& o) {
    return {o[0], o[1], o[2], o[3], o[4] != 0};
}
template <class Options>
Options adam_of(numbers const& o) {
    return {o[0], {o[1], o[2]}, o[3], o[4], o[5] != 0};
}
hc::rmsprop_options rmsprop_of(numbers const& o) {
    return {o[0], o[1], o[2], o[3], o[4], o[5] != 0};
}

/// Steps through the gradients given, where NaN stands for a parameter that has none at that step.
void run_steps(setting const& one, hc::model<net, double>& model, training& to, auto optimizer) {
    auto const gradients = one.get("gradients");
    auto const limits = one.get_or_none("clip"); // value, norm, type of norm
    numbers norms, all;
    for (auto from = gradients.begin(); from != gradients.end();
         from += static_cast<std::ptrdiff_t>(model.size())) {
        std::copy_n(from, model.size(), to.gradients().begin());
        to.frozen.clear();
        std::size_t at = 0, index = 0;
        for (auto const& entry : model.entries()) {
            if (to.gradients()[at] != to.gradients()[at]) {
                to.frozen.insert(index);
                std::fill_n(to.gradients().begin() + static_cast<std::ptrdiff_t>(at), entry.size, 0.0);
            }
            at += entry.size;
            ++index;
        }
        if (!limits.empty()) {
            hc::clip_gradient_value(to, limits[0]);
            norms.push_back(hc::clip_gradient_norm(to, limits[1], limits[2]));
        }
        optimizer.step();
        all.insert(all.end(), model.data(), model.data() + model.size());
    }
    one.put("parameters", all, {all.size()});
    if (!limits.empty())
        one.put("norms", norms, {norms.size()});
}

void run_optimizer(setting const& one, std::string const& what) {
    hc::model<net, double> model;
    std::ranges::copy(one.get("start"), model.data());
    training to{model};
    auto const first = one.get("options");
    auto const second = one.get("group"); // what "b" has instead
    if (what == "sgd")
        run_steps(one, model, to, hc::sgd(to, sgd_of(first), {{"b", sgd_of(second)}}));
    else if (what == "adam")
        run_steps(one, model, to,
                  hc::adam(to, adam_of<hc::adam_options>(first), {{"b", adam_of<hc::adam_options>(second)}}));
    else if (what == "adamw")
        run_steps(
            one, model, to,
            hc::adamw(to, adam_of<hc::adamw_options>(first), {{"b", adam_of<hc::adamw_options>(second)}}));
    else
        run_steps(one, model, to, hc::rmsprop(to, rmsprop_of(first), {{"b", rmsprop_of(second)}}));
}

void run_default_optimizer(setting const& one, std::string const& what) {
    hc::model<net, double> model;
    std::ranges::copy(one.get("start"), model.data());
    training to{model};
    if (what == "sgd")
        run_steps(one, model, to, hc::sgd(to));
    else if (what == "adam")
        run_steps(one, model, to, hc::adam(to));
    else if (what == "adamw")
        run_steps(one, model, to, hc::adamw(to));
    else
        run_steps(one, model, to, hc::rmsprop(to));
}

// --------------------------------------------------------------------------------------------- schedules

/// The rates and momenta of two groups, step by step.
void run_schedule(setting const& one, auto schedule) {
    auto const o = one.get("base"); // the rates of two groups, and the number of steps
    hc::model<net, double> model;
    training to{model};
    auto optimizer = hc::sgd(to, {.learning_rate = o[0], .momentum = 0.5},
                             {{"b", {.learning_rate = o[1], .momentum = 0.5}}});
    hc::scheduler scheduler{optimizer, schedule};
    numbers rates, momenta;
    for (double step = 0;; ++step) {
        for (auto const& group : optimizer.groups()) {
            rates.push_back(group.options.learning_rate);
            momenta.push_back(group.options.momentum);
        }
        if (step == o[2])
            break;
        scheduler.step();
    }
    one.put("rates", rates, {rates.size()});
    one.put("momenta", momenta, {momenta.size()});
}

void run_scheduler(setting const& one, std::string const& what) {
    auto const o = one.get("options");
    auto const whole = [&](std::size_t i) { return static_cast<std::int64_t>(o[i]); };
    if (what == "step_lr") {
        run_schedule(one, hc::step_lr{whole(0), o[1]});
    } else if (what == "multi_step_lr") {
        hc::multi_step_lr schedule{{}, o[0]};
        for (std::size_t i = 1; i < o.size(); ++i)
            schedule.milestones.push_back(whole(i));
        run_schedule(one, schedule);
    } else if (what == "cosine_annealing_lr") {
        run_schedule(one, hc::cosine_annealing_lr{whole(0), o[1]});
    } else if (what == "linear_lr") {
        run_schedule(one, hc::linear_lr{o[0], o[1], whole(2)});
    } else if (what == "one_cycle_lr") {
        run_schedule(one, hc::one_cycle_lr{o[0], whole(1), o[2], o[3] != 0, o[4] != 0, o[5], o[6], o[7], o[8],
                                           o[9] != 0});
    } else {
        run_schedule(one, hc::sequential_lr{{whole(0), whole(1)},
                                            hc::linear_lr{o[2], o[3], whole(4)},
                                            hc::cosine_annealing_lr{whole(5), o[6]},
                                            hc::step_lr{whole(7), o[8]}});
    }
}

/// With what has no default alone.
void run_default_scheduler(setting const& one, std::string const& what) {
    auto const o = one.get("options");
    auto const whole = [&](std::size_t i) { return static_cast<std::int64_t>(o[i]); };
    if (what == "step_lr")
        run_schedule(one, hc::step_lr{.step_size = whole(0)});
    else if (what == "multi_step_lr")
        run_schedule(one, hc::multi_step_lr{.milestones = {whole(0), whole(1)}});
    else if (what == "cosine_annealing_lr")
        run_schedule(one, hc::cosine_annealing_lr{.t_max = whole(0)});
    else if (what == "linear_lr")
        run_schedule(one, hc::linear_lr{});
    else
        run_schedule(one, hc::one_cycle_lr{.max_learning_rate = o[0], .total_steps = whole(1)});
}

} // namespace

int main(int, char** argv) {
    auto const given = hc::read_weights(std::filesystem::path{argv[1]});
    hc::state_dict results;
    std::set<std::string> keys;
    for (auto const& [key, entry] : given)
        keys.insert(key.substr(0, key.rfind('.')));
    for (auto const& key : keys) {
        bool const defaults = key.starts_with("defaults.");
        auto const what = defaults ? key.substr(key.find('.') + 1) : key.substr(0, key.find('.'));
        setting const one{key, given, results};
        if (what.ends_with("_lr"))
            (defaults ? run_default_scheduler : run_scheduler)(one, what);
        else if (one.has("start"))
            (defaults ? run_default_optimizer : run_optimizer)(one, what);
        else
            (defaults ? run_default_loss : run_loss)(one, what);
    }
    hc::write_safetensors(argv[2], results);
}
