#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include "actors/node_context.hpp"
#include "actors/upstream_messages.hpp"

namespace holdfast::actors {

class shard;

/// The catalogue of a node: asks the upstreams what they offer, once somebody wants to know, merges it, and publishes a
/// view per capability set in `node_context::views`.
///
/// Where another node shows other lists for long, its upstreams may have told only that one of a change: they are asked
/// again (`machines/relisting`).
///
/// Accepts: view_wanted, listing_ready, peer_lists. Sends: view_ready, catalogue_changed (to all sessions of a
/// capability set), fetch_listing (to upstreams).
caf::actor spawn_catalogue(caf::actor_system& system, shard& home, node_context& node);

/// What is published there, for the other nodes of a cluster. Any thread.
view_digests digests_of(const view_board::slots& views);

}  // namespace holdfast::actors
