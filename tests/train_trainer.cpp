// The loop: what it prints, writes and returns, that Ctrl-C loses nothing, and what it says of a loss that is not finite.

#define BOOST_TEST_MODULE train_trainer
#include <boost/test/unit_test.hpp>

#include "expect_error.hpp"
#include "temporary_folder.hpp"
#include "terminal.hpp"

#include <hookcam/data/data_loader.hpp>
#include <hookcam/hookcam.hpp>
#include <hookcam/train.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace hc = hookcam;
namespace {

using net = hc::sequential<hc::named<"conv", hc::conv2d<1, 4, hc::kernel<3>, hc::padding<1>>>,
                           hc::named<"bn", hc::batch_norm2d<4>>, hc::relu<>, hc::named<"drop", hc::dropout<>>,
                           hc::max_pool2d<2>, hc::flatten<>, hc::named<"fc", hc::linear<36, 3>>>;
using model_type = hc::model<net>;

/// 41 noisy images of three classes: bright at the top, in the middle, at the bottom.
struct stripes {
    static std::size_t size() { return 41; }
    static hc::image_shape shape() { return {1, 6, 6}; }
    static std::int64_t read(std::size_t index, hc::image_span<float> image) {
        auto const label = index % 3;
        for (std::size_t y = 0; y < 6; ++y)
            for (std::size_t x = 0; x < 6; ++x)
                image(0, y, x) = (y / 2 == label ? 1.0F : 0.0F) +
                                 0.3F * std::sin(static_cast<float>(index * 36 + y * 6 + x) * 12.9898F);
        return static_cast<std::int64_t>(label);
    }
};

using file = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

std::string slurp(std::filesystem::path const& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

/// A whole training: 6 batches an epoch, of 8 images but for the last.
struct run {
    explicit run(temporary_folder const& folder, std::string const& name, std::int64_t epochs = 3,
                 std::size_t workers = 0)
        : path{folder / (name + ".safetensors")},
          log{folder / (name + ".csv")},
          printed{folder / (name + ".txt")},
          output{std::fopen(printed.c_str(), "w"), std::fclose},
          loader{data,
                 hc::to_tensor<float>{},
                 {.batch_size = 8, .shuffle = true, .seed = 5, .workers = workers}} {
        hc::initialize(model, 1);
        training.emplace(hc::training_plan<hc::image<1, 6, 6>>(model, hc::train_all{.seed = 7}));
        optimizer.emplace(hc::adam(*training, {.learning_rate = 0.02}));
        schedule.emplace(*optimizer, hc::cosine_annealing_lr{.t_max = 18});
        loop.emplace(
            model, *training, *optimizer, criterion,
            hc::trainer_options{
                .epochs = epochs, .report_every = 4, .log = log, .checkpoint = path, .output = output.get()});
        loop->step_each_batch(*schedule);
    }

    std::filesystem::path path, log, printed;
    file output;
    stripes data;
    hc::data_loader<stripes, hc::to_tensor<float>> loader;
    model_type model;
    using training_type =
        decltype(hc::training_plan<hc::image<1, 6, 6>>(std::declval<model_type&>(), hc::train_all{}));
    std::optional<training_type> training;
    using optimizer_type = decltype(hc::adam(std::declval<training_type&>()));
    std::optional<optimizer_type> optimizer;
    std::optional<hc::scheduler<optimizer_type, hc::cosine_annealing_lr>> schedule;
    hc::cross_entropy<float> criterion;
    std::optional<hc::trainer<model_type, training_type, optimizer_type, hc::cross_entropy<float>>> loop;

    std::string text() const {
        std::fflush(output.get());
        return slurp(printed);
    }
    bool same_bits(run const& other) const {
        return std::memcmp(std::as_const(model).data(), other.model.data(), model.size() * sizeof(float)) ==
               0;
    }
};

/// The same training without a trainer; returns the loss of each batch.
std::vector<double> train_by_hand(run& of, auto& batches, int epochs) {
    std::vector<double> losses;
    for (int epoch = 0; epoch < epochs; ++epoch)
        for (auto const& batch : batches) {
            auto const loss = of.criterion(of.training->forward(batch.images), batch.labels);
            of.training->backward(loss.gradient);
            of.optimizer->step();
            of.schedule->step();
            losses.push_back(static_cast<double>(loss.value));
        }
    return losses;
}

double mean(std::vector<double> const& of, std::size_t first, std::size_t count) {
    double sum = 0;
    for (std::size_t i = first; i < first + count; ++i)
        sum += of.at(i);
    return sum / static_cast<double>(count);
}

/// What a pipe is told after so many batches.
std::string loss_line(int epoch, int batch, double loss) {
    char line[64];
    std::snprintf(line, sizeof line, "[%d, %d] loss: %.3f\n", epoch, batch, loss);
    return line;
}

/// Batches that lie in memory.
struct batch {
    xt::xtensor<float, 4> images;
    std::vector<std::int64_t> labels;
};
std::vector<batch> batches_of(run& source) {
    std::vector<batch> batches;
    for (auto const& each : source.loader)
        batches.push_back({each.images, {each.labels.begin(), each.labels.end()}});
    return batches;
}

} // namespace

BOOST_AUTO_TEST_CASE(it_learns_and_says_so) {
    temporary_folder const folder;
    run one{folder, "one"}, other{folder, "other"};
    auto const losses = train_by_hand(other, other.loader, 3);
    BOOST_TEST(one.loop->fit(one.loader));
    BOOST_TEST(one.same_bits(other));
    BOOST_TEST(one.loop->epochs() == 3);
    BOOST_TEST(one.loop->steps() == 18);
    // In a pipe: the mean of every four, and nothing else.
    auto const rows = one.loop->rows();
    BOOST_REQUIRE(rows.size() == 6u); // four batches and two, in each epoch
    std::string expected;
    for (std::size_t epoch = 0; epoch < 3; ++epoch) {
        double const four = mean(losses, 6 * epoch, 4), two = mean(losses, 6 * epoch + 4, 2);
        expected += loss_line(static_cast<int>(epoch) + 1, 4, four);
        BOOST_TEST(rows[2 * epoch].loss == four, boost::test_tools::tolerance(1e-12)); // double's rounding
        BOOST_TEST(rows[2 * epoch + 1].loss == two, boost::test_tools::tolerance(1e-12));
    }
    BOOST_TEST(one.text() == expected);
    BOOST_TEST(rows[0].loss > 0.8);
    BOOST_TEST(rows[5].loss < 0.6);
    BOOST_TEST(rows[5].accuracy > 0.8);
    BOOST_TEST(rows[3].epoch == 2);
    BOOST_TEST(rows[3].batch == 6);
    BOOST_TEST(rows[3].step == 12);
    BOOST_TEST(rows[0].learning_rate == 0.01 * (1 + std::cos(3 * std::acos(-1.0) / 18)),
               boost::test_tools::tolerance(1e-12));
    auto const log = slurp(one.log);
    BOOST_TEST(log.starts_with(
        "epoch,batch,step,learning_rate,loss,accuracy,validation_loss,validation_accuracy\n1,4,4,"));
    BOOST_TEST(std::count(log.begin(), log.end(), '\n') == 7);
    BOOST_TEST(log.ends_with(",,\n"));
}

BOOST_AUTO_TEST_CASE(a_terminal_sees_a_bar_for_each_epoch) {
    ::setenv("TERM", "xterm", 1);
    temporary_folder const folder;
    terminal const screen{120};
    run one{folder, "one", 2};
    hc::trainer loop{one.model, *one.training, *one.optimizer, one.criterion,
                     hc::trainer_options{.epochs = 2, .report_every = 4, .output = screen.stream.get()}};
    loop.step_each_batch(*one.schedule);
    BOOST_TEST(loop.fit(one.loader));
    auto const text = screen.text();
    auto const rows = loop.rows();
    BOOST_TEST(text.starts_with("\repoch 1/2  16 % [######..."), text);
    BOOST_TEST(text.find("] loss:") == std::string::npos, text); // a pipe's line
    // Each epoch is drawn over itself; its last state stays, with what the last row of the log says.
    std::size_t begin = 0;
    for (std::size_t epoch = 0; epoch < 2; ++epoch) {
        auto const end = text.find("\033[K\r\n", begin);
        BOOST_REQUIRE(end != std::string::npos);
        auto const line = text.substr(text.rfind('\r', end) + 1, end - text.rfind('\r', end) - 1);
        char wanted[64];
        std::snprintf(wanted, sizeof wanted, ", loss %.3f, rate %.3g", rows[2 * epoch + 1].loss,
                      rows[2 * epoch + 1].learning_rate);
        BOOST_TEST(line.starts_with(epoch == 0 ? "epoch 1/2 100 % [###" : "epoch 2/2 100 % [###"), line);
        BOOST_TEST(line.find("#] 6 of 6, ") != std::string::npos, line);
        BOOST_TEST(line.ends_with(wanted), line);
        begin = end + 5;
    }
    BOOST_TEST(begin == text.size());
}

BOOST_AUTO_TEST_CASE(in_a_pipe_every_100_batches_make_a_line) {
    temporary_folder const folder;
    run one{folder, "one"}, other{folder, "other"};
    auto const few = batches_of(one);
    std::vector<batch> batches;
    for (std::size_t i = 0; i < 230; ++i)
        batches.push_back(few[i % few.size()]);
    hc::trainer loop{one.model, *one.training, *one.optimizer, one.criterion,
                     hc::trainer_options{.output = one.output.get()}};
    BOOST_TEST(loop.step_each_batch(*one.schedule).fit(batches));
    auto const losses = train_by_hand(other, batches, 1);
    BOOST_TEST(one.text() ==
               loss_line(1, 100, mean(losses, 0, 100)) + loss_line(1, 200, mean(losses, 100, 100)));
    BOOST_TEST(loop.rows().size() == 3u);
}

BOOST_AUTO_TEST_CASE(interrupted_anywhere_and_resumed_it_makes_the_same_bits) {
    temporary_folder const folder;
    run never_stopped{folder, "whole"};
    BOOST_TEST(never_stopped.loop->fit(never_stopped.loader));
    for (int const at : {1, 4, 6, 9, 17, 18}) { // in and at the end of rows and epochs
        auto const name = "stopped" + std::to_string(at);
        {
            run stopped{folder, name};
            int step = 0;
            stopped.loop->before_step([&] {
                if (++step == at)
                    std::raise(SIGINT);
            });
            BOOST_TEST(!stopped.loop->fit(stopped.loader));
            BOOST_TEST(stopped.loop->steps() == at); // the step was finished
            BOOST_TEST(stopped.text().find("interrupted after ") != std::string::npos);
            BOOST_TEST(stopped.text().find("saved in " + stopped.path.string()) != std::string::npos);
        }
        run resumed{folder, name, 3, 2}; // with workers, too
        resumed.loop->resume(resumed.path);
        BOOST_TEST(resumed.loop->fit(resumed.loader));
        BOOST_TEST(resumed.same_bits(never_stopped), "resumed after " << at);
        BOOST_TEST((slurp(resumed.log) == slurp(never_stopped.log)));
        BOOST_TEST((slurp(resumed.path) == slurp(never_stopped.path)));
    }
}

BOOST_AUTO_TEST_CASE(a_checkpoint_is_there_after_every_so_many_steps) {
    temporary_folder const folder;
    run never_stopped{folder, "whole"}, stopped{folder, "stopped"}, resumed{folder, "stopped"};
    BOOST_TEST(never_stopped.loop->fit(never_stopped.loader));
    hc::trainer loop{stopped.model, *stopped.training, *stopped.optimizer, stopped.criterion,
                     hc::trainer_options{.epochs = 3,
                                         .report_every = 4,
                                         .checkpoint = stopped.path,
                                         .checkpoint_every = 4,
                                         .output = nullptr}};
    std::vector<std::int64_t> saved; // the steps of which the file is, when each gradient is there
    loop.step_each_batch(*stopped.schedule).before_step([&] {
        if (loop.steps() == 11)
            throw std::runtime_error{"the plug was pulled"};
        saved.push_back(
            std::filesystem::exists(stopped.path)
                ? hc::read_safetensors(stopped.path).find("trainer.step")->to<std::int64_t>().at(0)
                : 0);
    });
    BOOST_CHECK_THROW(loop.fit(stopped.loader), std::runtime_error);
    // After four steps, the six of an epoch, and eight.
    BOOST_TEST(saved == (std::vector<std::int64_t>{0, 0, 0, 0, 4, 4, 6, 6, 8, 8, 8}),
               boost::test_tools::per_element());
    resumed.loop->resume(stopped.path);
    BOOST_TEST(resumed.loop->steps() == 8);
    BOOST_TEST(resumed.loop->fit(resumed.loader));
    BOOST_TEST(resumed.same_bits(never_stopped));
    BOOST_TEST((slurp(resumed.log) == slurp(never_stopped.log)));
}

BOOST_AUTO_TEST_CASE(a_schedule_may_step_each_epoch) {
    temporary_folder const folder;
    hc::step_lr const halves{.step_size = 1, .gamma = 0.5};
    auto const rates = [&](std::string const& name, int stop_at, bool resume) {
        run one{folder, name};
        hc::scheduler schedule{*one.optimizer, halves};
        hc::trainer loop{
            one.model, *one.training, *one.optimizer, one.criterion,
            hc::trainer_options{.epochs = 3, .report_every = 4, .checkpoint = one.path, .output = nullptr}};
        loop.step_each_epoch(schedule).before_step([&] {
            if (loop.steps() == stop_at)
                std::raise(SIGINT);
        });
        if (resume)
            loop.resume(one.path);
        BOOST_TEST(loop.fit(one.loader) == (stop_at < 0));
        std::vector<double> result;
        for (auto const& row : loop.rows())
            result.push_back(row.learning_rate);
        return result;
    };
    std::vector<double> const expected{0.02, 0.02, 0.01, 0.01, 0.005, 0.005}; // two rows an epoch
    BOOST_TEST(rates("whole", -1, false) == expected, boost::test_tools::per_element());
    BOOST_TEST(rates("stopped", 8, false).size() == 2u); // in the second epoch
    BOOST_TEST(rates("stopped", -1, true) == expected, boost::test_tools::per_element());
    BOOST_TEST((slurp(folder / "stopped.safetensors") == slurp(folder / "whole.safetensors")));
}

BOOST_AUTO_TEST_CASE(a_training_that_was_finished_can_be_made_longer) {
    temporary_folder const folder;
    run whole{folder, "whole"}, first{folder, "first", 1};
    BOOST_TEST(whole.loop->fit(whole.loader));
    BOOST_TEST(first.loop->fit(first.loader));
    run rest{folder, "rest"};
    rest.loop->resume(first.path);
    BOOST_TEST(rest.loop->epochs() == 1);
    BOOST_TEST(rest.loop->fit(rest.loader));
    BOOST_TEST(rest.same_bits(whole));
}

BOOST_AUTO_TEST_CASE(it_validates_after_each_epoch) {
    temporary_folder const folder;
    run one{folder, "one", 2}, without{folder, "without", 2};
    hc::data_loader<stripes, hc::to_tensor<float>> all{one.data, hc::to_tensor<float>{}, {.batch_size = 41}};
    all.set_epoch(7); // whatever it was used for before, it draws as it would without
    BOOST_TEST(one.loop->fit(one.loader, all));
    BOOST_TEST(all.epoch() == 2u);
    auto const rows = one.loop->rows();
    BOOST_TEST(std::isnan(rows[2].validation_loss));
    auto const found = hc::evaluate(one.model, all, one.criterion);
    BOOST_TEST(rows[3].validation_loss == found.loss);
    BOOST_TEST(rows[3].validation_accuracy == static_cast<double>(found.correct) / 41);
    BOOST_TEST(slurp(one.printed).find("[2] validation loss: ") != std::string::npos); // is not held back
    BOOST_TEST(without.loop->fit(without.loader));
    BOOST_TEST(one.same_bits(without)); // looking changes nothing
}

BOOST_AUTO_TEST_CASE(a_resumed_training_may_report_more_often) {
    temporary_folder const folder;
    run stopped{folder, "stopped", 1}, resumed{folder, "resumed", 1};
    stopped.loop->before_step([&] {
        if (stopped.loop->steps() == 2)
            std::raise(SIGINT);
    });
    BOOST_TEST(!stopped.loop->fit(stopped.loader));
    hc::trainer loop{resumed.model, *resumed.training, *resumed.optimizer, resumed.criterion,
                     hc::trainer_options{.epochs = 1, .report_every = 2, .output = nullptr}};
    loop.step_each_batch(*resumed.schedule).resume(stopped.path);
    BOOST_TEST(loop.fit(resumed.loader));
    BOOST_TEST(loop.rows().size() == 2u); // after the fourth batch and the sixth
}

BOOST_AUTO_TEST_CASE(what_cannot_be_trained_or_saved_is_said_at_once) {
    temporary_folder const folder;
    run one{folder, "none/one"}, two{folder, "two"};
    expect_error(hc::error_kind::file, {"hookcam::trainer", "none/one.safetensors\" must be there"},
                 [&] { one.loop->fit(one.loader); });
    BOOST_TEST(one.loop->steps() == 0);
    std::vector<hc::image_batch<float>> const nothing;
    expect_error(hc::error_kind::use, {"the loader gave none in epoch 1"}, [&] { two.loop->fit(nothing); });
    BOOST_TEST(two.loop->rows().empty());
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_stops_with_the_layers_name) {
    temporary_folder const folder;
    using kind = hc::error_kind;
    {
        run one{folder, "one"};
        auto const was = std::as_const(one.model).parameter("fc.weight").data()[7];
        one.model.parameter("fc.weight").data()[7] = std::numeric_limits<float>::infinity();
        auto const before = std::vector<float>(one.model.data(), one.model.data() + one.model.size());
        expect_error(kind::use, {"is nan at batch 1 of epoch 1", "the layer \"fc\", a linear<36, 3>"},
                     [&] { one.loop->fit(one.loader); });
        BOOST_TEST(std::memcmp(before.data(), one.model.data(), before.size() * sizeof(float)) == 0);
        BOOST_TEST(!std::filesystem::exists(one.path)); // nothing bad is saved

        // Who has mended it goes on as if that batch had never been.
        one.model.parameter("fc.weight").data()[7] = was;
        run never_stopped{folder, "two"};
        BOOST_TEST(one.loop->fit(one.loader));
        BOOST_TEST(never_stopped.loop->fit(never_stopped.loader));
        BOOST_TEST(one.same_bits(never_stopped));
    }
    {
        run one{folder, "three"};
        int step = 0;
        one.loop->before_step([&] {
            if (++step == 8)
                one.training->gradients()[0] = std::numeric_limits<float>::quiet_NaN();
        });
        expect_error(kind::use, {"at batch 3 of epoch 2", "the layer \"conv\""},
                     [&] { one.loop->fit(one.loader); });
        BOOST_TEST(one.loop->steps() == 8);
    }
}

BOOST_AUTO_TEST_CASE(batches_may_lie_in_a_vector) {
    run source{temporary_folder{}, "source"};
    auto const batches = batches_of(source);
    temporary_folder const folder;
    run one{folder, "one", 2}, stopped{folder, "stopped", 2}, resumed{folder, "stopped", 2};
    BOOST_TEST(one.loop->fit(batches));
    int step = 0;
    stopped.loop->before_step([&] {
        if (++step == 8)
            std::raise(SIGINT);
    });
    BOOST_TEST(!stopped.loop->fit(batches));
    resumed.loop->resume(stopped.path);
    BOOST_TEST(resumed.loop->fit(batches));
    BOOST_TEST(resumed.same_bits(one));
}
