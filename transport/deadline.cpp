#include "transport/deadline.hpp"

#include <utility>

namespace holdfast::transport {

deadline::deadline(loop& on, std::function<void()> reached) : on_(on), reached_(std::move(reached)) {}

void deadline::stop() {
  at_ = never;
  if (armed_ != 0) on_.cancel(std::exchange(armed_, 0));
}

void deadline::set(std::chrono::milliseconds from_now) {
  const auto now = clock::now();
  at_ = now + from_now;
  if (armed_ != 0 && armed_for_ <= at_) return;
  if (armed_ != 0) on_.cancel(armed_);
  arm(now);
}

void deadline::arm(clock::time_point now) {
  armed_for_ = at_;
  armed_ = on_.after(std::chrono::ceil<std::chrono::milliseconds>(at_ - now), [this] { fired(); });
}

void deadline::fired() {
  armed_ = 0;
  if (at_ == never) return;
  if (const auto now = clock::now(); now < at_) return arm(now);
  at_ = never;
  reached_();
}

}  // namespace holdfast::transport
