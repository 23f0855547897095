#pragma once

namespace holdfast::transport {
class http_exchange;
}

namespace holdfast::actors {

class shard;
struct node_context;

/// Answers /healthz and /readyz: the process runs; it can serve clients. The thread of `home`.
void answer_health(shard& home, node_context& node, transport::http_exchange& to);

}  // namespace holdfast::actors
