#include "actors/admin/questions.hpp"

#include <algorithm>
#include <array>

#include "actors/admin/executions.hpp"
#include "actors/machines/membership.hpp"
#include "actors/node_context.hpp"

namespace holdfast::actors::admin {
namespace {

constexpr std::array<question, 30> all{{
    {"node", ask_node_line},        {"slots", ask_slots},         {"route", ask_route},
    {"sessions", ask_sessions},     {"stored", ask_stored},       {"session", ask_session},
    {"executions", ask_executions}, {"execution", ask_execution}, {"actors", ask_actors},
    {"upstreams", ask_upstreams},   {"store", ask_store},         {"latency", ask_latency},
    {"events", ask_events},         {"config", ask_config},       {"fence", ask_fence},
    {"do.session", do_session},     {"do.cancel", do_cancel},     {"do.drain", do_drain},
    {"do.upstream", do_upstream},   {"do.level", do_level},       {"do.kill", do_kill},
    {"do.restart", do_restart},     {"may.restart", may_restart}, {"breakers", ask_breakers},
    {"do.breaker", do_breaker},     {"cache", ask_cache},         {"do.cache", do_cache},
    {"do.open", do_open},           {"do.registry", do_registry}, {"do.reload", do_reload},
}};

}  // namespace

const question* find_question(std::string_view name) noexcept {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& q) { return q.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string node_name(const node_context& node) {
  if (!node.in_cluster) return "local";
  const auto view = node.in_cluster->membership.get();
  const auto* const self = machines::membership::find(*view, node.store->incarnation());
  if (self != nullptr) return self->name;
  // Not a member just now.
  const auto& c = *node.in_cluster;
  return c.config.name.empty() ? c.address : c.config.name;
}

}  // namespace holdfast::actors::admin
