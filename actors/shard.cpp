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
  switch (r->resume(this, throughput)) {
    case caf::resumable::resume_later: queue_.push_back(r); break;
    case caf::resumable::awaiting_message:
    case caf::resumable::done:
    case caf::resumable::shutdown_execution_unit: caf::intrusive_ptr_release(r); break;
  }
}

}  // namespace holdfast::actors
