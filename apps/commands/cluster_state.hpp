#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/commands/cluster_processes.hpp"

namespace holdfast::apps {

/// One node of a cluster on this machine. All of it is on 127.0.0.1.
struct cluster_node {
  std::string name;  ///< "n1", "n2", …
  std::uint16_t mcp = 0, admin = 0, peers = 0;
  process_id process = {};
  bool served = false;  ///< this process has been ready at least once

  bool operator==(const cluster_node&) const = default;
};

/// A cluster on this machine: what all its commands work from. Holds no secret.
struct cluster_state {
  std::uint16_t front_port = 0;
  process_id front = {};
  std::string store;             ///< its URL without user and password
  std::uint16_t store_port = 0;  ///< of the Redis that was started for it; 0 = it has another store
  process_id redis = {};
  std::string directory;  ///< that the nodes run in: relative paths of their configuration begin there
  std::vector<cluster_node> nodes;

  bool operator==(const cluster_state&) const = default;
};

std::string to_json(const cluster_state& s);
/// Nothing if it is no text of `to_json`.
std::optional<cluster_state> read_cluster_state(std::string_view json);

/// The node of that name, or null.
cluster_node* find_node(cluster_state& s, std::string_view name);

/// True if any of its processes is there.
bool is_alive(const cluster_state& s);

/// Where clients and operators reach what listens at these ports.
std::string mcp_url(std::uint16_t port);
std::string base_url(std::uint16_t port);

}  // namespace holdfast::apps
