#include "actors/keyed_outcomes.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::actors {

const keyed_outcome* keyed_outcomes::find(std::string_view key) const noexcept {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& o) { return o.key == key; });
  return found == all_.end() ? nullptr : &*found;
}

bool keyed_outcomes::holds(std::uint64_t execution) const noexcept {
  if (execution == 0) return false;
  return std::any_of(all_.begin(), all_.end(), [&](const auto& o) { return o.execution == execution; });
}

std::vector<std::uint64_t> keyed_outcomes::add(keyed_outcome o, std::size_t bytes_max) {
  bytes_ += o.answer.size();
  // Those of before a takeover come in the order of their names.
  const auto at = std::upper_bound(all_.begin(), all_.end(), o,
                                   [](const auto& one, const auto& other) { return one.ended < other.ended; });
  all_.insert(at, std::move(o));
  std::vector<std::uint64_t> emptied;
  for (auto& each : all_) {
    if (bytes_ <= bytes_max) break;
    if (each.answer.empty()) continue;
    bytes_ -= each.answer.size();
    each.answer = std::string();
    emptied.push_back(each.execution);
  }
  return emptied;
}

std::vector<std::uint64_t> keyed_outcomes::forget_before(timestamp t) {
  std::vector<std::uint64_t> gone;
  while (!all_.empty() && all_.front().ended < t) {
    bytes_ -= all_.front().answer.size();
    gone.push_back(all_.front().execution);
    all_.pop_front();
  }
  return gone;
}

}  // namespace holdfast::actors
