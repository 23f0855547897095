#include "transport/content_type.hpp"

#include <algorithm>

namespace holdfast::transport {

bool is_content_type(std::string_view value, std::string_view type) noexcept {
  value = value.substr(0, value.find(';'));
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  return std::equal(value.begin(), value.end(), type.begin(), type.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
}

std::string shown(std::string_view value) {
  constexpr std::size_t bytes_max = 60;
  std::string out(value.substr(0, bytes_max));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out.empty() ? "no content type" : out;
}

}  // namespace holdfast::transport
