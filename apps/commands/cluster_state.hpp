#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/commands/cluster_processes.hpp"
#include "apps/commands/relay_network.hpp"

namespace holdfast::apps {

/// One node of a cluster on this machine. All of it is on 127.0.0.1.
struct cluster_node {
  std::string name;  ///< "n1", "n2", …
  std::uint16_t mcp = 0, admin = 0, peers = 0;
  process_id process = {};
  bool served = false;  ///< this process has been ready at least once

  // Ports of the network between the processes; 0 = there is none.
  std::uint16_t relay = 0;  ///< through which other nodes reach it
  std::uint16_t store = 0;  ///< through which it reaches the store

  bool operator==(const cluster_node&) const = default;
};

/// A cluster on this machine: what all its commands work from. Holds no secret.
struct cluster_state {
  std::uint16_t front_port = 0;
  process_id front = {};
  std::string store;             ///< its URL without user and password
  std::uint16_t store_port = 0;  ///< of the Redis that was started for it; 0 = it has another store
  process_id redis = {};
  process_id network = {};        ///< through which nodes reach each other and the Redis, where `has_network`
  std::vector<network_cut> cuts;  ///< of it: between nodes and `store_name`; in order
  std::string directory;          ///< that the nodes run in: relative paths of their configuration begin there
  std::vector<cluster_node> nodes;

  bool operator==(const cluster_state&) const = default;
};

std::string to_json(const cluster_state& s);

/// [{"from": NAME, "to": NAME}, …]
std::string cuts_json(const std::vector<network_cut>& cuts);

/// Nothing if it is no text of `to_json`.
std::optional<cluster_state> read_cluster_state(std::string_view json);

/// The node of that name, or null.
cluster_node* find_node(cluster_state& s, std::string_view name);

/// What commands call the parts of a cluster that are no nodes.
inline constexpr std::string_view front_name = "front", store_name = "store", network_name = "network";

/// True if its nodes reach each other through a process that can cut them off.
bool has_network(const cluster_state& s);

/// True if any of its processes is there.
bool is_alive(const cluster_state& s);

/// Where clients and operators reach what listens at these ports.
std::string mcp_url(std::uint16_t port);
std::string base_url(std::uint16_t port);

}  // namespace holdfast::apps
