#pragma once

#include "network.hpp"

#include <string_view>

namespace tools {

/// The network of a name; throws `wrong_use` where there is none, and lists those that there are.
[[nodiscard]] network_entry const& find_network(std::string_view name);

} // namespace tools
