// train_cifar10 as its user runs it, on a few of CIFAR-10's pictures.

#define BOOST_TEST_MODULE train_program
#include <boost/test/unit_test.hpp>

#include "reference.hpp"
#include "run_program.hpp"
#include "temporary_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using boost::unit_test::precondition;

program_result train(std::vector<std::string> arguments) {
    return run_program(HOOKCAM_TRAIN_CIFAR10, arguments);
}

/// On the first 640 pictures: ten batches an epoch.
program_result train_some(std::filesystem::path const& out, std::vector<std::string> more) {
    std::vector<std::string> arguments{
        "--data", (reference::folder / "data/cifar10").string(), "--limit", "640", "--out", out.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return train(arguments);
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
