#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "apps/shell/json_view.hpp"

namespace holdfast::apps {

/// How many were above the bucket before and not above `le` microseconds; the last one has no bound.
struct bucket {
  double le = 0;
  std::uint64_t count = 0;
};

/// Of a histogram in a node's answer.
std::vector<bucket> buckets_of(const json_value& histogram);

/// The bound of the bucket in which the quantile lies, as "≤ 12 ms"; "-" if nothing was counted.
std::string shown_quantile(const std::vector<bucket>& buckets, double q);

/// A bar for each bucket between the first and the last that counted something.
void print_bars(std::ostream& out, const std::vector<bucket>& buckets);

}  // namespace holdfast::apps
