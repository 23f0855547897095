#include <algorithm>
#include <caf/actor_system.hpp>
#include <utility>

#include "actors/session_actor.hpp"

// How sessions that are in the store only become actors again.

namespace holdfast::actors {
namespace {

/// One slot after another.
struct open_sessions : std::enable_shared_from_this<open_sessions> {
  void next(const std::string& cursor) {
    if (slots.empty() || node.draining) return;
    const auto slot = slots.back();
    via.lane()->list("session", slot, cursor, at_once, [self = shared_from_this(), slot](const auto& page) {
      if (!page) return self->node.store->note_failure(page.error());
      auto& home = *self->node.shards[slot % self->node.shards.size()];
      for (const auto& s : page->entries) {
        if (s.open_executions > 0 && self->node.store->holds(slot))
          find_or_recover(self->system, home, self->node, s.id);
      }
      if (page->next.empty()) self->slots.pop_back();
      self->next(page->next);
    });
  }

  open_sessions(caf::actor_system& s, shard& v, node_context& n) : system(s), via(v), node(n) {}

  static constexpr std::size_t at_once = 256;
  caf::actor_system& system;
  shard& via;
  node_context& node;
  std::vector<std::uint16_t> slots;
};

}  // namespace

void recover_open_sessions(caf::actor_system& system, shard& via, node_context& node,
                           const std::vector<std::uint16_t>& slots) {
  constexpr std::size_t chains_max = 16;
  std::vector<std::shared_ptr<open_sessions>> chains;
  for (std::size_t i = 0; i < std::min(chains_max, slots.size()); ++i)
    chains.push_back(std::make_shared<open_sessions>(system, via, node));
  for (std::size_t i = 0; i < slots.size(); ++i) chains[i % chains.size()]->slots.push_back(slots[i]);
  for (const auto& c : chains) c->next({});
}

directory::entry find_or_recover(caf::actor_system& system, shard& home, node_context& node, const std::string& id) {
  return node.sessions.find_or_add(id, [&] {
    caf::actor_config cfg{&home};
    const std::string unknown;
    return directory::entry{system.spawn_class<session_actor, caf::no_spawn_options>(
                                cfg, home, node, id, unknown, client_transport::streamable_http, true),
                            &home, unknown, client_transport::streamable_http};
  });
}

}  // namespace holdfast::actors
