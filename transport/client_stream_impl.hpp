#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "transport/http_client.hpp"
#include "transport/result.hpp"

namespace holdfast::transport {

using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

/// A client's TCP connection, with TLS or without. One read and one write may be pending at a time.
class client_stream {
 public:
  explicit client_stream(boost::asio::io_context& context) : socket_(context) {}

  tcp_socket& socket() noexcept { return socket_; }
  bool is_tls() const noexcept { return tls_.has_value(); }

  /// Puts TLS on the connected socket, for the server of this target. False if its name cannot be used.
  bool use_tls(boost::asio::ssl::context& context, const http_target& target);

  /// Why the handshake failed, if it was the certificate.
  std::string verification_error() const;

  /// Since TLS 1.3 a server judges the client's certificate after the client's handshake has ended. If `ec`, of a read,
  /// is such a verdict, its words; otherwise empty.
  static std::string handshake_alert(const boost::system::error_code& ec);

  template <class Handler>
  void handshake(Handler h) {
    tls_->async_handshake(boost::asio::ssl::stream_base::client, std::move(h));
  }

  template <class Handler>
  void read_some(boost::asio::mutable_buffer into, Handler h) {
    if (tls_)
      tls_->async_read_some(into, std::move(h));
    else
      socket_.async_read_some(into, std::move(h));
  }

  template <class Buffers, class Handler>
  void write(const Buffers& from, Handler h) {
    if (tls_)
      boost::asio::async_write(*tls_, from, std::move(h));
    else
      boost::asio::async_write(socket_, from, std::move(h));
  }

  void close() noexcept;

 private:
  tcp_socket socket_;
  std::optional<boost::asio::ssl::stream<tcp_socket&>> tls_;
};

/// A context that verifies servers: TLS 1.2 or newer, the target's authorities or the system's; and what it shows
/// itself. A failure names the file that cannot be used.
outcome<std::unique_ptr<boost::asio::ssl::context>> make_tls_context(const http_target& target);

}  // namespace holdfast::transport
