#pragma once

#include <system_error>

namespace holdfast::transport {

/// Everything that can go wrong between Holdfast and the outside, each with one phrase (see errc.cpp).
enum class errc {
  closed = 1,        ///< the peer closed, or we did
  timed_out,         ///< a deadline passed
  refused,           ///< no connection could be made
  tls_failed,        ///< handshake or certificate verification failed
  too_large,         ///< a body, line, header block or queue is over its limit
  bad_http,          ///< not HTTP/1.1
  bad_json,          ///< not JSON, or not valid UTF-8, or too deep
  bad_message,       ///< JSON, but not a JSON-RPC 2.0 message
  bad_address,       ///< a URL or HOST:PORT that cannot be used
  bad_event_stream,  ///< not text/event-stream where it had to be
  http_status,       ///< an upstream answered with a status that carries no JSON-RPC message
  session_lost,      ///< the upstream no longer knows our session (404)
  answer_lost,       ///< a stream ended before the response and cannot be resumed
  spawn_failed,      ///< the command could not be started
  process_exited,    ///< the child process ended
  handshake_failed,  ///< the upstream refused `initialize`
  unsupported_era,   ///< the upstream speaks only protocol revisions we do not
  overloaded,        ///< a queue or a count is at its limit
  unauthorized,      ///< the upstream answered 401 or 403
  bad_seal,          ///< a sealed token was altered, is foreign or has expired
};

const std::error_category& transport_category() noexcept;
std::error_code make_error_code(errc e) noexcept;

}  // namespace holdfast::transport

template <>
struct std::is_error_code_enum<holdfast::transport::errc> : std::true_type {};
