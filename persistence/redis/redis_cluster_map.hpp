#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "persistence/redis/redis_reply.hpp"
#include "persistence/redis/redis_url.hpp"

namespace holdfast::persistence {

/// A node of a Redis Cluster.
struct redis_place {
  std::string id;  ///< stays the same wherever it moves
  redis_endpoint at;
};

/// Hash slots that lie side by side, and who has them.
struct redis_range {
  std::uint16_t first = 0, last = 0;
  redis_place master;
  std::vector<redis_place> replicas;
};

inline constexpr std::uint16_t hash_slot_count = 16'384;

/// Reads what a node answered to CLUSTER SLOTS; where it names no host, it means its own. Leaves out what it does not
/// know the place of. Nothing if the answer is none, or tells of no slots.
std::vector<redis_range> read_cluster_slots(const redis_reply& reply, const std::string& own_host);

}  // namespace holdfast::persistence
