#include "actors/node_store.hpp"

#include <algorithm>
#include <utility>

#include "actors/log.hpp"
#include "actors/test_hooks.hpp"
#include "transport/mcp/sealed.hpp"

namespace holdfast::actors {

namespace {

using steady = std::chrono::steady_clock;

steady::time_point as_time_point(steady::rep since_epoch) { return steady::time_point(steady::duration{since_epoch}); }

std::string random_incarnation() {
  auto id = mcp::random_id();
  std::replace_if(
      id.begin(), id.end(), [](char c) { return c == '-' || c == '_'; }, '0');
  return id;
}

/// Does something with one slot after another, some at a time, until one of them fails.
struct slot_round : std::enable_shared_from_this<slot_round> {
  static constexpr std::size_t at_once = 128;
  using next_step = std::function<void(std::string)>;

  slot_round(std::vector<std::uint16_t> s, std::function<void(std::uint16_t, next_step)> f,
             std::function<void(std::string)> d)
      : slots(std::move(s)), each(std::move(f)), done(std::move(d)) {}

  void more() {
    while (under_way < at_once && next < slots.size() && problem.empty()) {
      ++under_way;
      each(slots[next++], [self = shared_from_this()](std::string p) {
        --self->under_way;
        if (!p.empty()) self->problem = std::move(p);
        self->more();
      });
    }
    if (under_way == 0 && done) std::exchange(done, nullptr)(problem);
  }

  const std::vector<std::uint16_t> slots;
  const std::function<void(std::uint16_t, next_step)> each;
  std::function<void(std::string)> done;
  std::string problem;
  std::size_t next = 0, under_way = 0;
};

std::string words_of(const persistence::store_failure& f) {
  return f.detail.empty() ? std::string("it does not answer") : f.detail;
}

}  // namespace

node_store::node_store(std::unique_ptr<persistence::store> s, persistence::encoding texts, bool degrades,
                       std::chrono::milliseconds deadline)
    : store_(std::move(s)),
      texts_(std::move(texts)),
      degrades_(degrades),
      deadline_(deadline),
      incarnation_(random_incarnation()),
      tokens_(persistence::slot_count),
      tenures_(persistence::slot_count) {}

void node_store::claim(persistence::store_lane& lane, std::vector<std::uint16_t> slots, std::uint64_t view,
                       std::function<void(std::string)> done) {
  view_ = view;
  if (rule_is_out("view")) view = 0;
  const auto one = [this, &lane, view, by = incarnation()](std::uint16_t slot, slot_round::next_step then) {
    lane.claim(slot, by, view, [this, slot, by, then = std::move(then)](const auto& claimed) {
      if (!claimed) return then(words_of(claimed.error()));
      if (*claimed && by == incarnation()) take(slot, **claimed);
      then({});
    });
  };
  std::make_shared<slot_round>(std::move(slots), one, std::move(done))->more();
}

void node_store::take(std::uint16_t slot, const persistence::token& t) {
  const std::lock_guard guard(lock_);
  if (tokens_[slot] != t) note_forgotten(slot);
  tokens_[slot] = t;
  if (!has(slot)) held_[slot] = hold::held;
}

std::chrono::steady_clock::time_point node_store::remembers_since(std::uint16_t slot) const noexcept {
  return as_time_point(remembers_since_[slot]);
}

void node_store::note_forgotten(std::uint16_t slot) noexcept {
  remembers_since_[slot] = steady::now().time_since_epoch().count();
}

persistence::token node_store::drop(std::uint16_t slot) {
  const std::lock_guard guard(lock_);
  held_[slot] = hold::none;
  closing_[slot] = false;
  ++tenures_[slot];
  return std::exchange(tokens_[slot], {});
}

void node_store::give_back(persistence::store_lane& lane, std::uint16_t slot, const persistence::token& held,
                           std::function<void(std::string)> done) {
  lane.release(slot, held, [done = std::move(done)](const auto& r) { done(r ? std::string() : words_of(r.error())); });
}

std::uint32_t node_store::tenure_of(std::uint16_t slot) const {
  const std::lock_guard guard(lock_);
  return tenures_[slot];
}

persistence::token node_store::token_of(std::uint16_t slot, std::uint32_t tenure) const {
  const std::lock_guard guard(lock_);
  return tenures_[slot] == tenure ? tokens_[slot] : persistence::token();
}

std::string node_store::incarnation() const {
  const std::lock_guard guard(lock_);
  return incarnation_;
}

void node_store::begin_anew() {
  const std::lock_guard guard(lock_);
  incarnation_ = random_incarnation();
  tokens_.assign(persistence::slot_count, {});
  for (auto& t : tenures_) ++t;
  for (auto& h : held_) h = hold::none;
  for (auto& c : closing_) c = false;
}

void node_store::verify(persistence::store_lane& lane, std::uint16_t slot, std::uint32_t tenure,
                        persistence::completion<bool> done) {
  lane.owner(slot, [this, &lane, slot, tenure, done = std::move(done)](const auto& owner) {
    // Given away by this process itself, whatever it has now.
    if (token_of(slot, tenure).epoch == 0) return done(false);
    if (!owner) return done(owner.error());
    if (!*owner) return claim_anew(lane, slot, done);
    if ((*owner)->incarnation == incarnation()) {
      take(slot, **owner);
      return done(true);
    }
    if (is_alive && !is_alive((*owner)->incarnation)) return claim_anew(lane, slot, done);
    drop(slot);
    done(false);
  });
}

void node_store::claim_anew(persistence::store_lane& lane, std::uint16_t slot, persistence::completion<bool> done) {
  const auto by = incarnation();
  lane.claim(slot, by, view_, [this, slot, by, done = std::move(done)](const auto& claimed) {
    if (!claimed) return done(claimed.error());
    const auto ours = claimed->has_value() && by == incarnation() && has(slot);
    if (ours) {
      take(slot, **claimed);
    } else {
      drop(slot);
    }
    done(ours);
  });
}

void node_store::note_failure(const persistence::store_failure& f) {
  ++failures_;
  if (f.code == persistence::store_errc::unavailable && steady::now() - as_time_point(returned_) < deadline_) return;
  if (!available_.exchange(false)) return;
  log::error("store.unavailable", {{"store", shown()},
                                   {"reason", f.detail},
                                   {"effect", degrades_ ? "going on without durability" : "answers are held back"}});
}

void node_store::note_return() {
  returned_ = steady::now().time_since_epoch().count();
  if (!available_.exchange(true)) log::info("store.available", {{"store", shown()}});
}

}  // namespace holdfast::actors
