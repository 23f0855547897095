#pragma once

#include <memory>
#include <optional>
#include <string>

#include "transport/http_client.hpp"
#include "transport/sse_parser.hpp"

namespace holdfast::transport {

/// What an event stream asked for by GET brings. Never called from within `event_stream::open`.
class event_stream_events {
 public:
  virtual ~event_stream_events() = default;

  virtual void on_stream_open() = 0;
  virtual void on_stream_event(const sse_event& e) = 0;

  /// The last call. `status` is that of the answer, 0 if none came. `closed`: it was open and has ended.
  virtual void on_stream_over(failure why, int status) = 0;
};

/// One GET for `text/event-stream`. Its loop's thread only.
class event_stream final : public http_receiver, public std::enable_shared_from_this<event_stream> {
 public:
  /// `events` outlives the stream or is cleared by `cancel`.
  event_stream(std::shared_ptr<http_pool> pool, std::size_t event_bytes_max, event_stream_events& events)
      : pool_(std::move(pool)), parser_(event_bytes_max), events_(&events) {}

  void open(http_request_out request) { pool_->send(std::move(request), shared_from_this()); }

  /// Ends it without a word.
  void cancel();

  /// The last `retry` field, in milliseconds.
  std::optional<unsigned> retry_ms() const noexcept { return parser_.retry_ms(); }

 private:
  void on_head(const client_response_head& head) override;
  void on_body(std::string_view bytes) override;
  void on_end() override;
  void on_failed(failure why) override;
  void over(failure why);

  const std::shared_ptr<http_pool> pool_;
  sse_parser parser_;
  event_stream_events* events_;
  int status_ = 0;
};

}  // namespace holdfast::transport
