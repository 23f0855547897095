#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace holdfast::transport {

/// A number that one thread changes and any thread may read. Costs its thread no more than a plain number does: no
/// lock, no locked instruction.
class counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    n_.store(n_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void take(std::uint64_t n = 1) noexcept {
    n_.store(n_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { n_.store(n, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return n_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> n_{0};
};

/// How often values of which size came: bucket `i` holds those up to 2^(First + i), the one after the last the rest.
/// Changed by one thread, read by any; a reader may see a value in its bucket that is not in the sum yet.
template <unsigned First, std::size_t Count>
class log_histogram {
 public:
  static constexpr std::size_t bounds = Count;
  static constexpr std::uint64_t bound(std::size_t i) noexcept { return std::uint64_t{1} << (First + i); }

  void add(std::uint64_t value) noexcept {
    const auto bits = static_cast<std::size_t>(std::bit_width(value > 0 ? value - 1 : 0));
    counts_[bits <= First ? 0 : std::min(bits - First, Count)].add();
    sum_.add(value);
  }
  std::uint64_t count(std::size_t bucket) const noexcept { return counts_[bucket].value(); }
  std::uint64_t sum() const noexcept { return sum_.value(); }

 private:
  std::array<counter, Count + 1> counts_;
  counter sum_;
};

/// Of durations in nanoseconds, from 66 µs to 69 s.
class latency_histogram : public log_histogram<16, 21> {
 public:
  void add(std::chrono::nanoseconds took) noexcept {
    log_histogram::add(took.count() > 0 ? static_cast<std::uint64_t>(took.count()) : 0);
  }
};

/// What HTTP listeners of one loop have done, and have open.
struct http_counters {
  counter accepted, turned_away, requests, refused, received_bytes, sent_bytes;
  counter connections, streams;  ///< open now
};

}  // namespace holdfast::transport
