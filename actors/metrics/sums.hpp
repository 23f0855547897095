#pragma once

#include "actors/metrics/collect.hpp"
#include "actors/node_context.hpp"

namespace holdfast::actors::metrics {

/// `f` of each shard's counters, summed up. What one shard has added and another taken is right only in the sum.
template <class F>
double sum_of(const node_context& node, F f) {
  std::uint64_t sum = 0;
  for (const auto& s : node.shards) sum += f(std::as_const(*s).counters()).value();
  return static_cast<double>(static_cast<std::int64_t>(sum));
}

template <class F>
families::merged_histogram merged(const node_context& node, F f) {
  families::merged_histogram all;
  for (const auto& s : node.shards) all.add(f(std::as_const(*s).counters()));
  return all;
}

inline constexpr double nanosecond = 1e-9, microsecond = 1e-6;

}  // namespace holdfast::actors::metrics
