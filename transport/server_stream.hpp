#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "transport/event_stream.hpp"
#include "transport/loop.hpp"
#include "transport/upstream_site.hpp"

namespace holdfast::transport {

/// The stream on which a Streamable HTTP server sends what belongs to no request. Asked for again whenever it ends,
/// with Last-Event-ID, after the server's `retry` time; ever more slowly while that brings nothing. Its loop's thread
/// only.
class server_stream final : public event_stream_events, public std::enable_shared_from_this<server_stream> {
 public:
  struct callbacks {
    std::function<void(std::string_view json)> message;
    std::function<void(const std::string& id)> event_id;  ///< of each event that has one
    std::function<void()> settled;                        ///< once: the stream is open, or is not to be had for now
    std::function<void(failure)> session_lost;
  };

  server_stream(loop& on, std::shared_ptr<const upstream_site> site, std::shared_ptr<http_pool> pool,
                std::size_t event_bytes_max, callbacks to);

  /// Continues behind an event of an earlier stream, unless `after` is empty.
  void start(const std::string& after = {});

  /// Ends it; the callbacks are not called again.
  void stop();

 private:
  void on_stream_open() override;
  void on_stream_event(const sse_event& e) override;
  void on_stream_over(failure why, int status) override;
  void settle();
  std::chrono::milliseconds next_pause();

  loop& loop_;
  const std::shared_ptr<const upstream_site> site_;
  const std::shared_ptr<http_pool> pool_;
  const std::size_t event_bytes_max_;
  callbacks to_;
  std::shared_ptr<event_stream> stream_;
  std::string last_event_id_;
  std::chrono::milliseconds retry_;
  loop::timer pause_ = 0;
  unsigned fruitless_ = 0;
  std::chrono::steady_clock::time_point opened_{};
  bool stopped_ = false;
};

}  // namespace holdfast::transport
