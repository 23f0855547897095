#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>

#include "persistence/redis/redis_link_impl.hpp"
#include "persistence/redis/redis_topology.hpp"

namespace holdfast::persistence {

/// What a topology is made of. The references outlive it.
struct redis_surroundings {
  boost::asio::io_context& context;
  const redis_site& site;
  redis_link_settings link;
  std::size_t connections;  ///< to each server, at least 1; the first is for commits
  redis_link_events& link_events;
  redis_topology_events& topology_events;
};

/// The one for a site.
std::unique_ptr<redis_topology> make_topology(const redis_surroundings& s);

/// One server, whose place never changes.
std::unique_ptr<redis_topology> make_server_topology(const redis_surroundings& s);

/// The master that sentinels agree upon.
std::unique_ptr<redis_topology> make_sentinel_topology(const redis_surroundings& s);

/// The masters of a Redis Cluster.
std::unique_ptr<redis_topology> make_cluster_topology(const redis_surroundings& s);

}  // namespace holdfast::persistence
