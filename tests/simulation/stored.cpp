#include "tests/simulation/stored.hpp"

#include <limits>
#include <optional>

#include "actors/session_text.hpp"
#include "tests/simulation/network.hpp"
#include "tests/simulation/process.hpp"
#include "tests/simulation/scene.hpp"

// In place of the stores of persistence/: what they hold are the contents of the memory store; how long it takes, and
// what is lost on the way, follows the Redis store.

namespace holdfast::simulation {
namespace {

using namespace persistence;
constexpr milliseconds deadline{1'500};  // of one operation
constexpr milliseconds tried_again{60};

/// One operation of a lane, until it is answered.
template <class T>
struct operation : std::enable_shared_from_this<operation<T>> {
  operation(stored& s, process& p, std::function<T(memory_contents&)> v, bool w, completion<T> d)
      : store(s), of(p), verb(std::move(v)), writes(w), done(std::move(d)) {}

  void begin() {
    store.in().after(deadline, [self = this->shared_from_this()] {
      self->finish(store_failure{store_errc::unavailable, "no answer in time"});
    });
    send();
  }

  void send() {
    auto& random = store.in().random();
    const auto usual = std::chrono::microseconds(random.between(50, 600));
    store.in().after(random.chance(3) ? random.ms(2, 120) : usual,
                     [self = this->shared_from_this()] { self->arrive(); });
  }

  void again() {
    if (over || of.is_dead()) return;
    store.in().after(tried_again, [self = this->shared_from_this()] { self->send(); });
  }

  /// What a process has sent before it died, or before it gave up, may still come; not by a new attempt, though.
  void arrive() {
    if (store.away() || store.net().lines.cut(of.node(), wires::store)) return again();
    if (over && !sent_before_the_end) return;
    const auto answer = std::make_shared<std::optional<T>>();
    const auto generation = store.generation();
    const auto reply = [self = this->shared_from_this(), answer, generation] {
      // What an old primary has not answered yet never comes: the lane asks the new one.
      if (self->store.generation() != generation || self->store.loses_reply()) return self->again();
      self->come_back(**answer);
    };
    if (!writes) {
      answer->emplace(verb(store.primary()));
      return reply();
    }
    store.write(
        [self = this->shared_from_this(), answer](memory_contents& all) {
          auto r = self->verb(all);
          if (!*answer) answer->emplace(std::move(r));
          return true;
        },
        reply);
  }

  void come_back(T value) {
    auto& random = store.in().random();
    const auto usual = std::chrono::microseconds(random.between(50, 600));
    store.in().after(random.chance(2) ? random.ms(2, 120) : usual,
                     [self = this->shared_from_this(), value = std::move(value)] {
                       if (self->store.net().lines.cut(wires::store, self->of.node())) return self->again();
                       self->finish(value);
                     });
  }

  void finish(result<T> r) {
    if (std::exchange(over, true)) return;
    of.run([done = std::exchange(done, nullptr), r = std::move(r)]() mutable { done(std::move(r)); }, true);
  }

  stored& store;
  process& of;
  const std::function<T(memory_contents&)> verb;
  const bool writes;
  completion<T> done;
  bool over = false;
  const bool sent_before_the_end = store.in().random().chance(30);
};

class simulated_lane final : public store_lane {
 public:
  simulated_lane(stored& s, process& of) : store_(s), of_(of), number_(s.next_lane()) {
    s.when_changed[number_] = [this] {
      of_.run(
          [this] {
            if (const auto tell = on_history_changed) tell();
          },
          true);
    };
  }
  simulated_lane(const simulated_lane&) = delete;
  simulated_lane& operator=(const simulated_lane&) = delete;
  ~simulated_lane() override { store_.when_changed.erase(number_); }

  void commit(const struct commit& given, completion<verdict> done) override {
    change<verdict>(
        [this, c = given](memory_contents& all) mutable {
          if (store_.in().without() == "fence") c.by = all.owner(c.of.slot()).value_or(c.by);
          const auto v = all.commit(c, store_.in().now());
          if (&all == &store_.primary()) store_.watch(c, v);
          return v;
        },
        std::move(done));
  }
  void restore(const struct restoration& r, completion<verdict> done) override {
    change<verdict>([this, r](memory_contents& all) { return all.restore(r, store_.in().now()); }, std::move(done));
  }
  void load(const entity& of, completion<std::optional<record>> done) override {
    ask<std::optional<record>>([this, of](memory_contents& all) { return all.load(of, store_.in().now()); },
                               std::move(done));
  }
  void read_events(const entity& of, std::uint64_t after, std::size_t max,
                   completion<std::vector<event>> done) override {
    ask<std::vector<event>>(
        [this, of, after, max](memory_contents& all) { return all.read_events(of, after, max, store_.in().now()); },
        std::move(done));
  }
  void list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max,
            completion<page> done) override {
    ask<page>([this, kind = std::string(kind), slot, cursor = std::string(cursor),
               max](memory_contents& all) { return all.list(kind, slot, cursor, max, store_.in().now()); },
              std::move(done));
  }
  void claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view,
             completion<std::optional<token>> done) override {
    if (store_.in().without() == "view_check") view = std::numeric_limits<std::uint64_t>::max();
    change<std::optional<token>>(
        [this, slot, by = std::string(incarnation), view](memory_contents& all) {
          auto t = all.claim(slot, by, view);
          if (t && &all == &store_.primary()) store_.watch_claim(slot, *t);
          return t;
        },
        std::move(done));
  }
  void release(std::uint16_t slot, const token& by, completion<verdict> done) override {
    change<verdict>([slot, by](memory_contents& all) { return all.release(slot, by); }, std::move(done));
  }
  void owner(std::uint16_t slot, completion<std::optional<token>> done) override {
    ask<std::optional<token>>([slot](memory_contents& all) { return all.owner(slot); }, std::move(done));
  }
  void owners(std::uint16_t first, std::uint16_t count, completion<std::vector<std::optional<token>>> done) override {
    ask<std::vector<std::optional<token>>>([first, count](memory_contents& all) { return all.owners(first, count); },
                                           std::move(done));
  }
  void read_view(completion<std::optional<versioned>> done) override {
    ask<std::optional<versioned>>([](memory_contents& all) { return all.view(); }, std::move(done));
  }
  void change_view(std::uint64_t expected, std::string_view bytes, completion<verdict> done) override {
    change<verdict>(
        [expected, text = std::string(bytes)](memory_contents& all) { return all.change_view(expected, text); },
        std::move(done));
  }

  void read_record(std::string_view name, completion<std::optional<versioned>> done) override {
    ask<std::optional<versioned>>([name = std::string(name)](memory_contents& all) { return all.read_record(name); },
                                  std::move(done));
  }
  void change_record(std::string_view name, std::uint64_t expected, std::string_view bytes,
                     completion<verdict> done) override {
    change<verdict>([name = std::string(name), expected, text = std::string(bytes)](
                        memory_contents& all) { return all.change_record(name, expected, text); },
                    std::move(done));
  }

  // Of no use to a node so far.
  void time_to_live(const entity&, completion<std::optional<milliseconds>>) override { std::terminate(); }
  void extend(const entity&, const token&, milliseconds, completion<verdict>) override { std::terminate(); }
  void expire(const entity&, const token&, completion<verdict>) override { std::terminate(); }
  void acquire(std::string_view, milliseconds, completion<std::optional<std::string>>) override { std::terminate(); }
  void unlock(std::string_view, std::string_view, completion<bool>) override { std::terminate(); }
  void prolong(std::string_view, std::string_view, milliseconds, completion<bool>) override { std::terminate(); }
  void cache_get(std::string_view, completion<std::optional<std::string>>) override { std::terminate(); }
  void cache_put(std::string_view, std::string_view, milliseconds, completion<bool>) override { std::terminate(); }

 private:
  template <class T>
  void change(std::function<T(memory_contents&)> verb, completion<T> done) {
    std::make_shared<operation<T>>(store_, of_, std::move(verb), true, std::move(done))->begin();
  }
  template <class T>
  void ask(std::function<T(memory_contents&)> verb, completion<T> done) {
    std::make_shared<operation<T>>(store_, of_, std::move(verb), false, std::move(done))->begin();
  }

  stored& store_;
  process& of_;
  const std::uint64_t number_;
};

class simulated_store final : public store {
 public:
  simulated_store(stored& s, process& of, bool waits) : store_(s), of_(of), waits_(waits) {}
  std::unique_ptr<store_lane> lane(boost::asio::io_context&) override {
    return std::make_unique<simulated_lane>(store_, of_);
  }
  enum tier tier() const noexcept override { return waits_ ? tier::redis_wait : tier::redis; }
  store_health health() const override { return {}; }
  std::string shown() const override { return "simulated"; }

 private:
  stored& store_;
  process& of_;
  const bool waits_;
};

}  // namespace

std::unique_ptr<store> stored::open(process& of) { return std::make_unique<simulated_store>(*this, of, waits_); }

void stored::write(std::function<bool(contents&)> apply, std::function<void()> answer) {
  apply(primary_);
  const auto lag = world_.random().chance(90) ? std::chrono::microseconds(world_.random().between(50, 900))
                                              : std::chrono::microseconds(world_.random().ms(1, waits_ ? 30 : 400));
  replicated_at_ = std::max(replicated_at_, world_.now() + lag);
  const auto in = std::chrono::ceil<std::chrono::microseconds>(replicated_at_ - world_.now());
  world_.after(in, [this, apply = std::move(apply), answer = waits_ ? answer : nullptr, generation = generation_] {
    if (generation != generation_) {
      if (answer) answer();  // to whom the old primary would have answered
      return;
    }
    apply(replica_);
    if (answer) answer();
  });
  if (!waits_) answer();
}

void stored::fail_over(milliseconds away) {
  if (away_) return;
  world_.tell("--", "the store fails over");
  ++generation_;
  primary_ = replica_;
  replicated_at_ = {};
  away_ = true;
  world_.after(away, [this] {
    away_ = false;
    world_.tell("--", "the store is back");
    for (const auto& [lane, tell] : std::map(when_changed)) tell();
  });
}

/// One writer per session and sequence.
void stored::watch(const persistence::commit& c, persistence::verdict v) {
  for (const auto& [key, entry] : c.journal) {
    if (entry.stage != persistence::stage::intent) continue;
    if (const auto j = actors::read_journal(entry.bytes)) intents_.insert({c.of.id, j->client_id});
  }
  if (v != persistence::verdict::ok) return;
  const auto [at, is_new] = writers_.try_emplace({c.of.id, c.sequence}, c.by);
  if (!is_new && at->second != c.by && generation_ == 0) world_.broken("two owners have written the same sequence");
}

void stored::watch_claim(std::uint16_t slot, const persistence::token& given) {
  auto& last = epochs_[slot];
  if (given.epoch <= last && generation_ == 0) world_.broken("an epoch has fallen");
  last = given.epoch;
}

}  // namespace holdfast::simulation
