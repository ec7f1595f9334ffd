// A fuzz target without a fuzzer: gives it every file of the folders that the command line names, so that what
// fuzzing found stays mended with any compiler. Names each file first, for one that ends the program.

#include "fuzz.hpp"

#include <hookcam/core/files.hpp>

#include <filesystem>
#include <iostream>
#include <vector>

int main(int count, char** arguments) {
    int files = 0;
    for (int i = 1; i < count; ++i) {
        std::filesystem::recursive_directory_iterator const folder{arguments[i]};
        for (auto const& entry : folder) {
            if (entry.is_regular_file()) {
                std::cout << entry.path().string() << std::endl;
                auto const bytes = hookcam::read_file_bytes(entry.path());
                LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
                ++files;
            }
        }
    }
    std::cout << files << " files\n";
    return files > 0 ? 0 : 1;
}
