#include "actors/machines/detector.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::actors::machines::detector {
namespace {

struct advancing {
  state& s;
  std::vector<effect>& todo;
  const time_point now;
  const policy& p;

  peer* find(const std::string& incarnation) {
    const auto found = s.peers.find(incarnation);
    return found == s.peers.end() ? nullptr : &found->second;
  }

  void operator()(const members_changed& e) {
    auto before = std::exchange(s.peers, {});
    for (const auto& i : e.incarnations) {
      const auto known = before.find(i);
      s.peers.emplace(i, known == before.end() ? peer{now, false, {}, false} : known->second);
    }
  }

  void operator()(const heard& e) {
    if (auto* const at = find(e.incarnation)) *at = {now, false, {}, false};
  }

  void operator()(const connection_broke& e) {
    if (auto* const at = find(e.incarnation)) at->broken = true;
  }

  void operator()(const others_said& e) {
    auto* const at = find(e.incarnation);
    if (at == nullptr || !at->asked) return;  // heard, or gone, in the meantime
    const auto may_know = [&](const std::string& witness) {
      const auto* const w = find(witness);
      return w != nullptr && !is_overdue(*w);
    };
    if (!e.hear_it && std::any_of(e.mute.begin(), e.mute.end(), may_know)) return at->asked.reset();
    at->elsewhere = e.hear_it;
    const auto again = std::exchange(at->dead, !e.hear_it);
    if (at->dead) todo.emplace_back(declare_dead{e.incarnation, again});
  }

  milliseconds overdue(const peer& at) const {
    return std::chrono::duration_cast<milliseconds>(now - at.heard - (at.broken ? p.missing : p.silence));
  }
  bool is_overdue(const peer& at) const { return overdue(at) > milliseconds{0}; }

  void operator()(look) {
    if (s.looked == time_point{}) s.looked = now;
    const auto late = now - std::exchange(s.looked, now) - p.beat;
    if (late > p.starved) {
      for (auto& [incarnation, at] : s.peers) at = {now, false, {}, at.elsewhere};
      todo.emplace_back(was_starved{std::chrono::duration_cast<milliseconds>(late)});
      return;
    }
    const auto quiet =
        std::count_if(s.peers.begin(), s.peers.end(), [&](const auto& entry) { return is_overdue(entry.second); });
    // Whoever hears hardly anybody may be the one who is cut off; the others find that out meanwhile.
    const auto alone = s.peers.size() > 1 && 2 * static_cast<std::size_t>(quiet) > s.peers.size();
    for (auto& [incarnation, at] : s.peers) {
      if (overdue(at) <= (alone ? p.silence : milliseconds{0})) continue;
      if (at.asked && now - *at.asked < p.again) continue;
      at.asked = now;
      todo.emplace_back(ask_others{incarnation});
    }
  }
};

}  // namespace

step advance(state from, const event& what, time_point now, const policy& p) {
  step s{std::move(from), {}};
  std::visit(advancing{s.next, s.todo, now, p}, what);
  return s;
}

}  // namespace holdfast::actors::machines::detector
