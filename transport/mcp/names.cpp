#include "transport/mcp/names.hpp"

#include <algorithm>
#include <cstdint>

namespace holdfast::mcp {
namespace {

bool is_shown(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '/' || c == '-';
}

// FNV-1a, folded to 32 bits: the same on every node and in every release, unlike std::hash.
std::uint32_t stable_hash(std::string_view text) noexcept {
  std::uint64_t h = 0xcbf29ce484222325u;
  for (unsigned char c : text) h = (h ^ c) * 0x100000001b3u;
  return static_cast<std::uint32_t>(h ^ (h >> 32));
}

std::string fitted(std::string name) {
  const std::uint32_t hash = stable_hash(name);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !is_shown(c); }, '_');
  if (name.empty()) return "_";
  if (name.size() <= shown_name_bytes_max) return name;
  name.resize(shown_name_bytes_max - 9);
  name += '_';
  for (int shift = 28; shift >= 0; shift -= 4) name += "0123456789abcdef"[(hash >> shift) & 15];
  return name;
}

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::string prefixed_name(std::string_view alias, std::string_view name) {
  return fitted(std::string(alias).append("__").append(name));
}

std::string shown_name(std::string_view name) { return fitted(std::string(name)); }

bool glob_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  // Only the last '*' needs to be tried again: whatever an earlier one took too much, the last can take instead.
  std::size_t star = pattern.npos;
  std::size_t star_end = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = n;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      do {
        ++n;
      } while (n < name.size() && is_continuation(name[n]));
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != pattern.npos) {
      p = star + 1;
      n = ++star_end;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

}  // namespace holdfast::mcp
