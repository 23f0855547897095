#pragma once

#include <optional>

#include "apps/commands/cluster_folder.hpp"

namespace holdfast::apps {

/// Has the running front give requests to a further node, without a break for anybody.
std::optional<ending> add_to_front(const cluster_folder& folder, const cluster_node& n);

/// Waits until the front gives requests to a node that is ready, which it finds out by asking now and then. A front
/// that does not run is not waited for; one that gives the node nothing for 10 s is a failure.
std::optional<ending> await_use_by_front(const cluster_folder& folder, const cluster_state& s, const cluster_node& n);

}  // namespace holdfast::apps
