#include "actors/shard_scheduler.hpp"

#include <caf/resumable.hpp>

namespace holdfast::actors {
namespace {

const shard_system_config& config_of(caf::actor_system& system) {
  return static_cast<const shard_system_config&>(system.config());
}

}  // namespace

shard_system_config::shard_system_config(const std::vector<std::unique_ptr<shard>>& s) : shards(s) {
  load<shard_scheduler>();
}

shard_scheduler::shard_scheduler(caf::actor_system& system) : abstract_coordinator(system) {}

caf::actor_system::module* shard_scheduler::make(caf::actor_system& system, caf::detail::type_list<>) {
  return new shard_scheduler(system);
}

void shard_scheduler::enqueue(caf::resumable* job) {
  const auto& config = config_of(system());
  if (config.running) return config.shards.front()->exec_later(job);
  // Before the loops run and after they have ended there is one thread only.
  caf::scoped_execution_unit unit(&system());
  switch (job->resume(&unit, max_throughput())) {
    case caf::resumable::resume_later: return enqueue(job);
    case caf::resumable::awaiting_message:
    case caf::resumable::done:
    case caf::resumable::shutdown_execution_unit: caf::intrusive_ptr_release(job);
  }
}

void shard_scheduler::start() {
  // No call to the base: it would only start an actor that prints for others, with a thread to itself.
  clock_thread_ = std::thread([this] { clock_.run_dispatch_loop(); });
}

void shard_scheduler::stop() {
  clock_.cancel_dispatch_loop();
  clock_thread_.join();
}

}  // namespace holdfast::actors
