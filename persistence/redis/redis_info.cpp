#include "persistence/redis/redis_info.hpp"

#include <algorithm>

namespace holdfast::persistence {

std::string info_field(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const auto end = std::min(info.find('\n'), info.size());
    auto line = info.substr(0, end);
    info.remove_prefix(std::min(end + 1, info.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':'))
      return std::string(line.substr(name.size() + 1));
  }
  return {};
}

}  // namespace holdfast::persistence
