#pragma once

#include "actors/node_config.hpp"
#include "transport/mcp/sealed.hpp"

namespace holdfast::actors {

/// What is left open in a configuration is set: threads, and the names that clients may use for this host.
node_config with_defaults(node_config c);

/// Cursors of a cluster are good on all its nodes. Without a secret it is one of loopback, where whoever could make up
/// a cursor could as well pass for a node.
mcp::sealer::key cursor_key_of(const node_config& c);

}  // namespace holdfast::actors
