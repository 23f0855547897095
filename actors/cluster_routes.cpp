#include "actors/cluster_routes.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::actors {
namespace {

namespace membership = machines::membership;

/// Itself, or another one where only that reaches it.
std::uint16_t way_to(const cluster_routes& routes, std::uint16_t peer,
                     const std::map<std::string, neighbour>& neighbours) {
  const auto known = neighbours.find(routes.peers[peer].incarnation);
  if (known == neighbours.end() || !known->second.elsewhere) return peer;
  for (std::uint16_t p = 0; p < routes.peers.size(); ++p) {
    const auto other = neighbours.find(routes.peers[p].incarnation);
    if (p != peer && other != neighbours.end() && other->second.reached) return p;
  }
  return peer;
}

}  // namespace

bool cluster_routes::reaches(std::string_view incarnation) const noexcept {
  const auto at = std::find_if(peers.begin(), peers.end(), [&](const auto& p) { return p.incarnation == incarnation; });
  return at != peers.end() && via[static_cast<std::size_t>(at - peers.begin())] == at - peers.begin();
}

cluster_routes routes_of(const membership::view& view, std::string_view me, const transport::http_target& mine,
                         const slot_set& held, const std::map<std::string, neighbour>& neighbours) {
  cluster_routes routes;
  routes.slots.fill(cluster_routes::nobody);
  for (const auto& m : view.members) {
    const auto known = neighbours.find(m.incarnation);
    const auto place = static_cast<std::uint16_t>(routes.peers.size());
    const auto is_here = known == neighbours.end();
    routes.peers.push_back({m.name, m.incarnation, is_here ? mine : known->second.target,
                            is_here ? nullptr : std::shared_ptr<const peer_clock>(known->second.clock)});
    for (std::uint16_t s = 0; s < persistence::slot_count; ++s) {
      const auto holds = m.incarnation == me ? held[s] : known != neighbours.end() && known->second.slots[s];
      if (holds && (m.incarnation == me || !held[s])) routes.slots[s] = place;
    }
  }
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) {
    if (routes.slots[s] != cluster_routes::nobody) continue;
    const auto* const should = membership::owner_of(view, s);
    if (should != nullptr) routes.slots[s] = static_cast<std::uint16_t>(should - view.members.data());
  }
  for (std::uint16_t p = 0; p < routes.peers.size(); ++p) routes.via.push_back(way_to(routes, p, neighbours));
  return routes;
}

void note_detours(std::map<std::string, neighbour>& neighbours, const machines::detector::state& found) {
  for (auto& [incarnation, n] : neighbours) {
    const auto known = found.peers.find(incarnation);
    n.elsewhere = known != found.peers.end() && known->second.elsewhere;
  }
}

bool all_are_held(slot_set held, const std::map<std::string, neighbour>& neighbours) noexcept {
  for (const auto& [incarnation, n] : neighbours) held |= n.slots;
  return held.all();
}

}  // namespace holdfast::actors
