#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace holdfast::tests {

namespace openssl {

template <auto Free>
struct deleter {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, deleter<&::EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, deleter<&::X509_free>>;
using file_ptr = std::unique_ptr<std::FILE, deleter<&::fclose>>;

inline void extend(X509* certificate, int kind, const std::string& value) {
  auto* extension = ::X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  if (extension == nullptr) throw std::runtime_error("bad extension " + value);
  ::X509_add_ext(certificate, extension, -1);
  ::X509_EXTENSION_free(extension);
}

}  // namespace openssl

/// What a certificate is to be like.
struct certificate_wish {
  std::string names{};  ///< subjectAltName, e.g. "DNS:localhost,IP:127.0.0.1"; may be empty
  std::string usage{};  ///< extendedKeyUsage, e.g. "serverAuth"; may be empty
  long from = -60;      ///< seconds from now
  long until = 3600;    ///< seconds from now
  const char* common_name = "holdfast test";
};

/// A certificate authority made for one test.
class test_authority {
 public:
  struct issued {
    openssl::x509_ptr certificate;
    openssl::key_ptr key;
  };

  explicit test_authority(const char* common_name = "holdfast test authority") : key_(::EVP_EC_gen("P-256")) {
    certificate_wish w;
    w.common_name = common_name;
    certificate_ = make(w, key_.get(), nullptr, key_.get());
  }

  issued issue(const certificate_wish& w = {}) const {
    openssl::key_ptr key(::EVP_EC_gen("P-256"));
    auto certificate = make(w, key.get(), certificate_.get(), key_.get());
    return {std::move(certificate), std::move(key)};
  }

  /// Writes its own certificate, behind what is there if `more`.
  void write(const std::string& file, bool more = false) const { write_certificate(*certificate_, file, more); }

  static void write_certificate(X509& c, const std::string& file, bool more = false) {
    if (::PEM_write_X509(open(file, more ? "a" : "w").get(), &c) != 1) throw std::runtime_error("cannot write " + file);
  }

  /// With a passphrase if one is given.
  static void write_key(EVP_PKEY& key, const std::string& file, const std::string& passphrase = "") {
    auto* const cipher = passphrase.empty() ? nullptr : ::EVP_aes_128_cbc();
    const auto* const phrase = reinterpret_cast<const unsigned char*>(passphrase.data());
    if (::PEM_write_PrivateKey(open(file, "w").get(), &key, cipher, phrase, static_cast<int>(passphrase.size()),
                               nullptr, nullptr) != 1)
      throw std::runtime_error("cannot write " + file);
  }

 private:
  static openssl::file_ptr open(const std::string& file, const char* how) {
    openssl::file_ptr f(std::fopen(file.c_str(), how));
    if (!f) throw std::runtime_error("cannot write " + file);
    return f;
  }

  static openssl::x509_ptr make(const certificate_wish& w, EVP_PKEY* key, X509* issuer, EVP_PKEY* signer) {
    openssl::x509_ptr c(::X509_new());
    ::X509_set_version(c.get(), 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(c.get()), issuer != nullptr ? 2 : 1);
    ::X509_gmtime_adj(::X509_getm_notBefore(c.get()), w.from);
    ::X509_gmtime_adj(::X509_getm_notAfter(c.get()), w.until);
    ::X509_set_pubkey(c.get(), key);
    ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(c.get()), "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>(w.common_name), -1, -1, 0);
    ::X509_set_issuer_name(c.get(), ::X509_get_subject_name(issuer != nullptr ? issuer : c.get()));
    if (issuer == nullptr) openssl::extend(c.get(), NID_basic_constraints, "critical,CA:TRUE");
    if (!w.names.empty()) openssl::extend(c.get(), NID_subject_alt_name, w.names);
    if (!w.usage.empty()) openssl::extend(c.get(), NID_ext_key_usage, w.usage);
    ::X509_sign(c.get(), signer, ::EVP_sha256());
    return c;
  }

  openssl::key_ptr key_;
  openssl::x509_ptr certificate_;
};

}  // namespace holdfast::tests
