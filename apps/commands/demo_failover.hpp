#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "apps/commands/session.hpp"

namespace holdfast::apps {

struct failover_options {
  std::string dir;        ///< of a cluster to use; empty = one of its own
  std::size_t nodes = 3;  ///< of a cluster that is started for it
  std::int64_t steps = 24;
  std::chrono::milliseconds step{150};
};

/// Has a client call a slow tool through the front of a cluster, kills the node that owns the client's session, and
/// shows on standard output what the client gets to see of that; with `json`, only the figures. The ending is what was
/// not as promised, or what went wrong.
std::optional<ending> demo_failover(const failover_options& o, bool json);

}  // namespace holdfast::apps
