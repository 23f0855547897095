#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/error.hpp>

#include "persistence/redis/redis_stream_impl.hpp"

namespace holdfast::persistence {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// Data that the peer's kernel does not take for so long means that the peer is gone. A server that is merely paused
// does not count: its kernel goes on taking data.
constexpr int unacknowledged_ms_max = 3'000;

// A connection that nothing is sent over is looked after often enough for the firewalls on its way.
constexpr int idle_s = 60, idle_again_s = 20;

using idle_before_probe = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
using idle_between_probes = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
using user_timeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;

bool expect_host(SSL* handle, const std::string& host) {
  boost::system::error_code ec;
  asio::ip::make_address(host, ec);
  auto* expected = ::SSL_get0_param(handle);
  ::X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  ::SSL_set_verify(handle, SSL_VERIFY_PEER, nullptr);
  if (!ec) return ::X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  // Names only: RFC 6066, section 3, has no literal addresses in the server name extension.
  return ::SSL_set_tlsext_host_name(handle, host.c_str()) == 1 &&
         ::X509_VERIFY_PARAM_set1_host(expected, host.data(), host.size()) == 1;
}

}  // namespace

redis_stream::redis_stream(asio::io_context& context, redis_endpoint to, asio::ssl::context* tls)
    : to_(std::move(to)), context_(tls), resolver_(context.get_executor()), socket_(context.get_executor()) {}

void redis_stream::connect(connect_handler done) {
  connected_ = std::move(done);
  if (!to_.path.empty()) {
    addresses_.emplace_back(asio::local::stream_protocol::endpoint(to_.path));
    return connect_next({});
  }
  resolver_.async_resolve(
      to_.host, std::to_string(to_.port), tcp::resolver::numeric_service,
      [this, self = shared_from_this()](const error_code& ec, const tcp::resolver::results_type& found) {
        for (const auto& entry : found) addresses_.emplace_back(entry.endpoint());
        std::reverse(addresses_.begin(), addresses_.end());
        connect_next(ec);
      });
}

void redis_stream::connect_next(error_code last) {
  if (!connected_) return;
  if (addresses_.empty()) return finish(store_failure{store_errc::unavailable, last.message()});
  const auto address = addresses_.back();
  addresses_.pop_back();
  error_code ignored;
  socket_.close(ignored);
  socket_.async_connect(address, [this, self = shared_from_this()](const error_code& ec) {
    if (ec) return connect_next(ec);
    on_connected();
  });
}

void redis_stream::on_connected() {
  if (!connected_) return;
  error_code ignored;
  if (to_.path.empty()) {
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
    socket_.set_option(idle_before_probe(idle_s), ignored);
    socket_.set_option(idle_between_probes(idle_again_s), ignored);
    socket_.set_option(user_timeout(unacknowledged_ms_max), ignored);
  }
  if (context_ != nullptr) return shake_hands();
  finish(std::nullopt);
}

void redis_stream::shake_hands() {
  tls_.emplace(socket_, *context_);
  if (!expect_host(tls_->native_handle(), to_.host))
    return finish(store_failure{store_errc::rejected, "TLS cannot check this host name"});
  tls_->async_handshake(asio::ssl::stream_base::client, [this, self = shared_from_this()](const error_code& ec) {
    finish(ec ? std::optional(self->why_refused(ec)) : std::nullopt);
  });
}

void redis_stream::finish(std::optional<store_failure> why) {
  // Moved out first: who is told may close the stream, or start another.
  if (const auto done = std::exchange(connected_, nullptr)) done(std::move(why));
}

store_failure redis_stream::why_refused(const error_code& ec) {
  const auto verified = ::SSL_get_verify_result(tls_->native_handle());
  if (verified == X509_V_OK) return {store_errc::unavailable, "TLS: " + ec.message()};
  return {store_errc::rejected, std::string("TLS: ") + ::X509_verify_cert_error_string(verified)};
}

void redis_stream::close() noexcept {
  error_code ignored;
  connected_ = nullptr;
  resolver_.cancel();
  socket_.close(ignored);
}

result<std::unique_ptr<asio::ssl::context>> make_tls_context(const std::string& ca_file) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  boost::system::error_code ec;
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  if (ca_file.empty())
    context->set_default_verify_paths(ec);
  else
    context->load_verify_file(ca_file, ec);
  if (ec) return store_failure{store_errc::rejected, "certificate authorities: " + ec.message()};
  return context;
}

}  // namespace holdfast::persistence
