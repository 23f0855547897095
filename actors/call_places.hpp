#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace holdfast::actors {

/// How many calls an upstream is given at once by this node, and how many more wait for that, first come first served.
/// Any thread.
class call_places : public std::enable_shared_from_this<call_places> {
  struct seat;

 public:
  /// `max` 0: as many as there are.
  call_places(std::size_t max, std::size_t queue_max) : max_(max), queue_max_(queue_max) {}

  bool unlimited() const noexcept { return max_ == 0; }

  /// A place, or one in the queue; given back when it is destroyed.
  class place {
   public:
    place(std::weak_ptr<call_places> of, std::shared_ptr<seat> s) : of_(std::move(of)), seat_(std::move(s)) {}
    ~place();
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    bool is_taken() const;  ///< else it waits

   private:
    std::weak_ptr<call_places> of_;
    std::shared_ptr<seat> seat_;
  };

  /// Null if the queue is full, too. `taken` runs on any thread when a place that has waited is taken.
  std::unique_ptr<place> enter(std::function<void()> taken);

  struct counts {
    std::size_t taken = 0, waiting = 0;
  };
  counts count() const;

 private:
  struct seat {
    bool is_taken = false;
    std::function<void()> taken;
  };
  void leave(const std::shared_ptr<seat>& s);

  const std::size_t max_, queue_max_;
  mutable std::mutex lock_;  // of what follows, and of all seats
  std::size_t taken_ = 0;
  std::deque<std::shared_ptr<seat>> waiting_;
};

}  // namespace holdfast::actors
