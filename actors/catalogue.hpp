#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include "actors/node_context.hpp"

namespace holdfast::actors {

class shard;

/// The catalogue of a node: asks the upstreams what they offer, once somebody wants to know, merges it, and publishes a
/// view per capability set in `node_context::views`.
///
/// Accepts: view_wanted, listing_ready. Sends: view_ready, catalogue_changed (to all sessions of a capability set),
/// fetch_listing (to upstreams).
caf::actor spawn_catalogue(caf::actor_system& system, shard& home, node_context& node);

}  // namespace holdfast::actors
