#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport/loop.hpp"
#include "transport/upstream_connection.hpp"
#include "transport/upstream_link.hpp"
#include "transport/upstream_site.hpp"

namespace holdfast::transport {

class http_lane;

/// The link of a Streamable HTTP session: each loop sends its requests over its own connections, so that a call never
/// crosses threads. Thread-safe; the loops outlive it.
class http_link final : public upstream_link {
 public:
  /// `on_lost` runs on any loop, once or more, when the upstream has answered that it does not know the session.
  http_link(std::shared_ptr<const upstream_site> site, upstream_limits limits,
            std::function<void(const failure&)> on_lost);
  ~http_link() override;

  void request(upstream_request r, std::shared_ptr<upstream_events> events) override;
  bool resume(upstream_request r, const std::string& last_event_id, std::shared_ptr<upstream_events> events) override;
  upstream_session session() const override;
  void send(std::string json) override;
  void forget(std::uint64_t id) override;
  std::size_t in_flight() const noexcept override { return in_flight_->load(std::memory_order_relaxed); }

  /// What `session` tells beside the ids. Any thread.
  void set_initialize_result(std::string raw);
  void note_event(const std::string& id);

  /// A progress notification that did not come on its request's own stream. Any thread.
  void progress(std::uint64_t id, const std::string& json);

  /// Fails everything in flight and everything that comes later, then runs `then` on `home`. Only the first call
  /// counts. After `session_lost` what is in flight goes on: it may have been processed. Any thread.
  void shut(const failure& why, loop& home, std::function<void()> then);

 private:
  std::pair<std::shared_ptr<http_lane>, std::optional<failure>> lane_here();
  void begin(upstream_request r, const std::string& last_event_id, std::shared_ptr<upstream_events> events);

  const std::shared_ptr<const upstream_site> site_;
  const upstream_limits limits_;
  const std::function<void(const failure&)> on_lost_;
  const std::shared_ptr<std::atomic<std::size_t>> in_flight_;
  mutable std::mutex mutex_;
  std::vector<std::pair<loop*, std::shared_ptr<http_lane>>> lanes_;
  std::optional<failure> shut_;
  std::string last_event_id_, initialize_result_;
};

}  // namespace holdfast::transport
