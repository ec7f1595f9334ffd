#pragma once

#include "../compare/timed.hpp"

#include <hookcam/io/read_weights.hpp>
#include <hookcam/io/write_safetensors.hpp>

#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace peers {

/// What a peer is asked to do.
struct job {
    std::string network; ///< simple_cnn, resnet20 …
    std::string kind;    ///< forward, grad_cam, forward_backward
    hookcam::state_dict weights;
    hookcam::state_dict inputs; ///< `input`, and `gradient` where the work begins with one
    std::size_t threads = 1;
};

/// How it does it.
struct served {
    std::string version;
    std::function<void()> run;
    std::function<hookcam::state_dict()> results; ///< of the last run
};

/// The main function of a peer: `compare_libtorch THREADS`. The protocol is that of serve.py. `make` throws
/// where the peer cannot do a work.
inline int serve(int count, char** arguments, std::function<served(job const&)> const& make) {
    std::size_t const threads = count > 1 ? std::stoul(arguments[1]) : 1;
    served peer;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words{line};
        std::string command, first, second;
        words >> command >> first >> second;
        try {
            if (command == "load") {
                std::filesystem::path const folder{second};
                auto const dot = first.find('.');
                peer = make({first.substr(0, dot), first.substr(dot + 1, first.rfind('.') - dot - 1),
                             hookcam::read_weights(folder / "weights.safetensors"),
                             hookcam::read_weights(folder / "inputs.safetensors"), threads});
                std::cout << "ready " << peer.version << std::endl;
            } else if (command == "check") {
                peer.run();
                hookcam::write_safetensors(first, peer.results());
                std::cout << "done" << std::endl;
            } else if (command == "run") {
                std::cout << "times" << std::setprecision(9);
                for (auto const seconds : compare::timed(std::stoul(first), peer.run))
                    std::cout << ' ' << seconds;
                std::cout << std::endl;
            } else {
                throw std::runtime_error{"there is no command " + command};
            }
        } catch (std::exception const& why) {
            std::istringstream text{why.what()};
            std::cout << "missing";
            for (std::string word; text >> word;) // on one line, however it was written
                std::cout << ' ' << word;
            std::cout << std::endl;
        }
    }
    return 0;
}

} // namespace peers
