#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::fuzz {

/// Ends the run, naming the property that does not hold; libFuzzer keeps the input.
inline void property(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "property violated: %s\n", what);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline bool within(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

/// `text` cut into pieces of 0 to 15 bytes that follow from `seed`, each a copy so that reading past it is noticed.
inline std::vector<std::string> cut(std::string_view text, std::uint32_t seed) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    seed = seed * 1664525u + 1013904223u;
    pieces.emplace_back(text.substr(0, seed >> 28));
    text.remove_prefix(pieces.back().size());
  }
  return pieces;
}

}  // namespace holdfast::fuzz
