#include "actors/ended_calls.hpp"

#include <algorithm>

namespace holdfast::actors {

void ended_calls::note(std::uint64_t name, time_point ended) {
  newest_ = std::max(newest_, ended);
  if (calls_.size() < kept_max) return calls_.push_back({name, ended});
  auto& goes = calls_[oldest_];
  complete_since_ = std::max(complete_since_, goes.at);
  goes = {name, ended};
  oldest_ = (oldest_ + 1) % kept_max;
}

bool ended_calls::any_since(time_point t, std::uint64_t name) const noexcept {
  if (!any_since(t)) return false;
  return std::any_of(calls_.begin(), calls_.end(), [&](const auto& c) { return c.at >= t && c.name == name; });
}

}  // namespace holdfast::actors
