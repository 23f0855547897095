#include <algorithm>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/merge.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "transport/mcp/sealed.hpp"

// Who holds which slot, and where a session's requests go.

namespace holdfast::actors::admin {
namespace {

namespace membership = machines::membership;
using persistence::slot_count;

std::string_view state_of(const node_context& node, std::uint16_t slot) {
  if (!node.store) return "held";
  if (!node.store->holds(slot)) return node.store->has(slot) ? "sealed" : "elsewhere";
  return node.store->is_closing(slot) ? "closing" : "held";
}

std::uint64_t epoch_of(const node_context& node, std::uint16_t slot) {
  return node.store ? node.store->token_of(slot, node.store->tenure_of(slot)).epoch : 0;
}

std::string wanted_owner(const node_context& node, std::uint16_t slot) {
  if (!node.in_cluster) return "local";
  const auto* const m = membership::owner_of(*node.in_cluster->membership.get(), slot);
  return m == nullptr ? std::string() : m->name;
}

std::vector<std::string> counts_of(const slot_picture& all, const parts& p) {
  std::vector<std::string> counts;
  for (const auto& each : p.all) {
    std::size_t held = 0, closing = 0, wanted = 0;
    for (const auto& place : all.places) {
      wanted += place.wanted == each.node ? 1 : 0;
      for (const auto& h : place.holders) {
        if (h.node != each.node) continue;
        ++held;
        closing += h.state == "held" ? 0 : 1;
      }
    }
    counts.push_back(json_object()
                         .text("node", each.node)
                         .number("held", held)
                         .number("closing", closing)
                         .number("wanted", wanted)
                         .str());
  }
  return counts;
}

std::string slot_line(std::size_t slot, const slot_picture::place& place) {
  const auto first = place.holders.empty() ? slot_picture::holder{"", "unowned"} : place.holders.front();
  std::vector<std::string> others;
  for (std::size_t i = 1; i < place.holders.size(); ++i) others.push_back(place.holders[i].node);
  return json_object()
      .number("slot", slot)
      .text_or_null("node", first.node)
      .text_or_null("wanted", place.wanted)
      .flag("pinned", place.pinned)
      .text("state", first.state)
      .number("epoch", first.epoch)
      .number("inflight", first.inflight)
      .texts("contested", others)
      .str();
}

}  // namespace

slot_picture picture_of(const parts& slots) {
  slot_picture all;
  all.places.resize(slot_count);
  for (const auto& each : slots.all) {
    for (const auto raw : list_of(each.json, "slots")) {
      const auto slot = number_of(raw, "slot");
      if (slot >= slot_count) continue;
      all.places[slot].holders.push_back(
          {each.node, text_of(raw, "state"), number_of(raw, "epoch"), number_of(raw, "inflight")});
    }
    const auto wanted = list_of(each.json, "wanted");
    // All nodes say the same, or will; the last one stands.
    for (std::size_t s = 0; s < std::min<std::size_t>(wanted.size(), slot_count); ++s)
      all.places[s].wanted = mcp::string_value(wanted[s]).value_or(std::string());
    for (const auto raw : list_of(each.json, "pinned")) {
      if (const auto s = mcp::integer_value(raw); s && *s >= 0 && *s < slot_count)
        all.places[static_cast<std::size_t>(*s)].pinned = true;
    }
  }
  for (auto& place : all.places) {
    auto& holders = place.holders;
    std::stable_sort(holders.begin(), holders.end(), [](const auto& a, const auto& b) { return a.epoch > b.epoch; });
    all.unowned += holders.empty() ? 1 : 0;
    all.contested += holders.size() > 1 ? 1 : 0;
    all.moving += !holders.empty() && holders.front().node != place.wanted ? 1 : 0;
  }
  return all;
}

void ask_slots(desk& at, const std::string&, reply done) {
  const auto& node = at.node();
  std::vector<std::string> held, wanted, pinned;
  for (std::uint16_t s = 0; s < slot_count; ++s) {
    wanted.push_back(mcp::quote(wanted_owner(node, s)));
    const auto state = state_of(node, s);
    if (state == "elsewhere") continue;
    held.push_back(json_object()
                       .number("slot", s)
                       .text("state", state)
                       .number("epoch", epoch_of(node, s))
                       .number("inflight", node.calls.in_slot[s].load())
                       .str());
  }
  if (node.in_cluster) {
    for (const auto& [slot, name] : node.in_cluster->membership.get()->pinned) pinned.push_back(std::to_string(slot));
  }
  done(json_object().list("slots", held).list("wanted", wanted).list("pinned", pinned).str());
}

void see_slots(desk& at, const request& r, reply done) {
  at.ask_all(r.whole_cluster(), "slots", "{}", [detail = r.flag("detail"), done = std::move(done)](const parts& p) {
    const auto all = picture_of(p);
    std::vector<std::string> lines;
    for (std::size_t s = 0; s < all.places.size(); ++s) {
      const auto& place = all.places[s];
      const auto plain = place.holders.size() == 1 && place.holders[0].node == place.wanted &&
                         place.holders[0].state == "held" && !place.pinned;
      if (detail || !plain) lines.push_back(slot_line(s, place));
    }
    done(json_object()
             .list("nodes", counts_of(all, p))
             .number("unowned", all.unowned)
             .number("contested", all.contested)
             .list("slots", lines)
             .texts("unreachable", p.unreachable)
             .str());
  });
}

void ask_route(desk& at, const std::string& params, reply done) {
  auto& node = at.node();
  const auto id = text_of(params, "id");
  const auto slot = persistence::slot_of(id);
  std::string owner = at.name(), via;
  if (node.in_cluster) {
    const auto routes = node.in_cluster->routes.get();
    const auto place = routes->slots[slot];
    owner = place == cluster_routes::nobody ? std::string() : routes->peers[place].name;
    if (place != cluster_routes::nobody && routes->via[place] != place) via = routes->peers[routes->via[place]].name;
  }
  done(json_object()
           .text("node", at.name())
           .number("view", node.in_cluster ? node.in_cluster->membership.get()->version : 0)
           .text_or_null("owner", owner)
           .text_or_null("via", via)
           .text("state", state_of(node, slot))
           .number("epoch", epoch_of(node, slot))
           .flag("session", node.sessions.find(id).has_value())
           .str());
}

route_picture route_of(const parts& routes) {
  route_picture all;
  std::string holder;
  std::uint64_t newest = 0;
  for (const auto& each : routes.all) {
    const auto said = text_of(each.json, "owner");
    all.agreed = all.agreed && !said.empty() && (all.owner.empty() || said == all.owner);
    if (all.owner.empty()) all.owner = said;
    const auto epoch = number_of(each.json, "epoch");
    if (text_of(each.json, "state") == "elsewhere" || (!holder.empty() && epoch <= newest)) continue;
    holder = each.node;
    newest = epoch;
  }
  if (!all.agreed) all.owner = holder;
  for (const auto& each : routes.all) {
    const auto said = text_of(each.json, "owner");
    all.views.push_back(mcp::with_member(each.json, "agrees", !said.empty() && said == all.owner ? "true" : "false"));
  }
  return all;
}

void see_where(desk& at, const request& r, reply done) {
  const auto whole = r.whole_cluster();
  const auto route = [self = at.shared_from_this(), whole, done](const std::string& id) {
    self->ask_all(whole, "route", json_object().text("id", id).str(), [self, id, done](const parts& p) {
      const auto all = route_of(p);
      const auto slot = persistence::slot_of(id);
      done(json_object()
               .text("id", id)
               .number("slot", slot)
               .text_or_null("wanted", wanted_owner(self->node(), slot))
               .text_or_null("owner", all.owner)
               .flag("agreed", all.agreed)
               .list("views", all.views)
               .texts("unreachable", p.unreachable)
               .str());
    });
  };
  // A whole id needs nobody who knows it: the route follows from it.
  if (mcp::is_random_id(r.args[0])) return route(r.args[0]);
  find_anywhere(at, r.args[0], whole, [route, done](const found_session& f) {
    if (f.trouble) return done(*f.trouble);
    route(f.id);
  });
}

}  // namespace holdfast::actors::admin
