#include <array>
#include <charconv>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/admin/upstream_text.hpp"
#include "actors/log.hpp"

// The configuration as it is in effect. What may be a secret is shown as ***: by its kind, not by what it looks like.

namespace holdfast::actors::admin {
namespace {

constexpr std::string_view hidden = "***";

template <class Text>
std::string hidden_if_set(const Text& secret) {
  return secret.empty() ? std::string() : std::string(hidden);
}

std::string duration(milliseconds ms) { return std::to_string(ms.count()) + "ms"; }

std::string address(const std::string& host, std::uint16_t port) {
  const auto literal = host.find(':') != std::string::npos && host.front() != '[';
  return (literal ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

/// Names are worth knowing; values are not for showing.
template <class Pairs>
std::string hidden_values(const Pairs& pairs) {
  json_object o;
  for (const auto& [name, value] : pairs) o.text(name, hidden);
  return o.str();
}

std::string store_text(const node_context& node) {
  constexpr std::array<std::string_view, 2> formats{"json", "msgpack"};
  const auto& s = node.config.store;
  json_object o;
  o.text("url", node.store ? node.store->shown() : "memory:").text("prefix", s.primary.prefix);
  o.text("ca_file", s.primary.ca_file).number("connections", s.primary.connections);
  o.number("wait_replicas", s.primary.wait_replicas).text("deadline", duration(s.primary.deadline));
  o.number("waiting_max", s.primary.waiting_max).text("hold_timeout", duration(s.hold_timeout));
  o.text("shadow", hidden_if_set(s.shadow)).text("format", formats[static_cast<std::size_t>(s.format)]);
  return o.number("compress_above", s.compress_above).text("keys", hidden_if_set(s.keys)).str();
}

/// Where the files are is no secret; what is in them is not shown.
std::string tls_text(const transport::tls_files& files) {
  return json_object().text("certificate", files.certificate).text("key", files.key).text("ca", files.ca).str();
}

std::string cluster_text(const cluster_config& c) {
  json_object o;
  o.text("listen", c.enabled ? address(c.host, c.port) : "off").text("advertise", c.advertise).text("name", c.name);
  o.text("secret", hidden_if_set(c.secret)).text("beat", duration(c.beat)).text("silence", duration(c.silence));
  o.text("hold_timeout", duration(c.hold_timeout)).number("connections_max", c.connections_max);
  return o.raw("tls", tls_text(c.tls)).str();
}

std::string admin_text(const node_config& c) {
  json_object o;
  o.text("listen", c.admin.enabled ? address(c.admin.host, admin_port(c)) : "off");
  o.text("socket", c.admin.socket).text("token", hidden_if_set(c.admin.token));
  return o.raw("tls", tls_text(c.admin.tls)).text("answer_within", duration(c.admin.answer_within)).str();
}

/// Of users the names; what proves them is not for showing.
std::string access_text(const node_config& c) {
  std::vector<std::string> users;
  for (const auto& u : c.users) users.push_back(u.name);
  return json_object().texts("hosts", c.access.hosts).texts("origins", c.access.origins).texts("users", users).str();
}

std::string traces_text(const trace_config& c) {
  std::array<char, 32> sample{};
  const auto* const end = std::to_chars(sample.data(), sample.data() + sample.size(), c.sample).ptr;
  json_object o;
  o.text("endpoint", shown_url(c.endpoint))
      .raw("sample", {sample.data(), end})
      .raw("headers", hidden_values(c.headers));
  o.number("queue_max", c.queue_max).text("interval", duration(c.interval)).text("timeout", duration(c.timeout));
  return o.str();
}

std::string http_text(const transport::http_limits& h) {
  json_object o;
  o.number("body_bytes_max", h.body_bytes_max).number("header_bytes_max", h.header_bytes_max);
  o.number("headers_max", h.headers_max).number("connections_max", h.connections_max);
  o.number("stream_queue_bytes_max", h.stream_queue_bytes_max).text("header_timeout", duration(h.header_timeout));
  o.text("body_timeout", duration(h.body_timeout)).text("keep_alive_timeout", duration(h.keep_alive_timeout));
  return o.text("write_timeout", duration(h.write_timeout)).str();
}

std::string sessions_text(const session_limits& s) {
  json_object o;
  o.number("sessions_max", s.sessions_max).number("per_user_max", s.per_user_max);
  o.number("in_flight_max", s.in_flight_max);
  o.number("server_requests_max", s.server_requests_max).number("batch_max", s.batch_max);
  o.number("replay_events_max", s.replay_events_max).number("replay_bytes_max", s.replay_bytes_max);
  o.number("streams_max", s.streams_max).number("shadow_streams_max", s.shadow_streams_max);
  o.number("subscriptions_max", s.subscriptions_max).number("history_max", s.history_max);
  o.text("replay_age_max", duration(s.replay_age_max)).text("idle_timeout", duration(s.idle_timeout));
  o.text("passivate_after", duration(s.passivate_after)).text("stream_after", duration(s.stream_after));
  o.text("keep_alive", duration(s.keep_alive)).text("retry", duration(s.retry));
  o.text("stream_lifetime", duration(s.stream_lifetime));
  o.text("client_answer_timeout", duration(s.client_answer_timeout));
  return o.number("tool_state_bytes_max", s.tool_state_bytes_max).str();
}

std::string executions_text(const execution_limits& e) {
  json_object o;
  o.number("batch_max", e.batch_max).number("batch_concurrency", e.batch_concurrency);
  o.text("key_lifetime", duration(e.key_lifetime)).number("keys_max", e.keys_max);
  o.number("key_bytes_max", e.key_bytes_max).number("steps_max", e.steps_max);
  return o.number("step_bytes_max", e.step_bytes_max).str();
}

std::string catalogue_text(const catalogue_config& c) {
  return json_object()
      .flag("always_prefix", c.always_prefix)
      .number("page_size", c.page_size)
      .number("entries_max", c.entries_max)
      .text("first_list_wait", duration(c.first_list_wait))
      .str();
}

std::string cache_text(const cache_config& c) {
  return json_object()
      .number("bytes_max", c.bytes_max)
      .number("entry_bytes_max", c.entry_bytes_max)
      .flag("store", c.in_store)
      .number("waiting_max", c.waiting_max)
      .text("blind_max", duration(c.blind_max))
      .str();
}

std::vector<std::string> cache_rules(const std::vector<cache_rule>& all) {
  constexpr std::array<std::string_view, 3> scopes{"session", "user", "shared"};
  std::vector<std::string> out;
  for (const auto& r : all) {
    out.push_back(json_object()
                      .texts("tools", r.tools)
                      .text("ttl", duration(r.ttl))
                      .text("scope", scopes[static_cast<std::size_t>(r.scope)])
                      .str());
  }
  return out;
}

std::string patterns(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
  return json_object().texts("allow", allow).texts("deny", deny).str();
}

void add_target(json_object& o, const upstream_config& u) {
  constexpr std::array<std::string_view, 3> protocols{"detect", "streamable-http", "sse"};
  if (const auto* const http = std::get_if<transport::http_endpoint>(&u.target)) {
    o.text("url", target_of(u)).raw("headers", hidden_values(http->headers)).text("ca_file", http->ca_file);
    o.text("transport", protocols[static_cast<std::size_t>(http->speaks)]);
    return;
  }
  if (const auto* const programs = std::get_if<transport::program_set>(&u.target)) {
    std::vector<std::string> names;
    for (const auto& t : programs->tools) names.push_back(t.name);
    o.texts("exec", names).number("processes_max", programs->processes_max).text("locale", programs->locale);
    return;
  }
  const auto& stdio = std::get<transport::stdio_command>(u.target);
  o.text("command", stdio.command).texts("args", std::vector<std::string>(stdio.args.size(), std::string(hidden)));
  o.raw("env", hidden_values(stdio.env)).texts("env_pass", stdio.env_pass).text("cwd", stdio.directory);
}

std::string registry_text(const registry_config& c) {
  return json_object()
      .flag("watch", c.watch)
      .flag("commands", c.commands)
      .number("upstreams_max", c.upstreams_max)
      .text("switch_within", duration(c.switch_within))
      .str();
}

}  // namespace

std::string upstream_text(const upstream_config& u) {
  constexpr std::array<std::string_view, 3> scopes{"auto", "shared", "session"};
  json_object o;
  add_target(o, u);
  o.text("user", u.user)
      .flag("enabled", u.enabled)
      .flag("eager", u.eager)
      .text("scope", scopes[static_cast<std::size_t>(u.scope)]);
  o.raw("tools", patterns(u.allow_tools, u.deny_tools)).raw("prompts", patterns(u.allow_prompts, u.deny_prompts));
  o.raw("resources", patterns(u.allow_resources, u.deny_resources));
  o.text("durability", u.kept == durability::journal ? "journal" : "none");
  o.texts("unjournaled_tools", u.unjournaled_tools).flag("retry_read_only", u.retry_read_only);
  o.flag("retry_idempotent", u.retry_idempotent).text("call_timeout", duration(u.call_timeout));
  o.text("list_timeout", duration(u.list_timeout)).text("idle_timeout", duration(u.idle_timeout));
  o.text("shared_idle_timeout", duration(u.shared_idle_timeout)).text("ping_every", duration(u.ping_every));
  o.text("reconnect_min", duration(u.reconnect_min)).text("reconnect_max", duration(u.reconnect_max));
  o.number("max_concurrent", u.max_concurrent).number("queue", u.queue);
  o.raw("retry", json_object()
                     .number("attempts", u.retry.attempts)
                     .text("min", duration(u.retry.min))
                     .text("max", duration(u.retry.max))
                     .str());
  const auto& b = u.breaker;
  o.raw("breaker", json_object()
                       .flag("enabled", u.breaker_enabled)
                       .number("failures", b.failures)
                       .number("failure_rate", b.failure_rate)
                       .text("window", duration(b.window))
                       .text("open_for", duration(b.open_for))
                       .text("open_max", duration(b.open_max))
                       .number("probes", b.probes)
                       .str());
  o.list("cache", cache_rules(u.cache));
  return o.str();
}

namespace {

std::string text_of_all(const node_context& node) {
  constexpr std::array<std::string_view, 3> formats{"auto", "text", "json"};
  const auto& c = node.config;
  json_object upstreams, o;
  for (const auto u : *node.upstreams.in_force())
    upstreams.raw(name_of(node.upstreams[u].config), upstream_text(node.upstreams[u].config));
  o.text("listen", address(c.listen_host, c.listen_port)).number("threads", c.threads).raw("tls", tls_text(c.tls));
  o.raw("store", store_text(node));
  o.text("on_store_loss", c.store.on_loss == on_store_loss::hold ? "hold" : "degrade");
  o.raw("admin", admin_text(c)).raw("cluster", cluster_text(c.cluster));
  o.raw("log", json_object()
                   .text("level", log::name_of(log::level()))
                   .text("format", formats[static_cast<std::size_t>(c.format)])
                   .number("repeats_max", c.log_repeats_max)
                   .str());
  o.raw("traces", traces_text(c.traces));
  o.raw("http", http_text(c.http));
  o.raw("access", access_text(c));
  o.raw("sessions", sessions_text(c.sessions)).raw("executions", executions_text(c.executions));
  o.raw("catalogue", catalogue_text(c.catalogue));
  o.raw("cache", cache_text(c.cache)).raw("registry", registry_text(c.registry));
  return o.text("drain_timeout", duration(c.drain_timeout)).raw("upstreams", upstreams.str()).str();
}

}  // namespace

void ask_config(desk& at, const std::string&, reply done) {
  done(json_object().text("node", at.name()).raw("config", text_of_all(at.node())).str());
}

void see_config(desk& at, const request& r, reply done) {
  at.ask_all(r.whole_cluster(), "config", "{}", [done = std::move(done)](const parts& p) {
    std::vector<std::string> nodes;
    for (const auto& each : p.all) nodes.push_back(each.json);
    done(json_object().list("nodes", nodes).texts("unreachable", p.unreachable).str());
  });
}

}  // namespace holdfast::actors::admin
