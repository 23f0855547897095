#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "actors/node_context.hpp"

namespace holdfast::actors {

class shard;

/// The actor of one client session: answers what the catalogue knows, runs every other request as an execution at an
/// upstream, relays what upstreams ask the client, and keeps the session's event streams. Whoever spawns it enters it
/// into the directory; it leaves that at its end.
///
/// Accepts: client_message, client_batch, client_stream, client_goodbye, call_message, call_answer, call_failure,
/// stream_closed, session_tick, session_end, link_ready, link_refused, upstream_message, subscription_done, view_ready,
/// catalogue_changed.
/// Sends: acquire, link_expired, subscribe, unsubscribe, level_wanted, released, upstream_stop; view_wanted.
caf::actor spawn_session(caf::actor_system& system, shard& home, node_context& node, std::string id,
                         std::string principal, client_transport over);

/// The session of this id, brought back from the store if it is not here; it answers 404 itself if it is nowhere, or
/// not the sender's: whose it is, it learns there. Only on a node with a durable store. Any thread; `home` is where it
/// would live.
directory::entry find_or_recover(caf::actor_system& system, shard& home, node_context& node, const std::string& id);

/// Brings back the sessions of these slots that have open calls, to see to those; all others come back when their
/// clients do. The thread of `via`, whose store lane it uses.
void recover_open_sessions(caf::actor_system& system, shard& via, node_context& node,
                           const std::vector<std::uint16_t>& slots);

}  // namespace holdfast::actors
