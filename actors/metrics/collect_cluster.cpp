#include "actors/metrics/sums.hpp"
#include "actors/registry.hpp"

namespace holdfast::actors::metrics {
namespace {

constexpr std::array<std::string_view, 5> upstream_states{"idle", "connecting", "ready", "waiting", "disabled"};

/// Those of everybody: what users have of their own has no end.
std::vector<std::uint32_t> counted(const node_context& node) {
  std::vector<std::uint32_t> all;
  for (const auto u : *node.upstreams.in_force()) {
    if (node.upstreams[u].config.user.empty()) all.push_back(u);
  }
  return all;
}

/// One counter of each upstream.
void each_upstream(const node_context& node, families& to, counter upstream_counters::*what, std::string_view name,
                   std::string_view value) {
  for (const auto u : counted(node)) {
    to.add(sum_of(
               node, [&](const auto& c) -> auto& { return c.upstreams[u].*what; }),
           {{"upstream", node.upstreams[u].config.alias}, {name, value}});
  }
}

void collect_breakers(const node_context& node, families& to) {
  const auto now = std::chrono::steady_clock::now();
  std::vector<std::pair<std::string, circuit::picture>> all;
  for (const auto u : counted(node)) all.emplace_back(node.upstreams[u].config.alias, node.circuits->of(u).look(now));
  to.gauge("holdfast_breaker_state", "1 for the state that the breaker of an upstream is in.");
  for (const auto& [alias, seen] : all) {
    for (const auto* const state : {"closed", "open", "half_open"})
      to.add(machines::breaker::name_of(seen.state) == std::string_view(state),
             {{"upstream", alias}, {"state", state}});
  }
  const auto count = [&](std::string_view name, std::string_view help, std::uint64_t circuit::picture::*what) {
    to.counter(name, help);
    for (const auto& [alias, seen] : all) to.add(static_cast<double>(seen.*what), {{"upstream", alias}});
  };
  count("holdfast_breaker_opened_total", "How often the breaker of an upstream has opened here.",
        &circuit::picture::opened);
  count("holdfast_breaker_refused_total", "Calls that the breaker of an upstream has refused here.",
        &circuit::picture::refused);
  count("holdfast_breaker_probes_total", "Calls that it has let through as probes here.", &circuit::picture::probes);
}

void collect_registry(const node_context& node, families& to) {
  const auto all = node.upstreams.in_force()->size(), common = counted(node).size();
  to.gauge("holdfast_upstreams", "Definitions of upstreams in force: everybody's, and users' own.")
      .add(static_cast<double>(common), {{"whose", "everybody"}})
      .add(static_cast<double>(all - common), {{"whose", "users"}});
  if (!node.registry) return;
  to.gauge("holdfast_registry_version", "The version of what is registered that this node has in force.")
      .add(static_cast<double>(node.registry->in_force_version()));
  to.gauge("holdfast_registry_problems", "Definitions that this node cannot use.")
      .add(static_cast<double>(node.registry->problems().size()));
}

}  // namespace

void collect_upstreams(const node_context& node, families& to) {
  const auto all = counted(node);
  to.counter("holdfast_upstream_calls_total", "Calls of upstreams, each attempt for itself, by what came of them.");
  each_upstream(node, to, &upstream_counters::answered, "outcome", "answered");
  each_upstream(node, to, &upstream_counters::refused, "outcome", "error");
  each_upstream(node, to, &upstream_counters::failed, "outcome", "failed");
  each_upstream(node, to, &upstream_counters::timed_out, "outcome", "timed_out");
  each_upstream(node, to, &upstream_counters::cancelled, "outcome", "cancelled");
  each_upstream(node, to, &upstream_counters::unavailable, "outcome", "unavailable");
  to.histogram("holdfast_upstream_call_duration_seconds", "From sending a call to an upstream to its end.");
  for (const auto u : all)
    to.add(merged(
               node, [&](const auto& c) -> auto& { return c.upstreams[u].took; }),
           nanosecond, {{"upstream", node.upstreams[u].config.alias}});
  to.counter("holdfast_upstream_connections_total", "Connections to upstreams: opened, failed to open, lost.");
  each_upstream(node, to, &upstream_counters::opened, "event", "opened");
  each_upstream(node, to, &upstream_counters::not_opened, "event", "failed");
  each_upstream(node, to, &upstream_counters::lost, "event", "lost");
  to.counter("holdfast_upstream_reconnects_total", "How often the shared connection of an upstream was made anew.");
  for (const auto u : all) {
    const auto status = node.upstreams[u].status.get();
    to.add(status && status->connects > 1 ? static_cast<double>(status->connects - 1) : 0,
           {{"upstream", node.upstreams[u].config.alias}});
  }
  to.gauge("holdfast_upstream_state", "1 for the state that the shared connection to an upstream is in.");
  for (const auto u : all) {
    const auto status = node.upstreams[u].status.get();
    const auto now = !node.upstreams[u].config.enabled ? "disabled"
                     : status                          ? std::string_view(status->state)
                                                       : upstream_states[0];
    for (const auto state : upstream_states)
      to.add(state == now, {{"upstream", node.upstreams[u].config.alias}, {"state", state}});
  }
  to.gauge("holdfast_upstream_calls_in_flight", "Calls on the shared connection to an upstream.");
  for (const auto u : all) {
    const auto link = node.upstreams[u].link->get();
    to.add(link ? static_cast<double>(link->in_flight()) : 0, {{"upstream", node.upstreams[u].config.alias}});
  }
  collect_breakers(node, to);
  collect_registry(node, to);
}

void collect_store(const node_context& node, families& to) {
  to.counter("holdfast_commits_total", "Commits of sessions, by what the store said.")
      .add(sum_of(
               node, [](const auto& c) -> auto& { return c.commits.durable; }),
           {{"outcome", "durable"}})
      .add(sum_of(
               node, [](const auto& c) -> auto& { return c.commits.fenced; }),
           {{"outcome", "fenced"}})
      .add(sum_of(
               node, [](const auto& c) -> auto& { return c.commits.out_of_step; }),
           {{"outcome", "out_of_step"}})
      .add(sum_of(
               node, [](const auto& c) -> auto& { return c.commits.failed; }),
           {{"outcome", "failed"}});
  to.histogram("holdfast_commit_duration_seconds", "From the first attempt of a commit to its being durable.")
      .add(merged(
               node, [](const auto& c) -> auto& { return c.commits.took; }),
           nanosecond);
  to.gauge("holdfast_store_info", "The tier of durability of the store.")
      .add(1, {{"tier", node.store ? persistence::name_of(node.store->tier()) : std::string_view("memory")}});
  to.gauge("holdfast_store_up", "1 while the store answers.").add(!node.store || node.store->available());
  if (!node.store) return;
  const auto h = node.store->health();
  to.counter("holdfast_store_operations_total", "Round trips to the store that were answered.")
      .add(static_cast<double>(h.operations));
  to.counter("holdfast_store_failures_total", "Operations of the store that ended with a failure.")
      .add(static_cast<double>(h.failures));
  to.gauge("holdfast_store_operations_waiting", "Operations without an answer yet.")
      .add(static_cast<double>(h.waiting));
  to.gauge("holdfast_store_connections", "Connections to the store.").add(static_cast<double>(h.connections));
  to.counter("holdfast_store_history_changes_total", "How often the store went on with another history.")
      .add(static_cast<double>(h.histories));
  to.counter("holdfast_store_shadow_differences_total", "Differences to the shadow store.")
      .add(static_cast<double>(h.differences));
}

void collect_cluster(const node_context& node, families& to) {
  if (!node.in_cluster) return;
  const auto& c = *node.in_cluster;
  const auto view = c.membership.get();
  const auto* const self = machines::membership::find(*view, node.store->incarnation());
  to.gauge("holdfast_cluster_node_info", "The name of this node.")
      .add(1, {{"node", self ? self->name : c.config.name}});
  to.gauge("holdfast_cluster_members", "Nodes in the view of this one.").add(static_cast<double>(view->members.size()));
  to.gauge("holdfast_cluster_view_version", "The version of the view of this node.")
      .add(static_cast<double>(view->version));
  to.gauge("holdfast_cluster_certain", "1 while this node knows that it was not declared dead.").add(c.is_certain());
  double held = 0;
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) held += node.store->holds(s) ? 1 : 0;
  to.gauge("holdfast_cluster_slots", "Slots that this node holds.").add(held);
  const auto sum = [&](counter cluster_counters::*what) {
    return sum_of(
        node, [&](const auto& n) -> auto& { return n.cluster.*what; });
  };
  to.counter("holdfast_cluster_deaths_total", "Nodes that this one has declared dead.")
      .add(sum(&cluster_counters::declared_dead));
  to.counter("holdfast_cluster_outcasts_total", "How often the others have gone on without this node.")
      .add(sum(&cluster_counters::was_declared_dead));
  to.counter("holdfast_cluster_starved_total", "How often this process did not run for a while.")
      .add(sum(&cluster_counters::was_starved));
  to.counter("holdfast_cluster_takeovers_total", "How often this node has taken slots over from one that was gone.")
      .add(sum(&cluster_counters::takeovers));
  to.histogram("holdfast_cluster_takeover_duration_seconds",
               "From the last sign of life of a node to this one holding its slots.")
      .add(merged(
               node, [](const auto& n) -> auto& { return n.cluster.takeover_took; }),
           nanosecond);
  to.counter("holdfast_cluster_slots_moved_total", "Slots that this node has taken, and given away.")
      .add(sum(&cluster_counters::slots_taken), {{"direction", "taken"}})
      .add(sum(&cluster_counters::slots_given), {{"direction", "given"}});
  to.counter("holdfast_cluster_relayed_requests_total", "Requests sent on to the nodes of their sessions.")
      .add(sum_of(
          node, [](const auto& n) -> auto& { return n.relayed; }));
  to.counter("holdfast_cluster_relayed_again_total", "Requests sent on once more, as the node that had them was gone.")
      .add(sum_of(
          node, [](const auto& n) -> auto& { return n.relayed_again; }));
}

}  // namespace holdfast::actors::metrics
