#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transport/client_response_impl.hpp"
#include "transport/client_stream_impl.hpp"
#include "transport/http_client.hpp"
#include "transport/loop.hpp"

namespace holdfast::transport {

/// What a connection tells the pool it belongs to.
class client_connection_owner {
 public:
  /// The connection can take another request.
  virtual void on_idle(client_connection& c) = 0;

  /// The connection has closed itself.
  virtual void on_closed(client_connection& c) = 0;

 protected:
  ~client_connection_owner() = default;
};

/// One connection to a server and the request it carries, if any:
///
///   start ─▶ connecting ─▶ busy ⇄ idle
///                └──────────┴───────┴─▶ closed
///
/// A read is always pending once connected: while idle it notices the server closing, while busy it is the read of the
/// response, so that a call costs one write and one read.
class client_connection final : public client_response_sink, public std::enable_shared_from_this<client_connection> {
 public:
  client_connection(loop& on, const http_target& target, std::shared_ptr<boost::asio::ssl::context> tls,
                    client_connection_owner& owner);

  /// Connects and sends the first request.
  void open(http_request_out request, std::shared_ptr<http_receiver> receiver);

  /// Sends another request; the connection is idle. False if it turns out to be dead; nothing was taken then.
  bool start(http_request_out& request, std::shared_ptr<http_receiver>& receiver);

  /// Closes the connection; the receiver is not called again. The owner is told.
  void abort();

  /// Lets go of everything without telling anybody: the loop is ending.
  void abandon() noexcept;

  /// True once for each counted request it was given: its turn is over.
  bool give_back_turn() noexcept { return std::exchange(holds_turn_, false); }

  /// Idle for so long that the server may be about to close it.
  bool expired(std::chrono::steady_clock::time_point now) const noexcept { return now >= idle_until_; }

 private:
  using error_code = boost::system::error_code;
  using tcp = boost::asio::ip::tcp;
  using resolver = boost::asio::ip::basic_resolver<tcp, boost::asio::io_context::executor_type>;
  enum class state { connecting, busy, idle, closed };

  void on_response_head(const client_response_head& head) override;
  void on_response_body(std::string_view bytes) override;

  void take(http_request_out&& request, std::shared_ptr<http_receiver>&& receiver);
  void resolve();
  void connect_next();
  void bind_source(error_code& ec);
  void connect_local();
  void on_connected();
  void on_ready();
  void write_request();
  void read_more();
  void on_read(const error_code& ec, std::size_t bytes);
  void on_read_error(const error_code& ec);
  void parse();
  void on_response_end();
  void fail(failure why);
  void close() noexcept;
  void arm(std::chrono::milliseconds limit);
  bool dead_while_idle();
  std::string name() const;

  loop& loop_;
  const http_target& target_;
  const std::shared_ptr<boost::asio::ssl::context> tls_;  // null: in the clear
  client_connection_owner& owner_;
  client_stream stream_;
  resolver resolver_;
  std::vector<tcp::endpoint> endpoints_;
  std::size_t next_endpoint_ = 0;
  loop::timer timer_ = 0;
  state state_ = state::connecting;
  http_request_out request_;
  std::string tail_;
  std::shared_ptr<http_receiver> receiver_;
  std::optional<client_response_parser> parser_;
  client_response_parser::texts texts_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::chrono::steady_clock::time_point idle_since_{}, idle_until_{};
  bool holds_turn_ = false, written_ = false, head_seen_ = false, timed_out_ = false;
};

}  // namespace holdfast::transport
