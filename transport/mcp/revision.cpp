#include "transport/mcp/revision.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace holdfast::mcp {
namespace {
constexpr std::array<std::string_view, 5> names{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"};
}

std::string_view to_string(revision r) noexcept { return names[static_cast<std::size_t>(r)]; }

std::optional<revision> parse_revision(std::string_view text) noexcept {
  const auto* found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) return std::nullopt;
  return static_cast<revision>(std::distance(names.begin(), found));
}

revision negotiate(std::string_view requested) noexcept {
  auto r = parse_revision(requested);
  return r && era_of(*r) == era::legacy ? *r : newest_legacy;
}

}  // namespace holdfast::mcp
