#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "transport/counter.hpp"
#include "transport/result.hpp"
#include "transport/tls_identity.hpp"

namespace holdfast::transport {

class loop;

enum class http_method : std::uint8_t { get, post, del, options, head, other };

/// A request as the connection holds it. A header that was not sent has a null `data()`; one sent empty has not.
/// Values are trimmed of spaces and tabs.
struct http_request {
  http_method method = http_method::other;
  std::string_view path;   ///< the target before '?'
  std::string_view query;  ///< the target after '?'
  std::string_view host, origin, accept, content_type, authorization, traceparent;
  std::string_view session_id;        ///< Mcp-Session-Id
  std::string_view protocol_version;  ///< MCP-Protocol-Version
  std::string_view last_event_id;     ///< Last-Event-ID
  std::string_view repeated;          ///< Holdfast-Repeated: a balancer has sent this request before, in vain
  std::string_view awaited;           ///< Holdfast-Awaited: another node sends it on, see actors/request_age.hpp
  std::string_view user;              ///< Holdfast-User: who asks, as another node says; see actors/principal.hpp
  std::string_view body;
};

/// One request and its answer: either one `respond`, or `open_stream`, any number of `write`, and `end_stream`.
/// The connection reads no further request until then. Loop thread of the connection only (`home`).
/// An exchange dropped without an answer closes the connection.
class http_exchange {
 public:
  virtual ~http_exchange() = default;

  /// Views into it are valid until `respond` or `open_stream` is called.
  virtual const http_request& request() const noexcept = 0;

  virtual loop& home() noexcept = 0;

  /// Which connection of this process it came over. Whatever was answered there before has arrived, as the client has
  /// gone on; unless it did so without waiting (it pipelines, against RFC 9112, 9.3.2), upon which this is 0.
  virtual std::uint64_t connection() const noexcept = 0;

  /// False once the client has ended the connection, or its own side of it, as far as the system knows at this moment;
  /// `on_closed` follows. Also if nobody can tell.
  virtual bool is_awaited() { return true; }

  /// Who asks: "127.0.0.1:50412", "CN=al from 127.0.0.1:50412" by a certificate, "uid 1000" on a unix socket, or "".
  virtual std::string peer() const { return {}; }

  /// On whose behalf this process asks itself. Empty for whatever came over a connection.
  virtual std::string_view principal() const { return {}; }

  /// `extra_headers` is empty or whole lines, each ended by CRLF. The parts of the body are sent one after another and
  /// are copied before this returns. No effect when the client has gone.
  virtual void respond(int status, std::string_view content_type, std::string_view extra_headers,
                       std::initializer_list<std::string_view> body) = 0;

  /// Answers 200 `text/event-stream` (no caching, no proxy buffering) and gives back the memory of the request.
  virtual void open_stream(std::string_view extra_headers) = 0;

  /// Queues bytes of the stream. False: the stream is closed, or more than `http_limits::stream_queue_bytes_max` from
  /// earlier writes are still unsent because the client reads too slowly, upon which the connection is cut.
  virtual bool write(std::string_view bytes) = 0;

  /// Ends the stream; the connection may serve another request.
  virtual void end_stream() = 0;

  /// `f` runs once if the connection ends before the answer or the end of the stream is in the system's hands: the
  /// client left, was too slow, or the server is closing. Never from within another member of this class. To be set
  /// before `respond`.
  virtual void on_closed(std::function<void()> f) = 0;
};

/// Receives every well-formed request. Called on the loop's thread.
class http_handler {
 public:
  virtual ~http_handler() = default;
  virtual void on_request(std::shared_ptr<http_exchange> exchange) = 0;

  /// A client at this address was refused by TLS, for instance because it has no certificate of the right authority.
  virtual void on_refused(const std::string& from, const std::string& why) {
    static_cast<void>(from), static_cast<void>(why);
  }
};

struct http_limits {
  std::size_t body_bytes_max = 4u << 20;
  std::size_t header_bytes_max = 16u << 10;
  std::size_t headers_max = 100;
  std::size_t connections_max = 20'000;                 ///< per server; one more gets 503
  std::size_t stream_queue_bytes_max = 1u << 20;        ///< unsent bytes of one event stream
  std::chrono::milliseconds handshake_timeout{10'000};  ///< of TLS
  std::chrono::milliseconds header_timeout{10'000};     ///< from the first byte of a request to the end of its header
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds keep_alive_timeout{75'000};  ///< idle between requests
  std::chrono::milliseconds write_timeout{30'000};       ///< no progress on a write
};

/// An HTTP/1.1 listener on one loop; several may share a port (SO_REUSEPORT). What is wrong with a request on the HTTP
/// level is answered here, with a JSON-RPC error without id as body: 400 malformed, 408 too slow, 413 body, 431 header,
/// 501 unsupported transfer coding, 503 too many connections, 505 version. Such a connection is closed. With TLS, one
/// connection too many is closed without a word, and who speaks plain HTTP gets 400.
class http_server {
 public:
  /// `host` is an IP address or "localhost"; port 0 lets the system choose. Or it is the absolute path of a unix
  /// socket, which only this user may use; the port does not count then. `handler` and `counters` outlive the server;
  /// without `counters` nobody is told what it counts. With `tls` only TLS is spoken; where that names authorities,
  /// clients must show a certificate of theirs. Connections from before its files were changed end with their next
  /// answer.
  static outcome<std::unique_ptr<http_server>> listen(loop& on, const std::string& host, std::uint16_t port,
                                                      const http_limits& limits, http_handler& handler,
                                                      std::shared_ptr<tls_identity> tls = nullptr,
                                                      http_counters* counters = nullptr);
  /// Cuts what is still open.
  virtual ~http_server() = default;

  virtual std::uint16_t port() const noexcept = 0;
  virtual std::size_t connections() const noexcept = 0;

  /// From now on connections end with their next answer (`Connection: close`), and idle ones are closed. New ones are
  /// still served, one request each.
  virtual void drain() = 0;

  /// Drains; takes in who waits at the door, and nobody else. A connection that has not asked anything yet, which may
  /// be because its request is on its way, has half a second for that.
  virtual void close_listener() = 0;

  /// Connections whose client may wait for an answer, or for the end of one, event streams aside.
  virtual std::size_t unanswered() const noexcept = 0;
};

}  // namespace holdfast::transport
