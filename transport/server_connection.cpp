#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "transport/content_type.hpp"
#include "transport/http_exchange_impl.hpp"
#include "transport/peer_name.hpp"
#include "transport/server_connection_impl.hpp"

namespace holdfast::transport {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds rest_after{250};  // idle for so long, a connection gives back its buffers
constexpr std::chrono::milliseconds linger_time{2000};
constexpr std::chrono::milliseconds first_request_time{500};  // while draining, for a connection that is new
constexpr std::size_t linger_bytes_max = 8u << 20;
constexpr std::size_t read_ahead_max = 8u << 10;
constexpr std::size_t spare_readers_max = 64;

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

std::unique_ptr<http_request_reader> server_site::take_reader() {
  if (spare_readers.empty()) return std::make_unique<http_request_reader>(limits);
  auto r = std::move(spare_readers.back());
  spare_readers.pop_back();
  return r;
}

void server_site::keep_reader(std::unique_ptr<http_request_reader> r) {
  if (spare_readers.size() < spare_readers_max) spare_readers.push_back(std::move(r));
}

server_connection::server_connection(server_site& site, socket s)
    : site_(site), home_(site.home), number_(next_number()), socket_(std::move(s)), limit_(site.home, [this] {
        on_deadline();
      }) {
  site_.connections.push_back(*this);
  site_.counters.connections.add();
  error_code ignored;  // on a socket that is gone already; the first read tells
  socket_->set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_->non_blocking(true, ignored);
  // A child process must not keep the connection open behind our back.
  ::fcntl(socket_->native_handle(), F_SETFD, FD_CLOEXEC);
}

std::string server_connection::peer() {
  if (phase_ == phase::closed) return {};
  const auto subject = tls_ ? tls_->subject() : std::string();
  return (subject.empty() ? "" : subject + " from ") + peer_name(socket_->native_handle());
}

/// An end that has arrived may not have been read yet, in particular if this process has not run for a while.
bool server_connection::is_awaited() {
  if (phase_ == phase::closed || peer_ended_) return false;
  ::pollfd seen{socket_->native_handle(), POLLRDHUP, 0};
  return ::poll(&seen, 1, 0) == 0;
}

void server_connection::serve() {
  counted_in_ = &site_.served;
  ++*counted_in_;
  await_request();
}

void server_connection::turn_away(int status) {
  counted_in_ = &site_.turned_away;
  site_.counters.turned_away.add();
  ++*counted_in_;
  refuse(status);
}

void server_connection::drain() {
  const bool idle = phase_ == phase::reading && arrived_ == arrival::nothing && (!reader_ || reader_->buffered() == 0);
  if (!idle && phase_ != phase::greeting) return;
  if (has_asked_) return close_and_tell();
  limit_.set(first_request_time);
}

bool server_connection::is_unanswered() const noexcept {
  return phase_ != phase::streaming && phase_ != phase::lingering && phase_ != phase::closed;
}

void server_connection::cut() { close_and_tell(); }

std::function<void()> server_connection::close() {
  if (phase_ == phase::closed) return nullptr;
  if (phase_ == phase::streaming) site_.counters.streams.take();
  site_.counters.connections.take();
  phase_ = phase::closed;
  limit_.stop();
  site_.connections.erase(site_.connections.iterator_to(*this));
  --*counted_in_;
  if (tls_) tls_->say_goodbye();
  tls_.reset();
  error_code ignored;
  socket_->close(ignored);
  socket_.reset();
  return std::exchange(on_closed_, nullptr);
}

void server_connection::close_and_tell() {
  const auto self = shared_from_this();
  if (const auto tell = close()) tell();
}

void server_connection::await_request() {
  phase_ = phase::reading;
  arrived_ = arrival::nothing;
  rested_ = false;
  limit_.set(site_.draining ? first_request_time : std::min(rest_after, site_.limits.keep_alive_timeout));
  pipelined_ = reader_ && reader_->buffered() > 0;
  if (pipelined_) return take_request();
  give_reader_back();
  read();
}

void server_connection::take_request() {
  switch (reader_->advance()) {
    case http_request_reader::state::complete: return dispatch();
    case http_request_reader::state::failed: return refuse(reader_->status());
    case http_request_reader::state::need_more: break;
  }
  const auto arrived = reader_->header_done()    ? arrival::body
                       : reader_->buffered() > 0 ? arrival::header
                                                 : arrival::nothing;
  if (arrived != std::exchange(arrived_, arrived))
    limit_.set(arrived == arrival::body ? site_.limits.body_timeout : site_.limits.header_timeout);
  if (reader_->take_expectation()) {
    next_.append("HTTP/1.1 100 Continue\r\n\r\n");
    flush();
  }
  read();
}

void server_connection::dispatch() {
  phase_ = phase::serving;
  has_asked_ = true;
  site_.counters.requests.add();
  limit_.clear();
  http11_ = reader_->http11();
  keep_alive_ = reader_->keep_alive();
  bodyless_ = reader_->request().method == http_method::head;
  site_.handler.on_request(std::make_shared<live_exchange>(shared_from_this(), pipelined_ ? 0 : number_));
  // Reading on shows when the client leaves, and is the read that the next request needs anyway.
  if (phase_ != phase::closed) read();
}

void server_connection::refuse(int status) { refuse(status, refusal_body(status)); }

void server_connection::refuse(int status, std::string_view body) {
  phase_ = phase::refusing;
  site_.counters.refused.add();
  keep_alive_ = false;
  if (reader_) reader_->discard();
  append_head(next_, head(status, json_type, status == 503 ? "Retry-After: 1\r\n" : ""), body.size());
  next_.append(body);
  flush();
}

/// The answer is out, so its end is nobody's loss any more.
void server_connection::forget_watcher() { const auto forgotten = std::exchange(on_closed_, nullptr); }

void server_connection::leave() {
  forget_watcher();
  if (tls_ && !tls_->say_goodbye()) return when_ready(socket::wait_write, &server_connection::leave);
  if (peer_ended_) return close_and_tell();
  // Closing with unread bytes would reset the connection and could take the answer from the client (RFC 9112, 9.6).
  error_code ec;
  socket_->shutdown(socket::shutdown_send, ec);
  if (ec) return close_and_tell();
  phase_ = phase::lingering;
  limit_.set(linger_time);
  if (reader_) reader_->discard();
  read();
}

void server_connection::read() {
  // Waiting first and reading then costs no more than reading at once, and needs no buffer for the wait.
  if (reading_ || peer_ended_ || !has_room()) return;
  reading_ = true;
  auto then = [self = shared_from_this()](error_code ec) { self->on_readable(ec); };
  if (tls_ && tls_->has_more()) return asio::post(socket_->get_executor(), [then = std::move(then)] { then({}); });
  socket_->async_wait(socket::wait_read, std::move(then));
}

bool server_connection::has_room() {
  if (!reader_) return true;
  const bool ahead = phase_ == phase::answering || phase_ == phase::streaming;
  if (ahead && reader_->buffered() >= read_ahead_max) return false;
  return !reader_->space().empty();
}

void server_connection::on_readable(error_code ec) {
  reading_ = false;
  if (phase_ == phase::closed) return;
  if (ec) return lost(ec);
  // An answer that was sent meanwhile may have left no room, or none may be wanted before it is out.
  if (!has_room()) return;
  if (!reader_) reader_ = site_.take_reader();
  const auto room = reader_->space();
  const std::size_t n = tls_ ? tls_->read(room, ec) : socket_->read_some(asio::buffer(room.data(), room.size()), ec);
  if (ec && ec != asio::error::would_block) return lost(ec);
  reader_->filled(n);
  site_.counters.received_bytes.add(n);
  received(n);
}

void server_connection::give_reader_back() {
  if (reader_ && reader_->buffered() == 0) site_.keep_reader(std::move(reader_));
}

void server_connection::received(std::size_t n) {
  switch (phase_) {
    case phase::reading: return take_request();
    case phase::greeting:
    case phase::serving:
    case phase::answering: return read();
    case phase::streaming: give_reader_back(); return read();
    case phase::refusing:
    case phase::lingering:
      reader_->discard();
      lingered_ += n;
      return lingered_ > linger_bytes_max ? close_and_tell() : read();
    case phase::closed: return;
  }
}

void server_connection::lost(error_code ec) {
  // A client that only ended its own side still gets the answer that is on its way.
  const bool on_its_way = phase_ == phase::answering || phase_ == phase::refusing;
  if (on_its_way && ec == asio::error::eof)
    peer_ended_ = true;
  else
    close_and_tell();
}

void server_connection::rest() {
  out_ = {};
  next_ = {};
}

void server_connection::on_deadline() {
  switch (phase_) {
    case phase::greeting: tell_refused("the handshake took too long"); return close_and_tell();
    case phase::reading:
      if (arrived_ != arrival::nothing) return refuse(408);
      if (rested_ || site_.draining || site_.limits.keep_alive_timeout <= rest_after) return close_and_tell();
      rested_ = true;
      limit_.set(site_.limits.keep_alive_timeout - rest_after);
      return rest();
    case phase::streaming:
    case phase::answering:
    case phase::refusing: reset_peer(); return close_and_tell();
    case phase::lingering: return close_and_tell();
    case phase::serving:
    case phase::closed: return;
  }
}

}  // namespace holdfast::transport
