#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "tests/support/raw_client.hpp"
#include "tests/support/test_authority.hpp"
#include "transport/tls_identity.hpp"

namespace holdfast::tests {

/// What a client speaks TLS with: trusts everybody, and shows the certificate of `files` if they name one.
inline std::shared_ptr<SSL_CTX> client_context(const transport::tls_files& files = {}) {
  const std::shared_ptr<SSL_CTX> made(::SSL_CTX_new(::TLS_client_method()), &::SSL_CTX_free);
  if (files && (::SSL_CTX_use_certificate_chain_file(made.get(), files.certificate.c_str()) != 1 ||
                ::SSL_CTX_use_PrivateKey_file(made.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1))
    throw std::runtime_error("cannot use " + files.certificate);
  return made;
}

/// TLS for a `raw_client`. One thread may read while another one writes.
class tls_wire final : public raw_client::wire {
 public:
  /// Throws if the handshake fails.
  tls_wire(const std::shared_ptr<SSL_CTX>& context, int socket)
      : context_(context), ssl_(::SSL_new(context.get())), socket_(socket) {
    ::SSL_set_fd(ssl_.get(), socket);
    ::SSL_set_connect_state(ssl_.get());
    ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
    if (run([&] { return ::SSL_do_handshake(ssl_.get()); }, true) != 1) throw std::runtime_error("TLS failed");
  }

  ssize_t send(const char* bytes, std::size_t size) override {
    return run([&] { return ::SSL_write(ssl_.get(), bytes, static_cast<int>(size)); }, true);
  }

  ssize_t receive(char* into, std::size_t size, bool wait) override {
    return run([&] { return ::SSL_read(ssl_.get(), into, static_cast<int>(size)); }, wait);
  }

  void end_sending() override {
    const std::lock_guard lock(mutex_);
    ::SSL_shutdown(ssl_.get());
  }

  SSL* session() const noexcept { return ssl_.get(); }

 private:
  template <class F>
  ssize_t run(F f, bool wait) {
    constexpr int limit_ms = 10'000;
    for (;;) {
      int result, error;
      {
        const std::lock_guard lock(mutex_);
        ::ERR_clear_error();
        result = f();
        error = ::SSL_get_error(ssl_.get(), result);
      }
      if (result > 0) return result;
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return 0;
      pollfd ready{socket_, static_cast<short>(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
      if (wait && ::poll(&ready, 1, limit_ms) == 1) continue;
      errno = EAGAIN;
      return -1;
    }
  }

  const std::shared_ptr<SSL_CTX> context_;
  std::unique_ptr<SSL, openssl::deleter<&::SSL_free>> ssl_;
  const int socket_;
  std::mutex mutex_;
};

}  // namespace holdfast::tests
