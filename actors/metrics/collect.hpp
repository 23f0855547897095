#pragma once

#include "actors/metrics/families.hpp"

namespace holdfast::actors {
struct node_context;
}

/// What there is to know about a node, one function for each part of it.
namespace holdfast::actors::metrics {

void collect_requests(const node_context& node, families& to);
void collect_cache(const node_context& node, families& to);
void collect_sessions(const node_context& node, families& to);
void collect_upstreams(const node_context& node, families& to);
void collect_store(const node_context& node, families& to);
void collect_cluster(const node_context& node, families& to);
void collect_http(const node_context& node, families& to);
void collect_threads(const node_context& node, families& to);
void collect_telemetry(const node_context& node, families& to);
void collect_process(families& to);

}  // namespace holdfast::actors::metrics
