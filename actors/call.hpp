#pragma once

#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/cache_config.hpp"
#include "actors/call_places.hpp"
#include "actors/circuit_keeper.hpp"
#include "actors/machines/execution.hpp"
#include "actors/messages.hpp"
#include "actors/shard.hpp"
#include "actors/tracing/span.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::actors {

/// One HTTP POST that carries requests, or one message of the older SSE transport. Its answers go out as JSON while
/// nothing but answers came up and nothing took long, else as an event stream.
struct post {
  exchange_ptr exchange;      ///< null once answered or turned into a stream, and for the older SSE transport
  std::uint32_t stream = 0;   ///< the event stream it has become; 0 = none (or the session's own one)
  std::size_t open = 0;       ///< requests without an answer
  std::size_t answering = 0;  ///< of these, whose answers wait for what they tell to be durable
  bool batch = false;
  std::vector<std::string> answers;  ///< of a batch, until all are there
  transport::loop::timer timer = 0;  ///< turns it into a stream
  std::uint64_t connection = 0;      ///< that it came over, see `http_exchange::connection`
  bool relayed = false;              ///< by another node: what has left may not have reached the client
  bool repeated = false;             ///< another node had it, and may have carried it out
  /// A relayed one was sent by its client then, at the earliest; see `request_age`.
  std::chrono::steady_clock::time_point came = std::chrono::steady_clock::time_point::max();
  bool watched = false;                              ///< the loss of its connection will be told
  mcp::method what = mcp::method::none;              ///< of its request; none for a batch
  std::chrono::steady_clock::time_point began = {};  ///< when it came
};
using post_ptr = std::shared_ptr<post>;

class cache_lead;

/// What a call whose results are kept has to do with the cache.
struct cached_call {
  std::shared_ptr<const tool_cache> what;
  std::string key;
  std::shared_ptr<cache_lead> lead = {};  ///< others wait for its result
  bool refresh = false;                   ///< its client wants another result than a kept one
  bool asks = false;                      ///< waits for what is found
};

/// What a call with an idempotency key has beside others.
struct keyed_call {
  /// A later request with the same key, which gets the same outcome.
  struct follower {
    post_ptr to;
    std::string client_id;  ///< raw
  };
  std::string key;
  std::uint64_t digest = 0;  ///< of the tool and its arguments
  std::vector<follower> followers;
};

/// One request of the client that an upstream works on. The outcome reaches the session's actor as a message.
struct call final : transport::upstream_events, std::enable_shared_from_this<call> {
  call(shard& h, caf::actor s) : home(h), session(std::move(s)) {}

  void on_message(std::string json) override {
    home.deliver(session, call_message{shared_from_this(), std::move(json)});
  }
  void on_event_id(std::string_view id) override {
    const auto first = event_id.empty();
    event_id = id;
    if (first) home.deliver(session, call_resumable{shared_from_this()});
  }
  void on_answer(std::string json) override { home.deliver(session, call_answer{shared_from_this(), std::move(json)}); }
  void on_failed(transport::failure why) override {
    home.deliver(session, call_failure{shared_from_this(), std::move(why)});
  }

  shard& home;
  caf::actor session;
  post_ptr from;
  std::string client_id;       ///< raw
  std::string progress_token;  ///< the client's, raw; empty if it wants no progress
  mcp::method what = mcp::method::none;
  std::string tool;                          ///< as the client knows it
  std::string params;                        ///< as the upstream is to see them, but for the progress token
  std::size_t token_at = 0, token_size = 0;  ///< where the progress token stands in `params`
  std::uint32_t upstream = 0;
  std::string state_key;                 ///< under which its tool's state is kept; empty if it has none
  std::vector<std::uint32_t> fallbacks;  ///< further upstreams to ask if this one does not know the resource
  std::string shown_uri, upstream_uri;   ///< where a resource is known to the client under another URI, raw
  link_ptr link;
  std::uint64_t id = 0;  ///< at the upstream
  unsigned attempts = 0;

  std::unique_ptr<call_places::place> place;  ///< among the calls that its upstream is given at once, where that counts
  std::shared_ptr<circuit_probe> probe;       ///< its outcome decides about the upstream's breaker
  std::unique_ptr<cached_call> cached;        ///< null: its result is not kept
  unsigned waits = 0;                         ///< how often it had to wait before it could be made
  bool waiting = false;                       ///< now, for a place, a probe, or another attempt

  machines::execution::state state;
  std::vector<machines::execution::transition> history;
  machines::execution::timestamp started;
  std::chrono::steady_clock::time_point began = {}, sent_at = {},
                                        deadline = {};  ///< here: when it came, was sent, ends

  std::uint64_t number = 0;     ///< of this session's calls in this process
  std::uint64_t execution = 0;  ///< its name in the journal; 0 = it has none
  std::uint64_t digest = 0;     ///< of the client's parameters
  std::string event_id;         ///< the last one of the upstream's stream
  std::string params_part;      ///< the content hash under which large parameters are kept
  std::string noted_event;      ///< `event_id` as it was last written down
  std::vector<std::pair<std::uint64_t, std::string>>
      answers;                                        ///< of the client, that may not have reached the upstream
  mcp::trace_context trace;                           ///< of the request; absent where the client has sent none
  std::unique_ptr<tracing::traced_call> traced = {};  ///< null: no spans of it are sent
  std::unique_ptr<keyed_call> keyed = {};             ///< null: it has no idempotency key
  std::uint64_t prepared = 0;                         ///< the stepwise execution that it carries out; 0 = none
  bool wants_report = false;                          ///< its answer tells the execution's id and how it went
  bool awaits_state = false;                          ///< an earlier call of its stateful tool has to end first
  bool from_cache = false;                            ///< its answer is a kept one
  bool in_journal = false;                            ///< its intent stands there
  bool repeatable = false;                            ///< the operator allows to send it again if it was cut off
  bool sent = false;                                  ///< has left, or left before a restart
  bool reported = false;                              ///< the outcome is on its way to the client
  bool shown = false;                                 ///< and has been handed to its connection or stream

  /// The outcome, once there: a whole JSON-RPC answer of the upstream with the views into it, or an error of ours.
  std::string answer;
  std::string error;     ///< raw error object
  std::string response;  ///< as the client is to see it, while it waits to be durable
};

/// What is remembered of a finished tool call.
struct execution_record {
  std::string tool;
  machines::execution::timestamp started;
  std::vector<machines::execution::transition> history;
  std::uint64_t number = 0;                ///< its name in the journal; 0 = it had none
  std::uint64_t local = 0;                 ///< `call::number`
  std::string upstream = {}, reason = {};  ///< and why it came to no good end
};

}  // namespace holdfast::actors
