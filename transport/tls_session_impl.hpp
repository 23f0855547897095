#pragma once

#include <openssl/ssl.h>

#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "transport/tls_identity_impl.hpp"

namespace holdfast::transport {

/// The server's side of TLS on a connected socket that does not block. It holds no bytes back: what it cannot write now
/// it does not take. Its loop's thread only.
class tls_session {
 public:
  using error_code = boost::system::error_code;

  /// What it waits for.
  enum class step { done, readable, writable, failed };

  /// `socket` outlives it.
  tls_session(std::shared_ptr<tls_contexts> contexts, int socket);

  /// Goes on with the handshake until that is done, or has failed, or the socket must be waited for.
  step handshake();

  // After a handshake that has failed.
  const std::string& why() const noexcept { return why_; }  ///< empty if the client just left
  bool met_plain_http() const noexcept { return met_plain_http_; }

  /// Of the certificate that the client has shown; empty if there is none.
  std::string subject() const;

  /// As of a socket: `would_block` if there is nothing now, `eof` once the client has ended its side.
  std::size_t read(std::span<char> into, error_code& ec);

  /// There are bytes to read that the socket does not show any more.
  bool has_more() const noexcept { return more_ && ::SSL_has_pending(ssl_.get()) == 1; }

  /// Writes some of it; `would_block` if nothing could be written.
  std::size_t write(std::string_view bytes, error_code& ec);

  /// Tells the client that nothing more comes. False if the socket takes nothing just now.
  bool say_goodbye();

  /// There will be no goodbye.
  void be_quiet() noexcept { goodbye_said_ = true; }

  /// The certificates have been replaced since: the client had better come again.
  bool is_outdated() const noexcept { return contexts_->replaced.load(std::memory_order_relaxed); }

 private:
  struct deleter {
    void operator()(SSL* s) const noexcept { ::SSL_free(s); }
  };

  void note_failure();
  error_code error_of(int result);

  const std::shared_ptr<tls_contexts> contexts_;
  std::unique_ptr<SSL, deleter> ssl_;
  std::string why_;
  bool more_ = true, met_plain_http_ = false, goodbye_said_ = false;
};

}  // namespace holdfast::transport
