#include "apps/commands/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace holdfast::apps {

void histogram::record(std::uint64_t nanoseconds) {
  const std::uint64_t value = std::min(nanoseconds, (std::uint64_t{1} << (top_bit + 1)) - 1);
  std::size_t index = value;
  if (value >> sub_bits) {
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - 1 - sub_bits;
    index = ((shift + 1) << sub_bits) + ((value >> shift) & ((1u << sub_bits) - 1));
  }
  ++buckets_[index];
  ++count_;
}

void histogram::clear() {
  buckets_.fill(0);
  count_ = 0;
}

std::uint64_t histogram::at(double part) const {
  if (count_ == 0) return 0;
  const auto wanted =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  std::size_t index = 0;
  while (index < buckets_.size() && (seen += buckets_[index]) < wanted) ++index;
  if (index < (1u << sub_bits)) return index;
  const std::size_t shift = (index >> sub_bits) - 1;
  const std::uint64_t low = (std::uint64_t{1} << sub_bits | (index & ((1u << sub_bits) - 1))) << shift;
  return low + (std::uint64_t{1} << shift) - 1;
}

}  // namespace holdfast::apps
