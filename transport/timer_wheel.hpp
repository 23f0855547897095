#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace holdfast::transport {

/// A hashed timer wheel: a value without clock or thread. Time is a count of ticks that the owner passes in.
/// Adding and cancelling take constant time; a timer beyond one revolution stays in its slot and is met once each time
/// around.
class timer_wheel {
 public:
  using task = std::function<void()>;
  using tick = std::uint64_t;

  static constexpr std::size_t slot_count = 1024;

  timer_wheel();

  /// Arms `t` for `due`, or for the next tick if that has passed. Returns its name, never 0.
  std::uint64_t add(tick due, task t);

  /// True if the timer was armed; its task is destroyed.
  bool cancel(std::uint64_t timer);

  /// Moves the wheel to `now` and runs what has become due, earliest first. Tasks may add and cancel; what they add
  /// runs on a later call.
  void advance(tick now);

  /// Tells an empty wheel what time it is. Nothing happens if timers are armed or `now` has passed.
  void set_idle_time(tick now);

  /// The next tick at which `advance` has something to look at; none if no timer is armed.
  std::optional<tick> next() const;

  std::size_t size() const noexcept { return armed_; }

  /// Destroys all tasks. From then on `add` destroys its task at once and returns 0.
  void close();

 private:
  using index = std::uint32_t;
  struct link {
    index prev, next;
  };
  struct entry {
    task run;
    tick due = 0;
    std::uint32_t generation = 1;
  };

  static constexpr index due_list = slot_count;  // the links of the slots come first, then that of the due list
  static constexpr index first_entry = slot_count + 1;

  index take_free();
  void link_before(index at, index i);
  void unlink(index i);
  task release(index i);
  void collect(index slot, tick at);

  std::vector<link> links_;
  std::vector<entry> entries_;
  std::vector<index> free_;
  mutable std::array<std::uint64_t, slot_count / 64> maybe_used_{};
  tick now_ = 0;
  std::size_t armed_ = 0;
  bool closed_ = false;
};

}  // namespace holdfast::transport
