#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace holdfast::tests {

/// A certificate authority made for one test, and a server certificate of it.
class test_certificates {
 public:
  /// `name` is a subjectAltName, e.g. "DNS:localhost" or "IP:127.0.0.1". `ca_file` is where the authority is written.
  test_certificates(const std::string& name, std::string ca_file) : ca_file_(std::move(ca_file)) {
    key_ptr ca_key = make_key(), key = make_key();
    x509_ptr ca = make_certificate("holdfast test authority", ca_key, nullptr, ca_key, "");
    x509_ptr leaf = make_certificate("holdfast test server", key, ca.get(), ca_key, name);
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(ca_file_.c_str(), "w"), &std::fclose);
    if (!file || ::PEM_write_X509(file.get(), ca.get()) != 1) throw std::runtime_error("cannot write " + ca_file_);
    context_.reset(::SSL_CTX_new(::TLS_server_method()));
    ::SSL_CTX_use_certificate(context_.get(), leaf.get());
    ::SSL_CTX_use_PrivateKey(context_.get(), key.get());
  }
  ~test_certificates() { std::remove(ca_file_.c_str()); }

  SSL_CTX* server() const noexcept { return context_.get(); }
  const std::string& ca_file() const noexcept { return ca_file_; }

 private:
  template <auto Free>
  struct deleter {
    template <class T>
    void operator()(T* p) const {
      Free(p);
    }
  };
  using key_ptr = std::unique_ptr<EVP_PKEY, deleter<&::EVP_PKEY_free>>;
  using x509_ptr = std::unique_ptr<X509, deleter<&::X509_free>>;

  static key_ptr make_key() { return key_ptr(::EVP_EC_gen("P-256")); }

  static void extend(X509* certificate, int kind, const std::string& value) {
    auto* extension = ::X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    if (extension == nullptr) throw std::runtime_error("bad extension " + value);
    ::X509_add_ext(certificate, extension, -1);
    ::X509_EXTENSION_free(extension);
  }

  static x509_ptr make_certificate(const char* common_name, const key_ptr& key, X509* issuer, const key_ptr& signer,
                                   const std::string& alternative_name) {
    x509_ptr c(::X509_new());
    ::X509_set_version(c.get(), 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(c.get()), issuer ? 2 : 1);
    ::X509_gmtime_adj(::X509_getm_notBefore(c.get()), -60);
    ::X509_gmtime_adj(::X509_getm_notAfter(c.get()), 3600);
    ::X509_set_pubkey(c.get(), key.get());
    ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(c.get()), "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    ::X509_set_issuer_name(c.get(), ::X509_get_subject_name(issuer ? issuer : c.get()));
    if (!issuer) extend(c.get(), NID_basic_constraints, "critical,CA:TRUE");
    if (!alternative_name.empty()) extend(c.get(), NID_subject_alt_name, alternative_name);
    ::X509_sign(c.get(), signer.get(), ::EVP_sha256());
    return c;
  }

  std::string ca_file_;
  std::unique_ptr<SSL_CTX, deleter<&::SSL_CTX_free>> context_;
};

}  // namespace holdfast::tests
