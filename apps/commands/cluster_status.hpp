#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "apps/commands/cluster_state.hpp"

namespace holdfast::apps {

/// How a node is, as far as can be seen from outside.
enum class node_state : std::uint8_t {
  ready,        ///< takes sessions
  starting,     ///< its process is there, and is not ready yet or not now
  draining,     ///< was told to end, and lets calls end first
  frozen,       ///< its process is stopped
  unreachable,  ///< its process is there, and does not answer
  dead,         ///< there is no process
};
std::string_view name_of(node_state s) noexcept;

/// What was seen of a node; "-" where it tells nothing.
struct node_report {
  cluster_node node;
  node_state state = node_state::dead;
  std::string sessions = "-", calls = "-", slots = "-";
  std::string members = "-";  ///< of the cluster, as this node sees it: "n1 n2 n3:suspect"
};

struct cluster_report {
  cluster_state cluster;
  bool front = false, redis = false, network = false;  ///< their processes are there and not stopped
  std::vector<node_report> nodes;
};

/// Looks at all of a cluster. Blocks for some seconds at most for each node that does not answer.
cluster_report look_at_cluster(const cluster_state& s);

/// Puts what a node says of itself at /mcp/health, valid JSON, into its report.
void read_health(std::string_view json, node_report& into);

/// {"front": …, "store": …, "nodes": [{"name", "mcp", "admin", "pid", "state"}, …], "cuts": [{"from", "to"}, …]}; the
/// pid of a dead node is null.
std::string status_json(const cluster_report& r);

/// The table that people see; lines have at most `columns_max` characters, 0 = no limit.
void print_status(std::ostream& out, const cluster_report& r, std::size_t columns_max);

/// One line for each thing that is not as it was: "n2: ready -> dead".
std::string changes(const cluster_report& before, const cluster_report& now);

}  // namespace holdfast::apps
