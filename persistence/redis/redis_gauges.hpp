#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "persistence/store.hpp"

namespace holdfast::persistence {

/// What one lane shows of itself. Written by the lane's thread, read by any.
class redis_gauges {
 public:
  /// A number of which only one thread makes changes.
  template <class Number>
  class gauge {
   public:
    void add(Number n) noexcept { set(value() + n); }
    void set(Number n) noexcept { value_.store(n, std::memory_order_relaxed); }
    Number value() const noexcept { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<Number> value_{0};
  };

  gauge<std::uint64_t> operations, failures, commits, histories;
  gauge<std::size_t> waiting, connections;
  gauge<std::int64_t> latency_ns;  // of commits, a moving average
  gauge<bool> connected, circuit_open;

  void took(std::chrono::nanoseconds commit) noexcept {
    const auto before = latency_ns.value();
    latency_ns.set(before == 0 ? commit.count() : before + (commit.count() - before) / 16);
  }
  void describe(std::string detail) {
    const std::lock_guard lock(mutex_);
    detail_ = std::move(detail);
  }

  /// The lane is gone: only its counts remain.
  void retire();

  /// Adds this lane to the whole store's health.
  void add_to(store_health& h) const;

 private:
  mutable std::mutex mutex_;
  std::string detail_;
};

}  // namespace holdfast::persistence
