#include "tests/simulation/schedule.hpp"

#include <algorithm>
#include <memory>
#include <set>

#include "tests/simulation/client.hpp"
#include "tests/simulation/scene.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::simulation {
namespace {

constexpr milliseconds trouble_from{400};
constexpr milliseconds quiet_by{3'000};        // every fault is over by then
constexpr milliseconds done_within{11'000};    // of quiet: a request may wait for its time limit and begin again
constexpr milliseconds answers_within{5'000};  // of all being done

class play {
 public:
  explicit play(const schedule& s)
      : plan_(s), scene_(s.seed, s.without, s.waits, s.traced), random_(scene_.in.random()) {}

  ending run() {
    begin();
    plan_faults();
    const auto all_done = [this] {
      return scene_.in.elapsed() >= quiet_at_ &&
             std::all_of(clients_.begin(), clients_.end(), [](const auto& c) { return c->is_done(); }) && is_settled();
    };
    if (!goes_on_until(all_done, quiet_at_ + done_within)) tell_what_hangs();
    for (const auto& c : clients_) {
      if (c->is_done() && !c->is_lost()) c->ping();
    }
    const auto all_answer = [this] {
      return std::all_of(clients_.begin(), clients_.end(),
                         [](const auto& c) { return !c->is_done() || c->is_lost() || c->was_answered(); });
    };
    if (!goes_on_until(all_answer, scene_.in.elapsed() + answers_within)) scene_.in.broken("a session does not answer");
    judge();
    return {scene_.in.mistakes(), scene_.in.story(), calls_, interrupted_};
  }

 private:
  void begin() {
    nodes_ = random_.between(2, 3);
    for (int n = 1; n <= nodes_; ++n) {
      // Some come late.
      const auto is_late = n > 1 && random_.chance(15);
      const auto at = is_late ? random_.ms(500, 1'500) : random_.ms(0, 30);
      others_in_trouble_ |= is_late;
      scene_.in.after(at, [this, n] { scene_.begin(n); });
    }
    const auto count = random_.between(1, 3);
    for (int i = 1; i <= count; ++i) {
      clients_.push_back(std::make_shared<client>(scene_, i, nodes_));
      scene_.in.after(random_.ms(200, 900), [c = clients_.back()] { c->begin(); });
    }
  }

  void plan_faults() {
    const auto count = random_.between(1, 4);
    auto at = trouble_from;
    for (int i = 0; i < count; ++i) {
      at += random_.ms(0, 700);
      scene_.in.after(at, [this] { trouble(); });
    }
    quiet_at_ = quiet_by;
  }

  /// How long a fault lasts that begins now.
  milliseconds a_while(int least, int most) {
    const auto left = quiet_by - scene_.in.elapsed();
    return std::min(random_.ms(least, most), std::max(left, milliseconds{1}));
  }

  void trouble() {
    const auto node = random_.between(1, nodes_);
    const auto kind = plan_.only < 0 ? static_cast<int>(random_.below(plan_.fails_over ? 13 : 11)) : plan_.only;
    nodes_in_trouble_ |= kind != 9;
    switch (kind) {
      case 0:
      case 1: return kill(node);
      case 2:
      case 3: return stand_still(node, a_while(50, 2'500));
      case 4: return leave(node);
      case 5: return cut_between(node, 1 + node % nodes_);
      case 6: return cut_off(node, false);
      case 7: return cut_from_store(node, a_while(50, 2'000));
      case 8: return cut_off(node, true);
      case 9:
        scene_.in.tell("--", "replies of the store are lost");
        scene_.store.lose_replies(random_.between(10, 60));
        return scene_.in.after(a_while(50, 600), [this] { scene_.store.lose_replies(0); });
      case 10: others_in_trouble_ = true; return scene_.kill_at_crash_point(random_.between(1, 6));
      default: return scene_.store.fail_over(a_while(20, 800));
    }
  }

  void begin_again(int node, milliseconds in) {
    scene_.in.after(in, [this, node] {
      if (scene_.alive(node) == nullptr) scene_.begin(node);
    });
  }

  void kill(int node) {
    auto* const p = scene_.alive(node);
    if (p == nullptr) return;
    others_in_trouble_ = true;
    p->kill();
    begin_again(node, a_while(30, 1'200));
  }

  void stand_still(int node, milliseconds time) {
    auto* const p = scene_.alive(node);
    if (p == nullptr) return;
    others_in_trouble_ = true;
    if (time > milliseconds{400}) stood_still_.insert(node);
    p->stand_still();
    scene_.in.after(time, [p] { p->go_on(); });
  }

  void leave(int node) {
    auto* const p = scene_.alive(node);
    if (p == nullptr || !p->has_joined()) return;
    others_in_trouble_ = true;
    p->leave([this, node] {
      scene_.in.after(random_.ms(10, 300), [this, node] {
        if (scene_.alive(node) == nullptr) scene_.begin(node);
      });
    });
    // Long after it should have ended by itself.
    scene_.in.after(milliseconds{8'000}, [this, p, node] {
      if (p->is_dead()) return;
      scene_.in.broken(p->name() + " does not end");
      p->kill();
      begin_again(node, milliseconds{10});
    });
  }

  void cut(int from, int to, milliseconds time) {
    scene_.in.tell("--", "nothing gets from " + std::to_string(from) + " to " + std::to_string(to) + " for " +
                             std::to_string(time.count()));
    scene_.net.lines.set(from, to, true);
    scene_.in.after(time, [this, from, to] { scene_.net.lines.set(from, to, false); });
  }

  void cut_between(int a, int b) {
    if (a == b) return;
    ++pair_cuts_;
    const auto time = a_while(100, 2'500);
    cut(a, b, time);
    if (random_.chance(60)) cut(b, a, time);
  }

  void cut_off(int node, bool from_store_too) {
    cut_off_ = true;
    const auto time = a_while(100, 2'500);
    for (int other = 1; other <= nodes_; ++other) {
      if (other == node) continue;
      cut(node, other, time);
      cut(other, node, time);
    }
    if (from_store_too) cut_from_store(node, time);
  }

  void cut_from_store(int node, milliseconds time) {
    const auto how = random_.below(4);
    if (how != 0) cut(node, wires::store, time);
    if (how != 1) cut(wires::store, node, time);
  }

  bool goes_on_until(const std::function<bool()>& condition, milliseconds limit) {
    auto next = scene_.in.elapsed();
    while (scene_.in.elapsed() < limit && scene_.in.step()) {
      if (scene_.in.elapsed() < next) continue;
      if (condition()) return true;
      next = scene_.in.elapsed() + milliseconds{20};
    }
    return condition();
  }

  /// Every slot has an owner that is alive and knows it, and nobody else thinks that it has it.
  bool is_settled() {
    unsettled_.clear();
    for (std::uint16_t slot = 0; slot < persistence::slot_count; ++slot) {
      const auto owner = scene_.store.now().owner(slot);
      int holders = 0;
      bool known = false;
      for (const auto& p : scene_.processes) {
        if (p->is_dead()) continue;
        if (p->is_leaving()) return false;
        auto& own = *p->context().store;
        if (!own.has(slot)) continue;
        ++holders;
        known |= owner && owner->incarnation == own.incarnation();
      }
      if (holders == 1 && known) continue;
      unsettled_ += " " + std::to_string(slot) + " (" + (owner ? owner->incarnation.substr(0, 6) : "nobody") + ", " +
                    std::to_string(holders) + " holders)";
    }
    return unsettled_.empty();
  }

  void tell_what_hangs() {
    if (!is_settled()) scene_.in.broken("slots without their owner:" + unsettled_);
    for (const auto& c : clients_) {
      if (c->is_done()) continue;
      std::string what;
      for (const auto& e : c->errands()) what += e.over ? "" : " " + e.tool + " " + e.key;
      scene_.in.broken(c->name() + " waits for ever for:" + what);
    }
  }

  /// Nobody is declared dead who was there for the others all the time, or for one of them at least.
  void judge(const process& p) {
    if (p.first_incarnation() == p.context().store->incarnation()) return;
    const auto no_opinion = pair_cuts_ > 1 || (pair_cuts_ == 1 && (nodes_ < 3 || others_in_trouble_));
    if (cut_off_ || no_opinion || stood_still_.contains(p.node())) return;
    scene_.in.broken(p.name() + " was declared dead, and was not");
  }

  void judge() {
    for (const auto& p : scene_.processes) judge(*p);
    for (const auto& c : clients_) {
      if (c->is_lost()) scene_.in.broken(c->name() + " has lost its session");
      for (const auto& e : c->errands()) judge(*c, e);
    }
  }

  void judge(const client& c, const errand& e) {
    const auto runs = scene_.upstream.calls_of(e.key);
    const auto reads = e.tool == "look";
    ++calls_;
    if (!reads && runs > 1) scene_.in.broken(e.key + " (" + e.tool + ") ran " + std::to_string(runs) + " times");
    if (!e.over) return;
    if (!e.error.empty()) {
      const auto data = mcp::member(e.error, "data");
      if (mcp::member(data, "mayHaveRun") == "true") {
        ++interrupted_;
        if (!scene_.store.had_intent(c.session(), std::to_string(e.id)))
          scene_.in.broken(e.key + " may have run, but nobody had the intent");
        if (!nodes_in_trouble_) scene_.in.broken(e.key + " was interrupted, and no node was in trouble");
        if (mcp::string_value(mcp::member(data, "reason")) == "a copy of the request came late")
          scene_.in.broken(e.key + " was answered, and its client waits for the answer");
        if (e.progressed && !plan_.fails_over) scene_.in.broken(e.key + " could have been taken up at its upstream");
        return;
      }
      if (runs > 0) scene_.in.broken(e.key + " has run, but its client was told: " + e.error);
      return;
    }
    if (runs == 0) scene_.in.broken(e.key + " has an answer, but never ran");
    if (!reads && e.outcome != e.key + ":1") scene_.in.broken(e.key + " was answered with " + e.outcome);
  }

  const schedule plan_;
  scene scene_;
  randomness& random_;
  int nodes_ = 0, calls_ = 0, interrupted_ = 0;
  milliseconds quiet_at_{0};
  int pair_cuts_ = 0;
  bool nodes_in_trouble_ = false, cut_off_ = false, others_in_trouble_ = false;
  std::set<int> stood_still_;
  std::vector<std::shared_ptr<client>> clients_;
  std::string unsettled_;
};

}  // namespace

ending live_through(const schedule& s) {
  play p(s);
  return p.run();
}

}  // namespace holdfast::simulation
