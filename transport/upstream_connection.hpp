#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/result.hpp"
#include "transport/secret.hpp"
#include "transport/upstream_link.hpp"

namespace holdfast::transport {

class loop;
struct program_set;

/// A command to run as a stdio server: no shell, its own process group, an environment of `env` plus a short
/// whitelist (PATH, HOME, USER, LANG, LC_*, TERM, TMPDIR, TZ) and the names in `env_pass`.
struct stdio_command {
  std::string command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, secret>> env;
  std::vector<std::string> env_pass;
  std::string directory;             ///< working directory; empty = ours
  std::size_t memory_bytes_max = 0;  ///< that one of its processes may write to; 0 = no limit

  bool operator==(const stdio_command&) const = default;
};

/// A server reached over HTTP: Streamable HTTP, or the older HTTP+SSE if that is what answers.
struct http_endpoint {
  enum class protocol { detect, streamable_http, sse };
  std::string url;                                      ///< http:// or https://
  std::vector<std::pair<std::string, secret>> headers;  ///< sent with every request
  std::string ca_file;                                  ///< PEM file of certificate authorities; empty = the system's
  protocol speaks = protocol::detect;

  bool operator==(const http_endpoint&) const = default;
};

struct upstream_limits {
  std::size_t message_bytes_max = 32u << 20;          ///< one message from the upstream
  std::size_t queue_bytes_max = 8u << 20;             ///< bytes not yet written to a child's stdin
  std::size_t in_flight_max = 4096;                   ///< requests at once; one more fails `overloaded`
  std::size_t connections_max = 256;                  ///< HTTP connections per loop
  std::chrono::milliseconds connect_timeout{30'000};  ///< from `open` to the answer to `initialize`
  std::chrono::milliseconds keep_alive{55'000};       ///< idle HTTP connections
  std::chrono::milliseconds shutdown_grace{2'000};    ///< between closing stdin, SIGTERM and SIGKILL

  bool operator==(const upstream_limits&) const = default;
};

/// What happens to a connection outside any request. Called on its loop.
class upstream_connection_events {
 public:
  virtual ~upstream_connection_events() = default;

  /// A notification or server request that belongs to no request, whole. May come before `open` completes.
  virtual void on_message(std::string json) = 0;

  /// Once, after a successful `open`: the connection is of no use any more (the process exited, the upstream session
  /// ended, the event stream of an HTTP+SSE server is gone). Requests in flight have failed already, but for those
  /// of an upstream session that was lost, which still end by themselves.
  virtual void on_down(failure why) = 0;

  /// A line the child wrote to stderr, without its end, cut at 4 KiB; invalid UTF-8 replaced.
  virtual void on_stderr(std::string line) = 0;
};

/// A link into a session that another process has opened at a Streamable HTTP upstream, to take up its requests.
/// `bad_address` if the endpoint cannot be used. Whether the upstream still knows the session shows with the first use.
outcome<std::shared_ptr<upstream_link>> adopt_session(const http_endpoint& e, const upstream_limits& l,
                                                      const upstream_session& s);

/// A connection to one upstream server. Its loop's thread only, save for the link.
class upstream_connection {
 public:
  /// `events` outlives the connection or is cleared by `close`.
  static std::shared_ptr<upstream_connection> over_stdio(loop& on, stdio_command c, upstream_limits l,
                                                         upstream_connection_events& events);
  /// Not a server: each call runs a program.
  static std::shared_ptr<upstream_connection> over_programs(loop& on, program_set s, upstream_limits l,
                                                            upstream_connection_events& events);
  static std::shared_ptr<upstream_connection> over_http(loop& on, http_endpoint e, upstream_limits l,
                                                        upstream_connection_events& events);
  virtual ~upstream_connection() = default;

  /// Starts the process or finds out what the server speaks, sends `initialize` with `params` (a JSON object), then
  /// `notifications/initialized`, and opens the server's event stream where there is one. Completes once, with the
  /// raw result of `initialize`, within `connect_timeout`. Not called again after `close`.
  virtual void open(std::string params, std::function<void(outcome<std::string>)> done) = 0;

  /// Instead of `open`: goes on with a session that another process has opened, without `initialize`. `session_lost` if
  /// this transport has no such sessions. If the upstream does not know it any more, `on_down` follows.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): what overrides it takes them over
  virtual void adopt(upstream_session, std::function<void(outcome<std::string>)> done) {
    done(failure{make_error_code(errc::session_lost), "this transport has no sessions that outlive a process"});
  }

  /// Null before `open` has completed.
  virtual std::shared_ptr<upstream_link> link() = 0;

  /// "stdio", "streamable-http", "sse" or "exec".
  virtual const char* protocol() const noexcept = 0;

  /// Ends the session (DELETE) or the process (close stdin, wait, SIGTERM, wait, SIGKILL) in the background and calls
  /// no more events. Requests in flight fail with `closed`. `done` runs when nothing is left.
  virtual void close(std::function<void()> done) = 0;

  /// Like `close`, but leaves a session at the upstream for another process to go on with.
  virtual void leave(std::function<void()> done) { close(std::move(done)); }
};

}  // namespace holdfast::transport
