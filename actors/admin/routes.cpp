#include "actors/admin/routes.hpp"

#include <algorithm>
#include <charconv>

#include "actors/admin/executions.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::actors::admin {
namespace {

using transport::http_method;

constexpr auto get = http_method::get;
constexpr auto post = http_method::post;

constexpr std::string_view scope = "scope:cluster|node", limit = "limit:1..1000", cursor = "cursor:";
constexpr std::string_view dry_run = "dry_run:true|false", wait = "wait:0..60000", to = "to!";

const std::vector<route> table = {
    {get, "/openapi.json", {}, see_document},
    {get, "/mcp/health", {}, see_health},
    {get, "/mcp/servers", {wait}, see_servers},
    {get, "/mcp/servers/{}/tools", {wait}, see_server_tools},
    {get, "/mcp/tools", {wait}, see_tools},
    {get, "/mcp/owner/{}", {}, see_owner},
    {post, "/mcp/call", {}, call_tool, "audit.call"},
    {post, "/mcp/servers/{}/reconnect", {scope, dry_run, wait}, reconnect_upstream, "audit.upstream_reconnect"},
    {get, "/mcp/circuit-breakers", {scope}, see_breakers},
    {post, "/mcp/circuit-breakers/{}/reset", {scope, dry_run, wait}, reset_breaker, "audit.breaker_reset"},
    {get, "/v1/status", {scope}, see_status},
    {get, "/v1/nodes", {scope}, see_nodes},
    {get, "/v1/nodes/{}", {}, see_node},
    {get, "/v1/slots", {scope, "detail:true|false"}, see_slots},
    {get, "/v1/where/{}", {scope}, see_where},
    {get,
     "/v1/sessions",
     {scope, "prefix:", "where:memory|store|all", "sort:id|calls|handled|mailbox|memory|age|idle", limit, cursor},
     see_sessions},
    {get, "/v1/sessions/{}", {scope}, see_session},
    {get, "/v1/sessions/{}/history", {scope, limit}, see_history},
    {get, "/v1/sessions/{}/trace", {"max:1..100000", "rate:1..10000", "bodies:true|false"}, trace, "audit.trace"},
    {get, "/v1/sessions/{}/tool-state", {}, see_tool_states},
    {get, "/v1/sessions/{}/tool-state/{}", {}, see_tool_state},
    {post, "/v1/sessions/{}/tool-state/{}", {}, set_tool_state, "audit.tool_state_set"},
    {post, "/v1/sessions/{}/tool-state/{}/clear", {}, clear_tool_state, "audit.tool_state_clear"},
    {get, "/v1/sessions/{}/executions", {}, see_steps},
    {post, "/v1/sessions/{}/executions", {}, begin_step, "audit.step_begin"},
    {get, "/v1/sessions/{}/executions/{}", {}, see_step},
    {post, "/v1/sessions/{}/executions/{}/select", {}, select_step, "audit.step_select"},
    {post, "/v1/sessions/{}/executions/{}/parameters", {}, parameters_step, "audit.step_parameters"},
    {post, "/v1/sessions/{}/executions/{}/execute", {wait}, execute_step, "audit.step_execute"},
    {post, "/v1/sessions/{}/executions/{}/cancel", {}, cancel_step, "audit.step_cancel"},
    {post, "/v1/sessions/{}/executions/{}/reset", {}, reset_step, "audit.step_reset"},
    {post, "/v1/sessions/{}/executions/{}/drop", {}, drop_step, "audit.step_drop"},
    {post, "/v1/executions", {}, execute, "audit.execute"},
    {get, "/v1/executions", {scope, limit, "upstream:"}, see_executions},
    {get, "/v1/executions/{}", {scope}, see_execution},
    {get, "/v1/executions/{}/explain", {scope}, see_explanation},
    {get, "/v1/actors", {scope, "kind:", "sort:id|mailbox|handled|age|idle", limit}, see_actors},
    {get, "/v1/actors/{}", {}, see_actor},
    {get, "/v1/upstreams", {scope}, see_upstreams},
    {get, "/v1/upstreams/{}", {scope}, see_upstream},
    {get, "/v1/circuit-breakers", {scope}, see_breakers},
    {get, "/v1/cache", {scope}, see_cache},
    {get, "/v1/registry", {scope, "user:"}, see_registry},
    {get, "/v1/catalogue", {}, see_catalogue},
    {get, "/v1/store", {scope}, see_store},
    {get, "/v1/latency", {scope}, see_latency},
    {get, "/v1/events", {scope, limit, "event:", "follow:true|false"}, see_events},
    {get, "/v1/config", {scope}, see_config},
    {post, "/v1/sessions/{}/end", {dry_run, wait}, end_session, "audit.session_end"},
    {post, "/v1/sessions/{}/passivate", {dry_run, wait}, passivate_session, "audit.session_passivate"},
    {post, "/v1/sessions/{}/move", {to, dry_run, wait}, move_session, "audit.session_move"},
    {post, "/v1/sessions/{}/cache/clear", {dry_run, wait}, clear_session_cache, "audit.session_cache_clear"},
    {post, "/v1/cache/clear", {"tool:", dry_run, wait}, clear_cache, "audit.cache_clear"},
    {post, "/v1/executions/{}/cancel", {dry_run, wait}, cancel_execution, "audit.execution_cancel"},
    {post, "/v1/slots/{}/move", {to, dry_run, wait}, move_slot, "audit.slot_move"},
    {post, "/v1/rebalance", {dry_run, wait}, rebalance, "audit.rebalance"},
    {post, "/v1/nodes/{}/drain", {dry_run, wait}, drain_node, "audit.node_drain"},
    {post, "/v1/nodes/{}/undrain", {dry_run, wait}, undrain_node, "audit.node_undrain"},
    {post, "/v1/nodes/{}/kill", {dry_run, wait}, kill_node, "audit.node_kill"},
    {post, "/v1/nodes/{}/restart", {dry_run, wait}, restart_node, "audit.node_restart"},
    {post, "/v1/upstreams/{}/reconnect", {scope, dry_run, wait}, reconnect_upstream, "audit.upstream_reconnect"},
    {post, "/v1/upstreams/{}/disable", {scope, dry_run, wait}, disable_upstream, "audit.upstream_disable"},
    {post, "/v1/upstreams/{}/enable", {scope, dry_run, wait}, enable_upstream, "audit.upstream_enable"},
    {post, "/v1/registry/apply", {dry_run, wait}, apply_registry, "audit.registry_apply"},
    {post, "/v1/registry/reload", {scope, dry_run, wait}, reload_registry, "audit.registry_reload"},
    {post, "/v1/registry/upstreams/{}", {"user:", dry_run, wait}, set_registered, "audit.registry_set"},
    {post, "/v1/registry/upstreams/{}/remove", {"user:", dry_run, wait}, remove_registered, "audit.registry_remove"},
    {post, "/v1/registry/upstreams/{}/enable", {"user:", dry_run, wait}, enable_registered, "audit.registry_enable"},
    {post, "/v1/registry/upstreams/{}/disable", {"user:", dry_run, wait}, disable_registered, "audit.registry_disable"},
    {post, "/v1/circuit-breakers/{}/reset", {scope, dry_run, wait}, reset_breaker, "audit.breaker_reset"},
    {post, "/v1/log/level", {scope, dry_run, "level!debug|info|warning|error"}, set_log_level, "audit.log_level"},
    {post, "/v1/fence/check", {scope}, see_fences, "audit.fence_check"},
    {post, "/v1/bundle", {scope}, see_bundle, "audit.bundle"},
};

/// What stands in the places of a pattern; nothing if the path does not fit.
std::optional<std::vector<std::string_view>> matched(std::string_view pattern, std::string_view path) {
  std::vector<std::string_view> args;
  while (!pattern.empty()) {
    const auto place = pattern.find("{}");
    const auto fixed = pattern.substr(0, place);
    if (!path.starts_with(fixed)) return std::nullopt;
    path.remove_prefix(fixed.size());
    if (place == std::string_view::npos) break;
    args.push_back(path.substr(0, path.find('/')));
    if (args.back().empty()) return std::nullopt;
    path.remove_prefix(args.back().size());
    pattern.remove_prefix(place + 2);
  }
  if (!path.empty()) return std::nullopt;
  return args;
}

bool is_one_of(std::string_view value, std::string_view all) {
  while (true) {
    const auto end = all.find('|');
    if (value == all.substr(0, end)) return true;
    if (end == std::string_view::npos) return false;
    all.remove_prefix(end + 1);
  }
}

bool is_within(const std::string& value, std::string_view range) {
  const auto dots = range.find("..");
  std::uint64_t n = 0, low = 0, high = 0;
  const auto* const end = value.data() + value.size();
  const auto read = std::from_chars(value.data(), end, n);
  std::from_chars(range.data(), range.data() + dots, low);
  std::from_chars(range.data() + dots + 2, range.data() + range.size(), high);
  return read.ec == std::errc() && read.ptr == end && n >= low && n <= high;
}

/// In words what a value of this kind must be; empty if this one is.
std::string objection(std::string_view kind, const std::string& value) {
  if (kind.empty()) return value.empty() ? "must not be empty" : "";
  if (kind.find("..") != std::string_view::npos)
    return is_within(value, kind) ? "" : "must be a whole number of " + std::string(kind);
  return is_one_of(value, kind) ? "" : "must be one of " + std::string(kind);
}

}  // namespace

const std::vector<route>& all_routes() { return table; }

std::variant<resolved, problem> find_route(http_method method, std::string_view path) {
  std::string others;
  for (const auto& r : table) {
    const auto raw = matched(r.path, path);
    if (!raw) continue;
    if (r.method != method) {
      (others += others.empty() ? "" : ", ") += r.method == get ? "GET" : "POST";
      continue;
    }
    resolved found{&r, {}};
    for (const auto a : *raw) {
      auto arg = decoded(a);
      if (!arg) return problem{400, "The path is not well-formed", {}, {}, {}};
      found.args.push_back(std::move(*arg));
    }
    return found;
  }
  if (others.empty()) return problem{404, "No such resource", "/openapi.json lists what there is", {}, {}};
  return problem{405, "Use " + others, others, {}, {}};
}

std::optional<problem> check_parameters(const route& to, const request& r) {
  const auto wrong = [](std::string_view name, const std::string& why) {
    return problem{400, "A parameter is wrong", std::string(name) + " " + why, {}, {}};
  };
  const auto name_of = [](std::string_view p) { return p.substr(0, p.find_first_of(":!")); };
  for (const auto& [name, value] : r.query) {
    const auto known = std::find_if(to.parameters.begin(), to.parameters.end(),
                                    [&, n = std::string_view(name)](auto p) { return name_of(p) == n; });
    if (known == to.parameters.end()) return wrong(name, "is no parameter of this resource");
    const auto why = objection(known->substr(name.size() + 1), value);
    if (!why.empty()) return wrong(name, why);
  }
  for (const auto p : to.parameters) {
    const auto name = name_of(p);
    if (p.substr(name.size()).starts_with('!') && !r.query.contains(std::string(name))) return wrong(name, "is needed");
  }
  return std::nullopt;
}

}  // namespace holdfast::actors::admin
