#include <boost/asio/post.hpp>
#include <utility>

#include "transport/server_connection_impl.hpp"

namespace holdfast::transport {

namespace asio = boost::asio;

void server_connection::greet(std::shared_ptr<tls_contexts> contexts) {
  counted_in_ = &site_.served;
  ++*counted_in_;
  phase_ = phase::greeting;
  tls_ = std::make_unique<tls_session>(std::move(contexts), socket_->native_handle());
  limit_.set(site_.limits.handshake_timeout);
  shake_hands();
}

void server_connection::shake_hands() {
  switch (tls_->handshake()) {
    case tls_session::step::done: return await_request();
    case tls_session::step::readable: return when_ready(socket::wait_read, &server_connection::shake_hands);
    case tls_session::step::writable: return when_ready(socket::wait_write, &server_connection::shake_hands);
    case tls_session::step::failed: return end_greeting();
  }
}

/// The reason has gone out as an alert, but for a client that speaks plain HTTP, which understands an answer.
void server_connection::end_greeting() {
  if (!tls_->why().empty()) tell_refused(tls_->why());
  const auto plain = tls_->met_plain_http();
  tls_.reset();
  if (plain) return refuse(400, tls_wanted_body);
  leave();
}

void server_connection::tell_refused(const std::string& why) {
  error_code ec;
  const auto from = socket_->remote_endpoint(ec);
  site_.handler.on_refused(ec ? std::string() : from.address().to_string(), why);
}

void server_connection::when_ready(socket::wait_type what, void (server_connection::*then)()) {
  socket_->async_wait(what, [self = shared_from_this(), then](error_code ec) {
    if (self->phase_ == phase::closed) return;
    if (ec) return self->close_and_tell();
    (self.get()->*then)();
  });
}

void server_connection::write_encrypted() {
  error_code ec;
  const auto n = tls_->write({out_.data() + sent_, out_.size() - sent_}, ec);
  if (ec == asio::error::would_block) return when_ready(socket::wait_write, &server_connection::write_encrypted);
  asio::post(socket_->get_executor(), [self = shared_from_this(), ec, n] { self->on_written(ec, n); });
}

}  // namespace holdfast::transport
