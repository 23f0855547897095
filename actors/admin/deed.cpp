#include "actors/admin/deed.hpp"

#include "actors/admin/json.hpp"

namespace holdfast::actors::admin {
namespace {

using clock = std::chrono::steady_clock;

/// How many requests each node has failed so far; a node that does not answer is not counted.
void count_failed(desk& at, std::function<void(std::vector<part>, std::vector<std::string>)> done) {
  at.ask_all(true, "node", "{}", [done = std::move(done)](const parts& p) { done(p.all, p.unreachable); });
}

std::uint64_t difference(const std::vector<part>& before, const std::vector<part>& after) {
  std::uint64_t sum = 0;
  for (const auto& a : after) {
    for (const auto& b : before) {
      const auto was = number_of(b.json, "failed"), is = number_of(a.json, "failed");
      // A process that was started again counts from the beginning.
      if (a.node == b.node) sum += is >= was ? is - was : is;
    }
  }
  return sum;
}

json_object beginning(const deed& d, bool dry_run) {
  json_object o;
  o.text("action", d.action).text("target", d.target).flag("dryRun", dry_run).texts("plan", d.plan);
  return o;
}

std::string in_words(const deed& d, const effect& e, std::int64_t ms, std::uint64_t failed) {
  if (!e.done && e.why.empty())
    return e.first + "not over yet: " + d.past + " " + std::to_string(e.changed) + " of " + std::to_string(d.expected) +
           " " + d.unit + " in " + std::to_string(ms) + " ms, " + std::to_string(failed) + " requests failed";
  if (!e.done) return "not done: " + e.why;
  return e.first + d.past + " " + std::to_string(e.changed) + " " + d.unit + " in " + std::to_string(ms) + " ms, " +
         std::to_string(failed) + " requests failed";
}

std::string planned(const deed& d) { return "would have " + d.past + " " + std::to_string(d.expected) + " " + d.unit; }

}  // namespace

void carry_out(desk& at, const request& r, deed d, std::function<void(finish)> act, reply done) {
  if (r.flag("dry_run")) {
    return done(beginning(d, true)
                    .number("changed", d.expected)
                    .text("unit", d.unit)
                    .text("summary", planned(d))
                    .raw("unreachable", "[]")
                    .str());
  }
  count_failed(at, [self = at.shared_from_this(), d = std::move(d), act = std::move(act), done = std::move(done)](
                       const std::vector<part>& before, const auto&) {
    const auto begun = clock::now();
    act([self, d, done, before, begun](const effect& e) {
      const auto ms = std::chrono::duration_cast<milliseconds>(clock::now() - begun).count();
      count_failed(*self, [d, done, before, e, ms](const std::vector<part>& after, const auto& unreachable) {
        const auto failed = difference(before, after);
        done(beginning(d, false)
                 .flag("done", e.done)
                 .number("changed", e.changed)
                 .text("unit", d.unit)
                 .number("milliseconds", ms)
                 .number("requestsFailed", failed)
                 .text("summary", in_words(d, e, ms, failed))
                 .texts("unreachable", unreachable)
                 .str());
      });
    });
  });
}

std::uint64_t nodes_meant(desk& at, const request& r) {
  const auto& cluster = at.node().in_cluster;
  return r.whole_cluster() && cluster ? cluster->membership.get()->members.size() : 1;
}

void carry_out_at_nodes(desk& at, const request& r, deed d, std::string question, std::string params, reply done) {
  d.expected = nodes_meant(at, r);
  d.unit = "nodes";
  d.plan.front() += " at " + std::to_string(d.expected) + " node(s)";
  const auto act = [self = at.shared_from_this(), whole = r.whole_cluster(), question = std::move(question),
                    params = std::move(params)](const finish& over) {
    self->ask_all(whole, question, params, [over](const parts& p) {
      if (!p.unreachable.empty()) return over({false, p.all.size(), p.unreachable.front() + " does not answer"});
      over({true, p.all.size(), {}});
    });
  };
  carry_out(at, r, std::move(d), act, std::move(done));
}

}  // namespace holdfast::actors::admin
