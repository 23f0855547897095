#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "actors/node_context.hpp"
#include "transport/result.hpp"

namespace holdfast::actors {

class shard;

/// Begins to listen; answered through `done` on the shard's thread with the port, or why it cannot.
struct ingress_listen {
  std::string host;
  std::uint16_t port;
  std::function<void(transport::outcome<std::uint16_t>)> done;
};
/// What a listener does before it stops, in this order.
enum class drain_step : std::uint8_t {
  finish,  ///< connections end with their next answer; new ones are still served
  refuse,  ///< what would begin something is refused for now (503); answers, notifications and streams are taken
  close,   ///< who waits at the door is taken in, and nobody else
};
struct ingress_drain {
  drain_step step;
};
/// Tells, on the shard's thread, how many clients may wait for an answer, event streams aside.
struct ingress_count {
  std::function<void(std::size_t)> done;
};
/// Cuts what is open and ends.
struct ingress_stop {};

/// Whom a listener serves.
enum class ingress_role : std::uint8_t {
  clients,
  peers,  ///< the other nodes of the cluster, with what clients have sent them
};

/// The actor of one shard's HTTP listener: checks who asks, tells requests apart, begins sessions on its own shard and
/// routes everything else to the actor that holds the session, on whatever shard that lives, or to the node that owns
/// it.
///
/// Accepts: ingress_listen, ingress_drain, ingress_count, ingress_stop, client_request, routes_changed. Sends:
/// client_message, client_batch, client_stream, client_goodbye; peer_request.
caf::actor spawn_ingress(caf::actor_system& system, shard& home, node_context& node,
                         ingress_role role = ingress_role::clients);

}  // namespace holdfast::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::ingress_listen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::ingress_drain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::ingress_count)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::ingress_stop)
