#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>

namespace holdfast::persistence {

/// What one event stream has sent, kept for resumption and bounded by count and bytes: the oldest events go first.
/// Positions count from 1 without gaps. One thread.
class replay_log {
 public:
  struct limits {
    std::size_t events_max;
    std::size_t bytes_max;
  };

  /// Takes an event and returns its position. `record` is the number it is kept under in a store, if it is.
  std::uint64_t append(std::string event, const limits& l, std::uint64_t record = 0);

  /// Takes a position that carries nothing to replay (the priming event).
  std::uint64_t append_marker();

  /// Goes on behind a position that an earlier log had reached. What is not here of the events up to `last_event` is
  /// gone; whatever came after it carried nothing to replay.
  void continue_after(std::uint64_t position, std::uint64_t last_event) noexcept;

  /// Drops the oldest event, if there is one.
  void drop_oldest();

  /// True if everything after `position` is still here, so that a client that saw `position` misses nothing.
  bool covers(std::uint64_t position) const noexcept;

  /// Calls `f` with each kept event and the record it is kept under, oldest first.
  void each(const std::function<void(std::uint64_t position, std::uint64_t record, std::string_view)>& f) const;

  /// Calls `f` with each kept event after `position`, oldest first.
  void replay(std::uint64_t position, const std::function<void(std::uint64_t, std::string_view)>& f) const;

  std::uint64_t last() const noexcept { return last_; }
  /// The newest position whose event is gone; 0 if none is.
  std::uint64_t dropped() const noexcept { return dropped_; }
  /// The record of the oldest event still here; 0 if there is none.
  std::uint64_t oldest_record() const noexcept { return events_.empty() ? 0 : events_.front().record; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return events_.size(); }

 private:
  struct entry {
    std::uint64_t position;
    std::uint64_t record;
    std::string event;
  };
  std::list<entry> events_;    // unlike a deque, takes no memory while empty
  std::uint64_t last_ = 0;     // the newest position given out
  std::uint64_t dropped_ = 0;  // the newest position whose event had to go
  std::size_t bytes_ = 0;
};

}  // namespace holdfast::persistence
