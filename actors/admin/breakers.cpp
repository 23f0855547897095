#include <algorithm>
#include <array>
#include <iterator>

#include "actors/admin/deed.hpp"
#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/admin/upstream_text.hpp"

// What keeps calls from upstreams: their breakers and limits, at every node.

namespace holdfast::actors::admin {
namespace {

using clock = std::chrono::steady_clock;

std::string breaker_here(desk& at, std::size_t u) {
  const auto& c = at.node().circuits->of(u);
  const auto seen = c.look(clock::now());
  const auto& s = seen.standing;
  const auto places = at.node().upstreams[u].places->count();
  const auto is_closed = seen.state.index() == 0;
  json_object o;
  o.text("node", at.name()).text("state", c.enabled() ? machines::breaker::name_of(seen.state) : "disabled");
  o.text_or_null("since", s.by.empty() ? std::string() : time_text(s.since)).text_or_null("by", s.by);
  o.text_or_null("reason", s.reason).number("timesInARow", s.times);
  o.raw("nextProbeInMs", is_closed ? "null" : std::to_string(seen.next_probe_in.count()));
  o.number("succeeded", seen.seen.succeeded).number("failed", seen.seen.failed);
  o.number("failedInARow", seen.seen.in_a_row).number("opened", seen.opened).number("probes", seen.probes);
  o.number("refused", seen.refused).number("concurrent", places.taken).number("queued", places.waiting);
  return o.str();
}

/// The worst of what the nodes say.
std::string worst_of(const std::vector<std::string>& nodes) {
  static constexpr std::array<std::string_view, 4> ranks{"disabled", "closed", "half_open", "open"};
  std::size_t worst = 0;
  for (const auto& n : nodes) {
    const auto state = text_of(n, "state");
    const auto rank = static_cast<std::size_t>(std::find(ranks.begin(), ranks.end(), state) - ranks.begin());
    if (rank < ranks.size()) worst = std::max(worst, rank);
  }
  return std::string(ranks[worst]);
}

/// The share of every node becomes one list.
std::vector<std::string> joined_breakers(const parts& p) {
  std::vector<std::pair<std::string, std::vector<std::string>>> all;
  for (const auto& raw : p.joined("breakers")) {
    const auto name = text_of(raw, "name");
    auto known = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.first == name; });
    if (known == all.end()) known = all.insert(all.end(), {name, {}});
    for (const auto n : list_of(raw, "nodes")) known->second.emplace_back(n);
  }
  std::vector<std::string> out;
  std::transform(all.begin(), all.end(), std::back_inserter(out), [](const auto& each) {
    return json_object().text("name", each.first).text("state", worst_of(each.second)).list("nodes", each.second).str();
  });
  return out;
}

}  // namespace

void ask_breakers(desk& at, const std::string&, reply done) {
  std::vector<std::string> all;
  for (const auto u : *at.node().upstreams.in_force()) {
    if (!at.node().upstreams[u].config.enabled) continue;
    all.push_back(
        json_object().text("name", name_of(at.node().upstreams[u].config)).list("nodes", {breaker_here(at, u)}).str());
  }
  done(json_object().list("breakers", all).str());
}

void see_breakers(desk& at, const request& r, reply done) {
  at.ask_all(r.whole_cluster(), "breakers", "{}", [done = std::move(done)](const parts& p) {
    done(json_object().list("breakers", joined_breakers(p)).texts("unreachable", p.unreachable).str());
  });
}

void do_breaker(desk& at, const std::string& params, reply done) {
  const auto index = upstream_index(at.node(), text_of(params, "name"));
  if (!index) return done(problem{404, "No upstream of this name", {}, {}, {}});
  at.node().circuits->of(*index).reset(clock::now());
  done(std::string("{}"));
}

void reset_breaker(desk& at, const request& r, reply done) {
  const auto& name = r.args[0];
  const auto index = upstream_index(at.node(), name);
  if (!index) return done(problem{404, "No upstream of this name", {}, {}, {}});
  if (!at.node().circuits->of(*index).enabled())
    return done(problem{409, "The configuration disables this breaker", {}, {}, {}});
  deed d{"breaker.reset", name, {"close the breaker of " + name}, 0, {}, "reset"};
  carry_out_at_nodes(at, r, std::move(d), "do.breaker", json_object().text("name", name).str(), std::move(done));
}

}  // namespace holdfast::actors::admin
