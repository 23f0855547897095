#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/admin/request.hpp"

namespace holdfast::actors {
struct node_context;
}

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
/// A session that is only in the store: its detail or history; an empty answer if the store does not have it.
void ask_stored_session(desk& at, const std::string& id, bool history, reply done);  // see_stored.cpp

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
void do_level(desk& at, const std::string& params, reply done);

}  // namespace holdfast::actors::admin
