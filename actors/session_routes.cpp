#include <algorithm>
#include <utility>

#include "actors/session_actor.hpp"
#include "actors/session_keys.hpp"
#include "transport/mcp/messages.hpp"

// Which upstream a request goes to, and under which name or URI it is known there.

namespace holdfast::actors {

void session_actor::call_tool(const post_ptr& p, const mcp::envelope& e, const view_ptr& view) {
  if (take_up(p, e)) return;  // whether or not the tool is still there
  const auto name = mcp::plain_string(e.name);
  const auto decoded = name ? std::string(*name) : mcp::string_value(e.name).value_or(std::string());
  const auto* route = view->tool(decoded);
  if (!mcp::is_string(e.name)) return reply_error(p, e.id, mcp::code::invalid_params, "params.name must be a string");
  if (route == nullptr)
    return reply_error(p, e.id, mcp::code::invalid_params, "Unknown tool: " + decoded.substr(0, 128));
  if (session_keys::join(*this, p, e)) return;
  if (p->repeated && !route->journaled && !route->repeatable) {
    return reply_error(p, e.id, mcp::code::internal_error, "The node that made this call is gone; it may have run",
                       R"({"reason":"durability is none for this tool","mayHaveRun":true})");
  }
  const auto c = begin_call(p, e, route->upstream);
  if (!c) return;
  c->repeatable = route->repeatable;
  session_keys::begin(*c, e);
  if (route->journaled || c->keyed) enter_journal(*c, e);
  set_params(*c, e, route->renamed ? e.name : std::string_view(), route->upstream_name);
  if (route->cache) prepare_cache(*c, e, route->cache);
  start(c, decoded);
}

void session_actor::get_prompt(const post_ptr& p, const mcp::envelope& e, const view_ptr& view) {
  const auto name = mcp::string_value(e.name);
  if (!name) return reply_error(p, e.id, mcp::code::invalid_params, "params.name must be a string");
  const auto* route = view->prompt(*name);
  if (route == nullptr)
    return reply_error(p, e.id, mcp::code::invalid_params, "Unknown prompt: " + name->substr(0, 128));
  const auto c = begin_call(p, e, route->upstream);
  if (!c) return;
  set_params(*c, e, e.name, route->upstream_name);
  start(c, *name);
}

/// Where to look for a resource that no list and no template names: where this client has seen it, else everywhere.
std::vector<std::uint32_t> session_actor::who_may_have(const std::string& uri, const catalogue_view& view) {
  for (const auto& [known, upstream] : work().learned_uris) {
    if (known == uri && view.may_read(upstream, uri)) return {upstream};
  }
  std::vector<std::uint32_t> all;
  for (const auto u : view.upstreams()) {
    const auto l = view.listing_of(u);
    if (l && view.may_read(u, uri) && mcp::is_object(mcp::member(l->capabilities, "resources"))) all.push_back(u);
  }
  return all;
}

void session_actor::read_resource(const post_ptr& p, const mcp::envelope& e, const view_ptr& view) {
  const auto uri = mcp::string_value(e.uri);
  if (!uri) return reply_error(p, e.id, mcp::code::invalid_params, "params.uri must be a string");
  auto route = view->resource(*uri);
  std::vector<std::uint32_t> candidates;
  if (route) {
    candidates.push_back(route->upstream);
  } else {
    route = catalogue_view::resource_route{0, *uri, false};
    candidates = who_may_have(*uri, *view);
  }
  if (candidates.empty()) {
    return reply_error(p, e.id, mcp::code::resource_not_found, "Resource not found",
                       R"({"uri":)" + mcp::quote(*uri) + "}");
  }
  const auto c = begin_call(p, e, candidates.front());
  if (!c) return;
  c->fallbacks.assign(candidates.begin() + 1, candidates.end());
  if (route->renamed) {
    c->shown_uri = *uri;
    c->upstream_uri = route->upstream_uri;
  }
  set_params(*c, e, e.uri, mcp::quote(route->upstream_uri));
  start(c, *uri);
}

void session_actor::complete(const post_ptr& p, const mcp::envelope& e, const view_ptr& view) {
  const auto ref = mcp::member(e.params, "ref");
  const auto type = mcp::string_value(mcp::member(ref, "type"));
  if (type == "ref/prompt") {
    const auto name = mcp::member(ref, "name");
    const auto* route = view->prompt(mcp::string_value(name).value_or(std::string()));
    if (route == nullptr) return reply_error(p, e.id, mcp::code::invalid_params, "params.ref names an unknown prompt");
    const auto c = begin_call(p, e, route->upstream);
    if (!c) return;
    set_params(*c, e, name, route->upstream_name);
    return start(c, "completion");
  }
  if (type != "ref/resource") {
    return reply_error(p, e.id, mcp::code::invalid_params, "params.ref.type must be ref/prompt or ref/resource");
  }
  const auto uri = mcp::member(ref, "uri");
  const auto text = mcp::string_value(uri).value_or(std::string());
  auto upstream = view->template_owner(text);
  auto upstream_uri = text;
  if (const auto route = upstream ? std::nullopt : view->resource(text)) {
    upstream = route->upstream;
    upstream_uri = route->upstream_uri;
  }
  if (!upstream) return reply_error(p, e.id, mcp::code::invalid_params, "params.ref names an unknown resource");
  const auto c = begin_call(p, e, *upstream);
  if (!c) return;
  set_params(*c, e, uri, mcp::quote(upstream_uri));
  start(c, "completion");
}

void session_actor::subscription(const post_ptr& p, const mcp::envelope& e, const view_ptr& view) {
  const auto uri = mcp::string_value(e.uri);
  if (!uri) return reply_error(p, e.id, mcp::code::invalid_params, "params.uri must be a string");
  const auto route = view->resource(*uri);
  if (!route) {
    return reply_error(p, e.id, mcp::code::resource_not_found, "Resource not found",
                       R"({"uri":)" + mcp::quote(*uri) + "}");
  }
  const auto& held = work().subscriptions;
  const auto held_already =
      std::find(held.begin(), held.end(), std::pair(route->upstream_uri, route->upstream)) != held.end();
  if (e.what == mcp::method::resources_subscribe && !held_already && held.size() >= limits().subscriptions_max) {
    return reply_error(p, e.id, mcp::code::server_error, "Too many subscriptions in this session");
  }
  const auto c = begin_call(p, e, route->upstream);
  if (!c) return;
  c->upstream_uri = route->upstream_uri;
  start(c, "subscription");
}

}  // namespace holdfast::actors
