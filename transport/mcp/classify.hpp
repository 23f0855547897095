#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "transport/mcp/envelope.hpp"
#include "transport/mcp/revision.hpp"

namespace holdfast::mcp {

/// The parts of an HTTP request that decide what it is. Null views mean "header not sent".
struct http_facts {
  enum class verb : std::uint8_t { get, post, del, other } method = verb::other;
  std::string_view host, origin, accept, content_type, session_id, protocol_version, last_event_id, body;
};

/// Who may ask. An empty list of origins allows those whose host is an allowed host.
struct access_rules {
  std::vector<std::string> hosts;    ///< lower case, without port: "localhost", "127.0.0.1", "[::1]", "*" for any
  std::vector<std::string> origins;  ///< exact, e.g. "https://app.example.com"; "*" for any
};

/// Host present and allowed; Origin absent or allowed. ("null" is an origin like any other: not allowed by default.)
bool allowed(const access_rules& rules, std::string_view host, std::string_view origin);

/// An answer that needs no session.
struct refusal {
  int status;
  std::string body;        ///< a JSON-RPC error
  std::string_view allow;  ///< for the Allow header; may be empty
};

/// What a request at the Streamable HTTP endpoint is (the rules and their order: docs/protocol.md).
struct classified {
  enum class kind : std::uint8_t {
    refused,      ///< `refused` says how
    open_stream,  ///< GET: the session's own stream, or a resumption if Last-Event-ID was sent
    end_session,  ///< DELETE
    initialize,   ///< `message` is the request
    single,       ///< `message` is one legacy message inside a session
    batch,        ///< `batch` holds the raw messages; legal in 2025-03-26 sessions only, which the session checks
  } what = kind::refused;
  refusal refused{};
  envelope message{};
  std::vector<raw_json> batch;
};

/// Pure; views point into `facts.body`. `allowed` has been asked before. A request of revision 2026-07-28 is refused
/// with -32022 and the legacy revisions in `data.supported`.
classified classify(const http_facts& facts, std::size_t batch_max);

/// Media ranges as far as MCP needs: true if `accept` (RFC 9110, 12.5.1) admits `type`, e.g. "text/event-stream".
/// An empty header admits nothing: MCP requires clients to send it.
bool accepts(std::string_view accept, std::string_view type);

/// True for application/json, whatever its parameters.
bool is_json(std::string_view content_type);

}  // namespace holdfast::mcp
