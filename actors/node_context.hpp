#pragma once

#include <array>
#include <atomic>
#include <caf/actor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/cache_keys.hpp"
#include "actors/call_places.hpp"
#include "actors/catalogue_view.hpp"
#include "actors/circuit_keeper.hpp"
#include "actors/client_capabilities.hpp"
#include "actors/cluster.hpp"
#include "actors/directory.hpp"
#include "actors/metrics/census.hpp"
#include "actors/node_config.hpp"
#include "actors/node_store.hpp"
#include "actors/process_hooks.hpp"
#include "actors/published.hpp"
#include "actors/result_cache.hpp"
#include "actors/shard.hpp"
#include "transport/mcp/sealed.hpp"
#include "transport/mcp/users.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::actors {

/// Calls under way, for a node that stops and for slots that move. Any thread.
struct calls_under_way {
  std::atomic<std::size_t> all{0};
  std::array<std::atomic<std::uint32_t>, persistence::slot_count> in_slot{};

  void begin(std::uint16_t slot) noexcept {
    ++all;
    in_slot[slot].fetch_add(1, std::memory_order_relaxed);
  }
  void end(std::uint16_t slot, std::size_t count = 1) noexcept {
    all -= count;
    in_slot[slot].fetch_sub(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
  }
};

/// What an operator wants to know about an upstream, kept by the actor of its shared connection.
struct upstream_status {
  std::string state = "idle";              ///< idle, connecting, ready, waiting, disabled
  std::string protocol;                    ///< stdio, streamable-http, sse; empty before the first connection
  std::string error;                       ///< why the last attempt failed; empty after a success
  std::uint64_t connects = 0, losses = 0;  ///< since the start
};

/// What all actors of a node share. Lives as long as they do; every member is immutable or thread-safe.
struct node_context {
  struct upstream {
    caf::actor shared;  ///< the connection that clients without capabilities share
    std::shared_ptr<published<transport::upstream_link>> link =
        std::make_shared<published<transport::upstream_link>>();  ///< of `shared`; null while it is not connected
    published<const upstream_status> status;
    std::atomic<bool> disabled{false};  ///< by an operator
    std::shared_ptr<call_places> places;
  };

  node_context(node_config c, const mcp::sealer::key& cursor_key)
      : config(std::move(c)),
        users(config.users),
        cursors(cursor_key),
        upstreams(config.upstreams.size()),
        circuits(std::make_shared<circuit_keeper>(config.upstreams)),
        cache_keys(std::make_shared<actors::cache_keys>(config.cache.blind_max)),
        results(std::make_shared<result_cache>(config.cache)) {
    for (std::size_t u = 0; u < upstreams.size(); ++u)
      upstreams[u].places =
          std::make_shared<call_places>(config.upstreams[u].max_concurrent, config.upstreams[u].queue);
  }

  const node_config config;
  const mcp::user_table users;
  const mcp::sealer cursors;
  std::unique_ptr<node_store> store;             ///< null: sessions live in this process only
  std::unique_ptr<cluster> in_cluster;           ///< null: this node is on its own
  std::shared_ptr<transport::tls_identity> tls;  ///< for clients; null: in the clear. Set before any ingress listens
  std::shared_ptr<transport::tls_identity> admin_tls;  ///< for operators, likewise
  std::vector<std::unique_ptr<shard>> shards;
  std::vector<caf::actor> ingresses;  ///< one per shard
  std::vector<upstream> upstreams;    ///< as in `config.upstreams`
  const std::shared_ptr<circuit_keeper> circuits;
  const std::shared_ptr<actors::cache_keys> cache_keys;
  const std::shared_ptr<result_cache> results;  ///< of tool calls, where they are kept
  caf::actor catalogue;
  caf::actor admin;
  process_hooks process;                                                     ///< set before anybody is served
  std::array<published<const catalogue_view>, capability_set::count> views;  ///< null until first asked for
  directory sessions;
  calls_under_way calls;
  metrics::census census;  ///< of the admin actor's thread
  std::atomic<bool> draining{false};
  std::atomic<std::uint64_t> refused{0};  ///< requests that were answered 502 or 503 here
  const std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  struct {
    std::string mcp, admin;
  } addresses;  ///< that are listened on; set before anybody is served
};

}  // namespace holdfast::actors
