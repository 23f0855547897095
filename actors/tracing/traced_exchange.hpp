#pragma once

#include <memory>

#include "actors/shard.hpp"
#include "transport/http_server.hpp"
#include "transport/mcp/classify.hpp"

namespace holdfast::actors::tracing {

/// The exchange of a request that is to be traced, with a span that ends with it; any other one as it is. Its request
/// shows that span as its `traceparent`, so that whatever is done for it comes below. `home` is the shard of the
/// exchange, where spans are wanted; `what` it is.
std::shared_ptr<transport::http_exchange> traced(std::shared_ptr<transport::http_exchange> exchange, shard& home,
                                                 const mcp::classified& what);

}  // namespace holdfast::actors::tracing
