#include "actors/shard.hpp"

#include <caf/resumable.hpp>

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
  const auto before = counters_->messages.value();
  const auto how = r->resume(this, throughput);
  if (const auto found = counters_->messages.value() - before; found > 0) counters_->mailbox.add(found);
  switch (how) {
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

}  // namespace holdfast::actors
