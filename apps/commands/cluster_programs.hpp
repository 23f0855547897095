#pragma once

#include <optional>
#include <string>

#include "apps/commands/cluster_folder.hpp"

namespace holdfast::apps {

/// The programs of a cluster on this machine, as paths.
struct cluster_programs {
  std::string node, front, redis;
  std::string network;  ///< this program
};

/// Finds them: holdfastd beside this program, the others where the system keeps programs. The failure says how to get
/// what is missing.
boost::system::result<cluster_programs, ending> find_programs(bool with_redis);

// Each starts one process and notes it in `s`, whose ports it uses; the files it needs must have been written.
std::optional<ending> start_redis(const cluster_programs& p, const cluster_folder& folder, cluster_state& s);
std::optional<ending> start_network(const cluster_programs& p, const cluster_folder& folder, cluster_state& s);
std::optional<ending> start_front(const cluster_programs& p, const cluster_folder& folder, cluster_state& s);
std::optional<ending> start_node(const cluster_programs& p, const cluster_folder& folder, const cluster_state& s,
                                 cluster_node& n);

/// Writes what HAProxy reads at its start.
std::optional<ending> write_front_configuration(const cluster_folder& folder, const cluster_state& s);

// Each waits until what was started answers, and fails with the end of its log if it ends, after a minute, or with
// Ctrl-C.
std::optional<ending> await_redis(const cluster_folder& folder, const cluster_state& s);
std::optional<ending> await_network(const cluster_folder& folder, const cluster_state& s);
std::optional<ending> await_front(const cluster_folder& folder, const cluster_state& s);
std::optional<ending> await_node(const cluster_folder& folder, cluster_node& n);

}  // namespace holdfast::apps
