#pragma once

#include <chrono>
#include <functional>

#include "transport/loop.hpp"

namespace holdfast::transport {

/// A deadline that is moved often and reached seldom. The timer behind it is left alone when the deadline moves away:
/// it then finds out on its own that it came too early. Loop thread only; may outlive the loop once
/// stopped.
class deadline {
 public:
  deadline(loop& on, std::function<void()> reached);
  ~deadline() { stop(); }
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;

  /// Replaces what was set before. Then `reached` runs once, unless set or cleared again.
  void set(std::chrono::milliseconds from_now);
  void clear() noexcept { at_ = never; }

  /// Clears, and lets go of the loop.
  void stop();

 private:
  using clock = std::chrono::steady_clock;
  static constexpr clock::time_point never = clock::time_point::max();

  void arm(clock::time_point now);
  void fired();

  loop& on_;
  std::function<void()> reached_;
  clock::time_point at_ = never, armed_for_ = never;
  loop::timer armed_ = 0;
};

}  // namespace holdfast::transport
