#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/merge.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/log.hpp"

// The nodes, and everything on one screen.

namespace holdfast::actors::admin {
namespace {

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t whole = 0, resident = 0;
  statm >> whole >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::int64_t cpu_ms() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& t) { return static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_usec / 1000; };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

std::string state_of(const node_context& node) {
  if (node.draining) return "leaving";
  if (!node.in_cluster) return "up";
  if (node.in_cluster->leaving) return "leaving";
  return node.in_cluster->is_member() ? "up" : "uncertain";
}

/// Of sessions that live here; one that is passed on to another node counts there.
std::uint64_t calls_here(const node_context& node) {
  std::uint64_t sum = 0;
  for (const auto& calls : node.calls.in_slot) sum += calls.load(std::memory_order_relaxed);
  return sum;
}

struct shard_sums {
  std::size_t actors = 0;
  std::uint64_t calls = 0;
};

std::string line_of(desk& at, const std::vector<shard_sums>& shards) {
  auto& node = at.node();
  shard_sums sum;
  for (const auto& s : shards) {
    sum.actors += s.actors;
    sum.calls += s.calls;
  }
  std::size_t held = 0, ready = 0;
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) held += !node.store || node.store->holds(s) ? 1 : 0;
  for (const auto u : *node.upstreams.in_force()) ready += node.upstreams[u].link->get() ? 1 : 0;
  const auto up = std::chrono::steady_clock::now() - node.started;
  return json_object()
      .text("name", at.name())
      .text("state", state_of(node))
      .text("incarnation", node.store ? node.store->incarnation() : std::string())
      .text("address", node.in_cluster ? node.in_cluster->address : std::string())
      .text("version", HOLDFAST_VERSION)
      .number("pid", ::getpid())
      .number("uptimeMs", up)
      .number("view", node.in_cluster ? node.in_cluster->membership.get()->version : 0)
      .number("slots", held)
      .number("sessions", node.sessions.size())
      .number("inflight", calls_here(node))
      .number("actors", sum.actors)
      .number("upstreamsReady", ready)
      .number("memoryBytes", resident_bytes())
      .number("cpuMs", cpu_ms())
      .number("threads", node.shards.size())
      .text("store", store_state(node))
      .text("logLevel", log::name_of(log::level()))
      .number("calls", sum.calls)
      .number("failed", node.refused.load())
      .str();
}

/// Of nodes that gave no answer, what the view says.
std::vector<std::string> lines_of(desk& at, const parts& p) {
  std::vector<std::string> lines;
  for (const auto& each : p.all) lines.push_back(each.json);
  if (!at.node().in_cluster) return lines;
  for (const auto& m : at.node().in_cluster->membership.get()->members) {
    if (std::find(p.unreachable.begin(), p.unreachable.end(), m.name) == p.unreachable.end()) continue;
    lines.push_back(json_object()
                        .text("name", m.name)
                        .text("state", "unreachable")
                        .text("incarnation", m.incarnation)
                        .text("address", m.address)
                        .str());
  }
  std::sort(lines.begin(), lines.end(),
            [](const auto& a, const auto& b) { return text_of(a, "name") < text_of(b, "name"); });
  return lines;
}

std::string upstream_sums(const node_context& node) {
  std::size_t ready = 0, failing = 0, idle = 0, disabled = 0;
  for (const auto u : *node.upstreams.in_force()) {
    const auto known = node.upstreams[u].status.get();
    const auto state = known ? known->state : std::string("idle");
    const auto off = !node.upstreams[u].config.enabled || state == "disabled";
    ++(off ? disabled : state == "ready" ? ready : state == "idle" ? idle : failing);
  }
  return json_object()
      .number("ready", ready)
      .number("failing", failing)
      .number("idle", idle)
      .number("disabled", disabled)
      .str();
}

/// What an operator should look at.
std::vector<std::string> warnings_of(desk& at, const parts& p, const slot_picture& slots) {
  std::vector<std::string> all;
  for (const auto& n : p.unreachable) all.push_back("node " + n + " does not answer");
  for (const auto& each : p.all) {
    const auto store = text_of(each.json, "store");
    const auto state = text_of(each.json, "state");
    if (store != "ok") all.push_back("node " + each.node + ": the store is " + store);
    if (state != "up") all.push_back("node " + each.node + " is " + state);
  }
  if (slots.unowned > 0) all.push_back(std::to_string(slots.unowned) + " slots are held by nobody");
  if (slots.contested > 0) all.push_back(std::to_string(slots.contested) + " slots are held by more than one node");
  for (const auto u : *at.node().upstreams.in_force()) {
    const auto known = at.node().upstreams[u].status.get();
    if (known && !known->error.empty())
      all.push_back("upstream " + name_of(at.node().upstreams[u].config) + ": " + known->error);
  }
  return all;
}

std::string status_of(desk& at, const parts& nodes, const parts& slots) {
  std::uint64_t sessions = 0, inflight = 0;
  for (const auto& n : nodes.all) {
    sessions += number_of(n.json, "sessions");
    inflight += number_of(n.json, "inflight");
  }
  const auto picture = picture_of(slots);
  return json_object()
      .text("node", at.name())
      .text("version", HOLDFAST_VERSION)
      .number("view", at.node().in_cluster ? at.node().in_cluster->membership.get()->version : 0)
      .list("nodes", lines_of(at, nodes))
      .raw("slots", json_object()
                        .number("held", persistence::slot_count - picture.unowned)
                        .number("unowned", picture.unowned)
                        .number("moving", picture.moving)
                        .str())
      .raw("sessions", json_object().number("hot", sessions).str())
      .number("inflight", inflight)
      .raw("upstreams", upstream_sums(at.node()))
      .text("store", store_state(at.node()))
      .texts("warnings", warnings_of(at, nodes, picture))
      .texts("unreachable", nodes.unreachable)
      .str();
}

std::string listens_of(const node_context& node) {
  return json_object()
      .text("mcp", node.addresses.mcp)
      .text("admin", node.addresses.admin)
      .text("cluster", node.in_cluster ? node.in_cluster->address : std::string())
      .str();
}

std::vector<std::string> peers_of(const node_context& node) {
  std::vector<std::string> all;
  if (!node.in_cluster) return all;
  const auto routes = node.in_cluster->routes.get();
  const auto me = node.store->incarnation();
  for (std::size_t p = 0; p < routes->peers.size(); ++p) {
    const auto& peer = routes->peers[p];
    if (peer.incarnation == me) continue;
    const auto via = routes->via[p];
    all.push_back(json_object()
                      .text("name", peer.name)
                      .text("address", peer.target.host + ":" + std::to_string(peer.target.port))
                      .flag("reached", via == p)
                      .text_or_null("via", via == p ? std::string() : routes->peers[via].name)
                      .str());
  }
  return all;
}

}  // namespace

std::string store_state(const node_context& node) {
  if (!node.store || node.store->available()) return "ok";
  return node.store->degrades() ? "degraded" : "unavailable";
}

void ask_node_line(desk& at, const std::string& params, reply done) {
  const auto whole = flag_of(params, "whole");
  at.at_every_shard<shard_sums>(
      [](shard& s) {
        shard_sums sums;
        s.with_actors([&](const auto& all) { sums.actors = all.size(); });
        sums.calls = s.counters().executions.took.count() + s.counters().other_calls.count();
        return sums;
      },
      [self = at.shared_from_this(), whole, done = std::move(done)](const auto& shards) {
        const auto line = line_of(*self, shards);
        if (!whole) return done(line);
        done(json_object()
                 .raw("node", line)
                 .list("peers", peers_of(self->node()))
                 .raw("listens", listens_of(self->node()))
                 .str());
      });
}

void see_nodes(desk& at, const request& r, reply done) {
  at.ask_all(r.whole_cluster(), "node", "{}", [self = at.shared_from_this(), done = std::move(done)](const parts& p) {
    done(json_object().list("nodes", lines_of(*self, p)).texts("unreachable", p.unreachable).str());
  });
}

void see_node(desk& at, const request& r, reply done) {
  at.ask_node(r.args[0], "node", R"({"whole":true})", at.answer_within(), with_unreachable(std::move(done)));
}

void see_status(desk& at, const request& r, reply done) {
  struct both {
    std::optional<parts> nodes, slots;
  };
  const auto b = std::make_shared<both>();
  const auto finish = [self = at.shared_from_this(), b, done = std::move(done)] {
    if (b->nodes && b->slots) done(status_of(*self, *b->nodes, *b->slots));
  };
  at.ask_all(r.whole_cluster(), "node", "{}", [b, finish](parts p) {
    b->nodes = std::move(p);
    finish();
  });
  at.ask_all(r.whole_cluster(), "slots", "{}", [b, finish](parts p) {
    b->slots = std::move(p);
    finish();
  });
}

}  // namespace holdfast::actors::admin
