#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "transport/http_client.hpp"
#include "transport/loop.hpp"
#include "transport/upstream_site.hpp"

namespace holdfast::transport {

/// Sends a request of whose answer only the status counts. `done` runs once, never from within this call; `timed_out`
/// if there is no complete answer within `limit`. Its loop's thread only.
void send_for_status(loop& on, std::shared_ptr<http_pool> pool, http_request_out request,
                     std::chrono::milliseconds limit, std::function<void(outcome<int>)> done);

/// Posts messages that have no answer one after another, so that they arrive in order. Its loop's thread only.
class post_queue : public std::enable_shared_from_this<post_queue> {
 public:
  /// `on_status` is told the outcome of each.
  post_queue(loop& on, std::shared_ptr<const upstream_site> site, std::shared_ptr<http_pool> pool,
             std::size_t bytes_max, std::function<void(const outcome<int>&)> on_status);

  /// False if the queue is at its limit.
  bool push(std::string json);

  /// Drops what waits and calls `on_status` no more.
  void clear();

 private:
  void next();

  loop& loop_;
  const std::shared_ptr<const upstream_site> site_;
  const std::shared_ptr<http_pool> pool_;
  const std::size_t bytes_max_;
  std::function<void(const outcome<int>&)> on_status_;
  std::deque<std::string> waiting_;
  std::size_t bytes_ = 0;
  bool busy_ = false;
};

}  // namespace holdfast::transport
