#pragma once

#include <optional>

#include "apps/commands/cluster_folder.hpp"

namespace holdfast::apps {

/// Has the running front give requests to a further node, without a break for anybody.
std::optional<ending> add_to_front(const cluster_folder& folder, const cluster_node& n);

}  // namespace holdfast::apps
