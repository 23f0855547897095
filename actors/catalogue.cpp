#include "actors/catalogue.hpp"

#include <algorithm>
#include <array>
#include <caf/actor_system.hpp>
#include <caf/behavior.hpp>
#include <chrono>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "actors/listing_changes.hpp"
#include "actors/log.hpp"
#include "actors/machines/relisting.hpp"
#include "actors/messages.hpp"
#include "actors/shard_actor.hpp"
#include "actors/upstream.hpp"

namespace holdfast::actors {
namespace {

namespace relisting = machines::relisting;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int stragglers_part = 5;             // of `first_list_wait`, without a word of anybody
constexpr milliseconds stragglers_min{1'000};  // and not less, if that waits longer

class catalogue_actor final : public shard_actor {
 public:
  catalogue_actor(caf::actor_config& cfg, shard& home, node_context& node)
      : shard_actor(cfg, home, metrics::actor_kind::catalogue), node_(node) {}

  const char* name() const override { return "catalogue"; }

  caf::behavior make_behavior() override {
    return {
        [](callback& c) { c.run(); },
        [this](view_wanted& m) { on_wanted(m); },
        [this](listing_ready& m) { on_listing(m); },
        [this](const peer_lists& m) { on_peer_lists(m); },
        [this](upstreams_wanted& m) { prepare(m); },
        [this](const upstreams_changed& m) {
          on_changed();
          m.done();
        },
        [this](upstream_stop) { on_stop(); },
    };
  }

 private:
  /// What is known of one upstream.
  struct source {
    listing_ptr offers;
    bool answered = false;  // with a listing or a failure, at least once
  };
  using sources = std::map<std::uint32_t, source>;  // by upstream
  /// Who has asked for a view that is not complete yet.
  struct waiter {
    std::uint64_t ticket;
    caf::actor who;
    bool for_list;  // what it gets holds for the others, too
  };
  /// Those who see the same view: everybody who has no upstreams of their own, or one user who has.
  struct group {
    std::vector<waiter> waiting;
    clock::time_point heard_at = clock::now();  // of an upstream for the first time
    std::vector<std::uint32_t> made_of;         // the view that is published
  };
  /// The sessions of one capability set.
  struct audience {
    capability_set capabilities;
    sources own;                                      // of upstreams that are not shared with the others
    std::map<std::uint32_t, caf::actor> connections;  // the listing connections behind `own`
    std::map<std::string, group> groups;              // by user; "" is everybody
    relisting::state doubts{};
  };

  /// Upstreams that are to come into force.
  struct preparation {
    std::vector<std::uint32_t> those;
    std::function<void()> done;
  };

  bool is_shared(std::uint32_t u, const capability_set& c) const {
    return c.empty() || node_.upstreams[u].config.scope == upstream_scope::shared;
  }
  source& source_of(audience& a, std::uint32_t u) { return is_shared(u, a.capabilities) ? shared_[u] : a.own[u]; }

  bool offers_to(std::string_view user, std::uint32_t u) const {
    const auto& c = node_.upstreams[u].config;
    return c.enabled && (c.user.empty() || c.user == user);
  }

  /// Those that the views of a group are made of.
  std::vector<std::uint32_t> offering(std::string_view user) const {
    std::vector<std::uint32_t> all;
    const auto in_force = node_.upstreams.in_force();
    std::copy_if(in_force->begin(), in_force->end(), std::back_inserter(all),
                 [&](auto u) { return offers_to(user, u); });
    return all;
  }

  bool is_offered(std::uint32_t u) const {
    const auto all = node_.upstreams.in_force();
    return node_.upstreams[u].config.enabled && std::find(all->begin(), all->end(), u) != all->end();
  }

  published<const catalogue_view>& slot_of(const audience& a, const std::string& user) {
    return node_.views.of(user)[a.capabilities.index()];
  }

  audience& audience_of(const capability_set& c, const std::string& user) {
    auto& slot = audiences_[c.index()];
    if (!slot) slot = std::make_unique<audience>(audience{c, {}, {}, {}, {}});
    if (slot->groups.try_emplace(user).second) {
      for (const auto u : offering(user)) ask(*slot, u);
    }
    return *slot;
  }

  /// Has the upstream listed for them, if it is not yet.
  void ask(audience& a, std::uint32_t u) {
    if (is_shared(u, a.capabilities)) {
      if (!shared_[u].offers) send(node_.upstreams[u].shared, fetch_listing{});
      return;
    }
    if (a.connections.contains(u)) return;
    auto& home = *node_.shards[u % node_.shards.size()];
    const auto listing =
        spawn_upstream(system(), home, node_, {u, connection_role::listing, a.capabilities, {}, {}, {}, {}},
                       std::make_shared<published<transport::upstream_link>>());
    a.connections[u] = listing;
    send(listing, fetch_listing{});
  }

  bool settled(audience& a, std::string_view user) {
    const auto all = offering(user);
    return std::all_of(all.begin(), all.end(), [&](auto u) { return source_of(a, u).answered; });
  }

  // --- other upstreams -----------------------------------------------------------------------------------------------

  /// What those who are shown it would miss in between is read before they come into force.
  void prepare(upstreams_wanted& m) {
    for (const auto& a : audiences_) {
      for (const auto u : m.those) {
        if (a && is_awaited(*a, u)) ask(*a, u);
      }
    }
    if (is_prepared(m.those)) return m.done();
    const auto ticket = ++tickets_;
    preparing_.emplace(ticket, preparation{std::move(m.those), std::move(m.done)});
    later(m.wait, [this, ticket] {
      if (auto over = preparing_.extract(ticket)) over.mapped().done();
    });
  }

  bool is_awaited(const audience& a, std::uint32_t u) const {
    return std::any_of(a.groups.begin(), a.groups.end(), [&](const auto& g) { return offers_to(g.first, u); });
  }

  bool is_prepared(const std::vector<std::uint32_t>& those) {
    return std::all_of(audiences_.begin(), audiences_.end(), [&](const auto& a) {
      return !a || std::all_of(those.begin(), those.end(),
                               [&](auto u) { return !is_awaited(*a, u) || source_of(*a, u).answered; });
    });
  }

  void look_at_preparations() {
    for (auto p = preparing_.begin(); p != preparing_.end();) {
      const auto over = is_prepared(p->second.those) ? std::exchange(p->second.done, {}) : std::function<void()>();
      p = over ? preparing_.erase(p) : std::next(p);
      if (over) over();
    }
  }

  void on_changed() {
    const auto gone = [&](const auto& entry) { return !is_offered(entry.first); };
    std::erase_if(shared_, gone);
    for (const auto& a : audiences_) {
      if (!a) continue;
      for (const auto& c : a->connections) {
        if (gone(c)) send(c.second, upstream_stop{});
      }
      std::erase_if(a->connections, gone);
      std::erase_if(a->own, gone);
      dissolve_groups(*a);
      for (auto& [user, g] : a->groups) {
        auto& slot = slot_of(*a, user);
        const auto before = slot.get();
        if (before && offering(user) == g.made_of) continue;
        if (before) publish(*a, user);
        refresh(*a, user, g, false, before ? differences(*before, *slot.get()) : list_kinds());
      }
    }
  }

  /// Whoever has no upstreams of their own any more is shown what everybody is.
  void dissolve_groups(audience& a) {
    for (auto g = a.groups.begin(); g != a.groups.end();) {
      if (g->first.empty() || node_.upstreams.has_own(g->first)) {
        ++g;
        continue;
      }
      slot_of(a, g->first).set(nullptr);
      const auto waiting = std::move(g->second.waiting);
      g = a.groups.erase(g);
      for (const auto& w : waiting) on_wanted({w.who, a.capabilities, {}, {}, true});
    }
  }

  static list_kinds differences(const catalogue_view& a, const catalogue_view& b) {
    const auto differs = [&](list_kind k) { return a.digests()[digest_index(k)] != b.digests()[digest_index(k)]; };
    return {differs(list_kind::tools), differs(list_kind::prompts), differs(list_kind::resources)};
  }

  // --- what is wanted ------------------------------------------------------------------------------------------------

  void on_wanted(const view_wanted& m) {
    auto& a = audience_of(m.capabilities, m.user);
    auto& slot = slot_of(a, m.user);
    if (settled(a, m.user)) {
      if (!slot.get()) publish(a, m.user);
      return send(m.from, view_ready{slot.get()});
    }
    const auto ticket = ++tickets_;
    a.groups[m.user].waiting.push_back({ticket, m.from, m.for_list});
    later(m.wait, [this, &a, user = m.user, ticket] { give_up_waiting(a, user, ticket); });
    watch_stragglers(a, m.user);
  }

  /// Once most have answered, servers that say nothing for a while are waited for no longer. A program may still be
  /// installing itself.
  bool lacks_only_stragglers(audience& a, std::string_view user) {
    const auto all = offering(user);
    std::size_t missing = 0;
    for (const auto u : all) {
      if (source_of(a, u).answered) continue;
      if (!std::holds_alternative<transport::http_endpoint>(node_.upstreams[u].config.target)) return false;
      ++missing;
    }
    return 2 * missing <= all.size();
  }

  void watch_stragglers(audience& a, const std::string& user) {
    if (!lacks_only_stragglers(a, user)) return;
    const auto heard = a.groups[user].heard_at;
    const auto whole_wait = node_.config.catalogue.first_list_wait;
    const auto silence = std::clamp(whole_wait / stragglers_part, std::min(stragglers_min, whole_wait), whole_wait);
    later(std::chrono::ceil<milliseconds>(heard + silence - clock::now()), [this, &a, user, heard] {
      const auto g = a.groups.find(user);
      if (g == a.groups.end() || g->second.heard_at != heard || !lacks_only_stragglers(a, user)) return;
      for (const auto& w : std::vector<waiter>(g->second.waiting)) give_up_waiting(a, user, w.ticket);
    });
  }

  void later(milliseconds delay, std::function<void()> f) {
    const auto self = caf::actor_cast<caf::actor_addr>(this);
    home().loop().after(std::max(delay, milliseconds{0}), [self, home = &home(), f = std::move(f)] {
      if (const auto strong = caf::actor_cast<caf::actor>(self)) home->deliver(strong, callback{f});
    });
  }

  /// Somebody has waited long enough: what is there has to do. The rest comes as a change of the lists.
  void give_up_waiting(audience& a, const std::string& user, std::uint64_t ticket) {
    const auto g = a.groups.find(user);
    if (g == a.groups.end()) return;
    auto& waiting = g->second.waiting;
    const auto found = std::find_if(waiting.begin(), waiting.end(), [&](const auto& w) { return w.ticket == ticket; });
    if (found == waiting.end()) return;
    auto& slot = slot_of(a, user);
    if (!slot.get() && found->for_list) publish(a, user);
    send(found->who, view_ready{slot.get() ? slot.get() : merged(a, user)});
    waiting.erase(found);
  }

  void on_listing(const listing_ready& m) {
    const auto from_shared = m.capabilities == 0;
    const auto& reporter = audiences_[m.capabilities];
    if (!from_shared && !reporter) return;
    if (from_shared ? node_.upstreams[m.upstream].retired.load() : !reporter->connections.contains(m.upstream)) return;
    auto& s = from_shared ? shared_[m.upstream] : reporter->own[m.upstream];
    const auto first = !std::exchange(s.answered, true);
    auto changed = m.changed;
    const auto news = m.what && is_news(s.offers, *m.what);
    if (news) {
      const auto d = what_changed(s.offers, *m.what);
      changed = {changed.tools || d.tools, changed.prompts || d.prompts, changed.resources || d.resources};
      s.offers = m.what;
    }
    look_at_preparations();
    if (!is_offered(m.upstream)) return;
    for (const auto& a : audiences_) {
      if (!a || is_shared(m.upstream, a->capabilities) != from_shared) continue;
      if (!from_shared && a.get() != reporter.get()) continue;
      for (auto& [user, g] : a->groups) {
        if (!offers_to(user, m.upstream)) continue;
        if (first) g.heard_at = clock::now();
        refresh(*a, user, g, news, changed);
      }
    }
  }

  void refresh(audience& a, const std::string& user, group& g, bool news, list_kinds changed) {
    auto& slot = slot_of(a, user);
    const auto seen = slot.get() != nullptr;
    const auto ready = settled(a, user);
    if ((seen && news) || (!seen && ready)) publish(a, user);
    if (ready) {
      for (const auto& w : std::exchange(g.waiting, {})) send(w.who, view_ready{slot.get()});
    } else if (!g.waiting.empty()) {
      watch_stragglers(a, user);
    }
    if (!seen || !changed.any()) return;
    for (const auto& session : user.empty() ? node_.sessions.all() : node_.sessions.of(user))
      send(session, catalogue_changed{changed, a.capabilities.index(), user});
  }

  // --- what other nodes show -----------------------------------------------------------------------------------------

  void on_peer_lists(const peer_lists& m) {
    for (const auto& [capabilities, digest] : m.theirs) {
      const auto& a = audiences_[capabilities];
      if (a && digest_of(*a) != 0) doubt(*a, relisting::heard{m.from, digest, digest_of(*a)});
    }
  }

  std::uint32_t digest_of(const audience& a) const {
    const auto view = node_.views[a.capabilities.index()].get();
    return view ? whole(view->digests()) : 0;
  }

  void doubt(audience& a, const relisting::event& e) {
    const auto now = clock::now();
    const auto next = relisting::advance(a.doubts, e, now, relisting::policy{});
    a.doubts = next.next;
    if (next.todo == relisting::effect::read) return read_anew(a);
    const auto* const d = std::get_if<relisting::doubting>(&a.doubts);
    if (next.todo != relisting::effect::arm || d == nullptr) return;
    later(std::chrono::ceil<milliseconds>(d->due - now), [this, &a] { doubt(a, relisting::due{digest_of(a)}); });
  }

  void read_anew(audience& a) {
    log::info("catalogue.read_anew", {{"reason", "another node shows other lists"}});
    for (const auto& c : a.connections) send(c.second, fetch_listing{});
    for (const auto u : offering({})) {
      if (is_shared(u, a.capabilities)) send(node_.upstreams[u].shared, fetch_listing{});
    }
  }

  void publish(audience& a, const std::string& user) {
    a.groups[user].made_of = offering(user);
    slot_of(a, user).set(merged(a, user));
  }

  view_ptr merged(audience& a, std::string_view user) {
    std::vector<catalogue_view::offer> offers;
    for (const auto u : offering(user)) offers.push_back({u, &node_.upstreams[u].config, source_of(a, u).offers});
    return std::make_shared<const catalogue_view>(offers, node_.config.catalogue);
  }

  void on_stop() {
    for (const auto& a : audiences_) {
      if (!a) continue;
      for (const auto& c : a->connections) send(c.second, upstream_stop{});
    }
    quit();
  }

  node_context& node_;
  sources shared_;
  std::map<std::uint64_t, preparation> preparing_;
  std::array<std::unique_ptr<audience>, capability_set::count> audiences_;
  std::uint64_t tickets_ = 0;
};

}  // namespace

view_digests digests_of(const view_board::slots& views) {
  view_digests all;
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (const auto view = views[i].get()) all.emplace_back(static_cast<std::uint8_t>(i), whole(view->digests()));
  }
  return all;
}

caf::actor spawn_catalogue(caf::actor_system& system, shard& home, node_context& node) {
  caf::actor_config cfg{&home};
  return system.spawn_class<catalogue_actor, caf::no_spawn_options>(cfg, home, node);
}

}  // namespace holdfast::actors
