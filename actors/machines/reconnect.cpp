#include "actors/machines/reconnect.hpp"

#include <algorithm>

//            needed                opened
//   down ─────────────▶ connecting ─────────▶ up
//    ▲                    │    ▲               │ lost: at once when it was stable, else after a wait
//    │                    │failed│ due, needed (when due soon enough)
//    │                    ▼    │               │
//    └── (lost, stable)  waiting ◀─────────────┘

namespace holdfast::actors::machines::reconnect {
namespace {

struct context {
  time_point now;
  const policy& p;
  double jitter;
};

waiting wait(std::uint32_t failures, const context& c) {
  return {failures, c.now + wait_after(failures, c.p, c.jitter)};
}

step on(const down& s, const needed&, const context&) { return {connecting{s.failures}, effect::connect}; }
step on(const down& s, const opened&, const context&) { return {s}; }
step on(const down& s, const failed&, const context&) { return {s}; }
step on(const down& s, const lost&, const context&) { return {s}; }
step on(const down& s, const due&, const context&) { return {s}; }

step on(const connecting& s, const needed&, const context&) { return {s}; }
step on(const connecting& s, const opened&, const context& c) { return {up{c.now, s.failures}, effect::serve}; }
step on(const connecting& s, const failed&, const context& c) { return {wait(s.failures + 1, c), effect::refuse}; }
step on(const connecting& s, const lost&, const context& c) { return {wait(s.failures + 1, c), effect::refuse}; }
step on(const connecting& s, const due&, const context&) { return {s}; }

step on(const up& s, const needed&, const context&) { return {s, effect::serve}; }
step on(const up& s, const opened&, const context&) { return {s}; }
step on(const up& s, const failed&, const context&) { return {s}; }
step on(const up& s, const lost&, const context& c) {
  // One that fell over at once would otherwise be restarted in a tight loop.
  if (c.now - s.since >= c.p.stable) return {down{}};
  return {wait(s.failures + 1, c), effect::arm};
}
step on(const up& s, const due&, const context&) { return {s}; }

step on(const waiting& s, const needed&, const context& c) {
  if (s.due <= c.now) return {connecting{s.failures}, effect::connect};
  return {s, s.due - c.now <= c.p.patience ? effect::arm : effect::refuse};
}
step on(const waiting& s, const opened&, const context&) { return {s}; }
step on(const waiting& s, const failed&, const context&) { return {s}; }
step on(const waiting& s, const lost&, const context&) { return {s}; }
step on(const waiting& s, const due&, const context& c) {
  if (s.due > c.now) return {s, effect::arm};
  return {connecting{s.failures}, effect::connect};
}

}  // namespace

milliseconds wait_after(std::uint32_t failures, const policy& p, double jitter) {
  const auto doublings = std::min<std::uint32_t>(failures > 0 ? failures - 1 : 0, 20);
  const auto whole = std::min<std::int64_t>(p.max.count(), p.min.count() << doublings);
  return milliseconds{static_cast<std::int64_t>(static_cast<double>(whole) * (0.75 + 0.5 * jitter))};
}

step advance(const state& from, const event& what, time_point now, const policy& p, double jitter) {
  const context c{now, p, jitter};
  return std::visit([&](const auto& s, const auto& e) { return on(s, e, c); }, from, what);
}

}  // namespace holdfast::actors::machines::reconnect
