#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
#include <cstdint>
#include <string>

#include "actors/client_capabilities.hpp"
#include "actors/node_context.hpp"

namespace holdfast::actors {

class shard;

/// Whom a connection serves.
enum class connection_role : std::uint8_t {
  shared,   ///< all clients that declare no sampling, elicitation or roots; also the source of their catalogue
  listing,  ///< nobody: it only tells what the upstream offers to clients of one capability set
  session,  ///< one client session
};

struct upstream_spec {
  std::uint32_t index = 0;  ///< into `node_config::upstreams`
  connection_role role = connection_role::shared;
  capability_set capabilities;
  std::string client_info;             ///< raw JSON of the client this connection is for; empty unless `session`
  caf::actor owner;                    ///< the session; null unless `session`
  std::string log_level;               ///< the session's, if it has set one
  transport::upstream_session adopts;  ///< to go on with instead of beginning a session; no id: there is none
};

/// The actor of one connection to one upstream server: connects when it is needed, again when it was lost, reads the
/// upstream's lists, keeps subscriptions and the log level. Calls do not pass through it: it publishes the link.
///
/// Accepts: acquire, link_expired, subscribe, unsubscribe, level_wanted, released, fetch_listing, upstream_retire,
/// upstream_stop.
/// Sends: link_ready, link_refused, subscription_done, upstream_message (to the owner), listing_ready (to the
/// catalogue).
/// `link` is where the link is published; it outlives the actor.
caf::actor spawn_upstream(caf::actor_system& system, shard& home, node_context& node, upstream_spec spec,
                          std::shared_ptr<published<transport::upstream_link>> link);

}  // namespace holdfast::actors
