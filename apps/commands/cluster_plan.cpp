#include "apps/commands/cluster_plan.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>

#include "apps/config/client_file.hpp"

namespace holdfast::apps {
namespace {

constexpr std::size_t ports_of_node = 3, ports_in_network = 2;
constexpr std::uint32_t sources = 0x7f010000;  // 127.1.0.0, of which a node has the one with its number

cluster_node placed(std::string name, const std::uint16_t* ports) {
  cluster_node n;
  n.name = std::move(name);
  n.admin = ports[0];
  n.mcp = ports[1];
  n.peers = ports[2];
  return n;
}

void connect(const cluster_state& s, cluster_node& n, const std::uint16_t* ports) {
  n.relay = ports[0];
  n.store = s.store_port == 0 ? 0 : ports[1];
}

/// "n12" is 12; 0 for what is no such name.
std::uint16_t number_of(std::string_view node) {
  std::uint16_t number = 0;
  if (node.starts_with('n')) std::from_chars(node.data() + 1, node.data() + node.size(), number);
  return number;
}

std::string address(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

/// A key below one that may be missing, or hold a single value instead of a map.
YAML::Node section(YAML::Node document, const char* name) {
  if (!document[name].IsMap()) document[name] = YAML::Node(YAML::NodeType::Map);
  return document[name];
}

void share(YAML::Node& document, const shared_settings& shared) {
  auto store = section(document, "store");
  store["url"] = shared.store;
  // What was said of the server that the file names.
  for (const char* of_server : {"ca_file", "wait_replicas", "shadow"}) store.remove(of_server);
  section(document, "cluster")["secret"] = shared.secret;
}

/// The launcher and the front ask nodes at their address, so it must be among the hosts that a node answers to.
void let_the_front_ask(YAML::Node document) {
  const auto access = document["access"];
  if (!access.IsDefined() || !access.IsMap()) return;
  auto hosts = access["hosts"];
  if (!hosts.IsDefined() || !hosts.IsSequence() || hosts.size() == 0) return;
  const bool there = std::any_of(hosts.begin(), hosts.end(), [](const YAML::Node& h) {
    return h.IsScalar() && (h.Scalar() == "127.0.0.1" || h.Scalar() == "*");
  });
  if (!there) hosts.push_back("127.0.0.1");
}

ending unfit(std::string words) { return {exit_code::usage, std::move(words)}; }

constexpr std::string_view front_begins = R"(# Written by `holdfast cluster`, which writes it anew when a node joins.
global
  stats socket unix@)";

// What this file means for clients:
// - Every request goes to the next node, whatever session it belongs to: to tell nodes from each other is their own
//   business. Each has a connection of its own to the node (http-server-close), because one that is kept may be closed
//   by the node just when a request goes out on it, and nobody could tell whether that request was processed.
// - A connection that was never made is tried again, at another node. A request whose node goes without an answer is
//   sent once more, with a header that says so, for the nodes to know it again: HAProxy tells a first time from a
//   second one only by sending both through itself (`once`, `again`). What nodes do not know again is not sent again:
//   messages of HTTP+SSE, batches, and what is not in the buffer as a whole. Nor is a request that was at a node while
//   one came to be down (504): it may have been frozen, and the request be carried out so late that nobody remembers.
// - A node that answers anything else than 200 to /readyz (it leaves, joins, or has no store) gets no further requests,
//   and keeps those that it has (L7OKC). One that does not answer at all is dead, or frozen, and does not even close
//   its connections: they are cut, for clients to come again and be served by another node.
// - The Host header passes as it came: nodes check it against DNS rebinding.
// - Event streams pass as they come, and may be silent for an hour; when a client goes, its node is told at once.
constexpr std::string_view front_continues = R"( mode 600 level admin
  maxconn 16000
  no strict-limits
  log stderr format raw local0

defaults
  mode http
  log global
  option httplog
  option dontlog-normal
  option http-server-close
  option http-no-delay
  option abortonclose
  option redispatch 1
  retries 3
  retry-on conn-failure
  timeout connect 1s
  timeout check 1s
  timeout http-request 30s
  timeout http-keep-alive 75s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h

frontend clients
  maxconn 8000
  option http-buffer-request
  http-request del-header Holdfast-Repeated
  acl may_be_repeated method GET HEAD DELETE
  acl may_be_repeated req.body,json_query('$.jsonrpc') -m found
  http-request disable-l7-retry unless { path /mcp } may_be_repeated
  default_backend once_or_again
  bind )";

constexpr std::string_view front_goes_twice = R"(
backend once_or_again
  balance first
  retries 1
  retry-on conn-failure 502
  server once )";

// The kernel closes what a killed process had one after another: a node whose connection has broken may still accept
// one, which breaks as well. So what goes again waits until the node is gone. HAProxy waits with TCP only.
constexpr std::string_view front_waits = R"(
  mode tcp
  option tcplog
  no option http-no-delay
  tcp-request inspect-delay 100ms
  tcp-request content accept if WAIT_END
  server again )";

constexpr std::string_view front_ends = R"(
  balance roundrobin
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host 127.0.0.1 hdr Connection close
  http-check expect status 200 error-status L7OKC
  http-error status 502 content-type application/problem+json string '{"title":"The node that had this request is gone; it may have been carried out","status":502}'
  http-error status 503 content-type application/problem+json string '{"title":"No node is ready","status":503}' hdr Retry-After 1
)";

}  // namespace

std::size_t ports_needed_by_node(bool network) { return ports_of_node + (network ? ports_in_network : 0); }

std::size_t ports_needed(const cluster_size& size) {
  return 1 + ports_needed_by_node(size.network) * size.nodes + (size.own_redis ? 1 : 0);
}

cluster_state assign_ports(const std::vector<std::uint16_t>& ports, const cluster_size& size) {
  cluster_state s;
  std::size_t next = 0;
  s.front_port = ports.at(next++);
  for (std::size_t i = 0; i < size.nodes; ++i, next += ports_of_node)
    s.nodes.push_back(placed("n" + std::to_string(i + 1), &ports.at(next)));
  if (size.own_redis) {
    s.store_port = ports.at(next++);
    s.store = "redis://" + address(s.store_port);
  }
  for (std::size_t i = 0; size.network && i < size.nodes; ++i, next += ports_in_network)
    connect(s, s.nodes[i], &ports.at(next));
  return s;
}

cluster_node further_node(const cluster_state& s, const std::vector<std::uint16_t>& ports) {
  unsigned last = 0;
  for (const auto& n : s.nodes) last = std::max<unsigned>(last, number_of(n.name));
  auto n = placed("n" + std::to_string(last + 1), &ports.at(0));
  if (has_network(s)) connect(s, n, &ports.at(ports_of_node));
  return n;
}

std::vector<network_way> ways_of(const cluster_state& s) {
  std::vector<network_way> ways;
  for (const auto& n : s.nodes) {
    if (n.relay != 0) ways.push_back({n.relay, n.peers, n.name, ""});
    if (n.store != 0) ways.push_back({n.store, s.store_port, std::string(store_name), n.name});
  }
  return ways;
}

std::string source_of(std::string_view node) {
  const auto number = number_of(node);
  return "127.1." + std::to_string(number >> 8) + "." + std::to_string(number & 0xff);
}

std::string node_at(std::uint32_t source) {
  const bool is_node = source > sources && source - sources <= UINT16_MAX;
  return is_node ? "n" + std::to_string(source - sources) : std::string();
}

boost::system::result<std::string, ending> node_configuration(std::string_view text, const cluster_node& n,
                                                              const shared_settings* shared) {
  try {
    auto document = YAML::Load(plain_json(text));
    if (document.IsNull()) document = YAML::Node(YAML::NodeType::Map);
    if (!document.IsMap()) return unfit("is no map of keys and values");
    if (is_client_file(document))
      return unfit(
          "is an MCP client's list of servers, which says nothing else of a node: write them into a file of Holdfast's "
          "own, below `upstreams` (see conf/holdfast.yaml)");
    document["listen"] = address(n.mcp);
    document.remove("tls");  // the front asks in the clear, on this machine
    section(document, "admin")["listen"] = address(n.admin);
    auto cluster = section(document, "cluster");
    cluster["listen"] = address(n.peers);
    cluster["name"] = n.name;
    cluster["advertise"] = n.relay == 0 ? std::string() : address(n.relay);
    cluster["source"] = n.relay == 0 ? std::string() : source_of(n.name);
    if (shared != nullptr) share(document, *shared);
    if (n.store != 0) section(document, "store")["url"] = "redis://" + address(n.store);
    let_the_front_ask(document);
    return YAML::Dump(document) + "\n";
  } catch (const YAML::Exception& e) {
    return unfit("cannot be read: " + e.msg);
  }
}

std::string front_server(const cluster_node& n) {
  return n.name + " " + address(n.mcp) + " check inter 200ms fall 2 rise 1 on-marked-down shutdown-sessions";
}

std::string front_configuration(const cluster_state& s) {
  const std::string nodes(front_backend);
  // Of Linux's own name space: no files that would have to go.
  const auto way = [&](const char* name) { return "abns@holdfast." + std::to_string(s.front_port) + "." + name; };
  auto text = std::string(front_begins) + std::string(front_socket) + std::string(front_continues) +
              address(s.front_port) + "\n" + std::string(front_goes_twice) + way("once") + " id 1\n  server later " +
              way("later") + " id 2\n";
  text += "\nfrontend once\n  bind " + way("once") + "\n  http-request set-var(txn.nodes) nbsrv(" + nodes +
          ")\n  http-after-response set-status 504 if { status 502 } { nbsrv(" + nodes +
          "),sub(txn.nodes) lt 0 }\n  default_backend " + nodes + "\n";
  text += "\nlisten later\n  bind " + way("later") + std::string(front_waits) + way("again") + "\n";
  text += "\nfrontend again\n  bind " + way("again") +
          "\n  http-request set-header Holdfast-Repeated 1\n  default_backend " + nodes + "\n";
  text += "\nbackend " + nodes + std::string(front_ends);
  for (const auto& n : s.nodes) text += "  server " + front_server(n) + "\n";
  return text;
}

std::vector<std::string> redis_arguments(const cluster_state& s) {
  return {"--port",
          std::to_string(s.store_port),
          "--bind",
          "127.0.0.1",
          "--appendonly",
          "yes",
          "--appendfsync",
          "everysec",
          "--save",
          "",
          "--maxmemory-policy",
          "noeviction",
          "--daemonize",
          "no"};
}

}  // namespace holdfast::apps
