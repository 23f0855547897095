#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "transport/result.hpp"
#include "transport/tls_identity.hpp"

namespace holdfast::transport {

class loop;
class client_connection;
class http_pool;

/// Where requests go. Equal targets share connections.
struct http_target {
  bool tls = false;
  std::string host;
  std::uint16_t port = 80;
  std::string ca_file;                ///< PEM file of certificate authorities; empty = the system's
  std::size_t connections_max = 256;  ///< for calls; streams and sundry requests come on top
  std::chrono::milliseconds keep_alive{55'000};
  std::string source = {};  ///< the IP address of this machine to connect from; empty = the system picks one

  /// Instead of `ca_file`: what is shown to the server, and whom it must prove to be. Its host is then not compared
  /// with its certificate. With `tls` only.
  std::shared_ptr<tls_identity> identity{};
  /// Beside `ca_file`: PEM files of what is shown to a server that asks for a certificate; both or none.
  std::string certificate_file{}, key_file{};
  std::string unix_path{};  ///< a socket of this machine, instead of host and port; without TLS
};

struct http_request_out {
  /// The request line and the header lines, each ended by CRLF, without Content-Length and the empty line.
  std::shared_ptr<const std::string> head;
  std::string body;
  bool has_body = true;  ///< false: no Content-Length is sent
  bool counted = true;   ///< waits for its turn when `connections_max` connections are busy
};

struct client_response_head {
  int status = 0;
  std::string_view content_type;  ///< as sent, with parameters
  std::string_view session_id;    ///< Mcp-Session-Id
  std::string_view retry_after;
  bool challenged = false;  ///< WWW-Authenticate was there
  std::optional<std::uint64_t> content_length;
};

/// What comes back for one request: `on_head`, any number of `on_body`, `on_end`; or at any point `on_failed`, which is
/// the last. Never from within `http_pool::send`. Views are valid during the call.
class http_receiver {
 public:
  virtual ~http_receiver() = default;
  virtual void on_head(const client_response_head& head) = 0;
  virtual void on_body(std::string_view bytes) = 0;
  virtual void on_end() = 0;

  /// `refused` and `tls_failed`: the server has got nothing. `closed`: the connection ended early; a request that
  /// carries a call may have been processed, so nothing is ever sent twice (RFC 9112, 9.3.1 allows that for idempotent
  /// requests only).
  virtual void on_failed(failure why) = 0;

 private:
  friend class client_connection;
  friend class http_pool;
  client_connection* carrier_ = nullptr;
};

/// The HTTP/1.1 connections of one loop to one target, kept alive between requests. An idle connection has a read
/// pending, so that one the server closes is gone before a request could be written to it. Its loop's thread only.
class http_pool {
 public:
  /// The pool of `on` for `target`; made when first asked for, ended with the loop.
  static std::shared_ptr<http_pool> of(loop& on, const http_target& target);

  virtual ~http_pool() = default;

  virtual void send(http_request_out request, std::shared_ptr<http_receiver> receiver) = 0;

  /// Drops a request; its receiver is not called again. Of no effect once it has ended. May be called from within the
  /// receiver. The connection is closed: HTTP/1.1 knows no other way to give up a response.
  virtual void cancel(http_receiver& receiver) = 0;

  /// Connections open or being opened; for tests and metrics.
  virtual std::size_t connections() const noexcept = 0;

 protected:
  static client_connection* carrier_of(const http_receiver& r) noexcept { return r.carrier_; }
};

}  // namespace holdfast::transport
