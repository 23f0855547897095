#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include "actors/node_context.hpp"

namespace holdfast::actors {

class shard;

/// The operators' HTTP port, JSON: `GET /mcp/health`, `GET /mcp/servers` (with `?wait=MS`, after all upstreams have
/// been connected to, or so long), `GET /mcp/servers/{name}/tools`, `GET /mcp/tools`, `GET /mcp/owner/{session}`.
///
/// Accepts: ingress_listen, ingress_stop, view_ready. Sends: view_wanted.
caf::actor spawn_admin(caf::actor_system& system, shard& home, node_context& node);

}  // namespace holdfast::actors
