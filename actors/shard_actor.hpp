#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <cstdint>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "actors/shard.hpp"

namespace holdfast::actors {

/// An actor that lives on one shard: its handlers run on that shard's thread only.
class shard_actor : public caf::event_based_actor {
 public:
  shard_actor(caf::actor_config& cfg, shard& home, metrics::actor_kind kind);

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
    home_.counters().messages.add();
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
  void count(std::int64_t n) noexcept {
    home_.counters().actors[static_cast<std::size_t>(kind_)].fetch_add(n, std::memory_order_relaxed);
  }

  shard& home_;
  const metrics::actor_kind kind_;
  activity activity_;
  bool enlisted_ = false, counted_ = false;
};

/// Milliseconds of the steady clock, coarse and cheap.
std::int64_t coarse_now_ms() noexcept;

}  // namespace holdfast::actors
