#include "persistence/replay_log.hpp"

#include <utility>

namespace holdfast::persistence {

std::uint64_t replay_log::append(std::string event, const limits& l) {
  bytes_ += event.size();
  events_.push_back({++last_, std::move(event)});
  while (!events_.empty() && (events_.size() > l.events_max || bytes_ > l.bytes_max)) {
    dropped_ = events_.front().position;
    bytes_ -= events_.front().event.size();
    events_.pop_front();
  }
  return last_;
}

std::uint64_t replay_log::append_marker() { return ++last_; }

bool replay_log::covers(std::uint64_t position) const noexcept { return position >= dropped_ && position <= last_; }

void replay_log::replay(std::uint64_t position, const std::function<void(std::uint64_t, std::string_view)>& f) const {
  for (const auto& e : events_) {
    if (e.position > position) f(e.position, e.event);
  }
}

}  // namespace holdfast::persistence
