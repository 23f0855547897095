#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "apps/commands/cluster_state.hpp"

// What the programs of a cluster on one machine are told: texts and arguments made of values, without a look at the
// machine.
namespace holdfast::apps {

// In the folder of the cluster.
inline constexpr std::string_view front_socket = "front.sock", network_socket = "network.sock";

/// What a cluster is made of.
struct cluster_size {
  std::size_t nodes = 3;
  bool own_redis = true;
  bool network = true;  ///< its nodes reach each other and that Redis through a process that can cut them off
};

/// How many ports `assign_ports` takes for a cluster: one for the front, three for each node, one for a Redis; two more
/// for each node in the network.
std::size_t ports_needed(const cluster_size& size);
std::size_t ports_needed_by_node(bool network);

/// A cluster of nodes n1, n2, … with these ports, as many as `ports_needed` says: that of the front, then those of the
/// nodes, each for operators, MCP and other nodes (so that a front on 7420 has n1's operators on 7421, where the other
/// commands look for them), then that of the Redis, then those of the network.
cluster_state assign_ports(const std::vector<std::uint16_t>& ports, const cluster_size& size);

/// A node that joins, with as many ports as one needs: its name is the first that is free, none that was used before
/// it.
cluster_node further_node(const cluster_state& s, const std::vector<std::uint16_t>& ports);

/// The ways of the network between the processes of a cluster.
std::vector<network_way> ways_of(const cluster_state& s);

/// The loopback address from which a node reaches others, by which the network knows it; and the node that has this
/// one (in host byte order), empty if it is none's.
std::string source_of(std::string_view node);
std::string node_at(std::uint32_t source);

/// What all nodes of a cluster have in common.
struct shared_settings {
  std::string store;   ///< its URL, as configurations have it
  std::string secret;  ///< by which nodes know each other
};

/// The configuration text of a node: `text` (a configuration of Holdfast's own format, known to be good) with the
/// node's addresses, and with the shared settings if there are any; without them `text` is that of another node. Every
/// other option stays as it is, but for those that describe the server of a store which is replaced by another one.
/// A failure says why `text` cannot be a node's, in words that follow its name.
boost::system::result<std::string, ending> node_configuration(std::string_view text, const cluster_node& n,
                                                              const shared_settings* shared);

/// The configuration of HAProxy as the front of the cluster. It runs in the cluster's folder.
std::string front_configuration(const cluster_state& s);

/// A node as a server of the front: its name, and the arguments of `server` in HAProxy's configuration or of
/// `add server`.
std::string front_server(const cluster_node& n);
inline constexpr std::string_view front_backend = "nodes";

/// The arguments of redis-server, which runs in the folder of its data.
std::vector<std::string> redis_arguments(const cluster_state& s);

}  // namespace holdfast::apps
