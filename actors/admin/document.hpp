#pragma once

#include <string_view>

namespace holdfast::actors::admin {

/// openapi.json, built in.
std::string_view document();

}  // namespace holdfast::actors::admin
