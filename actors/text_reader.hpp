#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/mcp/envelope.hpp"

/// Reads members of raw objects.
namespace holdfast::actors::text_reader {

/// Empty where there is none, or it is no string.
inline std::string text_of(mcp::raw_json object, std::string_view name) {
  return mcp::string_value(mcp::member(object, name)).value_or(std::string());
}

/// Nothing where there is none, or it is no whole number from 0.
inline std::optional<std::uint64_t> number_in(mcp::raw_json object, std::string_view name) {
  const auto n = mcp::integer_value(mcp::member(object, name));
  if (!n || *n < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*n);
}

/// The same, 0 where there is none.
inline std::uint64_t number_of(mcp::raw_json object, std::string_view name) {
  return number_in(object, name).value_or(0);
}

}  // namespace holdfast::actors::text_reader
