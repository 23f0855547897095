#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {

/// A member of an object that was checked to be one: empty where there is none, or it is no string.
inline std::string text_of(mcp::raw_json object, std::string_view name) {
  return mcp::string_value(mcp::member(object, name)).value_or(std::string());
}

/// Nothing where there is none, or it is no whole number from 0.
inline std::optional<std::uint64_t> number_of(mcp::raw_json object, std::string_view name) {
  const auto n = mcp::integer_value(mcp::member(object, name));
  if (!n || *n < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*n);
}

}  // namespace holdfast::actors
