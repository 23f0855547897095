#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "transport/errc.hpp"
#include "transport/result.hpp"

namespace holdfast::transport {

/// What a request fails with that comes to a link whose connection has gone.
inline failure never_sent(const failure& gone) {
  return {make_error_code(errc::session_lost), gone.code.message() + (gone.detail.empty() ? "" : ": " + gone.detail)};
}

/// What comes back for one request, on the loop that made it and never from within `upstream_link::request`:
/// any number of `on_message`, then exactly one of the other two.
class upstream_events {
 public:
  virtual ~upstream_events() = default;

  /// A notification or a server request that belongs to this request, whole.
  virtual void on_message(std::string json) = 0;

  /// The JSON-RPC response (a result or an error), whole, with the id of the request.
  virtual void on_answer(std::string json) = 0;

  /// An event of the request's stream carried this id: from there `upstream_link::resume` can take it up again. Comes
  /// before what the event held.
  virtual void on_event_id(std::string_view) {}

  /// No response will come. `session_lost`: the request was not processed, or not even sent because the connection of
  /// the link had gone, and may be sent again on a new link.
  virtual void on_failed(failure why) = 0;
};

struct upstream_request {
  std::uint64_t id = 0;                  ///< from `next_id`; also used as progress token
  std::string body;                      ///< the whole JSON-RPC request, carrying `id`
  std::chrono::milliseconds timeout{0};  ///< from sending to the response; progress does not extend it; 0 = none
  std::string traceparent = {};          ///< sent as header where there is one; empty = none
};

/// A session at an upstream, as far as another process needs to know it to go on with it. No id: it cannot.
struct upstream_session {
  std::string id;
  std::string revision;           ///< negotiated
  std::string last_event_id;      ///< of the stream that belongs to no request; empty = none yet
  std::string initialize_result;  ///< raw
};

/// The data path of a negotiated connection to one upstream server. Thread-safe: any loop thread may call it; it stays
/// valid (and fails every request) after its connection has gone.
class upstream_link {
 public:
  virtual ~upstream_link() = default;

  /// A request id that is unique on this link.
  std::uint64_t next_id() noexcept { return next_id_.fetch_add(1, std::memory_order_relaxed); }

  /// Sends a request. Must be called on a loop thread. When it times out, the upstream is sent
  /// `notifications/cancelled` and `events` gets `timed_out`.
  virtual void request(upstream_request r, std::shared_ptr<upstream_events> events) = 0;

  /// Takes up a request that was sent in the same upstream session, maybe by another process, after the last event seen
  /// of its stream; `body` is not used. False: this link cannot, and `events` is not called.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): what overrides it takes them over
  virtual bool resume(upstream_request, const std::string& /*last_event_id*/, std::shared_ptr<upstream_events>) {
    return false;
  }

  /// The session it belongs to.
  virtual upstream_session session() const { return {}; }

  /// Sends a notification, or the answer to a server request; whole message. Delivery is not reported.
  virtual void send(std::string json) = 0;

  /// Drops interest in a request: its events are not called again. Sends nothing by itself.
  /// Must be called on the loop that made the request.
  virtual void forget(std::uint64_t id) = 0;

  /// Requests sent and not yet answered, forgotten or failed.
  virtual std::size_t in_flight() const noexcept = 0;

 private:
  std::atomic<std::uint64_t> next_id_{1};
};

}  // namespace holdfast::transport
