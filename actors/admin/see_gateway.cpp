#include <algorithm>

#include "actors/admin/desk.hpp"
#include "actors/admin/document.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/merge.hpp"
#include "actors/admin/routes.hpp"
#include "actors/admin/upstream_text.hpp"

// The paths that users of comparable gateways know. Of one node.

namespace holdfast::actors::admin {
namespace {

std::string store_text(const node_context& node) {
  if (!node.store) return R"({"state":"ok","tier":"memory"})";
  const auto& s = *node.store;
  const auto h = s.health();
  json_object o;
  o.text("state", store_state(node)).text("url", s.shown()).text("tier", persistence::name_of(s.tier()));
  o.text("detail", h.detail).number("connections", h.connections).number("waiting", h.waiting);
  o.number("operations", h.operations).number("failures", h.failures).number("commits", h.commits);
  o.number("commitMicroseconds", h.latency.count()).number("historyChanges", h.histories);
  return o.number("shadowDifferences", h.differences).str();
}

std::string membership_text(const node_context& node) {
  const auto& c = *node.in_cluster;
  const auto view = c.membership.get();
  const auto* const self = machines::membership::find(*view, node.store->incarnation());
  std::size_t held = 0;
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) held += node.store->holds(s) ? 1 : 0;
  std::vector<std::string> members;
  for (const auto& m : view->members) {
    members.push_back(json_object()
                          .text("name", m.name)
                          .text("state", m.leaving ? "leaving" : "up")
                          .text("address", m.address)
                          .str());
  }
  return json_object()
      .text_or_null("node", self != nullptr ? self->name : std::string())
      .number("view", view->version)
      .number("slots", held)
      .list("members", members)
      .str();
}

std::string server_text(const node_context& node, std::uint32_t u, const view_ptr& view) {
  const auto& config = node.upstreams[u].config;
  const auto known = node.upstreams[u].status.get();
  const auto status = known ? *known : upstream_status{};
  const auto count = [&](list_kind kind) { return view ? view->size_of(kind, u) : 0; };
  const auto listing = view ? view->listing_of(u) : nullptr;
  const auto revision = listing ? listing->revision : std::string();
  json_object o;
  o.text("name", name_of(config)).text("protocol", status.protocol).text("target", target_of(config));
  o.text("state", config.enabled ? status.state : "disabled").number("tools", count(list_kind::tools));
  o.number("prompts", count(list_kind::prompts)).number("resources", count(list_kind::resources));
  return o.text_or_null("revision", revision).text_or_null("error", status.error).str();
}

std::string tools_of(const view_ptr& view, std::uint32_t u) { return view ? view->list_of(list_kind::tools, u) : ""; }

}  // namespace

void see_document(desk&, const request&, reply done) { done(std::string(document())); }

void see_health(desk& at, const request&, reply done) {
  const auto& node = at.node();
  json_object o;
  o.text("status", node.draining ? "draining" : "ok").text("version", HOLDFAST_VERSION);
  o.number("sessions", node.sessions.size()).number("callsInFlight", node.calls.all.load());
  o.raw("store", store_text(node));
  if (node.in_cluster) o.raw("cluster", membership_text(node));
  done(o.str());
}

void see_servers(desk& at, const request& r, reply done) {
  at.with_view(milliseconds{r.number("wait", 0)},
               [self = at.shared_from_this(), done = std::move(done)](const view_ptr& view) {
                 std::vector<std::string> all;
                 for (const auto u : *self->node().upstreams.in_force())
                   all.push_back(server_text(self->node(), u, view));
                 done(json_object().list("servers", all).str());
               });
}

void see_server_tools(desk& at, const request& r, reply done) {
  const auto index = upstream_index(at.node(), r.args[0]);
  if (!index) return done(problem{404, "No server of this name", {}, {}, {}});
  at.with_view(milliseconds{r.number("wait", 0)},
               [name = r.args[0], index, done = std::move(done)](const view_ptr& view) {
                 const auto tools = tools_of(view, static_cast<std::uint32_t>(*index));
                 done(json_object().text("server", name).raw("tools", "[" + tools + "]").str());
               });
}

void see_tools(desk& at, const request& r, reply done) {
  at.with_view(milliseconds{r.number("wait", 0)},
               [self = at.shared_from_this(), done = std::move(done)](const view_ptr& view) {
                 std::vector<std::string> all;
                 for (const auto u : *self->node().upstreams.in_force()) {
                   if (auto tools = tools_of(view, u); !tools.empty()) all.push_back(std::move(tools));
                 }
                 done(json_object().list("tools", all).str());
               });
}

}  // namespace holdfast::actors::admin
