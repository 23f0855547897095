#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace holdfast::actors {

/// How long things took: buckets that are a quarter of a power of two wide. A few additions for each.
class duration_histogram {
 public:
  static constexpr std::size_t buckets = 8 + 32 * 4;

  void add(std::chrono::microseconds took) noexcept {
    const auto us = took.count() < 0 ? 0 : static_cast<std::uint64_t>(took.count());
    ++counts_[bucket_of(us)];
    ++count_;
    sum_ += us;
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

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t sum() const noexcept { return sum_; }
  std::uint64_t in(std::size_t bucket) const noexcept { return counts_[bucket]; }

 private:
  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0, sum_ = 0;
};

/// What a shard counts of the calls of its sessions. Its thread only.
class call_figures {
 public:
  struct of_upstream {
    std::uint64_t ended = 0, errors = 0;  ///< errors: without an answer of the upstream
  };

  void note(std::size_t upstream, bool is_tool, bool failed, std::chrono::microseconds took) {
    all_.add(took);
    if (is_tool) tools_.add(took);
    if (upstream >= upstreams_max) return;
    if (upstream >= upstreams_.size()) upstreams_.resize(upstream + 1);
    ++upstreams_[upstream].ended;
    upstreams_[upstream].errors += failed ? 1 : 0;
  }

  const duration_histogram& all() const noexcept { return all_; }
  const duration_histogram& tools() const noexcept { return tools_; }
  of_upstream at(std::size_t upstream) const {
    return upstream < upstreams_.size() ? upstreams_[upstream] : of_upstream();
  }

 private:
  static constexpr std::size_t upstreams_max = 100'000;  // one of before a restart may have no place any more
  duration_histogram all_, tools_;
  std::vector<of_upstream> upstreams_;
};

}  // namespace holdfast::actors
