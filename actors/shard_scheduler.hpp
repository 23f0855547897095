#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "actors/shard.hpp"

namespace holdfast::actors {

/// The configuration of a node's actor system: its scheduler has no threads of its own and runs every actor on a shard.
struct shard_system_config : caf::actor_system_config {
  explicit shard_system_config(const std::vector<std::unique_ptr<shard>>& s);
  const std::vector<std::unique_ptr<shard>>& shards;
  bool running = false;  ///< the shards' loops run; until then, and afterwards, jobs run on the calling thread
};

/// CAF's scheduler module (read from CAF 0.17.6: `abstract_coordinator` is the seam that its own schedulers and its
/// test scheduler use). Actors of Holdfast name their shard themselves; only CAF's own few come this way.
class shard_scheduler final : public caf::scheduler::abstract_coordinator {
 public:
  explicit shard_scheduler(caf::actor_system& system);
  static caf::actor_system::module* make(caf::actor_system& system, caf::detail::type_list<>);

  void enqueue(caf::resumable* job) override;
  caf::actor_clock& clock() noexcept override { return clock_; }
  void start() override;
  void stop() override;

 private:
  caf::detail::thread_safe_actor_clock clock_;
  std::thread clock_thread_;
};

}  // namespace holdfast::actors
