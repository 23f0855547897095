#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include "actors/node_context.hpp"

namespace holdfast::actors {

class shard;

/// What operators ask and change, over HTTP: openapi.json beside this file describes it, routes.cpp is its table.
/// `ingress_listen` may come several times, once for each address; an absolute path is a unix socket, whose mode is its
/// guard. Elsewhere `admin.token` is asked for, or, where there is none, the Host and Origin that clients need, too.
/// Questions of other nodes come as `peer_request`.
///
/// Accepts: ingress_listen, ingress_stop, view_ready, peer_request. Sends: view_wanted, and what steers the others.
caf::actor spawn_admin(caf::actor_system& system, shard& home, node_context& node);

}  // namespace holdfast::actors
