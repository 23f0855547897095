#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/listing.hpp"
#include "actors/machines/execution.hpp"
#include "actors/session_story.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/revision.hpp"
#include "transport/upstream_link.hpp"

/// How a session is written down: JSON texts, versioned, readable by an operator, and by every later version.
namespace holdfast::actors {

/// What a session's snapshot holds, beside its executions and events.
struct session_snapshot {
  static constexpr int version = 1;

  /// A resource of an upstream (by alias) and its URI there.
  struct upstream_uri {
    std::string upstream, uri;
    bool operator==(const upstream_uri&) const = default;
  };
  /// A session of its own that the session has at an upstream.
  struct upstream_session_of {
    std::string upstream;
    transport::upstream_session session;
    std::string initialize_result;  ///< raw
  };
  /// What an upstream held in memory for the session is gone, and the client was told so.
  struct loss {
    std::string upstream;
    machines::execution::timestamp at;
    bool operator==(const loss&) const = default;
  };
  /// A request of an upstream outside any call, over the session's own connection to it.
  struct ask {
    std::string upstream;
    std::uint64_t id = 0;                ///< as the client knows it
    std::string upstream_id;             ///< raw
    std::string progress_token, method;  ///< the upstream's, raw; the name
    std::string answer;                  ///< whole message, on its way; empty while the client has not answered
    bool operator==(const ask&) const = default;
  };
  /// A finished execution, remembered for operators.
  struct execution {
    std::string tool;
    machines::execution::timestamp started;
    std::vector<machines::execution::transition> history;
    std::uint64_t number = 0;                ///< its name in the journal; 0 = it had none
    std::string upstream = {}, reason = {};  ///< and why it came to no good end
  };

  std::string id, principal;
  mcp::revision revision = mcp::newest_legacy;
  bool operating = false;  ///< the client has said `initialized`
  std::string client;  ///< raw: {"info":…,"capabilities":…}; or the content hash of the part that holds it, quoted
  std::string log_level;  ///< empty if the client has set none
  std::uint64_t last_ask = 0, last_execution = 0;
  std::vector<upstream_uri> subscriptions, learned_uris;
  std::vector<upstream_session_of> upstreams;
  std::vector<std::string> processes;  ///< upstreams that have a process for this session alone
  std::vector<loss> losses;            ///< newest last
  std::vector<ask> asks;
  list_digests lists{};  ///< as the client was last shown or told of them
  std::vector<execution> finished;
  session_story story;
  std::string tool_state;  ///< raw object of stateful tools; empty if there is none
};

/// What an upstream asks of clients, by its name.
mcp::method ask_method(std::string_view name) noexcept;

std::string to_json(const session_snapshot& s);

/// Nothing if it is no snapshot, or one of a newer version. Members that this version does not know are passed over.
std::optional<session_snapshot> read_snapshot(std::string_view json);

/// What the journal holds of one execution.
struct journal_text {
  static constexpr int version = 1;

  /// A request of the upstream that waits for the client, or the client's answer on its way to the upstream.
  struct ask {
    std::uint64_t id = 0;
    std::string upstream_id, progress_token;  ///< raw
    std::string method;
    std::string answer;  ///< whole message; empty while the client has not answered
  };

  std::string client_id;     ///< raw
  std::uint64_t digest = 0;  ///< of the client's parameters: the same request sent again has the same
  mcp::method what = mcp::method::none;
  std::string tool, upstream;
  std::string params;  ///< raw, as the upstream sees them but for the progress token; or the hash of a part, quoted
  std::string progress_token;  ///< raw
  std::uint32_t stream = 0;
  bool repeatable = false;  ///< it may be sent again if it was cut off
  std::uint64_t dispatch = 0;
  transport::upstream_session session;  ///< at the upstream
  std::string event_id;                 ///< the last one of the upstream's stream
  std::string shown_uri, upstream_uri;
  std::string trace;  ///< the `traceparent` that it belongs to; empty if there is none
  machines::execution::timestamp started;
  std::vector<machines::execution::transition> history;
  std::vector<ask> asks;
  std::string answer;  ///< the whole response, once there, unless it stands in the event stream
  std::string key;     ///< the idempotency key; empty if there is none. Then `answer` is there, unless it was too much
  std::uint64_t key_digest = 0;
  machines::execution::timestamp ended;  ///< of one with a key
  std::uint64_t prepared = 0;            ///< `call::prepared`
};

std::string to_json(const journal_text& j);
std::optional<journal_text> read_journal(std::string_view json);

}  // namespace holdfast::actors
