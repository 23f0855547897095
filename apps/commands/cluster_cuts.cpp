#include "apps/commands/cluster_cuts.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace holdfast::apps {
namespace {

/// Who can be cut off: the nodes, and the store if it is reached through the network.
std::vector<std::string> parties(const cluster_state& s) {
  std::vector<std::string> all;
  for (const auto& n : s.nodes) all.push_back(n.name);
  if (std::any_of(s.nodes.begin(), s.nodes.end(), [](const auto& n) { return n.store != 0; }))
    all.emplace_back(store_name);
  return all;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

bool holds(const std::vector<std::string>& all, const std::string& name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::optional<ending> trouble_with(const cluster_state& s, const std::string& a, const std::string& b) {
  if (!has_network(s))
    return ending{exit_code::usage,
                  "this cluster was started with --direct, so nothing is between its nodes that could be cut"};
  const auto all = parties(s);
  for (const auto& name : {a, b}) {
    if (name.empty() || holds(all, name)) continue;
    if (name == store_name)
      return ending{exit_code::usage,
                    "the store is not the cluster's own Redis, so its nodes cannot be cut off from it"};
    return ending{exit_code::usage, "there is no " + name + " in this cluster; there are " + listed(all)};
  }
  if (!a.empty() && a == b) return ending{exit_code::usage, a + " cannot be cut off from itself"};
  return std::nullopt;
}

/// True for a cut that is taken back with this one.
bool concerns(const network_cut& c, const std::string& a, const std::string& b) {
  if (a.empty()) return true;
  if (b.empty()) return c.from == a || c.to == a;
  return (c.from == a && c.to == b) || (c.from == b && c.to == a);
}

}  // namespace

said cut_off(cluster_state& s, const std::string& a, const std::string& b, bool one_way) {
  if (auto trouble = trouble_with(s, a, b)) return *trouble;
  auto others = b.empty() ? parties(s) : std::vector{b};
  std::erase(others, a);
  for (const auto& other : others) {
    s.cuts.push_back({a, other});
    if (!one_way) s.cuts.push_back({other, a});
  }
  std::sort(s.cuts.begin(), s.cuts.end());
  s.cuts.erase(std::unique(s.cuts.begin(), s.cuts.end()), s.cuts.end());
  if (others.empty()) return a + " is alone, there is nobody to cut it off from";
  return one_way ? "what " + a + " sends to " + listed(others) + " is lost" : a + " is cut off from " + listed(others);
}

said heal(cluster_state& s, const std::string& a, const std::string& b) {
  if (auto trouble = trouble_with(s, a, b)) return *trouble;
  std::vector<network_cut> healed;
  std::copy_if(s.cuts.begin(), s.cuts.end(), std::back_inserter(healed),
               [&](const auto& c) { return concerns(c, a, b); });
  std::erase_if(s.cuts, [&](const auto& c) { return concerns(c, a, b); });
  const auto left = s.cuts.empty() ? "" : "; still cut: " + cuts_text(s.cuts);
  return (healed.empty() ? "nothing was cut there" : "healed: " + cuts_text(healed)) + left;
}

std::string cuts_text(const std::vector<network_cut>& cuts) {
  std::string text;
  for (const auto& c : cuts) {
    const bool both = std::find(cuts.begin(), cuts.end(), network_cut{c.to, c.from}) != cuts.end();
    if (both && c.to < c.from) continue;  // told with the other one
    text += (text.empty() ? "" : ", ") + c.from + (both ? " <-> " : " --> ") + c.to;
  }
  return text;
}

}  // namespace holdfast::apps
