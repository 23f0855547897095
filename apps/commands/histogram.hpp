#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace holdfast::apps {

/// Counts of durations in nanoseconds, in buckets at most 1/64 wide relative to their value. Up to 2^41 ns (36 min);
/// longer ones count as that.
class histogram {
 public:
  void record(std::uint64_t nanoseconds);
  void clear();

  std::uint64_t count() const { return count_; }

  /// The upper end of the bucket that holds the given part (0..1) of all values; 0 if there are none.
  std::uint64_t at(double part) const;

 private:
  static constexpr std::size_t sub_bits = 6;
  static constexpr std::size_t top_bit = 40;

  std::array<std::uint64_t, (top_bit - sub_bits + 2) << sub_bits> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace holdfast::apps
