#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "actors/growing.hpp"
#include "actors/machines/execution.hpp"
#include "actors/metrics/duration_histogram.hpp"
#include "transport/counter.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/revision.hpp"

/// What the shards count while they work. Each shard has counters of its own, which its thread alone changes: counting
/// takes no lock, shares no cache line and allocates nothing. They are summed up when somebody asks for the metrics.
namespace holdfast::actors::metrics {

using transport::counter;
using transport::latency_histogram;

/// How a client's request ended.
enum class request_outcome : std::uint8_t {
  ok,
  tool_error,  ///< a result with `isError`
  error,       ///< a JSON-RPC error
  cancelled,
  repeated,     ///< the client sent it again and got the answer it had missed
  unavailable,  ///< 503: what had to be durable first was not
};
inline constexpr std::size_t request_outcomes = 6;

/// Places for the requests that the protocol has, one for those of a batch, and one for all that a client makes up.
inline constexpr std::size_t batch_place = 0, other_place = static_cast<std::size_t>(mcp::method::server_discover) + 1;
inline constexpr std::size_t methods = other_place + 1;
inline constexpr std::size_t revisions = static_cast<std::size_t>(mcp::newest_legacy) + 1;
constexpr std::size_t place_of(mcp::method m) noexcept {
  static_assert(static_cast<std::size_t>(mcp::method::none) == batch_place);
  return std::min(static_cast<std::size_t>(m), other_place);
}

/// Requests of clients. `method::none` stands for those that came in a batch.
struct request_counters {
  std::array<std::array<std::array<counter, revisions>, request_outcomes>, methods> ended;
  std::array<latency_histogram, methods> took;

  void end(mcp::method m, request_outcome how, mcp::revision r, std::chrono::nanoseconds after) noexcept {
    const auto method = place_of(m);
    ended[method][static_cast<std::size_t>(how)][static_cast<std::size_t>(r)].add();
    took[method].add(after);
  }
};

/// Tool calls, by the states of their machine.
struct execution_counters {
  static constexpr std::size_t states = std::variant_size_v<machines::execution::state>;
  std::array<counter, states> now;    ///< in each state; nothing is kept of the final ones
  std::array<counter, states> ended;  ///< of the final ones
  duration_histogram took;
  counter taken_up, sent_again;  ///< of those that were open when their session came back

  static constexpr std::size_t before_all = 0;  ///< idle: nobody counts it
  static bool ends(std::size_t state) noexcept { return state >= 5; }

  /// By their places in `machines::execution::state`. Where nothing changes, nothing is counted.
  void step(std::size_t from, std::size_t to) noexcept {
    if (from == to) return;
    leave(from);
    if (to != before_all) (ends(to) ? ended : now)[to].add();
  }
  /// One that is gone, or goes on elsewhere.
  void leave(std::size_t state) noexcept {
    if (state != before_all && !ends(state)) now[state].take();
  }
};

struct session_counters {
  counter opened, ended, passivated, recovered, moved, lost, refused;
};

struct commit_counters {
  counter durable, fenced, out_of_step, failed;
  latency_histogram took;
};

/// Of one upstream.
struct upstream_counters {
  /// Calls: a result, a JSON-RPC error, no answer, none in time, given up by the client, and not sent at all.
  counter answered, refused, failed, timed_out, cancelled, unavailable;
  latency_histogram took;            ///< of those that were sent
  counter opened, not_opened, lost;  ///< connections
};

/// Of the shard that the roster lives on.
struct cluster_counters {
  counter declared_dead, was_declared_dead, was_starved, takeovers, slots_taken, slots_given;
  latency_histogram takeover_took;  ///< from the last sign of life of the one who is gone
};

/// Spans of traces, and what became of them: taken by the collector, too many at once, not taken.
struct span_counters {
  counter sent, dropped, failed;
};

enum class actor_kind : std::uint8_t { session, upstream, ingress, peer_ingress, catalogue, roster, admin };
inline constexpr std::size_t actor_kinds = 7;

struct alignas(64) shard_counters {
  request_counters requests;
  execution_counters executions;
  session_counters sessions;
  commit_counters commits;
  cluster_counters cluster;
  span_counters spans;
  duration_histogram other_calls;          ///< how long those took that are no tool calls
  counter relayed, relayed_again;          ///< requests sent on to other nodes; the same again, as that one was gone
  counter events, event_bytes;             ///< kept for event streams, now
  counter messages;                        ///< handled by actors
  transport::log_histogram<0, 9> mailbox;  ///< how many of them an actor found in its turn
  counter delay_ns;                        ///< how long the last probe waited for this thread
  transport::http_counters clients, peers, admin;
  growing<upstream_counters> upstreams;                         ///< as in `node_context::upstreams`
  std::array<std::atomic<std::int64_t>, actor_kinds> actors{};  ///< alive now; begun by any thread
};

}  // namespace holdfast::actors::metrics
