#include "networks.hpp"

#include "command_line.hpp"

#include <hookcam/data/cifar10.hpp>
#include <hookcam/data/resize.hpp>

#include <algorithm>
#include <string>

namespace tools {

bool network_entry::is_for_cifar10() const {
    return std::ranges::equal(class_names, hookcam::cifar10_classes);
}

hookcam::picture network_entry::fit(hookcam::picture const& photo) const {
    if (photo.height() == side && photo.width() == side)
        return photo;
    return hookcam::center_crop(hookcam::resize_shorter_side(photo, shorter_side, rounding), side, side);
}

network_entry const& find_network(std::string_view name) {
    std::string names;
    for (auto const family : {simple_cnns(), cifar_resnets(), squeezenets()})
        for (auto const& entry : family) {
            if (entry.name == name)
                return entry;
            names += ' ' + std::string{entry.name};
        }
    throw wrong_use{"--network must be one of" + names + "; it is \"" + std::string{name} + '"'};
}

} // namespace tools
