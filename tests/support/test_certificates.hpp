#pragma once

#include <openssl/ssl.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "tests/support/test_authority.hpp"

namespace holdfast::tests {

/// A certificate authority made for one test, and a server certificate of it.
class test_certificates {
 public:
  /// `name` is a subjectAltName, e.g. "DNS:localhost" or "IP:127.0.0.1". `ca_file` is where the authority is written.
  test_certificates(const std::string& name, std::string ca_file) : ca_file_(std::move(ca_file)) {
    const test_authority authority;
    const auto server = authority.issue({name});
    authority.write(ca_file_);
    context_.reset(::SSL_CTX_new(::TLS_server_method()));
    ::SSL_CTX_use_certificate(context_.get(), server.certificate.get());
    ::SSL_CTX_use_PrivateKey(context_.get(), server.key.get());
  }
  ~test_certificates() { std::remove(ca_file_.c_str()); }

  SSL_CTX* server() const noexcept { return context_.get(); }
  const std::string& ca_file() const noexcept { return ca_file_; }

 private:
  std::string ca_file_;
  std::unique_ptr<SSL_CTX, openssl::deleter<&::SSL_CTX_free>> context_;
};

}  // namespace holdfast::tests
