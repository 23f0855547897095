#include "actors/wanted_levels.hpp"

#include <algorithm>

#include "actors/log_levels.hpp"

namespace holdfast::actors {

void wanted_levels::set(const caf::actor& who, std::string level) {
  drop(who);
  levels_.emplace_back(who, std::move(level));
}

void wanted_levels::drop(const caf::actor& who) {
  std::erase_if(levels_, [&](const auto& l) { return l.first == who; });
}

std::string wanted_levels::lowest() const {
  const auto least = std::min_element(levels_.begin(), levels_.end(), [](const auto& a, const auto& b) {
    return log_severity(a.second) < log_severity(b.second);
  });
  return least == levels_.end() ? std::string() : least->second;
}

}  // namespace holdfast::actors
