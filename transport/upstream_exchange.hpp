#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "transport/http_client.hpp"
#include "transport/loop.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/sse_parser.hpp"
#include "transport/upstream_link.hpp"
#include "transport/upstream_site.hpp"

namespace holdfast::transport {

/// Who keeps the exchanges of a loop.
class exchange_owner {
 public:
  virtual ~exchange_owner() = default;

  /// The exchange is over; its last event follows. It may be let go.
  virtual void on_exchange_over(std::uint64_t id) = 0;

  /// The request timed out; the upstream has not been told.
  virtual void on_exchange_timeout(std::uint64_t id) = 0;

  /// The upstream no longer knows the session.
  virtual void on_session_lost(failure why) = 0;
};

/// One request over Streamable HTTP: a POST, its answer as JSON or as an event stream, and the resumption of that
/// stream by GET with Last-Event-ID where it ends early. Its loop's thread only.
class upstream_exchange final : public http_receiver, public std::enable_shared_from_this<upstream_exchange> {
 public:
  upstream_exchange(loop& on, std::shared_ptr<const upstream_site> site, std::shared_ptr<http_pool> pool,
                    std::size_t message_bytes_max, std::shared_ptr<exchange_owner> owner);

  void start(upstream_request r, std::shared_ptr<upstream_events> events);

  /// Instead of `start`: reads on behind an event of the stream that answers a request sent earlier.
  void start_after(const std::string& last_event_id, const upstream_request& r,
                   std::shared_ptr<upstream_events> events);

  /// Drops everything quietly; the owner is not called either.
  void abandon();

  /// A message that did not come on this request's own stream.
  void deliver(std::string json) { events_->on_message(std::move(json)); }

  /// Ends the exchange from outside. Not from within `upstream_link::request`.
  void fail(failure why);

  /// Of the answer to the POST; for `initialize`. 0 before it came.
  int status() const noexcept { return status_; }
  const std::string& session_id() const noexcept { return session_id_; }

 private:
  enum class state {
    posted,    ///< nothing of the answer is known
    json,      ///< collecting the answer
    refusal,   ///< collecting the JSON body of an error status
    stream,    ///< reading events
    waiting,   ///< the stream ended early; the next one is not asked for yet
    resuming,  ///< asked for
    draining,  ///< answered; the rest of the stream is read so that the connection can be used again
    over,
  };

  void on_head(const client_response_head& head) override;
  void on_body(std::string_view bytes) override;
  void on_end() override;
  void on_failed(failure why) override;

  void begin(const upstream_request& r, std::shared_ptr<upstream_events> events);
  void on_first_head(const client_response_head& head);
  void on_resumed_head(const client_response_head& head);
  void open_stream();
  void collect(std::string_view bytes);
  void read_stream(std::string_view bytes);
  void on_event(const sse_event& e);
  void on_stream_message(std::string_view json);
  void on_stream_end();
  void finish_json();
  void finish_refusal();
  bool adopt_error(const mcp::envelope& message);
  void resume();
  void answer(std::string json);
  std::shared_ptr<upstream_events> end();
  failure lost(std::string detail) const;

  loop& loop_;
  const std::shared_ptr<const upstream_site> site_;
  const std::shared_ptr<http_pool> pool_;
  const std::size_t message_bytes_max_;
  std::shared_ptr<exchange_owner> owner_;
  std::shared_ptr<upstream_events> events_;
  std::uint64_t id_ = 0;
  state state_ = state::posted;
  int status_ = 0;
  std::string session_id_, body_, last_event_id_;
  std::optional<sse_parser> parser_;
  std::chrono::milliseconds retry_;
  int fruitless_ = 0;
  std::error_code odd_;  ///< what was wrong with messages that were passed over
  loop::timer deadline_ = 0, pause_ = 0;
};

}  // namespace holdfast::transport
