#include <algorithm>
#include <caf/send.hpp>

#include "actors/admin/await_slots.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/cluster_view.hpp"
#include "actors/messages.hpp"
#include "actors/roster.hpp"
#include "transport/mcp/sealed.hpp"

// Slots: where they are put, and nodes that give theirs away.

namespace holdfast::actors::admin {
namespace {

namespace membership = machines::membership;
using change = std::function<membership::view(membership::view)>;

problem alone() { return {409, "This node is on its own", "Slots can move in a cluster only", {}, {}}; }

/// Changes the view that all nodes go by; `done` with what went wrong, or nothing.
void change_view(desk& at, change c, std::function<void(const std::string&)> done) {
  auto& node = at.node();
  change_cluster_view(*at.home().lane(), node.store->incarnation(), node.in_cluster->membership.get(), std::move(c),
                      [self = at.shared_from_this(), done = std::move(done)](const view_outcome& changed) {
                        if (self->closed()) return;
                        if (!changed) return done("the store does not take it: " + changed.error().detail);
                        // Everybody else hears of it with the next sign of life.
                        if (self->node().in_cluster->roster)
                          caf::anon_send(self->node().in_cluster->roster, roster_refresh{});
                        done({});
                      });
}

std::string owner_now(desk& at, std::uint16_t slot) {
  const auto routes = at.node().in_cluster->routes.get();
  const auto* const peer = routes->owner_of(slot);
  return peer == nullptr ? std::string() : peer->name;
}

void put_slot(desk& at, const request& r, std::uint16_t slot, deed d, reply done) {
  const auto to = r.text("to");
  const auto view = at.node().in_cluster->membership.get();
  const auto* const member = member_named(*view, to);
  if (member == nullptr) return done(problem{404, "No node of this name", to, {}, {}});
  if (member->leaving) return done(problem{409, "The node is being drained", to, {}, {}});
  const auto from = owner_now(at, slot);
  d.plan = {
      "move slot " + std::to_string(slot) + " with its sessions from " + (from.empty() ? "nobody" : from) + " to " + to,
      "it stays there until a rebalance, or until that node goes"};
  d.expected = 1;
  d.unit = "slots";
  d.past = "moved";
  const auto act = [self = at.shared_from_this(), slot, to, from, wait = r.wait()](const finish& over) {
    change_view(
        *self, [slot, to](membership::view v) { return membership::pinned(std::move(v), slot, to); },
        [self, slot, to, from, wait, over](const std::string& problem) {
          if (!problem.empty()) return over({false, 0, problem});
          await_slots(
              *self, wait,
              [slot, to, from](const slot_picture& all, const parts&) -> effect {
                const auto& holders = all.places[slot].holders;
                const auto there = holders.size() == 1 && holders[0].node == to && holders[0].state == "held";
                return {there, there && from != to ? 1u : 0u, {}};
              },
              over);
        });
  };
  carry_out(at, r, std::move(d), act, std::move(done));
}

}  // namespace

void move_slot(desk& at, const request& r, reply done) {
  if (!at.node().in_cluster) return done(alone());
  request numbered = r;
  numbered.query["slot"] = r.args[0];
  const auto slot = numbered.number("slot", persistence::slot_count);
  if (r.args[0].find_first_not_of("0123456789") != std::string::npos || r.args[0].size() > 4 ||
      slot >= persistence::slot_count)
    return done(problem{400, "No such slot", "Slots have the numbers 0 to 1023", {}, {}});
  put_slot(at, r, static_cast<std::uint16_t>(slot), {"slot.move", r.args[0], {}, 0, {}, {}}, std::move(done));
}

void move_session(desk& at, const request& r, reply done) {
  if (!at.node().in_cluster) return done(alone());
  // Its slot follows from its whole id, wherever it is.
  if (mcp::is_random_id(r.args[0]))
    return put_slot(at, r, persistence::slot_of(r.args[0]), {"session.move", r.args[0], {}, 0, {}, {}},
                    std::move(done));
  find_anywhere(at, r.args[0], true, [self = at.shared_from_this(), r, done = std::move(done)](const found_session& f) {
    if (f.trouble) return done(*f.trouble);
    put_slot(*self, r, persistence::slot_of(f.id), {"session.move", f.id, {}, 0, {}, {}}, done);
  });
}

void rebalance(desk& at, const request& r, reply done) {
  if (!at.node().in_cluster) return done(alone());
  const auto view = at.node().in_cluster->membership.get();
  auto free = *view;
  free.pinned.clear();
  std::uint64_t moving = 0;
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) {
    const auto* const should = membership::owner_of(free, s);
    moving += should != nullptr && should->name != owner_now(at, s) ? 1 : 0;
  }
  deed d{"rebalance",
         "all",
         {"forget where " + std::to_string(view->pinned.size()) + " slots were put",
          "move " + std::to_string(moving) + " slots"},
         moving,
         "slots",
         "moved"};
  const auto act = [self = at.shared_from_this(), wait = r.wait(), moving](const finish& over) {
    change_view(
        *self, [](membership::view v) { return membership::unpinned(std::move(v)); },
        [self, wait, moving, over](const std::string& problem) {
          if (!problem.empty()) return over({false, 0, problem});
          await_slots(
              *self, wait,
              [moving](const slot_picture& all, const parts&) -> effect {
                const auto left = std::min<std::uint64_t>(moving, all.moving + all.unowned);
                return {all.moving + all.unowned == 0, moving - left, {}};
              },
              over);
        });
  };
  carry_out(at, r, std::move(d), act, std::move(done));
}

void do_drain(desk& at, const std::string& params, reply done) {
  auto& node = at.node();
  if (!node.in_cluster) return done(alone());
  auto& cluster = *node.in_cluster;
  if (node.draining) return done(problem{409, "The node is stopping", {}, {}, {}});
  if (flag_of(params, "on")) {
    caf::anon_send(cluster.roster, roster_leave{[] {}});
    return done(std::string("{}"));
  }
  cluster.leaving = false;
  const auto stay = [me = node.store->incarnation()](membership::view v) {
    return membership::staying(std::move(v), me);
  };
  change_view(at, stay, [done = std::move(done)](const std::string& trouble) {
    if (!trouble.empty()) return done(problem{503, "The view cannot be changed", trouble, {}, {}});
    done(std::string("{}"));
  });
}

namespace {

/// How many slots it would own if all were as it should be.
std::uint64_t share_of(const membership::view& v, const std::string& node) {
  std::uint64_t n = 0;
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) {
    const auto* const m = membership::owner_of(v, s);
    n += m != nullptr && m->name == node ? 1 : 0;
  }
  return n;
}

/// Tells the node, then waits for its slots to be as `settled` has them.
void tell_node(desk& at, const request& r, deed d, bool on, const judgement& settled, reply done) {
  const auto params = json_object().flag("on", on).str();
  const auto act = [self = at.shared_from_this(), name = r.args[0], params, wait = r.wait(),
                    settled](const finish& over) {
    self->ask_node(name, "do.drain", params, wait + answer_margin, [self, wait, settled, over](const answer& a) {
      if (const auto* const p = std::get_if<problem>(&a))
        return over({false, 0, p->title + (p->detail.empty() ? "" : ": " + p->detail)});
      await_slots(*self, wait, settled, over);
    });
  };
  carry_out(at, r, std::move(d), act, std::move(done));
}

}  // namespace

void drain_node(desk& at, const request& r, reply done) {
  if (!at.node().in_cluster) return done(alone());
  const auto& name = r.args[0];
  const auto view = at.node().in_cluster->membership.get();
  const auto* const member = member_named(*view, name);
  if (member == nullptr) return done(problem{404, "No node of this name", name, {}, {}});
  const auto heir = std::any_of(view->members.begin(), view->members.end(),
                                [&](const auto& m) { return !m.leaving && m.name != name; });
  if (!heir) return done(problem{409, "No other node could take its slots", {}, {}, {}});
  at.ask_all(true, "slots", "{}", [self = at.shared_from_this(), r, name, done = std::move(done)](const parts& p) {
    const auto held = held_by(picture_of(p), name);
    deed d{"node.drain",
           name,
           {"hand over the " + std::to_string(held) + " slots of " + name,
            "it takes no new sessions until it is undrained"},
           held,
           "slots",
           "moved"};
    tell_node(
        *self, r, std::move(d), true,
        [name, held](const slot_picture& all, const parts&) -> effect {
          const auto left = held_by(all, name);
          return {left == 0, held - std::min(left, held), {}};
        },
        done);
  });
}

void undrain_node(desk& at, const request& r, reply done) {
  if (!at.node().in_cluster) return done(alone());
  const auto& name = r.args[0];
  const auto view = at.node().in_cluster->membership.get();
  const auto* const member = member_named(*view, name);
  if (member == nullptr) return done(problem{404, "No node of this name", name, {}, {}});
  const auto share = share_of(membership::staying(*view, member->incarnation), name);
  at.ask_all(true, "slots", "{}",
             [self = at.shared_from_this(), r, name, share, done = std::move(done)](const parts& p) {
               const auto held = held_by(picture_of(p), name);
               const auto expected = share - std::min(share, held);
               deed d{"node.undrain", name,    {"give " + name + " its " + std::to_string(share) + " slots"},
                      expected,       "slots", "moved"};
               tell_node(
                   *self, r, std::move(d), false,
                   [name, held, share](const slot_picture& all, const parts&) -> effect {
                     const auto now = held_by(all, name);
                     return {now >= share, now - std::min(now, held), {}};
                   },
                   done);
             });
}

}  // namespace holdfast::actors::admin
