#pragma once

#include <optional>

#include "apps/commands/cluster_folder.hpp"

// The process through which the nodes of a cluster on this machine reach each other and their Redis.
namespace holdfast::apps {

/// What that process does, until SIGTERM: carries what the cluster's state says, and looks at it anew when it is told.
std::optional<ending> run_network(const cluster_folder& folder);

/// Has it look at the saved state; when this returns, its ways and cuts are those.
std::optional<ending> tell_network(const cluster_folder& folder);

}  // namespace holdfast::apps
