#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "actors/messages.hpp"
#include "actors/node_config.hpp"
#include "persistence/replay_log.hpp"
#include "transport/mcp/revision.hpp"

namespace holdfast::actors {

/// The event streams of one session: number 0 is its own stream (GET), every other belongs to one POST. A stream
/// outlives its connections: what it sent is kept, within limits, and can be resumed by event id
/// (`<stream>-<position>`). Used by the session's actor only.
class event_streams {
 public:
  using clock = std::chrono::steady_clock;
  /// Called when the connection behind an attachment of a stream has ended. Any time but from within a member here.
  using closed = std::function<void(std::uint32_t stream, std::uint64_t attachment)>;

  /// `session` is the session's id. With `plain`, events carry no ids and nothing can be resumed (the older SSE
  /// transport).
  event_streams(const session_limits& limits, std::string_view session, mcp::revision revision, bool plain,
                closed on_closed);

  /// The first event of the older SSE transport: where to POST messages.
  void send_endpoint(std::string_view uri);

  /// Turns a POST into a stream and returns its number.
  std::uint32_t open(exchange_ptr exchange);

  /// Sends a message on a stream; kept for later where no connection is attached. `json` may hold raw line ends.
  void send(std::uint32_t stream, std::string_view json);

  /// The stream has said everything. Its connection ends; it can be resumed for `replay_age_max`.
  void finish(std::uint32_t stream);

  /// Nothing more will be said on the stream, not even a response: its request was cancelled. The connection is left to
  /// the client, which would otherwise come back for the response again and again.
  void abandon(std::uint32_t stream);

  /// The session's own stream: the first connection gets the events, further ones are shadows that are only kept open
  /// and take over when the first has gone.
  void attach_own(exchange_ptr exchange);

  /// Continues a stream after an event id. False: the id is none of ours, or events after it are gone; `exchange` is
  /// untouched then.
  bool resume(exchange_ptr& exchange, std::string_view last_event_id);

  /// The connection of this attachment has gone. True if it was the main one of the session's own stream.
  bool detached(std::uint32_t stream, std::uint64_t attachment);

  /// Keep-alive comments, closing by age, forgetting of finished streams. Returns when to call again.
  clock::time_point tick(clock::time_point now);

  /// Ends all connections, with a last reconnection hint where the revision has one.
  void end_all();

  bool own_attached() const noexcept { return own_.exchange != nullptr; }
  bool any_attached() const noexcept;
  std::size_t size() const noexcept { return others_.size() + 1; }

 private:
  struct attachment {
    std::uint64_t number;
    exchange_ptr exchange;
    clock::time_point written_at;
  };
  struct stream {
    std::uint32_t number = 0;
    persistence::replay_log log;
    exchange_ptr exchange;  // null while no connection is attached
    std::uint64_t attachment = 0;
    std::uint64_t delivered = 0;  // the last position written to some connection
    clock::time_point attached_at, written_at, finished_at;
    bool finished = false;
  };

  stream* find(std::uint32_t number);
  void attach(stream& s, exchange_ptr exchange, std::uint64_t after);
  void release(stream& s);
  void close_with_hint(stream& s);
  void write(stream& s, std::uint64_t position, std::string_view event);
  void watch(std::uint32_t stream, std::uint64_t attachment, transport::http_exchange& exchange);
  void make_room();
  std::string id_line(std::uint32_t stream, std::uint64_t position) const;
  bool primes() const noexcept { return !plain_ && revision_ >= mcp::revision::r2025_11_25; }
  persistence::replay_log::limits log_limits() const { return {limits_.replay_events_max, limits_.replay_bytes_max}; }

  const session_limits& limits_;
  std::uint32_t tag_;
  mcp::revision revision_;
  bool plain_;
  closed on_closed_;
  stream own_;
  std::list<stream> others_;       // by rising number
  std::list<attachment> shadows_;  // of the session's own stream, oldest first
  std::uint32_t last_stream_ = 0;
  std::uint64_t last_attachment_ = 0;
};

}  // namespace holdfast::actors
