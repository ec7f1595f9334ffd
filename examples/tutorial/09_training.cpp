// Training, with the loop written out in training.cpp: one epoch of CIFAR-10 where its folder is given, else ten of the 200
// pictures that lie here, which is enough to see that it learns, and not enough to learn anything.
//     09_training [FOLDER [CIFAR-10]]
#include "training.hpp"

#include <filesystem>
#include <iostream>

int main(int count, char** arguments) {
    std::filesystem::path const folder = count > 1 ? arguments[1] : "examples/data";
    auto const model = count > 2
                           ? train(hc::cifar10{arguments[2]}, 1, 100)
                           : train(hc::cifar10{hc::cifar10_file{folder / "cifar10_test_200.bin"}}, 10, 4);
    std::cout << model.size() << " parameters were trained\n";
}
