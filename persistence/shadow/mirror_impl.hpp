#pragma once

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "persistence/shadow/change.hpp"
#include "persistence/shadow/copyist_impl.hpp"
#include "persistence/shadow_store.hpp"

namespace holdfast::persistence::shadow {

/// Brings what it is told to the shadow, on a thread of its own: in order within a slot, some slots at a time.
/// Thread-safe.
class mirror {
 public:
  /// Both stores must outlive it.
  mirror(store& primary, store& shadow, const shadow_limits& limits);
  mirror(const mirror&) = delete;
  mirror& operator=(const mirror&) = delete;

  /// Waits for the writes told so far, but no longer than the limit.
  ~mirror();

  /// Says that the primary is about to be asked for a write to this slot. Until what is returned is gone, it may have
  /// taken one that was not told yet.
  std::shared_ptr<void> expect(std::uint16_t slot);

  /// Never waits. A write that finds no room is missed and counts as a difference, a comparison is left out.
  void tell(change c);

  std::uint64_t differences() const noexcept { return differences_; }

 private:
  struct item {
    change what;
    std::size_t bytes = 0;  // 0 = follows from another change, and is not counted as waiting
  };
  struct chain {
    std::list<item> items;  // unlike a deque, takes no memory while empty
    bool known = false;     // runs, or stands in `ready_`
  };

  bool admit(const change& c, std::size_t bytes);
  void run();
  void push(item i);
  void look_again(looked_at c);
  void start_chains();
  boost::asio::awaitable<void> follow(std::uint16_t slot);
  void finish(std::size_t bytes);

  store& primary_;
  store& shadow_;
  const shadow_limits limits_;
  std::atomic<std::uint64_t> differences_ = 0;

  using counts = std::array<std::atomic<std::uint32_t>, slot_count>;
  const std::shared_ptr<counts> expected_ = std::make_shared<counts>();  // outlived by writes that are never answered

  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t waiting_ = 0;
  std::size_t bytes_ = 0;

  // The thread's own.
  copyist* copyist_ = nullptr;
  std::vector<chain> chains_;
  std::deque<std::uint16_t> ready_;
  std::size_t running_ = 0;
  std::size_t looks_ = 0;

  boost::asio::io_context io_{1};
  std::thread thread_;
};

}  // namespace holdfast::persistence::shadow
