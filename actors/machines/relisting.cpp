#include "actors/machines/relisting.hpp"

#include <algorithm>
#include <utility>

//             heard: another node shows something else
//   content ────────────────────────────────────────────▶ doubting ─┐ heard: a further one does
//      ▲                                                     │  ▲───┘
//      └──── heard, due: all of them show the same; ─────────┘
//            due: they still do not, read

namespace holdfast::actors::machines::relisting {
namespace {

struct context {
  time_point now;
  const policy& p;
};

milliseconds wait_after(std::uint32_t in_vain, const policy& p) {
  constexpr std::uint32_t doublings_max = 20;
  return std::min(p.max, milliseconds{p.grace.count() << std::min(in_vain, doublings_max)});
}

bool holds(const std::vector<std::uint32_t>& all, std::uint32_t one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

step on(const content& s, const heard& e, const context& c) {
  // Whether the last reading was of use shows only now.
  const auto in_vain = holds(s.read_for, e.ours) ? 0 : s.in_vain;
  if (e.theirs == e.ours) return {content{s.read_for, in_vain}};
  return {doubting{{{e.from, e.theirs}}, c.now + wait_after(in_vain, c.p), in_vain}, effect::arm};
}
step on(const content& s, const due&, const context&) { return {s}; }

step on(doubting s, const heard& e, const context&) {
  s.theirs.erase(e.from);
  if (e.theirs != e.ours) s.theirs.emplace(e.from, e.theirs);
  if (s.theirs.empty()) return {content{}};
  return {std::move(s)};
}
step on(doubting s, const due& e, const context& c) {
  std::erase_if(s.theirs, [&](const auto& t) { return t.second == e.ours; });
  if (s.theirs.empty()) return {content{}};
  if (s.due > c.now) return {std::move(s), effect::arm};
  content next{{}, s.in_vain + 1};
  for (const auto& [from, theirs] : s.theirs) next.read_for.push_back(theirs);
  return {std::move(next), effect::read};
}

}  // namespace

step advance(const state& from, const event& what, time_point now, const policy& p) {
  const context c{now, p};
  return std::visit([&](const auto& s, const auto& e) { return on(s, e, c); }, from, what);
}

}  // namespace holdfast::actors::machines::relisting
