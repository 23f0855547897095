#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::actors {

/// Tells texts apart, in every process alike: FNV-1a.
inline std::uint64_t digest_of(std::string_view text) noexcept {
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

}  // namespace holdfast::actors
