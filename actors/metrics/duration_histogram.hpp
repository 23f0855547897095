#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "transport/counter.hpp"

namespace holdfast::actors::metrics {

/// How long things took: buckets of microseconds that are a quarter of a power of two wide. Changed by one thread, read
/// by any.
class duration_histogram {
 public:
  static constexpr std::size_t buckets = 8 + 32 * 4;

  void add(std::chrono::nanoseconds took) noexcept {
    const auto ns = took.count();
    const auto us = ns < 0 ? 0 : static_cast<std::uint64_t>(ns) / 1000;
    counts_[bucket_of(us)].add();
    sum_.add(us);
  }

  /// The largest value that falls into a bucket, in microseconds; nothing for the last one, which has no bound.
  static std::optional<std::uint64_t> bound_of(std::size_t bucket) noexcept {
    if (bucket < 8) return bucket;
    if (bucket == buckets - 1) return std::nullopt;
    const auto power = (bucket - 8) / 4 + 3, quarter = (bucket - 8) % 4;
    return ((std::uint64_t{5} + quarter) << (power - 2)) - 1;
  }
  static std::size_t bucket_of(std::uint64_t us) noexcept {
    if (us < 8) return static_cast<std::size_t>(us);
    const auto power = static_cast<std::size_t>(std::bit_width(us)) - 1;
    const auto bucket = 8 + (power - 3) * 4 + ((us >> (power - 2)) & 3);
    return bucket < buckets ? bucket : buckets - 1;
  }

  std::uint64_t count() const noexcept {
    std::uint64_t all = 0;
    for (const auto& c : counts_) all += c.value();
    return all;
  }
  std::uint64_t sum() const noexcept { return sum_.value(); }
  std::uint64_t in(std::size_t bucket) const noexcept { return counts_[bucket].value(); }

 private:
  std::array<transport::counter, buckets> counts_;
  transport::counter sum_;
};

}  // namespace holdfast::actors::metrics
