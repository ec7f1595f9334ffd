// train_cifar10 as its user runs it, on a few of CIFAR-10's pictures.

#define BOOST_TEST_MODULE train_program
#include <boost/test/unit_test.hpp>

#include "reference.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"

#include <hookcam/data/image_file.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using boost::unit_test::precondition;

program_result train(std::vector<std::string> arguments) {
    return run_program(HOOKCAM_TRAIN_CIFAR10, arguments);
}

/// On the first pictures: of 640 there are ten batches an epoch.
std::vector<std::string> arguments_for_some(std::filesystem::path const& out,
                                            std::vector<std::string> const& more, int limit = 640) {
    std::vector<std::string> arguments{"--data",  (reference::folder / "data/cifar10").string(),
                                       "--limit", std::to_string(limit),
                                       "--out",   out.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}
program_result train_some(std::filesystem::path const& out, std::vector<std::string> const& more) {
    return train(arguments_for_some(out, more));
}

std::string slurp(std::filesystem::path const& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

std::string last_line(std::string const& text) {
    auto const end = text.find_last_not_of('\n');
    auto const begin = text.rfind('\n', end);
    return text.substr(begin == std::string::npos ? 0 : begin + 1, end - begin);
}

/// Runs it on the same pictures, and types Ctrl-C as soon as a file is there.
program_result interrupt_some(std::filesystem::path const& out, std::vector<std::string> const& more,
                              std::filesystem::path const& when) {
    temporary_folder const folder;
    auto const output = folder / "output";
    auto arguments = arguments_for_some(out, more);
    arguments.insert(arguments.begin(), HOOKCAM_TRAIN_CIFAR10);
    std::vector<char*> pointers;
    for (auto& argument : arguments)
        pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    auto const child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        int const to = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (dup2(to, STDOUT_FILENO) >= 0 && dup2(to, STDERR_FILENO) >= 0)
            execv(HOOKCAM_TRAIN_CIFAR10, pointers.data());
        _exit(127);
    }
    int status = 0;
    while (!std::filesystem::exists(when)) {
        BOOST_TEST_REQUIRE(waitpid(child, &status, WNOHANG) == 0, "it ended: " << slurp(output));
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    kill(child, SIGINT);
    BOOST_REQUIRE(waitpid(child, &status, 0) == child);
    BOOST_REQUIRE(WIFEXITED(status));
    return {WEXITSTATUS(status), slurp(output), {}};
}

bool ends_well(program_result const& run) {
    auto const line = last_line(run.output);
    return run.status == 0 && run.errors.empty() && line.find(" of 640 correct") != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_CASE(it_trains_and_writes_everything, *precondition(reference::is_there)) {
    temporary_folder const folder;
    auto const one = train_some(folder / "one", {});
    BOOST_TEST(ends_well(one), one.output << one.errors);
    for (auto const* name :
         {"model.safetensors", "checkpoint.safetensors", "log.csv", "curves.png", "grad_cam.png"})
        BOOST_TEST(std::filesystem::file_size(folder / "one" / name) > 100u);
    for (auto const& [name, width] : {std::pair{"curves.png", 1000U}, {"grad_cam.png", 1200U}}) {
        auto const drawn = hookcam::load_picture(folder / "one" / name);
        BOOST_TEST(drawn.width() == width);
        BOOST_TEST(drawn.height() == 400u);
        BOOST_TEST(std::ranges::count(drawn.bytes(), 255) < std::ssize(drawn.bytes())); // paper is white
    }
    auto const log = slurp(folder / "one/log.csv");
    BOOST_TEST(std::count(log.begin(), log.end(), '\n') == 2);

    // Any number of threads makes the same bits, another seed others.
    auto const threads = train_some(folder / "threads", {"--threads", "3", "--seed", "1"});
    BOOST_TEST(threads.output == one.output);
    auto const bits = slurp(folder / "one/model.safetensors");
    BOOST_TEST((slurp(folder / "threads/model.safetensors") == bits));
    BOOST_TEST(
        (slurp(folder / "threads/checkpoint.safetensors") == slurp(folder / "one/checkpoint.safetensors")));
    static_cast<void>(train_some(folder / "seed", {"--seed", "2"}));
    BOOST_TEST((slurp(folder / "seed/model.safetensors") != bits));

    // What is trained already is not trained again.
    auto const done =
        train_some(folder / "done", {"--resume", (folder / "one/checkpoint.safetensors").string()});
    BOOST_TEST(last_line(done.output) == last_line(one.output));
    BOOST_TEST((slurp(folder / "done/model.safetensors") == bits));

    // One goes on as it began, or not at all.
    auto const other =
        train_some(folder / "other", {"--resume", (folder / "one/checkpoint.safetensors").string(),
                                      "--network", "resnet20", "--seed", "2"});
    BOOST_TEST(other.status == 1);
    BOOST_TEST(other.output.empty());
    BOOST_TEST(
        other.errors.find("checkpoint.safetensors: must be of this training; optimizer: \"adam\" in the "
                          "file, \"sgd with Nesterov's momentum\" here; --network: \"simple_cnn\" in the "
                          "file, \"resnet20\" here; --seed: \"1\" in the file, \"2\" here; go on with") !=
            std::string::npos,
        other.errors);
    BOOST_TEST(!std::filesystem::exists(folder / "other/model.safetensors"));
}

BOOST_AUTO_TEST_CASE(weights_are_loaded_where_they_are_there, *precondition(reference::is_there)) {
    temporary_folder const folder;
    auto const weights = (folder / "cnn.pth").string();
    auto const first = train_some(folder / "first", {"--weights", weights, "--augment"});
    BOOST_TEST(ends_well(first), first.output << first.errors);
    auto const second = train_some(folder / "second", {"--weights", weights});
    BOOST_TEST(second.output == last_line(first.output) + '\n');
    BOOST_TEST(!std::filesystem::exists(folder / "second/log.csv"));
    BOOST_TEST((slurp(folder / "second/model.safetensors") == slurp(folder / "first/model.safetensors")));
    // What cannot be saved is said before the training.
    auto const refused = train_some(folder / "fourth", {"--weights", (folder / "cnn.bin").string()});
    BOOST_TEST(refused.status == 2);
    BOOST_TEST(refused.errors.find("must end with .safetensors") != std::string::npos, refused.errors);
    BOOST_TEST(!std::filesystem::exists(folder / "fourth/log.csv"));
    // PyTorch's weights, too.
    auto const pytorch = train_some(
        folder / "third", {"--weights", (reference::folder / "reference/torch/cifar10_cnn.pth").string()});
    BOOST_TEST(ends_well(pytorch), pytorch.output << pytorch.errors);
}

BOOST_AUTO_TEST_CASE(interrupted_and_resumed_it_writes_the_same_model, *precondition(reference::is_there)) {
    temporary_folder const folder;
    std::vector<std::string> const how{"--epochs", "3", "--augment"};
    auto const whole = train_some(folder / "whole", how);
    BOOST_TEST(ends_well(whole), whole.output << whole.errors);

    auto const out = folder / "out";
    auto const checkpoint = out / "checkpoint.safetensors";
    auto const stopped = interrupt_some(out, how, checkpoint); // after the first epoch
    BOOST_TEST(stopped.status == 130, stopped.output);
    BOOST_TEST(stopped.output.find("interrupted after ") != std::string::npos, stopped.output);
    BOOST_TEST(last_line(stopped.output) ==
               "go on with the same arguments and --resume " + checkpoint.string());
    BOOST_TEST(!std::filesystem::exists(out / "model.safetensors"));

    auto again = how;
    again.insert(again.end(), {"--resume", checkpoint.string()});
    auto const resumed = train_some(out, again);
    BOOST_TEST(last_line(resumed.output) == last_line(whole.output), resumed.output << resumed.errors);
    for (auto const* name : {"model.safetensors", "log.csv"})
        BOOST_TEST((slurp(out / name) == slurp(folder / "whole" / name)), name);
}

BOOST_AUTO_TEST_CASE(a_hundred_batches_make_a_line, *precondition(reference::is_there)) {
    temporary_folder const folder;
    auto const run = train(arguments_for_some(folder / "out", {}, 6400));
    std::string const begin = "[1, 100] loss: ";
    BOOST_TEST_REQUIRE(run.output.starts_with(begin), run.output << run.errors);
    auto const loss = std::stod(run.output.substr(begin.size()));
    BOOST_TEST(loss > 1.6); // one that knows nothing has 2.3
    BOOST_TEST(loss < 2.2);
    BOOST_TEST(run.output.find(begin, 1) == std::string::npos, run.output);
    BOOST_TEST(last_line(run.output).find(" of 6400 correct") != std::string::npos, run.output);
}

BOOST_AUTO_TEST_CASE(a_residual_network_goes_up_and_down_in_two_epochs, *precondition(reference::is_there)) {
    temporary_folder const folder;
    auto const run = train_some(folder / "resnet", {"--network", "resnet20", "--epochs", "2", "--augment"});
    BOOST_TEST(ends_well(run), run.output << run.errors);
    BOOST_TEST(run.output.find("[2] validation loss: ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said) {
    temporary_folder const folder;
    auto const refused = [&](std::vector<std::string> const& arguments, std::string const& sentence) {
        auto const run = train(arguments);
        BOOST_TEST(run.status != 0);
        BOOST_TEST(run.errors.find(sentence) != std::string::npos, run.errors);
        BOOST_TEST(run.output.empty());
    };
    refused({}, "--data is missing");
    refused({"--data", ".", "--network", "vgg"}, "--network must be simple_cnn or resnet20; it is \"vgg\"");
    refused({"--data", ".", "--epochs", "0"}, "--epochs must be a number from 1");
    refused({"--data", ".", "--augment", "yes"}, "\"yes\" is no option");
    refused({"--data", ".", "--device", "gpu"}, "--device must be cpu or cuda; it is \"gpu\"");
    std::filesystem::create_directory(folder / "empty");
    refused({"--data", (folder / "empty").string()}, "must hold test_batch.bin");
    auto const on_gpu = train({"--data", (folder / "empty").string(), "--device", "cuda"});
    BOOST_TEST(on_gpu.errors.find(on_gpu.status == 2 ? "train_cifar10: --device must be cpu"
                                                     : "must hold test_batch.bin") != std::string::npos,
               on_gpu.errors);
}
