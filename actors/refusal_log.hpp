#pragma once

#include <chrono>
#include <cstddef>
#include <utility>

namespace holdfast::actors {

/// Of what is refused to those who knock: they decide how often that happens, but not how much is logged. One thread.
class refusal_log {
 public:
  /// It has happened again. So many times since it was told last, if it is to be told now; else 0.
  std::size_t due() {
    ++times_;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return 0;
    next_ = now + pause;
    return std::exchange(times_, 0);
  }

 private:
  static constexpr std::chrono::seconds pause{5};
  std::size_t times_ = 0;  // not yet told
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace holdfast::actors
