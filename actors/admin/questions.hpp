#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/admin/request.hpp"

namespace holdfast::actors {
struct node_context;
struct session_snapshot;
}  // namespace holdfast::actors

/// What a node can be asked about itself, by its own desk and by those of the other nodes of its cluster. The public
/// routes are made of these.
namespace holdfast::actors::admin {

class desk;

struct question {
  std::string_view name;
  /// `params` is a raw JSON object. `done` runs once, maybe from within the call.
  void (*ask)(desk& at, const std::string& params, reply done);
};

/// Null if there is none of this name.
const question* find_question(std::string_view name) noexcept;

std::string node_name(const node_context& node);

/// The ids of the sessions in memory here that begin so.
std::vector<std::string> ids_here(const node_context& node, const std::string& prefix);
std::optional<problem> too_short(const std::string& prefix);

// The questions, by file. Looking:
void ask_node_line(desk& at, const std::string& params, reply done);  // see_nodes.cpp
void ask_slots(desk& at, const std::string& params, reply done);      // see_slots.cpp
void ask_route(desk& at, const std::string& params, reply done);
void ask_sessions(desk& at, const std::string& params, reply done);    // see_sessions.cpp
void ask_stored(desk& at, const std::string& params, reply done);      // see_stored.cpp
void ask_session(desk& at, const std::string& params, reply done);     // see_session.cpp
void ask_executions(desk& at, const std::string& params, reply done);  // see_executions.cpp
void ask_execution(desk& at, const std::string& params, reply done);
void ask_actors(desk& at, const std::string& params, reply done);     // see_actors.cpp
void ask_upstreams(desk& at, const std::string& params, reply done);  // see_upstreams.cpp
void ask_breakers(desk& at, const std::string& params, reply done);   // breakers.cpp
void ask_cache(desk& at, const std::string& params, reply done);      // cache.cpp
void ask_store(desk& at, const std::string& params, reply done);      // see_store.cpp
void ask_latency(desk& at, const std::string& params, reply done);
void ask_events(desk& at, const std::string& params, reply done);  // see_events.cpp
void ask_config(desk& at, const std::string& params, reply done);  // see_config.cpp
void ask_fence(desk& at, const std::string& params, reply done);   // see_fence.cpp

/// What `show` says of a session that is only in the store, by its snapshot, the number of its last commit, and the
/// bytes of that snapshot; an empty answer if the store does not have it.
using stored_view = std::function<std::string(const session_snapshot&, std::uint64_t, std::size_t)>;
void ask_stored_session(desk& at, const std::string& id, stored_view show, reply done);  // see_stored.cpp
/// Of a call of it that has ended, what session_inspection::execution says of living ones.
std::string stored_execution(const session_snapshot& s, const std::string& number);

// Changing:
void do_session(desk& at, const std::string& params, reply done);  // steer_sessions.cpp
void do_cancel(desk& at, const std::string& params, reply done);
void do_drain(desk& at, const std::string& params, reply done);  // steer_nodes.cpp
void do_kill(desk& at, const std::string& params, reply done);   // steer_processes.cpp
void do_restart(desk& at, const std::string& params, reply done);
void may_restart(desk& at, const std::string& params, reply done);
void do_upstream(desk& at, const std::string& params, reply done);  // steer_upstreams.cpp
void do_breaker(desk& at, const std::string& params, reply done);   // breakers.cpp
void do_cache(desk& at, const std::string& params, reply done);     // cache.cpp
void do_registry(desk& at, const std::string& params, reply done);  // registry.cpp
void do_reload(desk& at, const std::string& params, reply done);
void do_level(desk& at, const std::string& params, reply done);

}  // namespace holdfast::actors::admin
