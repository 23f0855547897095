#include "actors/metrics/collect.hpp"
#include "actors/node_context.hpp"

namespace holdfast::actors::metrics {

void collect_cache(const node_context& node, families& to) {
  const auto now = node.results->count();
  cache_counts sum;
  for (const auto& [tool, c] : now.tools) {
    sum.memory += c.memory, sum.store += c.store, sum.shared += c.shared;
    sum.missed += c.missed, sum.kept += c.kept;
  }
  const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
  to.counter("holdfast_cache_calls_total", "Calls of tools whose results are kept, by what answered them.")
      .add(number(sum.memory), {{"by", "memory"}})
      .add(number(sum.store), {{"by", "store"}})
      .add(number(sum.shared), {{"by", "shared"}})
      .add(number(sum.missed), {{"by", "upstream"}});
  to.counter("holdfast_cache_results_kept_total", "Results of tools that were kept.").add(number(sum.kept));
  to.counter("holdfast_cache_evicted_total", "Kept results that had to leave the memory for others.")
      .add(number(now.evicted));
  to.gauge("holdfast_cache_results", "Kept results in memory.").add(number(now.entries));
  to.gauge("holdfast_cache_bytes", "What they take.").add(number(now.bytes));
  to.gauge("holdfast_cache_calls_waiting", "Calls that wait for the result of one like them.").add(number(now.waiting));
}

}  // namespace holdfast::actors::metrics
