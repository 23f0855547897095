#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "transport/loop.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::transport {

/// The requests in flight on a connection whose answers all come over one channel, found again by their ids. Requests
/// are made on any loop; their events are called on that loop only, and never from within a member called on it by
/// `add` or `fail`. Thread-safe; the loops outlive it.
class pending_calls : public std::enable_shared_from_this<pending_calls> {
 public:
  explicit pending_calls(std::size_t in_flight_max) : in_flight_max_(in_flight_max) {}

  /// Takes up a request on the calling loop. `on_timeout` runs there once `timeout` has passed (0: never), after the
  /// events got `timed_out`. False if it was refused, which the events are told.
  bool add(std::uint64_t id, std::chrono::milliseconds timeout, std::shared_ptr<upstream_events> events,
           std::function<void()> on_timeout);

  /// Must be called on the loop that made the request.
  void forget(std::uint64_t id);

  /// False if no such request is in flight.
  bool answer(std::uint64_t id, std::string json);
  bool message(std::uint64_t id, std::string json);
  bool fail(std::uint64_t id, failure why);

  /// The id of the request in flight if there is exactly one.
  std::optional<std::uint64_t> only_one() const;

  /// Fails everything in flight and everything that comes later, then runs `then` on `home`. Only the first call
  /// counts.
  void shut(const failure& why, loop& home, std::function<void()> then);

  std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

 private:
  /// `events` and `timer` belong to the caller's loop. Once settled, the last event is on its way there; the call stays
  /// in the table until then, so that it can still be forgotten.
  struct call {
    std::uint64_t id;
    loop* caller;
    std::shared_ptr<upstream_events> events;
    loop::timer timer = 0;
    std::atomic<std::size_t> backlog{0};  ///< messages posted to the caller's loop and not yet taken there
    bool settled = false;                 ///< under the mutex
  };
  using call_ptr = std::shared_ptr<call>;

  call_ptr settle(std::uint64_t id);
  call_ptr find(std::uint64_t id) const;
  std::shared_ptr<upstream_events> finish(call& c);
  void fail_later(call_ptr c, failure why);
  void on_timer(std::uint64_t id, const std::function<void()>& then);

  const std::size_t in_flight_max_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, call_ptr> calls_;
  std::optional<failure> shut_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace holdfast::transport
