#pragma once

#include <array>
#include <atomic>
#include <caf/actor.hpp>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/catalogue_view.hpp"
#include "actors/client_capabilities.hpp"
#include "actors/directory.hpp"
#include "actors/node_config.hpp"
#include "actors/node_store.hpp"
#include "actors/shard.hpp"
#include "transport/mcp/sealed.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::actors {

/// A value that one actor publishes and many threads read.
template <class T>
class published {
 public:
  std::shared_ptr<T> get() const {
    const std::lock_guard guard(lock_);
    return value_;
  }
  void set(std::shared_ptr<T> value) {
    const std::lock_guard guard(lock_);
    value_.swap(value);
  }

 private:
  mutable std::mutex lock_;
  std::shared_ptr<T> value_;
};

/// What an operator wants to know about an upstream, kept by the actor of its shared connection.
struct upstream_status {
  std::string state = "idle";  ///< idle, connecting, ready, waiting, disabled
  std::string protocol;        ///< stdio, streamable-http, sse; empty before the first connection
  std::string error;           ///< why the last attempt failed; empty after a success
};

/// What all actors of a node share. Lives as long as they do; every member is immutable or thread-safe.
struct node_context {
  struct upstream {
    caf::actor shared;  ///< the connection that clients without capabilities share
    std::shared_ptr<published<transport::upstream_link>> link =
        std::make_shared<published<transport::upstream_link>>();  ///< of `shared`; null while it is not connected
    published<const upstream_status> status;
  };

  node_context(node_config c, const mcp::sealer::key& cursor_key)
      : config(std::move(c)), cursors(cursor_key), upstreams(config.upstreams.size()) {}

  const node_config config;
  const mcp::sealer cursors;
  std::unique_ptr<node_store> store;  ///< null: sessions live in this process only
  std::vector<std::unique_ptr<shard>> shards;
  std::vector<upstream> upstreams;  ///< as in `config.upstreams`
  caf::actor catalogue;
  std::array<published<const catalogue_view>, capability_set::count> views;  ///< null until first asked for
  directory sessions;
  std::atomic<std::size_t> calls_in_flight{0};
  std::atomic<bool> draining{false};
};

}  // namespace holdfast::actors
