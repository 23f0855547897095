#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "transport/result.hpp"
#include "transport/tls_identity.hpp"

namespace holdfast::transport {

template <auto Free>
struct openssl_deleter {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using x509_ptr = std::unique_ptr<X509, openssl_deleter<&::X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, openssl_deleter<&::EVP_PKEY_free>>;

/// The content of `tls_files`, found fit for use.
struct tls_material {
  std::vector<x509_ptr> chain;  ///< at least one
  key_ptr key;
  std::vector<x509_ptr> authorities;
};

/// Reads and checks all files. A failure is `tls_failed` and names the file.
outcome<tls_material> read_tls_files(const tls_files& files);

tls_identity::description describe(const X509& certificate);

/// The words for the error that OpenSSL met last on this thread. Takes all of them from its queue.
std::string last_openssl_error();

}  // namespace holdfast::transport
