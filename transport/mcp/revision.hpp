#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::mcp {

/// The protocol revisions, oldest first, so that `<` means "older than".
enum class revision : std::uint8_t { r2024_11_05, r2025_03_26, r2025_06_18, r2025_11_25, r2026_07_28 };

inline constexpr revision newest_legacy = revision::r2025_11_25;

/// Legacy revisions have sessions begun by `initialize`; modern ones put everything into each request.
/// The only place that draws this line.
enum class era : std::uint8_t { legacy, modern };
constexpr era era_of(revision r) noexcept { return r <= newest_legacy ? era::legacy : era::modern; }

/// "2025-06-18" and so on.
std::string_view to_string(revision r) noexcept;
std::optional<revision> parse_revision(std::string_view text) noexcept;

/// What `initialize` answers: the requested revision if it is a legacy one we serve, else the newest legacy one.
revision negotiate(std::string_view requested) noexcept;

}  // namespace holdfast::mcp
