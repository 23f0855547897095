#include "apps/commands/cluster_state.hpp"

#include <algorithm>

#include "apps/commands/json_text.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {
namespace {

constexpr std::int64_t format_version = 2;

std::string process_json(const process_id& p) {
  return "{\"pid\":" + std::to_string(p.number) + ",\"started\":" + std::to_string(p.started) + "}";
}

std::string node_json(const cluster_node& n) {
  return "{\"name\":" + mcp::quote(n.name) + ",\"mcp\":" + std::to_string(n.mcp) +
         ",\"admin\":" + std::to_string(n.admin) + ",\"peers\":" + std::to_string(n.peers) +
         ",\"relay\":" + std::to_string(n.relay) + ",\"store\":" + std::to_string(n.store) +
         ",\"process\":" + process_json(n.process) + ",\"served\":" + (n.served ? "true" : "false") + "}";
}

std::string cut_json(const network_cut& c) {
  return "{\"from\":" + mcp::quote(c.from) + ",\"to\":" + mcp::quote(c.to) + "}";
}

/// Reads numbers; remembers if one was missing or out of its range.
struct number_reader {
  bool good = true;

  std::int64_t number(mcp::raw_json object, std::string_view name, std::int64_t max) {
    const auto n = mcp::integer_value(mcp::member(object, name)).value_or(-1);
    good = good && n >= 0 && n <= max;
    return good ? n : 0;
  }
  std::uint16_t port(mcp::raw_json object, std::string_view name) {
    return static_cast<std::uint16_t>(number(object, name, UINT16_MAX));
  }
  process_id process(mcp::raw_json object, std::string_view name) {
    const auto raw = mcp::member(object, name);
    process_id p;
    p.number = static_cast<pid_t>(number(raw, "pid", INT32_MAX));
    p.started = static_cast<std::uint64_t>(number(raw, "started", INT64_MAX));
    return p;
  }
  cluster_node node(mcp::raw_json object) {
    cluster_node n;
    n.name = text_member(object, "name");
    n.mcp = port(object, "mcp");
    n.admin = port(object, "admin");
    n.peers = port(object, "peers");
    n.relay = port(object, "relay");
    n.store = port(object, "store");
    n.process = process(object, "process");
    n.served = mcp::member(object, "served") == "true";
    good = good && !n.name.empty();
    return n;
  }
};

}  // namespace

std::string cuts_json(const std::vector<network_cut>& cuts) {
  std::string all;
  for (const auto& c : cuts) all += (all.empty() ? "" : ",") + cut_json(c);
  return "[" + all + "]";
}

std::string to_json(const cluster_state& s) {
  std::string nodes;
  for (const auto& n : s.nodes) nodes += (nodes.empty() ? "\n  " : ",\n  ") + node_json(n);
  return "{\"version\":" + std::to_string(format_version) + ",\n \"front\":" + std::to_string(s.front_port) +
         ",\"frontProcess\":" + process_json(s.front) + ",\n \"store\":" + mcp::quote(s.store) +
         ",\"storePort\":" + std::to_string(s.store_port) + ",\"storeProcess\":" + process_json(s.redis) +
         ",\n \"networkProcess\":" + process_json(s.network) + ",\"cuts\":" + cuts_json(s.cuts) +
         ",\n \"directory\":" + mcp::quote(s.directory) + ",\n \"nodes\":[" + nodes + "]}\n";
}

std::optional<cluster_state> read_cluster_state(std::string_view json) {
  if (json_trouble(json)) return std::nullopt;
  number_reader in;
  if (in.number(json, "version", INT64_MAX) != format_version) return std::nullopt;
  cluster_state s;
  s.front_port = in.port(json, "front");
  s.front = in.process(json, "frontProcess");
  s.store = text_member(json, "store");
  s.store_port = in.port(json, "storePort");
  s.redis = in.process(json, "storeProcess");
  s.network = in.process(json, "networkProcess");
  s.directory = text_member(json, "directory");
  const auto cuts = mcp::elements(mcp::member(json, "cuts"));
  if (!cuts) return std::nullopt;
  for (const auto c : *cuts) s.cuts.push_back({text_member(c, "from"), text_member(c, "to")});
  const auto nodes = mcp::elements(mcp::member(json, "nodes"));
  if (!nodes) return std::nullopt;
  for (const auto n : *nodes) s.nodes.push_back(in.node(n));
  return in.good ? std::optional(std::move(s)) : std::nullopt;
}

cluster_node* find_node(cluster_state& s, std::string_view name) {
  const auto found = std::find_if(s.nodes.begin(), s.nodes.end(), [&](const auto& n) { return n.name == name; });
  return found == s.nodes.end() ? nullptr : &*found;
}

bool is_alive(const cluster_state& s) {
  const auto alive = [](const process_id& p) { return look_at(p) != process_state::gone; };
  return alive(s.front) || alive(s.redis) || alive(s.network) ||
         std::any_of(s.nodes.begin(), s.nodes.end(), [&](const auto& n) { return alive(n.process); });
}

bool has_network(const cluster_state& s) {
  return std::any_of(s.nodes.begin(), s.nodes.end(), [](const auto& n) { return n.relay != 0; });
}

std::string base_url(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

std::string mcp_url(std::uint16_t port) { return base_url(port) + "/mcp"; }

}  // namespace holdfast::apps
