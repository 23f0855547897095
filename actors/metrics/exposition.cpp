#include "actors/metrics/exposition.hpp"

#include <prometheus/text_serializer.h>

#include <chrono>

#include "actors/metrics/sums.hpp"

namespace holdfast::actors::metrics {
namespace {

using clock = std::chrono::steady_clock;

/// What every thread will have waited, for the next scrape: to wait for an answer now would be to hang with a thread
/// that hangs.
void probe(node_context& node) {
  for (const auto& s : node.shards) {
    s->loop().post([shard = s.get(), asked = clock::now()] {
      shard->counters().delay_ns.set(
          static_cast<std::uint64_t>(std::chrono::nanoseconds(clock::now() - asked).count()));
    });
  }
}

}  // namespace

void answer(node_context& node, transport::http_exchange& exchange) {
  families all;
  all.gauge("holdfast_build_info", "The version of this node.").add(1, {{"version", HOLDFAST_VERSION}});
  all.gauge("holdfast_draining", "1 while this node is asked to stop.").add(node.draining);
  collect_requests(node, all);
  collect_cache(node, all);
  collect_sessions(node, all);
  collect_upstreams(node, all);
  collect_store(node, all);
  collect_cluster(node, all);
  collect_http(node, all);
  collect_threads(node, all);
  collect_telemetry(node, all);
  collect_process(all);
  probe(node);
  for (const auto& s : node.shards) {
    if (s->here()) node.census.begin_if_due(node, *s);
  }
  exchange.respond(200, "text/plain; version=0.0.4; charset=utf-8", {},
                   {prometheus::TextSerializer().Serialize(all.take())});
}

}  // namespace holdfast::actors::metrics
