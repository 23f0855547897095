#include "actors/shard.hpp"

#include <caf/resumable.hpp>
#include <ctime>

namespace holdfast::actors {

namespace {
// Messages of one actor handled in a row before others get a turn.
constexpr std::size_t throughput = 256;
}  // namespace

/// Owns the reference that came with a job, also when the loop ends without running it.
struct shard::job {
  explicit job(caf::resumable* r) : resumable(r) {}
  job(const job&) = delete;
  job& operator=(const job&) = delete;
  ~job() {
    if (resumable != nullptr) caf::intrusive_ptr_release(resumable);
  }
  caf::resumable* resumable;
};

void shard::exec_later(caf::resumable* r) {
  if (!here()) {
    loop_.post([this, owned = std::make_shared<job>(r)] {
      queue_.push_back(std::exchange(owned->resumable, nullptr));
      if (!running_) drain();
    });
    return;
  }
  queue_.push_back(r);
  if (running_ || drain_posted_) return;
  drain_posted_ = true;
  loop_.post([this] {
    drain_posted_ = false;
    drain();
  });
}

void shard::drain() {
  running_ = true;
  // Handlers append while this runs.
  for (std::size_t i = 0; i < queue_.size(); ++i) run(queue_[i]);
  queue_.clear();
  running_ = false;
}

void shard::run(caf::resumable* r) {
  switch (r->resume(this, throughput)) {
    case caf::resumable::resume_later: queue_.push_back(r); break;
    case caf::resumable::awaiting_message:
    case caf::resumable::done:
    case caf::resumable::shutdown_execution_unit: caf::intrusive_ptr_release(r); break;
  }
}

void shard::enlist(shard_actor& a) {
  const std::lock_guard guard(residents_lock_);
  residents_.insert(&a);
}

void shard::delist(shard_actor& a) noexcept {
  const std::lock_guard guard(residents_lock_);
  residents_.erase(&a);
}

void shard::with_actors(const std::function<void(const resident_set&)>& f) {
  const std::lock_guard guard(residents_lock_);
  f(residents_);
}

std::int64_t coarse_now_ms() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

shard_actor::shard_actor(caf::actor_config& cfg, shard& home) : caf::event_based_actor(cfg), home_(home) {
  activity_.began_ms = activity_.active_ms = coarse_now_ms();
}

caf::resumable::resume_result shard_actor::resume(caf::execution_unit* unit, std::size_t messages_max) {
  activity_.active_ms = coarse_now_ms();
  // Not before it is a whole object on its own thread.
  if (!std::exchange(enlisted_, true)) home_.enlist(*this);
  return caf::event_based_actor::resume(unit, messages_max);
}

bool shard_actor::cleanup(caf::error&& why, caf::execution_unit* unit) {
  home_.delist(*this);
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
