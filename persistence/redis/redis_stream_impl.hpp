#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "persistence/redis/redis_url.hpp"

namespace holdfast::persistence {

/// One connection to a server over TCP, TLS or a unix socket; not to be used again after `close`. Once connected, one
/// read and one write may be pending, whose handlers hold on to the stream; `close` makes them end with an error.
class redis_stream : public std::enable_shared_from_this<redis_stream> {
 public:
  using error_code = boost::system::error_code;
  using connect_handler = std::function<void(std::optional<store_failure>)>;

  /// `tls`, if not null, verifies the server; it outlives the stream.
  redis_stream(boost::asio::io_context& context, redis_endpoint to, boost::asio::ssl::context* tls);

  /// Connects, tries every address of the host, and shakes hands. `done` gets what went wrong, if anything did; it is
  /// not called after `close`.
  void connect(connect_handler done);

  template <class Handler>
  void read_some(boost::asio::mutable_buffer into, Handler h) {
    if (tls_)
      tls_->async_read_some(into, std::move(h));
    else
      socket_.async_read_some(into, std::move(h));
  }

  template <class Handler>
  void write(boost::asio::const_buffer from, Handler h) {
    if (tls_)
      boost::asio::async_write(*tls_, from, std::move(h));
    else
      boost::asio::async_write(socket_, from, std::move(h));
  }

  void close() noexcept;

 private:
  using protocol = boost::asio::generic::stream_protocol;
  using executor = boost::asio::io_context::executor_type;
  using socket = boost::asio::basic_stream_socket<protocol, executor>;
  using resolver = boost::asio::ip::basic_resolver<boost::asio::ip::tcp, executor>;

  void connect_next(error_code last);
  void on_connected();
  void shake_hands();
  void finish(std::optional<store_failure> why);
  store_failure why_refused(const error_code& ec);

  redis_endpoint to_;
  boost::asio::ssl::context* context_;
  resolver resolver_;
  socket socket_;
  std::optional<boost::asio::ssl::stream<socket&>> tls_;
  std::vector<protocol::endpoint> addresses_;  // still to be tried, the next one last
  connect_handler connected_;
};

/// A context that verifies servers: TLS 1.2 or newer, the given authorities or the system's.
result<std::unique_ptr<boost::asio::ssl::context>> make_tls_context(const std::string& ca_file);

}  // namespace holdfast::persistence
