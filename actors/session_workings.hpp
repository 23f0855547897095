#pragma once

#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/call.hpp"
#include "actors/keyed_outcomes.hpp"
#include "actors/messages.hpp"
#include "actors/node_context.hpp"
#include "actors/prepared_execution.hpp"

namespace holdfast::actors {

/// A connection to an upstream as this session uses it.
struct upstream_use {
  std::uint32_t upstream = 0;
  caf::actor actor;
  bool own = false;  // serves this session alone
  std::shared_ptr<published<transport::upstream_link>> link;
  std::vector<call_ptr> waiting;  // for the link
  std::string before;             // its session at the upstream, until it is known whether that goes on
  std::string event_id;           // the last one of the stream that belongs to no call, as far as it was handled
  bool level_pending = false;     // the upstream is being told the log level; calls wait for that
};

/// A request of an upstream that the client has been sent.
struct client_ask {
  std::uint64_t id = 0;        // as the client knows it; also its progress token
  link_ptr link;               // null after a takeover, until the connection is there again
  std::string upstream_id;     // raw
  std::string progress_token;  // the upstream's, raw
  mcp::method what = mcp::method::none;
  call_ptr of;  // null outside any call
  std::chrono::steady_clock::time_point deadline;
  std::uint32_t upstream = 0;
  std::string answer;  // whole message, until it has left; outside any call only
};

/// What an upstream held in memory for this session is gone.
struct upstream_loss {
  std::uint32_t upstream = 0;
  machines::execution::timestamp at;
};

/// What a session needs only once it is used; an idle one does without.
struct session_workings {
  std::vector<call_ptr> calls;
  std::vector<upstream_use> uses;
  std::vector<client_ask> asks;
  std::vector<std::string> held;                                // for the client, until it has said `initialized`
  std::vector<std::pair<post_ptr, std::string>> awaiting_view;  // requests, whole
  std::vector<std::pair<std::string, std::uint32_t>> subscriptions;
  std::vector<std::pair<std::string, std::uint32_t>> learned_uris;
  std::vector<std::pair<post_ptr, std::string>> awaiting_level;  // `logging/setLevel` and its raw id
  std::vector<execution_record> finished;
  std::vector<upstream_loss> losses;  // the last ones
  std::string tool_state;             // raw object: of each stateful tool, by `call::state_key`; empty if there is none
  std::string cache_scope;  // names its own kept results; empty until there are some, and once they are invalid
  keyed_outcomes outcomes;  // of calls with an idempotency key that have ended
  std::vector<prepared_execution> prepared;
  std::uint64_t last_ask = 0, last_call = 0, last_prepared = 0;
};

}  // namespace holdfast::actors
