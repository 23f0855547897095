#pragma once

namespace holdfast::transport {
class http_exchange;
}

namespace holdfast::actors {
struct node_context;
}

namespace holdfast::actors::metrics {

/// Answers with the metrics of the node in the text format of Prometheus. Reads what the shards have counted; none of
/// them waits. On a shard's thread.
void answer(node_context& node, transport::http_exchange& exchange);

}  // namespace holdfast::actors::metrics
