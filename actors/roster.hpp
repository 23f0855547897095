#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/fwd.hpp>
#include <functional>
#include <string>

#include "actors/client_messages.hpp"
#include "actors/node_context.hpp"

namespace holdfast::actors {

class shard;

/// Enters the cluster's view, then keeps to it; `done` on the roster's thread with what went wrong, or nothing.
struct roster_join {
  std::function<void(std::string)> done;
};
/// Takes no more slots and hands over those it holds; `done` when there are none left, or nobody to take them.
struct roster_leave {
  std::function<void()> done;
};
/// Calls under way hold no slot back any more.
struct roster_hurry {};
/// Somebody of this process has changed the view.
struct roster_refresh {};
/// Leaves the view and ends.
struct roster_stop {
  std::function<void()> done;
};
/// A request of another node: `peer_path::beat` or `peer_path::heard`.
struct peer_request {
  exchange_ptr exchange;
};

// roster → ingresses

/// Where slots are, or who is there, has changed.
struct routes_changed {};

/// Who is in the cluster and what belongs to whom: keeps this node in the view, exchanges signs of life with the other
/// nodes, finds out who has died, and publishes where requests go (`node_context::in_cluster`).
///
/// Accepts: roster_join, roster_leave, roster_hurry, roster_refresh, roster_stop, peer_request. Sends: routes_changed.
caf::actor spawn_roster(caf::actor_system& system, shard& home, node_context& node);

}  // namespace holdfast::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::roster_join)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::roster_leave)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::roster_hurry)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::roster_refresh)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::roster_stop)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::peer_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::routes_changed)
