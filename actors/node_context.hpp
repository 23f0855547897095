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
#include "actors/circuit_keeper.hpp"
#include "actors/cluster.hpp"
#include "actors/directory.hpp"
#include "actors/metrics/census.hpp"
#include "actors/node_config.hpp"
#include "actors/node_store.hpp"
#include "actors/process_hooks.hpp"
#include "actors/published.hpp"
#include "actors/result_cache.hpp"
#include "actors/shard.hpp"
#include "actors/upstream_table.hpp"
#include "actors/view_board.hpp"
#include "transport/mcp/sealed.hpp"
#include "transport/mcp/users.hpp"

namespace holdfast::actors {

class registry;

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

/// What all actors of a node share. Lives as long as they do; every member is immutable or thread-safe.
struct node_context {
  node_context(node_config c, const mcp::sealer::key& cursor_key)
      : config(std::move(c)),
        users(config.users),
        cursors(cursor_key),
        circuits(std::make_shared<circuit_keeper>()),
        cache_keys(std::make_shared<actors::cache_keys>(config.cache.blind_max)),
        results(std::make_shared<result_cache>(config.cache)) {
    upstream_table::indices all;
    for (const auto& u : config.upstreams) all.push_back(add_upstream(u));
    upstreams.put_in_force(std::move(all));
  }

  /// Makes it known; the caller puts it in force. One thread at a time, before or after the shards are there. There is
  /// room for it (`growing::size_max`).
  std::uint32_t add_upstream(const upstream_config& u) {
    circuits->add(u);
    for (const auto& s : shards) s->counters().upstreams.add();
    upstreams.add(u);
    return static_cast<std::uint32_t>(upstreams.size() - 1);
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
  upstream_table upstreams;
  std::shared_ptr<actors::registry> registry;  ///< says which of them are in force
  const std::shared_ptr<circuit_keeper> circuits;
  const std::shared_ptr<actors::cache_keys> cache_keys;
  const std::shared_ptr<result_cache> results;  ///< of tool calls, where they are kept
  caf::actor catalogue;
  caf::actor admin;
  process_hooks process;  ///< set before anybody is served
  view_board views;
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
