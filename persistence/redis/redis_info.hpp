#pragma once

#include <string>
#include <string_view>

namespace holdfast::persistence {

/// The value of a field of what INFO answers; empty if it is not there.
std::string info_field(std::string_view info, std::string_view name);

}  // namespace holdfast::persistence
