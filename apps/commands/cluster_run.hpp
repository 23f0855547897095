#pragma once

#include <optional>
#include <string>

#include "apps/commands/cluster_folder.hpp"

// What `holdfast cluster` does. Each prints what it has done, waits for commands at work on the same cluster, and ends
// with what went wrong. Where it takes `json`, it prints the status of the cluster instead.
namespace holdfast::apps {

struct up_options {
  std::size_t nodes = 3;
  std::uint16_t port = 7420;  ///< of the front; 0 = all ports are those that the system picks
  std::string config;         ///< a file; empty = the built-in configuration
  std::string store;          ///< empty = a Redis of its own
  bool detach = false;
  bool direct = false;  ///< nothing is between the processes, and so nothing can be cut
};

std::optional<ending> cluster_up(const cluster_folder& folder, const up_options& o, bool json);
std::optional<ending> cluster_down(const cluster_folder& folder);
std::optional<ending> cluster_status(const cluster_folder& folder, bool json);
std::optional<ending> cluster_kill(const cluster_folder& folder, const std::string& name, const std::string& signal,
                                   bool json);
std::optional<ending> cluster_restart(const cluster_folder& folder, const std::string& name, bool json);
std::optional<ending> cluster_add(const cluster_folder& folder, bool json);
std::optional<ending> cluster_drain(const cluster_folder& folder, const std::string& name, bool json);

/// Names as `cut_off` and `heal` take them.
std::optional<ending> cluster_partition(const cluster_folder& folder, const std::string& a, const std::string& b,
                                        bool one_way, bool json);
std::optional<ending> cluster_heal(const cluster_folder& folder, const std::string& a, const std::string& b, bool json);

/// Starts a cluster and waits until it is ready, without a word.
boost::system::result<cluster_state, ending> start_cluster(const cluster_folder& folder, const up_options& o);

/// Ends a node, the front or another part if it runs, and starts it again, without a word.
boost::system::result<cluster_state, ending> restart_part(const cluster_folder& folder, const std::string& name);

/// Ends everything in order: what was cut heals, the front takes no more requests, the nodes and with them the front
/// end when running calls have, or after a minute; then the Redis. Then there is no cluster in the folder.
void stop_cluster(const cluster_folder& folder, cluster_state s);

/// Shows how the cluster is until Ctrl-C (true) or until another command has stopped it (false): on a terminal as a
/// table that is written over, else as a line for each change; with `json`, the status upon each change.
bool watch_cluster(const cluster_folder& folder, bool json);

/// The cluster in the folder, or the words for there being none.
boost::system::result<cluster_state, ending> present_cluster(const cluster_folder& folder);

}  // namespace holdfast::apps
