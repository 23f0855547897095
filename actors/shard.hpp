#pragma once

#include <caf/actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/message_id.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actors/metrics/counters.hpp"
#include "persistence/store.hpp"
#include "transport/loop.hpp"

namespace holdfast::actors::tracing {
class exporter;
}

namespace holdfast::actors {

class shard_actor;

/// One I/O thread with the actors that live on it. A CAF execution unit whose jobs run on the loop's thread, so that an
/// actor may use the loop's timers, sockets and exchanges directly, and a message costs no thread switch.
class shard final : public caf::execution_unit {
 public:
  explicit shard(transport::loop& l) : loop_(l), counters_(std::make_unique<metrics::shard_counters>()) {}

  void attach(caf::actor_system& system) { system_ = &system; }

  transport::loop& loop() noexcept { return loop_; }

  /// What is counted here. Changed on its thread only.
  metrics::shard_counters& counters() noexcept { return *counters_; }
  const metrics::shard_counters& counters() const noexcept { return *counters_; }

  /// The shard's way to the durable store; null without one. Set and used on its thread.
  persistence::store_lane* lane() noexcept { return lane_.get(); }
  void use(std::unique_ptr<persistence::store_lane> l) { lane_ = std::move(l); }

  /// Where spans go; null if nothing is traced. Set and used on its thread.
  tracing::exporter* traces() noexcept { return traces_.get(); }
  void use(std::shared_ptr<tracing::exporter> t) { traces_ = std::move(t); }
  const std::shared_ptr<tracing::exporter>& shared_traces() const noexcept { return traces_; }

  bool here() const noexcept { return transport::loop::current() == &loop_; }

  /// Shows the actors that live here to `f`; they stay alive meanwhile. On this thread, from a task of the loop: not
  /// from within an actor's handler.
  using resident_set = std::unordered_set<shard_actor*>;
  void with_actors(const std::function<void(const resident_set&)>& f);

  /// Of `shard_actor`, on any thread: it has begun to live, or will end.
  void enlist(shard_actor& a);
  void delist(shard_actor& a) noexcept;

  /// Runs an actor soon. Takes over one reference. Any thread.
  void exec_later(caf::resumable* job) override;

  /// Sends a message to an actor from an I/O or timer callback of this shard, and runs what it set in motion before it
  /// returns. Not from within an actor's handler: there, `send` does.
  template <class Message>
  void deliver(const caf::actor& to, Message&& m) {
    const auto outermost = !running_;
    running_ = true;
    to->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, std::forward<Message>(m)), this);
    if (outermost) drain();
  }

 private:
  struct job;
  void run(caf::resumable* job);
  void drain();

  transport::loop& loop_;
  const std::unique_ptr<metrics::shard_counters> counters_;
  std::unique_ptr<persistence::store_lane> lane_;
  std::mutex residents_lock_;  // an actor that nobody refers to any more may end on another thread
  resident_set residents_;
  std::shared_ptr<tracing::exporter> traces_;
  std::vector<caf::resumable*> queue_;
  bool running_ = false;  // somewhere up the stack `drain` will be called
  bool drain_posted_ = false;
};

}  // namespace holdfast::actors
