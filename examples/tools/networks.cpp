#include "networks.hpp"

#include "command_line.hpp"

#include <string>

namespace tools {

network_entry const& find_network(std::string_view name) {
    std::string names;
    for (auto const family : {simple_cnns(), cifar_resnets()})
        for (auto const& entry : family) {
            if (entry.name == name)
                return entry;
            names += ' ' + std::string{entry.name};
        }
    throw wrong_use{"--network must be one of" + names + "; it is \"" + std::string{name} + '"'};
}

} // namespace tools
