#include "libraries.hpp"

#include <hookcam/core/error.hpp>
#include <hookcam/cuda/cuda.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace hc = hookcam;

// Two libraries with the same kernels in one program. Without a GPU the exception must say so.
int main() {
    std::vector<float> const numbers{-1, 2, -3, 4};
    std::vector<float> const expected{0, 2, 0, 4};
    if (hc::has_cuda_device()) {
        std::cout << hc::cuda_device_name() << '\n';
        return first(numbers) == expected && second(numbers) == expected ? 0 : 1;
    }
    for (auto* const library : {&first, &second})
        try {
            library(numbers);
            std::cout << "a kernel ran without a GPU\n";
            return 1;
        } catch (hc::error const& e) {
            std::string const text = e.what();
            if (e.kind() != hc::error_kind::device ||
                text.find("there must be an NVIDIA GPU") == std::string::npos) {
                std::cout << text << '\n';
                return 1;
            }
        }
    std::cout << "skipped: there is no GPU; CUDA says: " << hc::cuda_device_problem() << '\n';
    return 77;
}
