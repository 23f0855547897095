#include "transport/http_server.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <utility>

#include "transport/listening_socket_impl.hpp"
#include "transport/loop_impl.hpp"
#include "transport/server_connection_impl.hpp"

namespace holdfast::transport {

namespace {

namespace asio = boost::asio;
using error_code = boost::system::error_code;

constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::size_t turned_away_max =
    128;  // clients that are being told "too many connections"; more are just closed

/// Accepts until closed. Apart from the server because an accept that has completed may still be queued when the
/// server goes.
class doorman final : public std::enable_shared_from_this<doorman> {
 public:
  doorman(loop& on, listening_socket at, const http_limits& limits, http_handler& handler,
          std::shared_ptr<tls_identity> tls, http_counters* counters)
      : at_(std::move(at)), site_(on, limits, handler, std::move(tls), counters) {}

  void accept() {
    at_.socket().async_accept([self = shared_from_this()](error_code ec, server_connection::socket s) {
      if (!self->cut_) self->on_accept(ec, std::move(s));
    });
  }

  void drain() {
    site_.draining = true;
    for (auto i = site_.connections.begin(); i != site_.connections.end();) (i++)->drain();
  }

  void close_listener() {
    if (!closed_) admit_waiting();
    stop_accepting();
    drain();
  }

  void cut() {
    cut_ = true;
    stop_accepting();
    while (!site_.connections.empty()) site_.connections.front().cut();
  }

  std::uint16_t port() const noexcept { return at_.port(); }
  std::size_t connections() const noexcept { return site_.served; }

  std::size_t unanswered() const noexcept {
    return static_cast<std::size_t>(std::count_if(site_.connections.begin(), site_.connections.end(),
                                                  [](const auto& c) { return c.is_unanswered(); }));
  }

 private:
  void stop_accepting() {
    if (std::exchange(closed_, true)) return;
    at_.close();
    if (pause_ != 0) site_.home.cancel(pause_);
  }

  /// The kernel has greeted them, so they have sent their requests; closing the socket would reset them.
  void admit_waiting() {
    error_code ec;
    at_.socket().non_blocking(true, ec);
    while (!ec) {
      auto s = at_.socket().accept(ec);
      if (!ec) admit(std::move(s));
    }
  }

  void on_accept(error_code ec, server_connection::socket s) {
    if (!ec) {
      admit(std::move(s));
      if (!closed_) accept();
      return;
    }
    if (closed_) return;
    if (ec == asio::error::connection_aborted) return accept();
    // Out of descriptors or memory: the client stays in the queue, and trying again at once would spin.
    pause_ = site_.home.after(accept_pause, [this] {
      pause_ = 0;
      accept();
    });
  }

  void admit(server_connection::socket s) {
    site_.counters.accepted.add();
    if (site_.served < site_.limits.connections_max) {
      const auto c = std::make_shared<server_connection>(site_, std::move(s));
      site_.tls ? c->greet(contexts_of(*site_.tls)) : c->serve();
    } else if (!site_.tls && site_.turned_away < turned_away_max) {
      // To tell it over TLS would cost far more than one more connection does.
      std::make_shared<server_connection>(site_, std::move(s))->turn_away(503);
    }
  }

  listening_socket at_;
  server_site site_;
  loop::timer pause_ = 0;
  bool closed_ = false, cut_ = false;
};

class asio_http_server final : public http_server {
 public:
  explicit asio_http_server(std::shared_ptr<doorman> d) : doorman_(std::move(d)) { doorman_->accept(); }
  ~asio_http_server() override { doorman_->cut(); }

  std::uint16_t port() const noexcept override { return doorman_->port(); }
  std::size_t connections() const noexcept override { return doorman_->connections(); }
  void drain() override { doorman_->drain(); }
  void close_listener() override { doorman_->close_listener(); }
  std::size_t unanswered() const noexcept override { return doorman_->unanswered(); }

 private:
  std::shared_ptr<doorman> doorman_;
};

}  // namespace

outcome<std::unique_ptr<http_server>> http_server::listen(loop& on, const std::string& host, std::uint16_t port,
                                                          const http_limits& limits, http_handler& handler,
                                                          std::shared_ptr<tls_identity> tls, http_counters* counters) {
  auto at = listening_socket::open(context_of(on), host, port);
  if (!at) return std::move(at).error();
  return std::make_unique<asio_http_server>(
      std::make_shared<doorman>(on, std::move(*at), limits, handler, std::move(tls), counters));
}

}  // namespace holdfast::transport
