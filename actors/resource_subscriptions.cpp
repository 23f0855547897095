#include "actors/resource_subscriptions.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace holdfast::actors {

resource_subscriptions::added resource_subscriptions::add(const subscribe& m) {
  auto& s = by_uri_[m.uri];
  if (std::find(s.holders.begin(), s.holders.end(), m.from) == s.holders.end()) s.holders.push_back(m.from);
  if (s.agreed) return added::stands;
  s.waiting.push_back(m);
  if (s.number != 0) return added::waiting;
  s.number = ++last_;
  return added::first;
}

bool resource_subscriptions::restore(const std::string& uri, const caf::actor& who) {
  auto& s = by_uri_[uri];
  if (std::find(s.holders.begin(), s.holders.end(), who) == s.holders.end()) s.holders.push_back(who);
  if (s.number == 0) s.number = ++last_;
  return std::exchange(s.agreed, true);
}

std::uint64_t resource_subscriptions::number_of(const std::string& uri) const {
  const auto found = by_uri_.find(uri);
  return found == by_uri_.end() ? 0 : found->second.number;
}

std::vector<subscribe> resource_subscriptions::settle(const std::string& uri, std::uint64_t number, bool agreed) {
  const auto found = by_uri_.find(uri);
  if (found == by_uri_.end() || found->second.number != number) return {};
  auto waiting = std::exchange(found->second.waiting, {});
  auto& s = found->second;
  s.agreed |= agreed;
  if (agreed) return waiting;
  // Those of before may have come meanwhile, and stay.
  std::erase_if(s.holders, [&](const caf::actor& h) {
    return std::any_of(waiting.begin(), waiting.end(), [&](const subscribe& w) { return w.from == h; });
  });
  if (s.holders.empty()) by_uri_.erase(found);
  return waiting;
}

resource_subscriptions::removed resource_subscriptions::remove(const std::string& uri, const caf::actor& who) {
  const auto found = by_uri_.find(uri);
  if (found == by_uri_.end()) return {};
  auto& s = found->second;
  if (std::erase(s.holders, who) == 0) return {};
  removed r;
  std::copy_if(s.waiting.begin(), s.waiting.end(), std::back_inserter(r.waiting),
               [&](const subscribe& w) { return w.from == who; });
  std::erase_if(s.waiting, [&](const subscribe& w) { return w.from == who; });
  r.last = s.holders.empty();
  if (r.last) by_uri_.erase(found);
  return r;
}

const std::vector<caf::actor>& resource_subscriptions::holders(const std::string& uri) const {
  static const std::vector<caf::actor> nobody;
  const auto found = by_uri_.find(uri);
  return found == by_uri_.end() ? nobody : found->second.holders;
}

std::vector<std::string> resource_subscriptions::uris() const {
  std::vector<std::string> all;
  for (const auto& [uri, s] : by_uri_) all.push_back(uri);
  return all;
}

std::vector<std::string> resource_subscriptions::agreed() const {
  std::vector<std::string> all;
  for (const auto& [uri, s] : by_uri_) {
    if (s.agreed) all.push_back(uri);
  }
  return all;
}

}  // namespace holdfast::actors
