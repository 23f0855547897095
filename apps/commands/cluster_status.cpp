#include "apps/commands/cluster_status.hpp"

#include <algorithm>
#include <sstream>

#include "apps/commands/admin_client.hpp"
#include "apps/commands/cluster_cuts.hpp"
#include "apps/commands/json_text.hpp"
#include "apps/commands/terminal.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using transport::errc;

constexpr auto look_timeout = 1s;

template <class T>
bool failed_with(const transport::outcome<T>& o, errc code) {
  return !o && o.error().code == make_error_code(code);
}

/// True if a node says that it hands over what it has before it drains.
bool is_leaving(std::string_view health) {
  const auto cluster = mcp::member(health, "cluster");
  const auto members = mcp::elements(mcp::member(cluster, "members"));
  const auto name = text_member(cluster, "node");
  return members && std::any_of(members->begin(), members->end(), [&](mcp::raw_json m) {
           return text_member(m, "name") == name && text_member(m, "state") == "leaving";
         });
}

/// How a node is whose process runs; `health` is its answer to an operator.
node_state state_of(const cluster_node& n, const transport::outcome<std::string>& health) {
  if (health && (text_member(*health, "status") == "draining" || is_leaving(*health))) return node_state::draining;
  const auto ready = admin_get(base_url(n.mcp), "/readyz", look_timeout);
  if (ready) return node_state::ready;
  if (failed_with(ready, errc::http_status)) return node_state::starting;
  if (!failed_with(ready, errc::refused)) return node_state::unreachable;
  // A node opens its ports late and closes them early.
  return n.served ? node_state::draining : node_state::starting;
}

node_report look_at_node(const cluster_node& n) {
  node_report r;
  r.node = n;
  const auto process = look_at(n.process);
  if (process == process_state::stopped) r.state = node_state::frozen;
  if (process != process_state::running) return r;
  const auto health = admin_get(base_url(n.admin), "/mcp/health", look_timeout);
  if (health) read_health(*health, r);
  r.state = state_of(n, health);
  if (r.state != node_state::ready && look_at(n.process) == process_state::gone) r.state = node_state::dead;
  return r;
}

std::string pid_of(const node_report& r, const std::string& none) {
  return r.state == node_state::dead ? none : std::to_string(r.node.process.number);
}

std::string_view running_or_not(bool running) { return running ? "running" : "not running"; }

std::string network_state(const cluster_report& r) {
  const auto cuts = cuts_text(r.cluster.cuts);
  return std::string(running_or_not(r.network)) + (cuts.empty() ? "" : ", cut: " + cuts);
}

}  // namespace

std::string_view name_of(node_state s) noexcept {
  switch (s) {
    case node_state::ready: return "ready";
    case node_state::starting: return "starting";
    case node_state::draining: return "draining";
    case node_state::frozen: return "frozen";
    case node_state::unreachable: return "unreachable";
    case node_state::dead: return "dead";
  }
  return "";
}

void read_health(std::string_view json, node_report& into) {
  into.sessions = number_member(json, "sessions");
  into.calls = number_member(json, "callsInFlight");
  const auto cluster = mcp::member(json, "cluster");
  into.slots = number_member(cluster, "slots");
  const auto members = mcp::elements(mcp::member(cluster, "members"));
  if (!members) return;
  std::string seen;
  for (const auto m : *members) {
    const auto state = first_line(text_member(m, "state"));
    seen += (seen.empty() ? "" : " ") + first_line(text_member(m, "name")) + (state == "up" ? "" : ":" + state);
  }
  if (!seen.empty()) into.members = seen;
}

cluster_report look_at_cluster(const cluster_state& s) {
  cluster_report r;
  r.cluster = s;
  r.front = look_at(s.front) == process_state::running;
  r.redis = look_at(s.redis) == process_state::running;
  r.network = look_at(s.network) == process_state::running;
  for (const auto& n : s.nodes) r.nodes.push_back(look_at_node(n));
  return r;
}

std::string status_json(const cluster_report& r) {
  std::string nodes;
  for (const auto& n : r.nodes)
    nodes += (nodes.empty() ? "" : ",") + ("{\"name\":" + mcp::quote(n.node.name)) +
             ",\"mcp\":" + mcp::quote(mcp_url(n.node.mcp)) + ",\"admin\":" + mcp::quote(base_url(n.node.admin)) +
             ",\"pid\":" + pid_of(n, "null") + ",\"state\":" + mcp::quote(name_of(n.state)) + "}";
  return "{\"front\":" + mcp::quote(mcp_url(r.cluster.front_port)) + ",\"store\":" + mcp::quote(r.cluster.store) +
         ",\"nodes\":[" + nodes + "],\"cuts\":" + cuts_json(r.cluster.cuts) + "}";
}

void print_status(std::ostream& out, const cluster_report& r, std::size_t columns_max) {
  std::ostringstream text;
  text << "front    " << mcp_url(r.cluster.front_port) << "  " << running_or_not(r.front) << "\nstore    "
       << r.cluster.store;
  if (r.cluster.store_port != 0) text << "  " << running_or_not(r.redis);
  if (has_network(r.cluster)) text << "\nnetwork  " << network_state(r);
  text << "\n\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& n : r.nodes)
    rows.push_back({n.node.name, std::string(name_of(n.state)), pid_of(n, "-"), std::to_string(n.node.mcp),
                    std::to_string(n.node.admin), n.sessions, n.calls, n.slots, n.members});
  print_table(text, {"NODE", "STATE", "PID", "MCP", "ADMIN", "SESSIONS", "CALLS", "SLOTS", "SEES"}, rows, 0);
  std::istringstream lines(text.str());
  for (std::string line; std::getline(lines, line);) out << (columns_max > 0 ? cut(line, columns_max) : line) << '\n';
}

std::string changes(const cluster_report& before, const cluster_report& now) {
  std::string out;
  const auto note = [&](std::string_view what, std::string_view was, std::string_view is) {
    if (was != is) out.append(what).append(": ").append(was).append(" -> ").append(is).append("\n");
  };
  note("front", running_or_not(before.front), running_or_not(now.front));
  if (now.cluster.store_port != 0) note("store", running_or_not(before.redis), running_or_not(now.redis));
  if (has_network(now.cluster)) note("network", network_state(before), network_state(now));
  for (const auto& n : now.nodes) {
    const auto was = std::find_if(before.nodes.begin(), before.nodes.end(),
                                  [&](const node_report& b) { return b.node.name == n.node.name; });
    note(n.node.name, was == before.nodes.end() ? "new" : name_of(was->state), name_of(n.state));
  }
  return out;
}

}  // namespace holdfast::apps
