#include <hookcam/cuda/cuda.hpp>

#include <iostream>

namespace hc = hookcam;

// Says on which GPU the tests run, or in CUDA's words why there is none.
int main() {
    if (auto const problem = hc::cuda_device_problem(); !problem.empty()) {
        std::cout << problem << '\n';
        return 77;
    }
    std::cout << hc::cuda_device_name() << '\n';
}
