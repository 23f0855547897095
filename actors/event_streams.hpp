#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/event_keeper.hpp"
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
  /// transport). Without a `keeper`, which outlives this, nothing is durable and everything goes out at once.
  event_streams(const session_limits& limits, std::string_view session, mcp::revision revision, bool plain,
                closed on_closed, event_keeper* keeper = nullptr);

  /// All records up to this number are durable: what they hold goes out.
  void settle(std::uint64_t record);

  /// All records that are durable and still of use, by their numbers: what `restore` would need.
  std::vector<std::pair<std::uint64_t, std::string>> records() const;

  /// Takes over what an earlier keeper took, in the order of the numbers, before anything else is called.
  void restore(std::uint64_t record, std::string_view bytes);

  /// The first event of the older SSE transport: where to POST messages.
  void send_endpoint(std::string_view uri);

  /// Turns a POST into a stream and returns its number. `exchange` may be null: nobody is connected yet.
  std::uint32_t open(exchange_ptr exchange);
  /// Sends a message on a stream; kept for later where no connection is attached. `json` may hold raw line ends. After
  /// the `last` one the stream is finished.
  void send(std::uint32_t stream, std::string_view json, bool last = false);

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

  bool is_open(std::uint32_t stream) const noexcept;  ///< it exists and has not said everything
  bool is_attached(std::uint32_t stream) const noexcept;
  bool has_begun(std::uint32_t stream) const noexcept;  ///< a client has seen something of it, be it the head alone
  std::vector<std::uint32_t> open_ones() const;         ///< have not said everything; without the session's own

  /// Continues an open or finished stream from its beginning. False: there is no such stream, or it has lost events.
  bool retell(exchange_ptr& exchange, std::uint32_t stream);

  /// The connections that have got nothing yet, not even a head, because of what is not durable. The streams stay.
  std::vector<std::pair<std::uint32_t, exchange_ptr>> take_unanswered();

  /// The connection of this attachment has gone. True if it was the main one of the session's own stream.
  bool detached(std::uint32_t stream, std::uint64_t attachment);

  /// Keep-alive comments, closing by age, forgetting of finished streams. Returns when to call again.
  clock::time_point tick(clock::time_point now);

  /// Ends all connections, with a last reconnection hint where the revision has one.
  void end_all();
  bool own_attached() const noexcept { return own_.exchange != nullptr; }
  bool any_attached() const noexcept;
  std::size_t size() const noexcept { return others_.size() + 1; }
  kept_events kept() const noexcept;

 private:
  friend struct session_inspection;
  struct attachment {
    std::uint64_t number;
    exchange_ptr exchange;
    clock::time_point written_at;
  };
  struct stream {
    std::uint32_t number = 0;
    persistence::replay_log log;   // what is durable
    std::uint64_t last = 0;        // the newest position given out, durable or not
    std::uint64_t last_event = 0;  // the newest one of an event
    std::uint64_t record = 0;      // the newest record that is durable
    std::uint64_t begun = 0;       // the oldest one that there was
    exchange_ptr exchange;         // null while no connection is attached
    bool opened = false;           // its head has gone out
    std::uint64_t after = 0;       // the position that `exchange` continues from
    std::uint64_t attachment = 0;
    std::uint64_t delivered = 0;  // the last position written to some connection
    clock::time_point attached_at, written_at, finished_at;
    bool said_all = false;  // nothing more will be sent
    bool finished = false;  // and that is durable
  };
  using entry = event_record;
  using kind = event_record::kind;
  std::string record_of(const entry& e, bool delivered) const;
  stream* find(std::uint32_t number);
  const stream* find(std::uint32_t number) const;
  void note(stream& s, kind what, std::string_view json, bool last);
  void apply(entry e);
  void attach(stream& s, exchange_ptr exchange, std::uint64_t after);
  void begin_answer(stream& s, std::uint64_t marker);
  void release(stream& s);
  void end(stream& s);
  void close_with_hint(stream& s);
  void write(stream& s, std::uint64_t position, std::string_view event);
  void watch(std::uint32_t stream, std::uint64_t attachment, transport::http_exchange& exchange);
  void replay_all(const stream& s, std::uint64_t after, exchange_ptr& exchange) const;
  void make_room();
  void drop_records();
  std::string event_text(const stream& s, std::uint64_t position, std::string_view json) const;
  std::string id_line(std::uint32_t stream, std::uint64_t position) const;
  bool primes() const noexcept { return !plain_ && revision_ >= mcp::revision::r2025_11_25; }
  persistence::replay_log::limits log_limits() const { return {limits_.replay_events_max, limits_.replay_bytes_max}; }

  const session_limits& limits_;
  std::uint32_t tag_, last_stream_ = 0;
  mcp::revision revision_;
  bool plain_;
  closed on_closed_;
  event_keeper* keeper_;
  std::deque<entry> unsettled_;
  std::uint64_t last_record_ = 0, kept_from_ = 0, last_attachment_ = 0;
  stream own_;
  std::list<stream> others_;       // by rising number
  std::list<attachment> shadows_;  // of the session's own stream, oldest first
};

}  // namespace holdfast::actors
