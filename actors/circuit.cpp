#include "actors/circuit.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "actors/log.hpp"

namespace holdfast::actors {

namespace breaker = machines::breaker;

namespace {

constexpr std::size_t reason_max = 200;
constexpr auto look_again = std::chrono::milliseconds{250};

circuit_standing::timestamp wall(circuit::time_point at, circuit::time_point now) {
  using std::chrono::milliseconds;
  const auto wall_now = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  return wall_now + std::chrono::duration_cast<milliseconds>(at - now);
}

circuit::time_point steady(circuit_standing::timestamp at, circuit::time_point now) {
  return now + (at - std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
}

}  // namespace

/// What has to be told once the lock is free.
struct circuit::news {
  breaker::effect todo = breaker::effect::none;
  std::size_t before = 0, after = 0;  // which states
  bool shared = false;                // the standing has changed
  circuit_standing standing;
};

circuit::circuit(std::string upstream, bool enabled, const breaker::policy& p)
    : upstream_(std::move(upstream)), enabled_(enabled), policy_(p) {}

/// Of a slice that is over, what nobody has told the state yet. Locked.
void circuit::fold(time_point now) {
  const auto end = time_point(time_point::duration(slice_ends_.load(std::memory_order_relaxed)));
  const auto count = fresh_.exchange(0, std::memory_order_relaxed);
  if (count == 0) return;
  const auto at = std::min(now, end - time_point::duration(1));
  state_ = breaker::advance(state_, breaker::succeeded{count}, at, policy_).next;
}

void circuit::begin_slice(time_point now) noexcept {
  const std::lock_guard guard(lock_);
  fold(now);
  slice_ends_.store(breaker::slice_end(now, policy_.window).time_since_epoch().count(), std::memory_order_relaxed);
  fresh_.fetch_add(1, std::memory_order_relaxed);
}

/// Locked.
circuit::news circuit::apply(const breaker::event& e, std::string_view why, time_point now) {
  fold(now);
  news n;
  n.before = state_.index();
  const auto passed = [this] {
    const auto* const h = std::get_if<breaker::half_open>(&state_);
    return h != nullptr ? h->was.passed : 0;
  };
  const auto passed_before = passed();
  auto step = breaker::advance(state_, e, now, policy_);
  state_ = std::move(step.next);
  n.todo = step.todo;
  n.after = state_.index();
  const auto* const opened = std::get_if<breaker::open>(&state_);
  const auto has_opened = opened != nullptr && n.before != n.after;
  const auto has_closed = n.after == 0 && (n.before != 0 || std::holds_alternative<breaker::reset>(e));
  if (has_opened) {
    standing_ = {true,
                 opened->connecting,
                 wall(now, now),
                 wall(opened->until, now),
                 opened->times,
                 0,
                 std::string(why.substr(0, reason_max)),
                 node};
    ++opened_;
  } else if (has_closed) {
    const auto& c = std::get<breaker::closed>(state_);
    standing_ = {false, false, wall(now, now), wall(now, now), c.before, 0, std::string(why.substr(0, reason_max)),
                 node};
  } else if (passed() != passed_before) {
    standing_.passed = passed();
  }
  if (has_opened || has_closed) ++tenure_;
  n.shared = has_opened || has_closed || (n.after == 2 && passed() != passed_before);
  n.standing = standing_;
  closed_.store(n.after == 0, std::memory_order_relaxed);
  return n;
}

void circuit::tell(const news& n) {
  if (n.before != n.after) {
    if (n.after == 1) {
      log::warning("breaker.open", {{"upstream", upstream_},
                                    {"reason", n.standing.reason},
                                    {"times", static_cast<std::size_t>(n.standing.times)},
                                    {"for_ms", static_cast<std::size_t>((n.standing.until - n.standing.since).count())},
                                    {"by", n.standing.by}});
    } else if (n.after == 2) {
      log::info("breaker.half_open", {{"upstream", upstream_}});
    } else {
      log::info("breaker.closed", {{"upstream", upstream_}, {"reason", n.standing.reason}, {"by", n.standing.by}});
    }
  }
  if (n.shared && changed) changed();
}

void circuit::move(const breaker::event& e, std::string_view why, time_point now) {
  if (!enabled_) return;
  news n;
  {
    const std::lock_guard guard(lock_);
    n = apply(e, why, now);
  }
  tell(n);
}

void circuit::failed(std::string_view why, time_point now) { move(breaker::failed{}, why, now); }
void circuit::connect_failed(std::string_view why, time_point now) { move(breaker::connect_failed{}, why, now); }
void circuit::reset(time_point now) { move(breaker::reset{}, "reset by an operator", now); }

void circuit::connected(time_point now) {
  if (!is_closed()) move(breaker::connected{}, "connected", now);
}

circuit::permission circuit::ask(time_point now) {
  if (is_closed()) return {};
  news n;
  permission p;
  {
    const std::lock_guard guard(lock_);
    n = apply(breaker::asked{}, {}, now);
    p = {n.todo, tenure_};
  }
  if (p.todo == breaker::effect::probe) ++probes_;
  tell(n);
  return p;
}

void circuit::probe_ended(std::uint64_t tenure, const breaker::event& how, std::string_view why, time_point now) {
  news n;
  {
    const std::lock_guard guard(lock_);
    if (tenure != tenure_) return;  // it has opened or closed since
    n = apply(how, why, now);
  }
  tell(n);
}

circuit_standing circuit::standing() const {
  const std::lock_guard guard(lock_);
  return standing_;
}

void circuit::adopt(const circuit_standing& s, time_point now) {
  if (!enabled_) return;
  news n;
  {
    const std::lock_guard guard(lock_);
    n.before = state_.index();
    fresh_.store(0, std::memory_order_relaxed);
    if (s.open) {
      // A clock that is far behind must not keep it open for longer than anybody would.
      const auto until = std::min(steady(s.until, now), now + policy_.open_max);
      state_ = breaker::open{steady(s.since, now), until, std::max(s.times, 1u), s.connecting, s.passed};
    } else {
      state_ = breaker::closed{{}, std::min(steady(s.since, now), now), s.times};
    }
    standing_ = s;
    ++tenure_;
    n.after = state_.index();
    n.standing = s;
    closed_.store(!s.open, std::memory_order_relaxed);
  }
  tell(n);
}

void circuit::add_passed(std::uint32_t passed, time_point now) {
  std::uint32_t missing = 0;
  {
    const std::lock_guard guard(lock_);
    missing = passed & ~standing_.passed;
    // Nobody has asked here yet.
    if (const auto* const o = std::get_if<breaker::open>(&state_); o != nullptr && missing != 0)
      state_ = breaker::half_open{*o, 0, now};
  }
  for (std::uint32_t place = 0; place < breaker::probes_max; ++place) {
    if (((missing >> place) & 1u) != 0) move(breaker::probe_passed{place}, "the probes of several nodes passed", now);
  }
}

circuit::picture circuit::look(time_point now) const {
  picture p;
  const std::lock_guard guard(lock_);
  p.state = state_;
  if (const auto* const c = std::get_if<breaker::closed>(&state_)) {
    p.seen = c->seen.at(now, policy_.window);
    const auto fresh = fresh_.load(std::memory_order_relaxed);
    const auto end = time_point(time_point::duration(slice_ends_.load(std::memory_order_relaxed)));
    if (now < end + policy_.window) p.seen.succeeded += fresh;
    if (fresh > 0) p.seen.in_a_row = 0;
  }
  p.standing = standing_;
  p.next_probe_in = std::chrono::ceil<std::chrono::milliseconds>(breaker::next_probe(state_, now) - now);
  // All probes are under way: nobody can say when there will be another, if at all.
  if (const auto* const h = std::get_if<breaker::half_open>(&state_);
      h != nullptr && h->under_way + static_cast<std::uint32_t>(std::popcount(h->was.passed)) >= policy_.probes)
    p.next_probe_in = std::max(p.next_probe_in, look_again);
  p.refused = refused_.load(std::memory_order_relaxed);
  p.probes = probes_.load(std::memory_order_relaxed);
  p.opened = opened_.load(std::memory_order_relaxed);
  return p;
}

}  // namespace holdfast::actors
