#pragma once

#include <string>
#include <string_view>

namespace holdfast::actors {

/// As much of what a client made up as a line of the log may hold.
inline std::string beginning_for_log(std::string_view text) {
  constexpr std::size_t most = 64;
  if (text.size() <= most) return std::string(text);
  auto end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace holdfast::actors
