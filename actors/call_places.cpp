#include "actors/call_places.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::actors {

call_places::place::~place() {
  if (const auto of = of_.lock()) of->leave(seat_);
}

bool call_places::place::is_taken() const {
  const auto of = of_.lock();
  if (!of) return false;
  const std::lock_guard guard(of->lock_);
  return seat_->is_taken;
}

std::unique_ptr<call_places::place> call_places::enter(std::function<void()> taken) {
  auto s = std::make_shared<seat>();
  {
    const std::lock_guard guard(lock_);
    if (max_ == 0 || taken_ < max_) {
      s->is_taken = true;
      ++taken_;
    } else if (waiting_.size() < queue_max_) {
      s->taken = std::move(taken);
      waiting_.push_back(s);
    } else {
      return nullptr;
    }
  }
  return std::make_unique<place>(weak_from_this(), std::move(s));
}

void call_places::leave(const std::shared_ptr<seat>& s) {
  std::function<void()> tell;
  {
    const std::lock_guard guard(lock_);
    if (!s->is_taken) {
      std::erase(waiting_, s);
      return;
    }
    if (waiting_.empty()) {
      --taken_;
      return;
    }
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next->is_taken = true;
    tell = std::exchange(next->taken, nullptr);
  }
  tell();
}

call_places::counts call_places::count() const {
  const std::lock_guard guard(lock_);
  return {taken_, waiting_.size()};
}

}  // namespace holdfast::actors
