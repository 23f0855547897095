#include "actors/arrival.hpp"

#include <algorithm>
#include <caf/after.hpp>
#include <caf/scoped_actor.hpp>
#include <chrono>
#include <future>

#include "actors/cluster_view.hpp"
#include "actors/node_context.hpp"
#include "actors/shard.hpp"
#include "actors/upstream_messages.hpp"

namespace holdfast::actors {
namespace {

constexpr std::chrono::milliseconds glance{100};

/// Or were, and nobody has noticed that they have died: a cluster that starts anew after all of it was killed.
bool are_others_there(shard& first, const std::string& own_name) {
  std::promise<bool> there;
  first.loop().post([&] {
    read_cluster_view(*first.lane(), [&](const view_outcome& read) {
      there.set_value(read && std::any_of(read->members.begin(), read->members.end(),
                                          [&](const auto& m) { return !m.leaving && m.name != own_name; }));
    });
  });
  return there.get_future().get();
}

}  // namespace

void await_first_lists(caf::actor_system& system, shard& first, node_context& node) {
  if (!are_others_there(first, node.in_cluster->name())) return;
  caf::scoped_actor self(system);
  self->send(node.catalogue, view_wanted{self, {}, {}, node.config.catalogue.first_list_wait, true});
  const auto& stops = node.process.stops;
  for (bool arrived = false; !arrived && !(stops && stops());)
    self->receive([&](const view_ready&) { arrived = true; }, caf::after(glance) >> [] {});
}

}  // namespace holdfast::actors
