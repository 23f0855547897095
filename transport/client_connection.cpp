#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <utility>

#include "transport/client_connection_impl.hpp"
#include "transport/errc.hpp"
#include "transport/loop_impl.hpp"

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using clock = std::chrono::steady_clock;

constexpr std::size_t buffer_bytes = 8u << 10;
constexpr std::size_t big_buffer_bytes = 64u << 10;
// With another address to try, a silent one is given up soon.
constexpr std::chrono::milliseconds attempt_limit{2'000};
constexpr std::chrono::milliseconds last_attempt_limit{10'000};
// Used again so soon, a connection is as good as seen alive: this spares busy ones a system call for each request.
constexpr std::chrono::milliseconds fresh_enough{1};
constexpr std::chrono::milliseconds keep_alive_margin{1'000};

void set_options(tcp_socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  // Streams may be silent for hours; a peer that vanished is noticed within two minutes.
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int idle = 60, interval = 15, count = 4;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

}  // namespace

client_connection::client_connection(loop& on, const http_target& target, std::shared_ptr<asio::ssl::context> tls,
                                     client_connection_owner& owner)
    : loop_(on),
      target_(target),
      tls_(std::move(tls)),
      owner_(owner),
      stream_(context_of(on)),
      resolver_(context_of(on)),
      buffer_(buffer_bytes) {}

std::string client_connection::name() const {
  if (!target_.unix_path.empty()) return "unix:" + target_.unix_path;
  auto host = target_.host.find(':') == std::string::npos ? target_.host : "[" + target_.host + "]";
  return host + ":" + std::to_string(target_.port);
}

void client_connection::take(http_request_out&& request, std::shared_ptr<http_receiver>&& receiver) {
  request_ = std::move(request);
  receiver_ = std::move(receiver);
  receiver_->carrier_ = this;
  holds_turn_ = request_.counted;
  written_ = head_seen_ = false;
}

void client_connection::open(http_request_out request, std::shared_ptr<http_receiver> receiver) {
  take(std::move(request), std::move(receiver));
  if (!target_.unix_path.empty()) return connect_local();
  error_code ec;
  auto address = asio::ip::make_address(target_.host, ec);
  if (ec) return resolve();
  endpoints_.emplace_back(address, target_.port);
  connect_next();
}

void client_connection::arm(std::chrono::milliseconds limit) {
  loop_.cancel(timer_);
  timed_out_ = false;
  timer_ = loop_.after(limit, [self = shared_from_this()] {
    self->timed_out_ = true;
    self->resolver_.cancel();
    self->stream_.close();
  });
}

void client_connection::resolve() {
  arm(last_attempt_limit);
  resolver_.async_resolve(
      target_.host, std::to_string(target_.port),
      [self = shared_from_this()](const error_code& ec, const resolver::results_type& found) {
        if (self->state_ == state::closed) return;
        if (ec)
          return self->fail({make_error_code(errc::refused),
                             "resolve " + self->target_.host + ": " + (self->timed_out_ ? "timed out" : ec.message())});
        for (const auto& entry : found) self->endpoints_.push_back(entry.endpoint());
        self->connect_next();
      });
}

void client_connection::connect_next() {
  const auto& endpoint = endpoints_[next_endpoint_++];
  const bool last = next_endpoint_ == endpoints_.size();
  error_code ec;
  stream_.close();
  stream_.socket().open(endpoint.protocol(), ec);
  if (!ec && !target_.source.empty()) bind_source(ec);
  if (ec && last) {
    // Not from within `open`.
    loop_.post([self = shared_from_this(), ec] {
      if (self->state_ != state::closed)
        self->fail({make_error_code(errc::refused), "connect " + self->name() + ": " + ec.message()});
    });
    return;
  }
  if (ec) return connect_next();
  arm(last ? last_attempt_limit : attempt_limit);
  stream_.socket().async_connect(endpoint, [self = shared_from_this(), last](const error_code& failed) {
    if (self->state_ == state::closed) return;
    if (!failed && !self->timed_out_) return self->on_connected();
    if (!last) return self->connect_next();
    self->fail({make_error_code(errc::refused),
                "connect " + self->name() + ": " + (self->timed_out_ ? "timed out" : failed.message())});
  });
}

void client_connection::bind_source(error_code& ec) {
  const auto source = asio::ip::make_address(target_.source, ec);
  if (ec) return;
  // The port is chosen when the connection is made, and may then serve connections to other targets too.
  const int yes = 1;
  ::setsockopt(stream_.socket().native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
  stream_.socket().bind({source, 0}, ec);
}

/// Connecting to a socket of this machine does not wait, and from then on nothing asks of which family it is.
void client_connection::connect_local() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& path = target_.unix_path;
  int error = path.size() < sizeof address.sun_path ? 0 : ENAMETOOLONG;
  const int fd = error != 0 ? -1 : ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    path.copy(address.sun_path, path.size());
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      error_code ec;
      stream_.socket().assign(tcp::v4(), fd, ec);
      error = ec.value();
    } else {
      error = errno;
    }
    if (error != 0) ::close(fd);
  } else if (error == 0) {
    error = errno;
  }
  // Not from within `open`.
  loop_.post([self = shared_from_this(), error] {
    if (self->state_ == state::closed) return;
    if (error == 0) return self->on_ready();
    self->fail({make_error_code(errc::refused), "connect " + self->name() + ": " + std::strerror(error)});
  });
}

void client_connection::on_connected() {
  set_options(stream_.socket());
  if (tls_ == nullptr) return on_ready();
  if (!stream_.use_tls(*tls_, target_)) return fail({make_error_code(errc::tls_failed), "server name"});
  arm(last_attempt_limit);
  stream_.handshake([self = shared_from_this()](const error_code& ec) {
    if (self->state_ == state::closed) return;
    if (!ec && !self->timed_out_) return self->on_ready();
    auto why = self->stream_.verification_error();
    if (why.empty()) why = self->timed_out_ ? "timed out" : ec.message();
    self->fail({make_error_code(errc::tls_failed), "TLS with " + self->name() + ": " + why});
  });
}

void client_connection::on_ready() {
  loop_.cancel(timer_);
  timer_ = 0;
  state_ = state::busy;
  write_request();
  read_more();
}

bool client_connection::start(http_request_out& request, std::shared_ptr<http_receiver>& receiver) {
  if (dead_while_idle()) return false;
  take(std::move(request), std::move(receiver));
  state_ = state::busy;
  write_request();
  return true;
}

/// The pending read notices the end of an idle connection, but only when the loop comes round to it. What was idle for
/// a while is looked at once more, because a request lost to a closing connection cannot be sent again.
bool client_connection::dead_while_idle() {
  const auto now = clock::now();
  if (now >= idle_until_) return true;
  if (now - idle_since_ < fresh_enough) return false;
  char byte;
  auto size = ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  // TLS 1.3 servers send session tickets when they like: bytes are no sign of death there.
  if (size > 0 && tls_ != nullptr) return false;
  return size >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

void client_connection::write_request() {
  parser_.emplace(*this, texts_);
  tail_.clear();
  if (request_.has_body) tail_.append("Content-Length: ").append(std::to_string(request_.body.size())).append("\r\n");
  tail_.append("\r\n");
  auto on_written = [self = shared_from_this()](const error_code& ec, std::size_t) {
    // A server that answers without having read everything says so in its answer: reading goes on.
    if (ec || self->state_ != state::busy) return;
    self->written_ = true;
    if (self->request_.body.capacity() > big_buffer_bytes) std::string().swap(self->request_.body);
  };
  if (stream_.is_tls()) {
    // One buffer, so that it becomes one record.
    tail_.insert(0, *request_.head).append(request_.body);
    stream_.write(asio::buffer(tail_), std::move(on_written));
    return;
  }
  const std::array<asio::const_buffer, 3> parts{asio::buffer(*request_.head), asio::buffer(tail_),
                                                asio::buffer(request_.body)};
  stream_.write(parts, std::move(on_written));
}

void client_connection::read_more() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  // Full of something unparsed: a long header block, which the parser bounds.
  if (end_ == buffer_.size()) buffer_.resize(big_buffer_bytes);
  stream_.read_some(asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
                    [self = shared_from_this()](const error_code& ec, std::size_t bytes) { self->on_read(ec, bytes); });
}

void client_connection::on_read(const error_code& ec, std::size_t bytes) {
  if (state_ == state::closed) return;
  if (ec) return on_read_error(ec);
  if (state_ == state::idle) {
    // Nobody asked: a farewell (408) or nonsense.
    close();
    return owner_.on_closed(*this);
  }
  end_ += bytes;
  const bool full = end_ == buffer_.size();
  parse();
  if (state_ == state::closed) return;
  // Bodies that come in bulk are read in larger pieces.
  if (full && state_ == state::busy && begin_ == end_ && buffer_.size() < big_buffer_bytes)
    buffer_.resize(big_buffer_bytes);
  read_more();
}

void client_connection::on_read_error(const error_code& ec) {
  if (state_ == state::idle) {
    close();
    return owner_.on_closed(*this);
  }
  if (ec == asio::error::eof && parser_->is_header_done() && parser_->need_eof()) {
    error_code ignored;
    parser_->put_eof(ignored);
    return on_response_end();
  }
  const auto is_first = !head_seen_ && idle_since_ == clock::time_point{};
  if (const auto alert = client_stream::handshake_alert(ec); is_first && !alert.empty())
    return fail({make_error_code(errc::tls_failed), "TLS with " + name() + ": refused: " + alert});
  auto when = head_seen_ ? "in the middle of the answer" : "before the answer";
  fail({make_error_code(errc::closed), "connection to " + name() + " closed " + when});
}

void client_connection::parse() {
  auto keep = receiver_;
  while (begin_ < end_) {
    error_code ec;
    begin_ += parser_->put(asio::const_buffer(buffer_.data() + begin_, end_ - begin_), ec);
    if (state_ == state::closed) return;
    if (ec == http::error::need_more) return;
    if (ec == http::error::header_limit)
      return fail({make_error_code(errc::too_large), "response header of " + name()});
    if (ec) return fail({make_error_code(errc::bad_http), name() + ": " + ec.message()});
    if (!parser_->is_done()) continue;
    if (!parser_->is_interim()) return on_response_end();
    if (parser_->status() == 101) return fail({make_error_code(errc::bad_http), name() + ": unasked upgrade"});
    parser_.emplace(*this, texts_);
  }
}

void client_connection::on_response_head(const client_response_head& head) {
  head_seen_ = true;
  if (receiver_) receiver_->on_head(head);
}

void client_connection::on_response_body(std::string_view bytes) {
  if (receiver_) receiver_->on_body(bytes);
}

void client_connection::on_response_end() {
  auto receiver = std::exchange(receiver_, nullptr);
  receiver->carrier_ = nullptr;
  if (parser_->keep_alive() && written_ && begin_ == end_) {
    auto keep = target_.keep_alive;
    // Servers close by their own clock: stop using the connection before they do.
    if (auto said = parser_->keep_alive_seconds(); said != 0)
      keep = std::min(keep, std::chrono::milliseconds(said * 1000ll) - keep_alive_margin);
    idle_since_ = clock::now();
    idle_until_ = idle_since_ + keep;
    if (buffer_.size() > buffer_bytes) {
      buffer_.resize(buffer_bytes);
      buffer_.shrink_to_fit();
    }
    state_ = state::idle;
    owner_.on_idle(*this);
  } else {
    close();
    owner_.on_closed(*this);
  }
  receiver->on_end();
}

void client_connection::fail(failure why) {
  auto receiver = std::exchange(receiver_, nullptr);
  close();
  owner_.on_closed(*this);
  if (!receiver) return;
  receiver->carrier_ = nullptr;
  receiver->on_failed(std::move(why));
}

void client_connection::abort() {
  if (receiver_) std::exchange(receiver_, nullptr)->carrier_ = nullptr;
  close();
  owner_.on_closed(*this);
}

void client_connection::abandon() noexcept {
  if (receiver_) std::exchange(receiver_, nullptr)->carrier_ = nullptr;
  close();
}

void client_connection::close() noexcept {
  state_ = state::closed;
  loop_.cancel(timer_);
  timer_ = 0;
  resolver_.cancel();
  stream_.close();
}

}  // namespace holdfast::transport
