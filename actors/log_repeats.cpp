#include "actors/log_repeats.hpp"

namespace holdfast::actors::log {

bool repeats::admit(log_level level, std::string_view key, clock::time_point now) {
  if (admitted_max_ == 0) return true;
  auto found = keys_.find(key);
  if (found == keys_.end()) {
    if (keys_.size() >= keys_max) return true;
    found = keys_.emplace(key, counted{level, now + window}).first;
  }
  auto& c = found->second;
  // What the window has held back is not told yet, so it goes on until then.
  if (now >= c.until && c.times <= admitted_max_) c = {level, now + window};
  return ++c.times <= admitted_max_;
}

std::vector<repeats::held_back> repeats::over(clock::time_point now) {
  std::vector<held_back> all;
  for (auto i = keys_.begin(); i != keys_.end();) {
    const auto& c = i->second;
    if (now < c.until) {
      ++i;
      continue;
    }
    if (c.times > admitted_max_) all.push_back({c.level, i->first, c.times - admitted_max_});
    i = keys_.erase(i);
  }
  return all;
}

}  // namespace holdfast::actors::log
