#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "transport/loop.hpp"

namespace holdfast::transport {

/// Runs `then` on `home` once `done` has been called `count` times. Any thread. Unless all are done nothing happens.
class countdown {
 public:
  countdown(std::size_t count, loop& home, std::function<void()> then)
      : left_(count), home_(home), then_(std::move(then)) {}

  void done() {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) home_.post(std::move(then_));
  }

 private:
  std::atomic<std::size_t> left_;
  loop& home_;
  std::function<void()> then_;
};

}  // namespace holdfast::transport
