#include "persistence/replay_log.hpp"

#include <utility>

namespace holdfast::persistence {

std::uint64_t replay_log::append(std::string event, const limits& l, std::uint64_t record) {
  bytes_ += event.size();
  events_.push_back({++last_, record, std::move(event)});
  while (events_.size() > l.events_max || bytes_ > l.bytes_max) drop_oldest();
  return last_;
}

void replay_log::drop_oldest() {
  if (events_.empty()) return;
  dropped_ = events_.front().position;
  bytes_ -= events_.front().event.size();
  events_.pop_front();
}

void replay_log::continue_after(std::uint64_t position, std::uint64_t last_event) noexcept {
  if (position <= last_) return;
  if (last_event > last_) dropped_ = last_event;
  last_ = position;
}

std::uint64_t replay_log::append_marker() { return ++last_; }

bool replay_log::covers(std::uint64_t position) const noexcept { return position >= dropped_ && position <= last_; }

void replay_log::each(const std::function<void(std::uint64_t, std::uint64_t, std::string_view)>& f) const {
  for (const auto& e : events_) f(e.position, e.record, e.event);
}

void replay_log::replay(std::uint64_t position, const std::function<void(std::uint64_t, std::string_view)>& f) const {
  for (const auto& e : events_) {
    if (e.position > position) f(e.position, e.event);
  }
}

}  // namespace holdfast::persistence
