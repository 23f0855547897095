#include "transport/tls_session_impl.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <cerrno>
#include <cstdint>
#include <new>

#include "transport/tls_pem_impl.hpp"

namespace holdfast::transport {

namespace asio = boost::asio;

namespace {

constexpr std::size_t write_bytes_max = 256u << 10;  // before others get a turn

int socket_of(BIO* b) { return static_cast<int>(reinterpret_cast<std::intptr_t>(::BIO_get_data(b))); }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int write_to_socket(BIO* b, const char* bytes, int size) {
  ::BIO_clear_retry_flags(b);
  const auto n = ::send(socket_of(b), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (n < 0 && would_block()) ::BIO_set_retry_write(b);
  return static_cast<int>(n);
}

int read_from_socket(BIO* b, char* into, int size) {
  ::BIO_clear_retry_flags(b);
  const auto n = ::recv(socket_of(b), into, static_cast<std::size_t>(size), 0);
  if (n == 0) ::BIO_set_flags(b, BIO_FLAGS_IN_EOF);
  if (n < 0 && would_block()) ::BIO_set_retry_read(b);
  return static_cast<int>(n);
}

long control(BIO* b, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return ::BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/// OpenSSL's own for sockets writes without MSG_NOSIGNAL: a client that has gone would end the process.
const BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    auto* m = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdfast socket");
    if (m == nullptr) throw std::bad_alloc();
    ::BIO_meth_set_write(m, write_to_socket);
    ::BIO_meth_set_read(m, read_from_socket);
    ::BIO_meth_set_ctrl(m, control);
    ::BIO_meth_set_create(m, [](BIO* b) {
      ::BIO_set_init(b, 1);
      return 1;
    });
    return m;
  }();
  return method;
}

}  // namespace

tls_session::tls_session(std::shared_ptr<tls_contexts> contexts, int socket)
    : contexts_(std::move(contexts)), ssl_(::SSL_new(contexts_->server.native_handle())) {
  auto* const bio = ::BIO_new(socket_method());
  if (!ssl_ || bio == nullptr) {
    ::BIO_free(bio);
    throw std::bad_alloc();
  }
  ::BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  ::SSL_set_bio(ssl_.get(), bio, bio);
  ::SSL_set_accept_state(ssl_.get());
}

tls_session::step tls_session::handshake() {
  ::ERR_clear_error();
  const int result = ::SSL_do_handshake(ssl_.get());
  if (result == 1) return step::done;
  switch (::SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return step::readable;
    case SSL_ERROR_WANT_WRITE: return step::writable;
    default: note_failure(); return step::failed;
  }
}

void tls_session::note_failure() {
  goodbye_said_ = true;  // nothing may follow a fatal alert
  const auto reason = ERR_GET_REASON(::ERR_peek_error());
  if (::ERR_peek_error() == 0) return;
  met_plain_http_ = reason == SSL_R_HTTP_REQUEST;
  const auto verified = ::SSL_get_verify_result(ssl_.get());
  why_ = verified == X509_V_OK ? last_openssl_error() : ::X509_verify_cert_error_string(verified);
  ::ERR_clear_error();
}

tls_session::error_code tls_session::error_of(int result) {
  switch (::SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return asio::error::would_block;
    case SSL_ERROR_ZERO_RETURN: return asio::error::eof;
    default: break;
  }
  ::ERR_clear_error();
  goodbye_said_ = true;
  return asio::error::connection_reset;
}

std::string tls_session::subject() const {
  const x509_ptr shown(::SSL_get_peer_certificate(ssl_.get()));
  return shown ? describe(*shown).subject : std::string();
}

std::size_t tls_session::read(std::span<char> into, error_code& ec) {
  ::ERR_clear_error();
  std::size_t n = 0;
  const int result = ::SSL_read_ex(ssl_.get(), into.data(), into.size(), &n);
  more_ = result == 1;
  if (!more_) ec = error_of(result);
  return n;
}

std::size_t tls_session::write(std::string_view bytes, error_code& ec) {
  std::size_t done = 0;
  while (done < bytes.size() && done < write_bytes_max) {
    ::ERR_clear_error();
    std::size_t n = 0;
    const int result = ::SSL_write_ex(ssl_.get(), bytes.data() + done, bytes.size() - done, &n);
    done += n;
    if (result == 1) continue;
    const auto failed = error_of(result);
    if (done == 0 || failed != asio::error::would_block) ec = failed;
    break;
  }
  return done;
}

bool tls_session::say_goodbye() {
  if (goodbye_said_ || !SSL_is_init_finished(ssl_.get())) return true;
  ::ERR_clear_error();
  const int result = ::SSL_shutdown(ssl_.get());
  const auto blocked = result < 0 && error_of(result) == asio::error::would_block;
  goodbye_said_ = !blocked;
  return goodbye_said_;
}

}  // namespace holdfast::transport
