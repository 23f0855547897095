#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace holdfast::actors {

/// The levels of MCP logging (RFC 5424), least severe first.
inline constexpr std::array<std::string_view, 8> log_severities{"debug", "info",     "notice", "warning",
                                                                "error", "critical", "alert",  "emergency"};

/// Position in `log_severities`; its size for a level that does not exist.
constexpr std::size_t log_severity(std::string_view level) noexcept {
  std::size_t i = 0;
  while (i < log_severities.size() && log_severities[i] != level) ++i;
  return i;
}

}  // namespace holdfast::actors
