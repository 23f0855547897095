#include "actors/machines/breaker.hpp"

#include <algorithm>
#include <bit>

//               too many failures                  asked, when it is due
//   closed ─────────────────────────▶ open ──────────────────────────────▶ half_open
//     ▲                                ▲ ▲                                    │   │
//     │                                │ └────────── a probe failed ──────────┘   │
//     └────────────────────────────────┼────────── all probes passed ─────────────┘
//       connected, if that had failed ─┘

namespace holdfast::actors::machines::breaker {
namespace {

constexpr milliseconds denied_pause{250};

struct context {
  time_point now;
  const policy& p;
};

std::int64_t slice_number(time_point now, milliseconds window) noexcept {
  const auto each = std::max<std::int64_t>(window.count() / tally::slices, 1);
  return std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count() / each;
}

open opened(std::uint32_t times, bool connecting, const context& c) {
  return {c.now, c.now + open_time(times, c.p), times, connecting, 0};
}

closed shut(std::uint32_t before, const context& c) { return {{}, c.now, before}; }

bool is_too_much(const tally::sums& s, const policy& p) noexcept {
  if (s.in_a_row >= p.failures) return true;
  const auto all = std::uint64_t{s.succeeded} + s.failed;
  return s.failed >= p.failures && std::uint64_t{s.failed} * 100 >= all * p.failure_rate;
}

step failure(closed s, bool connecting, const context& c) {
  s.seen.add(true, 1, c.now, c.p.window);
  if (!is_too_much(s.seen.at(c.now, c.p.window), c.p)) return {s};
  const bool again = s.before > 0 && c.now - s.since < c.p.open_max;
  return {opened(again ? s.before + 1 : 1, connecting, c)};
}

std::uint32_t places_left(const half_open& s, const policy& p) noexcept {
  const auto used = s.under_way + static_cast<std::uint32_t>(std::popcount(s.was.passed));
  return used < p.probes ? p.probes - used : 0;
}

half_open without_one(half_open s) noexcept {
  if (s.under_way > 0) --s.under_way;
  return s;
}

step on(const closed& s, const asked&, const context&) { return {s, effect::admit}; }
step on(closed s, const succeeded& e, const context& c) {
  s.seen.add(false, e.count, c.now, c.p.window);
  return {s};
}
step on(const closed& s, const failed&, const context& c) { return failure(s, false, c); }
step on(const closed& s, const connect_failed&, const context& c) { return failure(s, true, c); }
step on(const closed& s, const connected&, const context&) { return {s}; }
step on(const closed&, const reset&, const context& c) { return {shut(0, c)}; }
// Closed meanwhile by another node, or an operator.
step on(const closed& s, const probe_passed&, const context&) { return {s}; }
step on(const closed& s, const probe_failed&, const context& c) { return failure(s, false, c); }
step on(const closed& s, const probe_dropped&, const context&) { return {s}; }
step on(const closed& s, const probe_denied&, const context&) { return {s}; }

step on(const open& s, const asked&, const context& c) {
  if (c.now < s.until) return {s, effect::refuse};
  return {half_open{s, 1, c.now}, effect::probe};
}
// Of calls that were made before it opened.
step on(const open& s, const succeeded&, const context&) { return {s}; }
step on(const open& s, const failed&, const context&) { return {s}; }
step on(const open& s, const connect_failed&, const context&) { return {s}; }
step on(const open& s, const connected&, const context& c) {
  if (s.connecting) return {shut(s.times, c)};
  return {s};
}
step on(const open&, const reset&, const context& c) { return {shut(0, c)}; }
// Another probe has failed before.
step on(const open& s, const probe_passed&, const context&) { return {s}; }
step on(const open& s, const probe_failed&, const context&) { return {s}; }
step on(const open& s, const probe_dropped&, const context&) { return {s}; }
step on(const open& s, const probe_denied&, const context&) { return {s}; }

step on(half_open s, const asked&, const context& c) {
  if (c.now < s.ask_again || places_left(s, c.p) == 0) return {s, effect::refuse};
  ++s.under_way;
  return {s, effect::probe};
}
step on(const half_open& s, const succeeded&, const context&) { return {s}; }
step on(const half_open& s, const failed&, const context&) { return {s}; }
step on(const half_open& s, const connect_failed&, const context& c) { return {opened(s.was.times + 1, true, c)}; }
step on(const half_open& s, const connected&, const context& c) {
  if (s.was.connecting) return {shut(s.was.times, c)};
  return {s};
}
step on(const half_open&, const reset&, const context& c) { return {shut(0, c)}; }
step on(const half_open& s, const probe_passed& e, const context& c) {
  auto next = without_one(s);
  next.was.passed |= std::uint32_t{1} << (e.place % probes_max);
  if (static_cast<std::uint32_t>(std::popcount(next.was.passed)) >= c.p.probes) return {shut(s.was.times, c)};
  return {next};
}
step on(const half_open& s, const probe_failed&, const context& c) {
  return {opened(s.was.times + 1, s.was.connecting, c)};
}
step on(const half_open& s, const probe_dropped&, const context&) { return {without_one(s)}; }
step on(const half_open& s, const probe_denied&, const context& c) {
  auto next = without_one(s);
  next.ask_again = c.now + denied_pause;
  return {next};
}

}  // namespace

void tally::add(bool failed, std::uint32_t count, time_point now, milliseconds window) noexcept {
  if (count == 0) return;
  const auto number = slice_number(now, window);
  auto& s = all_[static_cast<std::size_t>(number % slices)];
  if (s.number != number) s = {number, 0, 0};
  (failed ? s.failed : s.succeeded) += count;
  in_a_row_ = failed ? in_a_row_ + count : 0;
}

tally::sums tally::at(time_point now, milliseconds window) const noexcept {
  const auto number = slice_number(now, window);
  sums all;
  all.in_a_row = in_a_row_;
  for (const auto& s : all_) {
    if (s.number <= number - slices || s.number > number) continue;
    all.succeeded += s.succeeded;
    all.failed += s.failed;
  }
  return all;
}

time_point slice_end(time_point now, milliseconds window) noexcept {
  const auto each = std::max<std::int64_t>(window.count() / tally::slices, 1);
  return time_point(milliseconds((slice_number(now, window) + 1) * each));
}

step advance(const state& from, const event& what, time_point now, const policy& p) {
  const context c{now, p};
  return std::visit([&](const auto& s, const auto& e) { return on(s, e, c); }, from, what);
}

milliseconds open_time(std::uint32_t times, const policy& p) noexcept {
  const auto doublings = std::min<std::uint32_t>(times > 0 ? times - 1 : 0, 20);
  return milliseconds{std::min<std::int64_t>(p.open_max.count(), p.open_for.count() << doublings)};
}

time_point next_probe(const state& s, time_point now) noexcept {
  if (const auto* o = std::get_if<open>(&s)) return std::max(o->until, now);
  if (const auto* h = std::get_if<half_open>(&s)) return std::max(h->ask_again, now);
  return now;
}

const char* name_of(const state& s) noexcept {
  static constexpr std::array<const char*, 3> names{"closed", "open", "half_open"};
  return names[s.index()];
}

}  // namespace holdfast::actors::machines::breaker
