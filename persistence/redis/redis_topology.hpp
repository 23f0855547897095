#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "persistence/redis/redis_link_events.hpp"
#include "persistence/redis/redis_url.hpp"
#include "persistence/store_values.hpp"

namespace holdfast::persistence {

/// Knows which server is the master of a hash slot, and owns the links to the servers. One thread. Told by its user of
/// what the links tell; it calls `redis_topology_events` when it has found out something by itself.
class redis_topology {
 public:
  virtual ~redis_topology() = default;

  /// Begins to connect. Once, before all else.
  virtual void start() = 0;

  /// The link for a request with keys in this slot; null or not ready = nobody serves it now, ask again after the next
  /// `on_ready` or `on_changed`. `bulk`: it need not keep its place among the commits.
  virtual redis_link* link_for(std::uint16_t hash_slot, bool bulk) = 0;

  /// A link became fit for requests. True if its server has another history than the one before it for the same slots,
  /// so that acknowledged writes may be missing.
  virtual bool on_ready(redis_link& link) = 0;

  virtual void on_lost(redis_link& link, const store_failure& why) = 0;

  /// The server of this link said that it is a replica. The link is dropped by the caller.
  virtual void on_read_only(redis_link& link) = 0;

  /// A cluster's node says that the slot is somewhere else for good (MOVED host:port; an empty host = the node's own).
  virtual void on_moved(redis_link& from, std::uint16_t hash_slot, const redis_endpoint& to) = 0;

  /// The link to a node that is taking a slot over (ASK); null or not ready = not yet.
  virtual redis_link* link_to(redis_link& from, const redis_endpoint& to) = 0;

  /// Why no request can succeed before an operator acts (wrong password, …), while that is so.
  virtual std::optional<store_failure> refusal() const = 0;

  /// How many links are ready.
  virtual std::size_t connections() const = 0;

  /// Where it is connected to, for operators.
  virtual std::string shown() const = 0;
};

/// Never called from within a call of the topology's.
class redis_topology_events {
 public:
  /// `link_for` may answer otherwise now.
  virtual void on_changed() = 0;

  /// Nobody says where the servers are. `refusal` may answer otherwise now. May destroy the topology.
  virtual void on_trouble(const store_failure& why) = 0;

 protected:
  ~redis_topology_events() = default;
};

}  // namespace holdfast::persistence
