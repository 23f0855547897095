#include "actors/catalogue.hpp"

#include <algorithm>
#include <array>
#include <caf/actor_system.hpp>
#include <caf/behavior.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "actors/log.hpp"
#include "actors/machines/relisting.hpp"
#include "actors/messages.hpp"
#include "actors/shard_actor.hpp"
#include "actors/upstream.hpp"

namespace holdfast::actors {
namespace {

namespace relisting = machines::relisting;

bool same(const std::vector<listing::entry>& a, const std::vector<listing::entry>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.key == y.key && x.raw == y.raw; });
}

list_kinds what_changed(const listing_ptr& before, const listing& after) {
  static const listing nothing;
  const auto& b = before ? *before : nothing;
  return {!same(b.tools, after.tools), !same(b.prompts, after.prompts),
          !same(b.resources, after.resources) || !same(b.templates, after.templates)};
}

/// A reconnection mostly brings the same listing, of which nobody wants to hear.
bool is_news(const listing_ptr& before, const listing& after) {
  return !before || what_changed(before, after).any() || before->capabilities != after.capabilities ||
         before->instructions != after.instructions || before->revision != after.revision;
}

/// One number for all lists of a view; 0 is none's.
std::uint32_t whole(const list_digests& d) {
  std::uint32_t sum = 0;
  for (const auto one : d) sum = sum * 31 + one;
  return std::max<std::uint32_t>(1, sum);
}

class catalogue_actor final : public shard_actor {
 public:
  catalogue_actor(caf::actor_config& cfg, shard& home, node_context& node)
      : shard_actor(cfg, home, metrics::actor_kind::catalogue), node_(node), shared_(node.config.upstreams.size()) {}

  const char* name() const override { return "catalogue"; }

  caf::behavior make_behavior() override {
    return {
        [](callback& c) { c.run(); },
        [this](view_wanted& m) { on_wanted(m); },
        [this](listing_ready& m) { on_listing(m); },
        [this](const peer_lists& m) { on_peer_lists(m); },
        [this](upstream_stop) { on_stop(); },
    };
  }

 private:
  /// What is known of one upstream.
  struct source {
    listing_ptr offers;
    bool answered = false;  // with a listing or a failure, at least once
  };
  /// The sessions of one capability set see the same view.
  struct audience {
    capability_set capabilities;
    std::vector<source> own;              // by upstream; of those that are not shared with everybody
    std::vector<caf::actor> connections;  // the listing connections behind `own`
    std::vector<std::pair<std::uint64_t, caf::actor>> waiting;
    relisting::state doubts{};
  };

  const std::vector<upstream_config>& upstreams() const { return node_.config.upstreams; }

  bool is_shared(std::size_t u, const capability_set& c) const {
    return c.empty() || upstreams()[u].scope == upstream_scope::shared;
  }
  source& source_of(audience& a, std::size_t u) { return is_shared(u, a.capabilities) ? shared_[u] : a.own[u]; }

  audience& audience_of(const capability_set& c) {
    auto& slot = audiences_[c.index()];
    if (slot) return *slot;
    slot = std::make_unique<audience>(audience{c, std::vector<source>(upstreams().size()), {}, {}, {}});
    for (std::uint32_t u = 0; u < upstreams().size(); ++u) {
      if (!upstreams()[u].enabled) continue;
      if (!is_shared(u, c)) {
        auto& home = *node_.shards[u % node_.shards.size()];
        slot->connections.push_back(spawn_upstream(system(), home, node_,
                                                   {u, connection_role::listing, c, {}, {}, {}, {}},
                                                   std::make_shared<published<transport::upstream_link>>()));
        send(slot->connections.back(), fetch_listing{});
      } else if (!shared_[u].offers) {
        send(node_.upstreams[u].shared, fetch_listing{});
      }
    }
    return *slot;
  }

  bool settled(audience& a) {
    for (std::size_t u = 0; u < upstreams().size(); ++u) {
      if (upstreams()[u].enabled && !source_of(a, u).answered) return false;
    }
    return true;
  }

  void on_wanted(const view_wanted& m) {
    auto& a = audience_of(m.capabilities);
    if (settled(a)) {
      if (!node_.views[m.capabilities.index()].get()) publish(a);
      return send(m.from, view_ready{node_.views[m.capabilities.index()].get()});
    }
    const auto ticket = ++tickets_;
    a.waiting.emplace_back(ticket, m.from);
    later(m.wait, [this, &a, ticket, settle = m.for_list] { give_up_waiting(a, ticket, settle); });
  }

  void later(std::chrono::milliseconds delay, std::function<void()> f) {
    const auto self = caf::actor_cast<caf::actor_addr>(this);
    home().loop().after(delay, [self, home = &home(), f = std::move(f)] {
      if (const auto strong = caf::actor_cast<caf::actor>(self)) home->deliver(strong, callback{f});
    });
  }

  /// Somebody has waited long enough: what is there has to do. The rest comes as a change of the lists.
  void give_up_waiting(audience& a, std::uint64_t ticket, bool settle) {
    const auto found =
        std::find_if(a.waiting.begin(), a.waiting.end(), [&](const auto& w) { return w.first == ticket; });
    if (found == a.waiting.end()) return;
    auto& slot = node_.views[a.capabilities.index()];
    if (!slot.get() && settle) publish(a);
    send(found->second, view_ready{slot.get() ? slot.get() : merged(a)});
    a.waiting.erase(found);
  }

  void on_listing(const listing_ready& m) {
    const auto from_shared = m.capabilities == 0;
    const auto& reporter = audiences_[m.capabilities];
    if (!from_shared && !reporter) return;
    auto& s = from_shared ? shared_[m.upstream] : reporter->own[m.upstream];
    s.answered = true;
    auto changed = m.changed;
    const auto news = m.what && is_news(s.offers, *m.what);
    if (news) {
      const auto d = what_changed(s.offers, *m.what);
      changed = {changed.tools || d.tools, changed.prompts || d.prompts, changed.resources || d.resources};
      s.offers = m.what;
    }
    for (const auto& a : audiences_) {
      if (a && is_shared(m.upstream, a->capabilities) == from_shared && (from_shared || a.get() == reporter.get())) {
        refresh(*a, news, changed);
      }
    }
  }

  void refresh(audience& a, bool news, list_kinds changed) {
    auto& slot = node_.views[a.capabilities.index()];
    const auto seen = slot.get() != nullptr;
    const auto ready = settled(a);
    if ((seen && news) || (!seen && ready)) publish(a);
    if (ready) {
      for (const auto& [ticket, who] : std::exchange(a.waiting, {})) send(who, view_ready{slot.get()});
    }
    if (!seen || !changed.any()) return;
    for (const auto& session : node_.sessions.all()) send(session, catalogue_changed{changed, a.capabilities.index()});
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
    const auto now = std::chrono::steady_clock::now();
    const auto next = relisting::advance(a.doubts, e, now, relisting::policy{});
    a.doubts = next.next;
    if (next.todo == relisting::effect::read) return read_anew(a);
    const auto* const d = std::get_if<relisting::doubting>(&a.doubts);
    if (next.todo != relisting::effect::arm || d == nullptr) return;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(d->due - now);
    later(std::max(wait, std::chrono::milliseconds{0}), [this, &a] { doubt(a, relisting::due{digest_of(a)}); });
  }

  void read_anew(audience& a) {
    log::info("catalogue.read_anew", {{"reason", "another node shows other lists"}});
    for (const auto& c : a.connections) send(c, fetch_listing{});
    for (std::size_t u = 0; u < upstreams().size(); ++u) {
      if (upstreams()[u].enabled && is_shared(u, a.capabilities)) send(node_.upstreams[u].shared, fetch_listing{});
    }
  }

  void publish(audience& a) { node_.views[a.capabilities.index()].set(merged(a)); }

  view_ptr merged(audience& a) {
    std::vector<listing_ptr> listings;
    for (std::size_t u = 0; u < upstreams().size(); ++u) {
      listings.push_back(upstreams()[u].enabled ? source_of(a, u).offers : nullptr);
    }
    return std::make_shared<const catalogue_view>(upstreams(), node_.config.catalogue, std::move(listings));
  }

  void on_stop() {
    for (const auto& a : audiences_) {
      if (!a) continue;
      for (const auto& c : a->connections) send(c, upstream_stop{});
    }
    quit();
  }

  node_context& node_;
  std::vector<source> shared_;
  std::array<std::unique_ptr<audience>, capability_set::count> audiences_;
  std::uint64_t tickets_ = 0;
};

}  // namespace

view_digests digests_of(const std::array<published<const catalogue_view>, capability_set::count>& views) {
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
