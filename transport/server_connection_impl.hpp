#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/deadline.hpp"
#include "transport/http_answer_head.hpp"
#include "transport/http_request_reader_impl.hpp"
#include "transport/http_server.hpp"
#include "transport/tls_session_impl.hpp"

namespace holdfast::transport {

struct server_site;

/// One accepted connection: reads a request, hands it to the handler, writes the answer, and again.
///
///   greeting (TLS)
///      ▼
///   reading ─▶ serving ─┬───────────────▶ answering ─▶ reading
///      │                └─▶ streaming ─▶ answering └─▶ lingering
///      └─▶ refusing ─▶ lingering                       all ─▶ closed
///
/// It keeps itself alive while it waits for the socket, and is out of the site's list once closed; then it touches the
/// site no more.
class server_connection final : public std::enable_shared_from_this<server_connection>,
                                public boost::intrusive::list_base_hook<> {
 public:
  using socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

  server_connection(server_site& site, socket s);

  /// One of them once, after construction.
  void serve();
  void greet(std::shared_ptr<tls_contexts> contexts);  ///< serves once TLS stands
  void turn_away(int status);

  /// Closes an idle connection; another one closes after its answer. One that has not asked anything yet may have a
  /// request on its way, and gets a moment for it.
  void drain();
  bool is_unanswered() const noexcept;

  /// Closes at once. Runs what `when_closed` was given.
  void cut();

  /// The rest is for the exchange of the request being served, see `http_exchange`.
  const http_request& request() const noexcept { return reader_->request(); }
  loop& home() noexcept { return home_; }
  bool is_awaited();
  std::string peer();
  void respond(int status, std::string_view content_type, std::string_view extra_headers,
               std::initializer_list<std::string_view> body);
  void open_stream(std::string_view extra_headers);
  bool write(std::string_view bytes);
  void end_stream();
  void when_closed(std::function<void()> f);
  void abandon();

 private:
  enum class phase { greeting, reading, serving, streaming, answering, refusing, lingering, closed };
  enum class arrival { nothing, header, body };
  using error_code = boost::system::error_code;

  // server_connection.cpp: the life of a connection and what comes in
  void await_request();
  void take_request();
  void dispatch();
  void refuse(int status);
  void refuse(int status, std::string_view body);
  void forget_watcher();
  void leave();
  void read();
  bool has_room();
  void on_readable(error_code ec);
  void received(std::size_t n);
  void give_reader_back();
  void lost(error_code ec);
  void rest();
  void on_deadline();
  [[nodiscard]] std::function<void()> close();
  void close_and_tell();

  // server_connection_answer.cpp: what goes out
  http_answer_head head(int status, std::string_view content_type, std::string_view extra_headers) const;
  void flush_soon();
  void flush();
  void write_some();
  void on_written(error_code ec, std::size_t n);
  void reset_peer();

  // server_connection_tls.cpp
  void shake_hands();
  void end_greeting();
  void tell_refused(const std::string& why);
  void when_ready(socket::wait_type what, void (server_connection::*then)());
  void write_encrypted();

  server_site& site_;
  loop& home_;
  const std::uint64_t number_;
  std::optional<socket> socket_;                 // none once closed: the exchange may outlive the loop
  std::unique_ptr<tls_session> tls_;             // none in the clear
  std::unique_ptr<http_request_reader> reader_;  // none while nothing of a request is there, to save its buffer
  std::string out_, next_;                       // being sent; waiting for that
  std::size_t sent_ = 0, lingered_ = 0;
  std::function<void()> on_closed_;
  deadline limit_;
  std::size_t* counted_in_ = nullptr;
  phase phase_ = phase::reading;
  arrival arrived_ = arrival::nothing;
  bool reading_ = false, writing_ = false, flush_posted_ = false, rested_ = false, peer_ended_ = false;
  bool has_asked_ = false;
  bool pipelined_ = false;  // the request has come before the answer to the one before it had left
  bool http11_ = true, keep_alive_ = false, bodyless_ = false;
};

/// What the connections of one server share. Outlives them as long as they are open.
struct server_site {
  server_site(loop& on, const http_limits& l, http_handler& h, std::shared_ptr<tls_identity> t, http_counters* c)
      : home(on), limits(l), handler(h), tls(std::move(t)), counters(c != nullptr ? *c : uncounted) {}

  /// Readers are shared among the connections that have a request just now.
  std::unique_ptr<http_request_reader> take_reader();
  void keep_reader(std::unique_ptr<http_request_reader> r);

  loop& home;
  const http_limits limits;
  http_handler& handler;
  const std::shared_ptr<tls_identity> tls;  // null: in the clear
  http_counters uncounted, &counters;
  http_date date;
  std::vector<std::unique_ptr<http_request_reader>> spare_readers;
  boost::intrusive::list<server_connection, boost::intrusive::constant_time_size<false>> connections;
  std::size_t served = 0, turned_away = 0;
  bool draining = false;
};

}  // namespace holdfast::transport
