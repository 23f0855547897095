#include "actors/roster.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/behavior.hpp>
#include <map>
#include <utility>

#include "actors/catalogue.hpp"
#include "actors/cluster_text.hpp"
#include "actors/cluster_view.hpp"
#include "actors/log.hpp"
#include "actors/machines/detector.hpp"
#include "actors/peer_admission.hpp"
#include "actors/peer_ask.hpp"
#include "actors/session.hpp"
#include "actors/shard_actor.hpp"
#include "actors/shared_records.hpp"
#include "actors/slot_keeper.hpp"
#include "actors/test_hooks.hpp"
#include "actors/witnesses.hpp"
#include "transport/content_type.hpp"
#include "transport/errc.hpp"

namespace holdfast::actors {
namespace {

namespace membership = machines::membership;
namespace detector = machines::detector;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr auto vouched_by_store = milliseconds{50};  // what it says holds when it is asked; long enough for a request
constexpr auto refresh_pause = milliseconds{1'000};
constexpr int outcast_for = 10;  // times `silence`; by then the others may be dead themselves
constexpr auto departures_pause = milliseconds{5};

class roster_actor final : public shard_actor {
 public:
  roster_actor(caf::actor_config& cfg, shard& home, node_context& node)
      : shard_actor(cfg, home, metrics::actor_kind::roster),
        node_(node),
        cluster_(*node.in_cluster),
        policy_(cluster_.detection()),
        keeper_(
            home, node, [this] { on_slots_changed(); },
            [this](const auto& slots) { recover_open_sessions(system(), this->home(), node_, slots); }) {}

  const char* name() const override { return "roster"; }

  caf::behavior make_behavior() override {
    return {
        [](callback& m) { m.run(); },
        [this](roster_join& m) { begin(std::move(m.done)); },
        [this](roster_leave& m) { leave(std::move(m.done)); },
        [this](roster_hurry) { keeper_.hurry(); },
        [this](roster_refresh) { refresh(); },
        [this](roster_stop& m) { stop(std::move(m.done)); },
        [this](const peer_request& m) { on_peer_request(*m.exchange); },
    };
  }

 private:
  /// `f` as a callback for the store and for other nodes: runs in the actor's turn, if it is still there.
  template <class F>
  auto in_turn(F f) {
    return [send = sender_of<callback>(), f = std::move(f)](auto value) {
      send(std::function<void()>([f, value = std::move(value)]() mutable { f(value); }));
    };
  }

  template <class F>
  auto in_turn_of(F f) {
    return [again = in_turn([f = std::move(f)](int) { f(); })] { again(0); };
  }

  template <class F>
  void soon(milliseconds delay, F f) {
    home().loop().after(delay, in_turn_of(std::move(f)));
  }

  // --- the view ------------------------------------------------------------------------------------------------------

  using problem_handler = std::function<void(const std::string&)>;

  /// `done` with what went wrong, or nothing.
  void change_view(std::function<membership::view(membership::view)> change, problem_handler done) {
    change_cluster_view(*home().lane(), node_.store->incarnation(), view_, std::move(change),
                        in_turn([this, asked = clock::now(), done = std::move(done)](const view_outcome& changed) {
                          if (!changed) return done(changed.error().detail);
                          adopt(*changed, asked);
                          done({});
                        }));
  }

  void refresh() {
    // Before it has joined it would not find itself there, and take itself for dead.
    if (!looking_ || rejoining_ || stopping_ || std::exchange(refreshing_, true)) return;
    read_cluster_view(*home().lane(), in_turn([this, asked = clock::now()](const view_outcome& read) {
      refreshing_ = false;
      if (!read) {
        // Also where no client has anything to write down: others get requests then that this node could not serve.
        node_.store->note_failure({persistence::store_errc::unavailable, read.error().detail});
        return log::warning("cluster.view_unread", {{"reason", read.error().detail}});
      }
      if (read->version >= view_->version) return adopt(*read, asked);
      log::warning("cluster.view_lost", {{"reason", "the store has an older one"}, {"effect", "it is told again"}});
      change_view([](membership::view v) { return v; }, [](const std::string&) {});
    }));
  }

  void begin(problem_handler done) {
    home().lane()->on_history_changed = in_turn_of([this] { keeper_.look(view_, true); });
    join(std::move(done));
  }

  void join(problem_handler done) {
    const auto name = cluster_.name();
    read_cluster_view(*home().lane(), in_turn([this, name, done = std::move(done)](const view_outcome& read) {
      if (!read) return done(read.error().detail);
      // Whoever was declared dead and reaches nobody would be declared dead again.
      const auto must_reach_somebody = clock::now() < outcast_until_;
      ask_admission(home().loop(), cluster_, {name, *read, to_json(sign()), policy_.silence, must_reach_somebody},
                    in_turn([this, name, done](const std::string& problem) {
                      problem.empty() ? enter(name, done) : done(problem);
                    }));
    }));
  }

  void enter(const std::string& name, problem_handler done) {
    if (cluster_.leaving) return done("it is about to leave");
    const membership::member me{name, node_.store->incarnation(), cluster_.address, false};
    if (!looking_) detector_.looked = clock::now();
    change_view(
        [me](membership::view v) {
          return membership::find(v, me.incarnation) ? v : membership::joined(std::move(v), me);
        },
        [this, done = std::move(done)](const std::string& problem) {
          if (problem.empty() && !std::exchange(looking_, true)) look();
          done(problem);
        });
  }

  /// `asked` is when the store was: what it said before this process stood still proves nothing.
  void adopt(const membership::view& v, clock::time_point asked) {
    if (v.version < view_->version) return;
    const auto is_new = v.version > view_->version;
    const auto me = node_.store->incarnation();
    const auto member = membership::find(v, me) != nullptr;
    if (is_new) {
      const auto before = std::exchange(view_, std::make_shared<const membership::view>(v));
      cluster_.membership.set(view_);
      if (member) {
        log_changes(*before, v);
        for (const auto& lost : lost_between(*before, v))
          keeper_.note_loss(heard_.try_emplace(lost, clock::now()).first->second);
      }
    }
    if (!member) return on_declared_dead();
    if ((asked >= starved_at_ || rule_is_out("asked_after")) && v.version >= newest_heard_) cluster_.set_certain(true);
    if (!is_new) return vouch(asked + vouched_by_store);
    std::map<std::string, neighbour> now;
    detector::members_changed others;
    for (const auto& m : view_->members) {
      if (m.incarnation == me) continue;
      others.incarnations.push_back(m.incarnation);
      const auto known = neighbours_.find(m.incarnation);
      now[m.incarnation] = known != neighbours_.end() ? known->second : neighbour{cluster_.target_of(m.address)};
    }
    neighbours_ = std::move(now);
    vouch(asked + vouched_by_store);
    std::erase_if(heard_, [this](const auto& h) { return !neighbours_.contains(h.first); });
    advance(others);
    publish();
    beat_all();
    keeper_.look(view_);
    tell_if_left();  // whoever was to have the slots may be leaving, too
  }

  /// The others have gone on without this process. What it knew is void; it comes back as somebody else, or, if it was
  /// leaving, has left.
  void on_declared_dead() {
    if (stopping_ || std::exchange(rejoining_, true)) return;
    cluster_.set_certain(false);
    outcast_until_ = clock::now() + outcast_for * policy_.silence;
    home().counters().cluster.was_declared_dead.add();
    const auto next = cluster_.leaving ? "" : "; it joins anew";
    log::warning("cluster.declared_dead", {{"effect", std::string("its sessions live elsewhere") + next}});
    if (!rule_is_out("finality")) {
      node_.store->begin_anew();
      for (const auto& s : all_sessions()) send(s, session_fenced{});
    }
    neighbours_.clear();
    detector_.peers.clear();  // when it has looked stays: it may stand still again before it has joined
    publish();
    rejoin();
  }

  std::vector<caf::actor> all_sessions() const { return node_.sessions.in(slot_set().set()); }

  /// Not before the sessions of the former life have gone: one that met its slot's new token would write over what
  /// others have written since.
  void rejoin() {
    if (cluster_.leaving) return tell_if_left();
    if (!all_sessions().empty() && !rule_is_out("finality")) return soon(departures_pause, [this] { rejoin(); });
    join([this](const std::string& problem) {
      rejoining_ = !problem.empty();
      if (!rejoining_) return;
      log::warning("cluster.join_failed", {{"reason", problem}});
      soon(policy_.silence, [this] { rejoin(); });
    });
  }

  void leave(std::function<void()> done) {
    cluster_.leaving = true;
    left_ = std::move(done);
    change_view([me = node_.store->incarnation()](membership::view v) { return membership::leaving(std::move(v), me); },
                [this](const std::string& problem) {
                  if (!problem.empty()) log::warning("cluster.leave_failed", {{"reason", problem}});
                  tell_if_left();
                });
  }

  void tell_if_left() {
    if (!left_) return;
    const auto successor =
        std::any_of(view_->members.begin(), view_->members.end(), [](const auto& m) { return !m.leaving; });
    if (!successor || keeper_.held().none()) std::exchange(left_, nullptr)();
  }

  void stop(std::function<void()> done) {
    stopping_ = true;
    change_view([me = node_.store->incarnation()](membership::view v) { return membership::without(std::move(v), me); },
                [this, done = std::move(done)](const std::string&) {
                  beat_at_once();  // so that nobody has to find it out
                  done();
                  quit();
                });
  }

  // --- signs of life -------------------------------------------------------------------------------------------------

  void vouch(clock::time_point until) {
    cluster_.vouch(neighbours_.empty() ? clock::time_point::max() : vouched_until_ = std::max(vouched_until_, until));
  }

  void look() {
    soon(policy_.beat, [this] { look(); });
    advance(detector::look{});
    cluster_.note_look();
    beat_all();
    // Now and then without a reason, so that nothing lost on the way stays lost.
    const auto due = clock::now() >= refresh_at_;
    if (due) keeper_.look(view_, !all_are_held(keeper_.held(), neighbours_));
    if (due || !cluster_.is_certain()) refresh();
    if (due) refresh_at_ = clock::now() + refresh_pause;
  }

  beat sign() const {
    beat b{node_.store->incarnation(), view_->version, keeper_.held(), digests_of(node_.views.common)};
    tell_versions(node_, b);
    b.now = clock::now();
    return b;
  }

  void beat_all() {
    if (neighbours_.empty()) return;
    const auto text = to_json(sign());
    for (auto& [incarnation, n] : neighbours_) {
      if (std::exchange(n.asked, true)) continue;
      ask_peer(home().loop(), cluster_, n.target, peer_path::beat, text, policy_.silence,
               in_turn([this, to = incarnation](const auto& answer) { on_beat_answered(to, answer); }));
    }
  }

  void beat_at_once() {
    for (auto& [incarnation, n] : neighbours_) n.asked = false;
    beat_all();
  }

  void on_beat_answered(const std::string& to, const transport::outcome<std::string>& answer) {
    const auto found = neighbours_.find(to);
    if (found == neighbours_.end()) return;
    auto& n = found->second;
    n.asked = false;
    const auto said = answer ? read_beat(*answer) : std::nullopt;
    const auto reached = said && said->from == to;  // else another process is at its address now
    if (std::exchange(n.reached, reached) != reached) publish();
    if (reached) return on_beat(*said);
    if (said && said->view > view_->version) refresh();
    // A beat that took too long is no broken connection: the node may be busy.
    if (answer || answer.error().code != transport::errc::timed_out) advance(detector::connection_broke{to});
  }

  void on_beat(const beat& b) {
    if (b.view > view_->version) {
      newest_heard_ = std::max(newest_heard_, b.view);  // this node may be no member of it
      cluster_.set_certain(false);
      refresh();
    }
    const auto found = neighbours_.find(b.from);
    if (found == neighbours_.end()) return;
    heard_[b.from] = clock::now();
    if (b.now != clock::time_point()) found->second.clock->heard(b.now, heard_[b.from]);
    if (b.view == view_->version) vouch(heard_[b.from] + policy_.missing);  // so long the others wait, and longer
    hear_versions(node_, b);
    advance(detector::heard{b.from});
    if (std::exchange(found->second.lists, b.lists) != b.lists) send(node_.catalogue, peer_lists{b.from, b.lists});
    if (found->second.slots == b.slots) return;
    const auto given = found->second.slots & ~b.slots;
    found->second.slots = b.slots;
    publish();
    if (given.any()) keeper_.note_given(given, b.from);
  }

  void on_peer_request(transport::http_exchange& exchange) {
    const auto& r = exchange.request();
    // Whoever asks means a former process at this address.
    if (!looking_) return exchange.respond(503, {}, {}, {});
    if (r.path == peer_path::beat) {
      if (const auto b = read_beat(r.body)) on_beat(*b);
      return exchange.respond(200, transport::json_type, {}, {to_json(sign())});
    }
    exchange.respond(200, transport::json_type, {}, {testimony(r.body, heard_)});
  }

  void advance(const detector::event& e) {
    auto step = detector::advance(std::move(detector_), e, clock::now(), policy_);
    detector_ = std::move(step.next);
    for (const auto& effect : step.todo) {
      if (const auto* ask = std::get_if<detector::ask_others>(&effect)) ask_others(ask->incarnation);
      if (const auto* dead = std::get_if<detector::declare_dead>(&effect)) declare_dead(*dead);
      if (const auto* late = std::get_if<detector::was_starved>(&effect)) {
        home().counters().cluster.was_starved.add();
        log::warning("cluster.was_starved", {{"late_ms", static_cast<std::size_t>(late->late.count())}});
        cluster_.set_certain(false);
        cluster_.note_standstill();
        starved_at_ = clock::now();
      }
    }
  }

  void ask_others(const std::string& about) {
    ask_witnesses(home().loop(), cluster_, neighbours_, about, detector_.peers[about].heard,
                  in_turn([this](const detector::others_said& said) {
                    advance(said);
                    publish();
                  }));
  }

  void declare_dead(const detector::declare_dead& e) {
    if (!e.again) home().counters().cluster.declared_dead.add();
    if (const auto* const who = membership::find(*view_, e.incarnation); who != nullptr && !e.again)
      log::warning("cluster.dead", {{"node", who->name}, {"reason", "nobody hears it"}});
    // Of two that declare each other dead, one remains: who is no member any more declares nothing.
    const auto bereft = [incarnation = e.incarnation, by = node_.store->incarnation()](membership::view v) {
      return membership::find(v, by) == nullptr ? v : membership::without(std::move(v), incarnation);
    };
    change_view(bereft, [](const std::string& problem) {
      if (!problem.empty()) log::warning("cluster.view_unchanged", {{"reason", problem}});
    });
  }

  // --- routes --------------------------------------------------------------------------------------------------------

  void on_slots_changed() {
    publish();
    beat_at_once();  // who waits for a slot hears of it now
    tell_if_left();
  }

  void publish() {
    note_detours(neighbours_, detector_);
    cluster_.routes.set(std::make_shared<const cluster_routes>(routes_of(
        *view_, node_.store->incarnation(), cluster_.target_of(cluster_.address), keeper_.held(), neighbours_)));
    for (const auto& i : node_.ingresses) send(i, routes_changed{});
  }

  node_context& node_;
  cluster& cluster_;
  const detector::policy policy_;
  slot_keeper keeper_;
  std::shared_ptr<const membership::view> view_ = std::make_shared<const membership::view>();
  detector::state detector_;
  std::map<std::string, neighbour> neighbours_;  // by incarnation
  hearings heard_;
  std::function<void()> left_;
  clock::time_point refresh_at_, outcast_until_, starved_at_, vouched_until_;
  std::uint64_t newest_heard_ = 0;  // the version of a view
  bool looking_ = false, refreshing_ = false, rejoining_ = false, stopping_ = false;
};

}  // namespace

caf::actor spawn_roster(caf::actor_system& system, shard& home, node_context& node) {
  caf::actor_config cfg{&home};
  return system.spawn_class<roster_actor, caf::no_spawn_options>(cfg, home, node);
}

}  // namespace holdfast::actors
