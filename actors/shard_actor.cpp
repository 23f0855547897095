#include "actors/shard_actor.hpp"

#include <caf/resumable.hpp>
#include <ctime>

namespace holdfast::actors {

std::int64_t coarse_now_ms() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

shard_actor::shard_actor(caf::actor_config& cfg, shard& home, metrics::actor_kind kind)
    : caf::event_based_actor(cfg), home_(home), kind_(kind) {
  activity_.began_ms = activity_.active_ms = coarse_now_ms();
}

caf::resumable::resume_result shard_actor::resume(caf::execution_unit* unit, std::size_t messages_max) {
  activity_.active_ms = coarse_now_ms();
  // Not before it is a whole object on its own thread.
  if (!std::exchange(enlisted_, true)) {
    home_.enlist(*this);
    counted_ = true;
    count(1);
  }
  return caf::event_based_actor::resume(unit, messages_max);
}

bool shard_actor::cleanup(caf::error&& why, caf::execution_unit* unit) {
  home_.delist(*this);
  if (std::exchange(counted_, false)) count(-1);
  return caf::event_based_actor::cleanup(std::move(why), unit);
}

shard_actor::activity shard_actor::observed() {
  auto now = activity_;
  auto& box = mailbox();
  // A blocked mailbox is empty, and must be left to whoever wakes the actor; a closed one belongs to nobody.
  if (!box.blocked() && !box.closed()) now.waiting = box.size();
  return now;
}

}  // namespace holdfast::actors
