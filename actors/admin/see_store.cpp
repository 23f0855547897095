#include <algorithm>
#include <array>
#include <map>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/merge.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"

// The store, and how long calls took.

namespace holdfast::actors::admin {
namespace {

using asked = std::optional<persistence::result<persistence::standing>>;

/// `said` by the store itself, if it was asked.
std::string store_of(const node_context& node, const std::string& name, const asked& said) {
  json_object o;
  o.text("node", name).text("state", store_state(node));
  const auto h = node.store ? node.store->health() : persistence::store_health();
  o.text("url", node.store ? node.store->shown() : "memory:");
  o.text("tier", node.store ? persistence::name_of(node.store->tier()) : "memory");
  const auto silent = said && !*said;
  o.text("detail", silent && !said->error().detail.empty() ? said->error().detail : h.detail)
      .flag("circuitOpen", h.circuit_open)
      .number("connections", h.connections);
  o.number("waiting", h.waiting).number("operations", h.operations).number("failures", h.failures);
  o.number("commits", h.commits).number("commitMicroseconds", h.latency.count());
  o.number("historyChanges", h.histories).number("shadowDifferences", h.differences);
  if (!said || silent) return o.raw("role", "null").raw("replicas", "null").raw("lagBytes", "null").str();
  const auto& standing = **said;
  const auto lag = standing.lag_bytes ? std::to_string(*standing.lag_bytes) : "null";
  return o.text_or_null("role", standing.role).number("replicas", standing.replicas).raw("lagBytes", lag).str();
}

constexpr std::array<std::string_view, 2> histogram_names{"call", "tool_call"};

using metrics::duration_histogram;

std::string raw_of(const duration_histogram& h) {
  std::vector<std::string> counts;
  for (std::size_t b = 0; b < duration_histogram::buckets; ++b) {
    if (h.in(b) > 0) counts.push_back("[" + std::to_string(b) + "," + std::to_string(h.in(b)) + "]");
  }
  return json_object().number("count", h.count()).number("sum", h.sum()).list("buckets", counts).str();
}

struct sums {
  std::uint64_t count = 0, sum = 0;
  std::map<std::size_t, std::uint64_t> buckets;
};

void add(sums& to, mcp::raw_json raw) {
  to.count += number_of(raw, "count");
  to.sum += number_of(raw, "sum");
  for (const auto pair : list_of(raw, "buckets")) {
    const auto two = mcp::elements(pair);
    if (!two || two->size() != 2) continue;
    const auto bucket = mcp::integer_value((*two)[0]).value_or(0), count = mcp::integer_value((*two)[1]).value_or(0);
    to.buckets[static_cast<std::size_t>(bucket)] += static_cast<std::uint64_t>(count);
  }
}

std::string histogram_of(std::string_view name, const sums& s) {
  std::vector<std::string> buckets;
  for (const auto& [bucket, count] : s.buckets) {
    const auto bound = duration_histogram::bound_of(std::min(bucket, duration_histogram::buckets - 1));
    buckets.push_back(json_object().raw("le", bound ? std::to_string(*bound) : "null").number("count", count).str());
  }
  return json_object()
      .text("name", name)
      .text("unit", "us")
      .number("count", s.count)
      .number("sum", s.sum)
      .list("buckets", buckets)
      .str();
}

}  // namespace

void ask_store(desk& at, const std::string&, reply done) {
  const auto once = std::make_shared<reply>(std::move(done));
  const auto finish = [self = at.shared_from_this(), once](const asked& said) {
    if (self->closed()) return;
    if (const auto f = std::exchange(*once, nullptr)) f(store_of(self->node(), self->name(), said));
  };
  auto* const lane = at.home().lane();
  if (lane == nullptr || !lane->read_standing([finish](const auto& said) { finish(said); })) return finish({});
  // The rest of the time is for the way.
  at.after(at.answer_within() * 2 / 3, [finish] {
    finish(persistence::result<persistence::standing>(persistence::store_failure{
        persistence::store_errc::unavailable, "it does not say how it is: no answer in time"}));
  });
}

void see_store(desk& at, const request& r, reply done) {
  at.ask_all(r.whole_cluster(), "store", "{}", [done = std::move(done)](const parts& p) {
    std::vector<std::string> nodes;
    for (const auto& each : p.all) nodes.push_back(each.json);
    done(json_object().list("nodes", nodes).texts("unreachable", p.unreachable).str());
  });
}

void ask_latency(desk& at, const std::string&, reply done) {
  using two = std::array<std::string, 2>;
  at.at_every_shard<two>(
      [](shard& s) {
        return two{raw_of(s.counters().executions.took), raw_of(s.counters().other_calls)};
      },
      [done = std::move(done)](const auto& shards) {
        std::vector<std::string> all, tools;
        for (const auto& s : shards) {
          tools.push_back(s[0]);
          all.insert(all.end(), s.begin(), s.end());
        }
        done(json_object().list("call", all).list("tool_call", tools).str());
      });
}

void see_latency(desk& at, const request& r, reply done) {
  at.ask_all(r.whole_cluster(), "latency", "{}", [done = std::move(done)](const parts& p) {
    std::vector<std::string> all;
    for (const auto name : histogram_names) {
      sums s;
      for (const auto& raw : p.joined(name)) add(s, raw);
      all.push_back(histogram_of(name, s));
    }
    done(json_object().list("histograms", all).texts("unreachable", p.unreachable).str());
  });
}

}  // namespace holdfast::actors::admin
