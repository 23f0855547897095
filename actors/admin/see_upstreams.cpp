#include <algorithm>
#include <iterator>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/merge.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/admin/upstream_text.hpp"
#include "actors/session_inspection.hpp"

// Upstreams and the catalogue.

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds catalogue_wait{1'000};

struct sums {
  std::uint64_t calls = 0, errors = 0, inflight = 0;
};

std::string state_here(const node_context& node, std::size_t u, const upstream_status& status) {
  if (!node.upstreams[u].config.enabled) return "disabled";
  return status.state;
}

std::string upstream_here(desk& at, std::size_t u, const sums& s) {
  const auto& node = at.node();
  const auto known = node.upstreams[u].status.get();
  const auto status = known ? *known : upstream_status{};
  const auto here = json_object()
                        .text("node", at.name())
                        .text("state", state_here(node, u, status))
                        .text_or_null("error", status.error)
                        .number("calls", s.calls)
                        .number("errors", s.errors)
                        .number("inflight", s.inflight)
                        .number("connects", status.connects)
                        .number("losses", status.losses)
                        .str();
  return described(node, u).raw("nodes", json_list({here})).str();
}

/// The share of every node becomes one list.
std::vector<std::string> joined_upstreams(const parts& p) {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> places;
  std::vector<std::string> first;
  for (const auto& raw : p.joined("upstreams")) {
    const auto name = text_of(raw, "name");
    const auto known = std::find(names.begin(), names.end(), name);
    const auto i = static_cast<std::size_t>(known - names.begin());
    if (known == names.end()) {
      names.push_back(name);
      places.emplace_back();
      first.push_back(raw);
    } else if (flag_of(first[i], "enabled") && !flag_of(raw, "enabled")) {
      first[i] = raw;
    }
    for (const auto n : list_of(raw, "nodes")) places[i].emplace_back(n);
  }
  std::vector<std::string> all;
  for (std::size_t i = 0; i < first.size(); ++i)
    all.push_back(mcp::with_member(first[i], "nodes", json_list(places[i])));
  return all;
}

std::vector<std::string> entries_of(const catalogue_view& view, list_kind kind, const node_context& node) {
  std::vector<std::string> all;
  for (const auto u : *node.upstreams.in_force()) {
    const auto raw = "[" + view.list_of(kind, u) + "]";
    const auto entries = mcp::elements(raw);
    if (!entries) continue;
    for (const auto e : *entries) {
      const auto name = text_of(e, "name");
      const auto* const to = kind == list_kind::tools ? view.tool(name) : view.prompt(name);
      if (to == nullptr) continue;
      all.push_back(json_object()
                        .text("name", name)
                        .text("upstream", name_of(node.upstreams[u].config))
                        .raw("upstreamName", to->upstream_name)
                        .flag("journaled", kind == list_kind::tools && to->journaled)
                        .flag("repeatable", to->repeatable)
                        .str());
    }
  }
  return all;
}

void tell_catalogue(const node_context& node, const view_ptr& view, const reply& done) {
  std::vector<std::string> digests;
  if (view)
    std::transform(view->digests().begin(), view->digests().end(), std::back_inserter(digests),
                   [](auto d) { return std::to_string(d); });
  done(json_object()
           .list("digests", digests)
           .list("tools", view ? entries_of(*view, list_kind::tools, node) : std::vector<std::string>())
           .list("prompts", view ? entries_of(*view, list_kind::prompts, node) : std::vector<std::string>())
           .number("resources", view ? view->size(list_kind::resources) : 0)
           .number("templates", view ? view->size(list_kind::templates) : 0)
           .raw("unreachable", "[]")
           .str());
}

}  // namespace

void ask_upstreams(desk& at, const std::string& params, reply done) {
  const auto wanted = text_of(params, "name");
  const auto count = at.node().upstreams.size();
  at.at_every_shard<std::vector<sums>>(
      [count](shard& s) {
        std::vector<sums> all(count);
        std::vector<std::uint64_t> inflight(count);
        s.with_actors([&](const auto& residents) {
          for (auto* const a : residents) {
            if (session_inspection::is_session(*a)) session_inspection::count_calls(*a, inflight);
          }
        });
        for (std::size_t u = 0; u < count; ++u) {
          const auto& c = s.counters().upstreams[u];
          const auto errors = c.failed.value() + c.timed_out.value() + c.unavailable.value();
          all[u] = {c.answered.value() + c.refused.value() + c.cancelled.value() + errors, errors, inflight[u]};
        }
        return all;
      },
      [self = at.shared_from_this(), wanted, count, done = std::move(done)](const auto& shards) {
        std::vector<std::string> all;
        for (const auto u : *self->node().upstreams.in_force()) {
          if (u >= count) continue;  // it has come since
          sums s;
          for (const auto& each : shards) {
            s.calls += each[u].calls;
            s.errors += each[u].errors;
            s.inflight += each[u].inflight;
          }
          if (wanted.empty() || wanted == name_of(self->node().upstreams[u].config))
            all.push_back(upstream_here(*self, u, s));
        }
        done(json_object().list("upstreams", all).str());
      });
}

void see_upstreams(desk& at, const request& r, reply done) {
  at.ask_all(r.whole_cluster(), "upstreams", "{}", [done = std::move(done)](const parts& p) {
    done(json_object().list("upstreams", joined_upstreams(p)).texts("unreachable", p.unreachable).str());
  });
}

void see_upstream(desk& at, const request& r, reply done) {
  const auto params = json_object().text("name", r.args[0]).str();
  at.ask_all(r.whole_cluster(), "upstreams", params, [done = std::move(done)](const parts& p) {
    const auto all = joined_upstreams(p);
    if (all.empty()) return done(problem{404, "No upstream of this name", {}, {}, p.unreachable});
    done(json_object().raw("upstream", all[0]).texts("unreachable", p.unreachable).str());
  });
}

void see_catalogue(desk& at, const request&, reply done) {
  // A node that nobody has asked for lists yet reads them now.
  at.with_view(catalogue_wait, [self = at.shared_from_this(), done = std::move(done)](const view_ptr& view) {
    tell_catalogue(self->node(), view, done);
  });
}

}  // namespace holdfast::actors::admin
