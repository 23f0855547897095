#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace holdfast::actors {

/// The calls of a session that have ended and whose outcome is forgotten: enough to know a copy of their request that
/// comes late. The last ones only; who asks is told how far back they go.
class ended_calls {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kept_max = 256;

  /// Of what ended before `t` nothing is known.
  explicit ended_calls(time_point t = time_point::min()) : complete_since_(t) {}

  /// `name` tells requests apart.
  void note(std::uint64_t name, time_point ended);

  /// Whether one of them has ended at this time or later.
  bool any_since(time_point t) const noexcept { return newest_ >= t; }

  /// Whether one of this name has.
  bool any_since(time_point t, std::uint64_t name) const noexcept;

  /// All that have ended after this are known.
  time_point complete_since() const noexcept { return complete_since_; }

  bool empty() const noexcept { return calls_.empty(); }

 private:
  struct ended_call {
    std::uint64_t name;
    time_point at;
  };

  std::vector<ended_call> calls_;  // a ring once it is full
  std::size_t oldest_ = 0;
  time_point complete_since_, newest_ = time_point::min();
};

}  // namespace holdfast::actors
