#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/message_id.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <typeinfo>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actors/call_figures.hpp"
#include "persistence/store.hpp"
#include "transport/loop.hpp"

namespace holdfast::actors {

class shard_actor;

/// One I/O thread with the actors that live on it. A CAF execution unit whose jobs run on the loop's thread, so that an
/// actor may use the loop's timers, sockets and exchanges directly, and a message costs no thread switch.
class shard final : public caf::execution_unit {
 public:
  explicit shard(transport::loop& l) : loop_(l) {}

  void attach(caf::actor_system& system) { system_ = &system; }

  transport::loop& loop() noexcept { return loop_; }

  /// The shard's way to the durable store; null without one. Set and used on its thread.
  persistence::store_lane* lane() noexcept { return lane_.get(); }
  void use(std::unique_ptr<persistence::store_lane> l) { lane_ = std::move(l); }

  /// Of the calls of the sessions here. Its thread only.
  call_figures& figures() noexcept { return figures_; }
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
  std::unique_ptr<persistence::store_lane> lane_;
  call_figures figures_;
  std::mutex residents_lock_;  // an actor that nobody refers to any more may end on another thread
  resident_set residents_;
  std::vector<caf::resumable*> queue_;
  bool running_ = false;  // somewhere up the stack `drain` will be called
  bool drain_posted_ = false;
};

/// An actor that lives on one shard: its handlers run on that shard's thread only.
class shard_actor : public caf::event_based_actor {
 public:
  shard_actor(caf::actor_config& cfg, shard& home);

  /// What an operator may see of it, on the shard's thread, from a task of its loop.
  struct activity {
    std::uint64_t handled = 0;                 ///< messages
    std::size_t waiting = 0;                   ///< in its mailbox
    const std::type_info* last = nullptr;      ///< the message that it handled last
    std::int64_t began_ms = 0, active_ms = 0;  ///< of the steady clock: its begin, and the last message
  };
  activity observed();

  /// Whom or what it serves: a session's id, an upstream's name. Empty if there is nothing to say.
  virtual std::string_view subject() const { return {}; }

  using caf::event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) override {
    caf::event_based_actor::enqueue(std::move(element), &home_);
  }
  void launch(caf::execution_unit*, bool lazy, bool hide) override {
    caf::event_based_actor::launch(&home_, lazy, hide);
  }

  using caf::event_based_actor::consume;
  caf::invoke_message_result consume(caf::mailbox_element& element) override {
    ++activity_.handled;
    if (!element.content().empty()) activity_.last = element.content().type(0).second;
    return caf::event_based_actor::consume(element);
  }
  caf::resumable::resume_result resume(caf::execution_unit* unit, std::size_t messages_max) override;
  bool cleanup(caf::error&& why, caf::execution_unit* unit) override;

  shard& home() noexcept { return home_; }

 protected:
  /// A callback for timers, connections and the store, to be called on the shard's thread: sends this actor a Message
  /// of what it is called with, and does nothing once the actor has gone, which it does not keep.
  template <class Message>
  auto sender_of() {
    return [addr = caf::actor_cast<caf::actor_addr>(this), home = &home_](auto... values) {
      if (const auto to = caf::actor_cast<caf::actor>(addr)) home->deliver(to, Message{std::move(values)...});
    };
  }

 private:
  shard& home_;
  activity activity_;
  bool enlisted_ = false;
};

/// Milliseconds of the steady clock, coarse and cheap.
std::int64_t coarse_now_ms() noexcept;

}  // namespace holdfast::actors
