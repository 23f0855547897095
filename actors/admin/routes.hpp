#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/admin/request.hpp"

/// What operators can ask: the one table of paths. openapi.json describes them for others.
namespace holdfast::actors::admin {

class desk;

struct route {
  transport::http_method method;
  std::string_view path;                     ///< {} stands for one segment: /v1/sessions/{}/history
  std::vector<std::string_view> parameters;  ///< "name:kind" with a kind of `check_parameter`
  void (*handle)(desk& at, const request& r, reply done);
  std::string_view audit = {};  ///< the event of the audit log; empty = changes nothing
};

struct resolved {
  const route* to;
  std::vector<std::string> args;
};
/// The route of a path, or a problem: 404, 405 (with the methods in `detail`), 400.
std::variant<resolved, problem> find_route(transport::http_method method, std::string_view path);

/// Nothing, or what is wrong with a request's parameters.
std::optional<problem> check_parameters(const route& to, const request& r);

const std::vector<route>& all_routes();

/// A session by its id or the beginning of one, wherever in the cluster it is in memory.
struct found_session {
  std::string id, node;
  std::optional<problem> trouble;  ///< 404 or 409; then there is no id
};
void find_session(desk& at, const std::string& prefix, bool whole_cluster, std::function<void(found_session)> done);

/// The same among those that are in the store only, which is looked through for the beginning of an id.
void find_stored(desk& at, const std::string& prefix, bool whole_cluster, std::function<void(found_session)> done);

/// In memory, or, where no id there begins so, in the store. A whole id that is not in memory is 404: whoever has that
/// needs no search.
void find_anywhere(desk& at, const std::string& prefix, bool whole_cluster, std::function<void(found_session)> done);

/// The node that a session of this id is or would be at; empty while there is none.
std::string owner_of_id(desk& at, const std::string& id);

// Looking: see_*.cpp.
void see_document(desk& at, const request& r, reply done);
void see_health(desk& at, const request& r, reply done);
void see_servers(desk& at, const request& r, reply done);
void see_server_tools(desk& at, const request& r, reply done);
void see_tools(desk& at, const request& r, reply done);
void call_tool(desk& at, const request& r, reply done);
void see_owner(desk& at, const request& r, reply done);
void see_status(desk& at, const request& r, reply done);
void see_nodes(desk& at, const request& r, reply done);
void see_node(desk& at, const request& r, reply done);
void see_slots(desk& at, const request& r, reply done);
void see_where(desk& at, const request& r, reply done);
void see_sessions(desk& at, const request& r, reply done);
void see_session(desk& at, const request& r, reply done);
void see_history(desk& at, const request& r, reply done);
void see_executions(desk& at, const request& r, reply done);
void see_execution(desk& at, const request& r, reply done);
void see_explanation(desk& at, const request& r, reply done);
void see_actors(desk& at, const request& r, reply done);
void see_actor(desk& at, const request& r, reply done);
void see_upstreams(desk& at, const request& r, reply done);
void see_upstream(desk& at, const request& r, reply done);
void see_breakers(desk& at, const request& r, reply done);
void see_cache(desk& at, const request& r, reply done);
void see_registry(desk& at, const request& r, reply done);
void see_catalogue(desk& at, const request& r, reply done);
void see_store(desk& at, const request& r, reply done);
void see_latency(desk& at, const request& r, reply done);
void see_events(desk& at, const request& r, reply done);
void see_config(desk& at, const request& r, reply done);
void see_fences(desk& at, const request& r, reply done);
void see_bundle(desk& at, const request& r, reply done);
void trace(desk& at, const request& r, reply done);

// Changing: steer_*.cpp.
void end_session(desk& at, const request& r, reply done);
void passivate_session(desk& at, const request& r, reply done);
void move_session(desk& at, const request& r, reply done);
void clear_session_cache(desk& at, const request& r, reply done);
void clear_cache(desk& at, const request& r, reply done);
void apply_registry(desk& at, const request& r, reply done);
void reload_registry(desk& at, const request& r, reply done);
void set_registered(desk& at, const request& r, reply done);
void remove_registered(desk& at, const request& r, reply done);
void enable_registered(desk& at, const request& r, reply done);
void disable_registered(desk& at, const request& r, reply done);
void cancel_execution(desk& at, const request& r, reply done);
void move_slot(desk& at, const request& r, reply done);
void rebalance(desk& at, const request& r, reply done);
void drain_node(desk& at, const request& r, reply done);
void undrain_node(desk& at, const request& r, reply done);
void kill_node(desk& at, const request& r, reply done);
void restart_node(desk& at, const request& r, reply done);
void reconnect_upstream(desk& at, const request& r, reply done);
void disable_upstream(desk& at, const request& r, reply done);
void enable_upstream(desk& at, const request& r, reply done);
void reset_breaker(desk& at, const request& r, reply done);
void set_log_level(desk& at, const request& r, reply done);

}  // namespace holdfast::actors::admin
