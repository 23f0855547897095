#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::actors {

/// Calls `f` with the value (unescaped) of every `"uri"` member in a valid JSON text, at any depth. Cheap where there
/// are none.
void for_each_uri(std::string_view json, const std::function<void(const std::string&)>& f);

/// A copy in which `f` may have replaced those values.
std::string rewrite_uris(std::string_view json, const std::function<std::optional<std::string>(const std::string&)>& f);

}  // namespace holdfast::actors
