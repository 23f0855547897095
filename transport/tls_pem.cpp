#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <utility>

#include "transport/errc.hpp"
#include "transport/tls_pem_impl.hpp"

namespace holdfast::transport {

namespace {

constexpr std::size_t file_bytes_max = 1u << 20;

using bio_ptr = std::unique_ptr<BIO, openssl_deleter<&::BIO_free>>;
using store_ptr = std::unique_ptr<X509_STORE, openssl_deleter<&::X509_STORE_free>>;
using check_ptr = std::unique_ptr<X509_STORE_CTX, openssl_deleter<&::X509_STORE_CTX_free>>;

failure unusable(const std::string& file, const std::string& why) {
  return {make_error_code(errc::tls_failed), file + ": " + why};
}

outcome<std::string> content_of(const std::string& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) return unusable(file, std::string("cannot be read: ") + std::strerror(errno));
  std::string text(file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && !in.eof()))
    return unusable(file, std::string("cannot be read: ") + std::strerror(errno));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > file_bytes_max) return unusable(file, "is larger than 1 MiB");
  return text;
}

bio_ptr reader_of(const std::string& text) {
  return bio_ptr(::BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

outcome<std::vector<x509_ptr>> read_certificates(const std::string& file) {
  const auto text = content_of(file);
  if (!text) return text.error();
  const auto from = reader_of(*text);
  std::vector<x509_ptr> all;
  ::ERR_clear_error();
  while (auto* one = ::PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr)) all.emplace_back(one);
  const auto ended = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const auto why = last_openssl_error();
  if (!ended) return unusable(file, "holds a certificate that cannot be read: " + why);
  if (all.empty()) return unusable(file, "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)");
  return all;
}

/// Without it OpenSSL would ask on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

outcome<key_ptr> read_key(const std::string& file) {
  auto text = content_of(file);
  if (!text) return text.error();
  const auto from = reader_of(*text);
  ::ERR_clear_error();
  key_ptr key(::PEM_read_bio_PrivateKey(from.get(), nullptr, no_passphrase, nullptr));
  const auto encrypted = text->find("ENCRYPTED") != std::string::npos;
  ::OPENSSL_cleanse(text->data(), text->size());
  const auto why = last_openssl_error();
  if (key) return key;
  if (encrypted) return unusable(file, "has a passphrase, which nobody is there to enter: store the key without one");
  return unusable(file, "holds no private key in PEM form: " + why);
}

std::string in_utc(std::chrono::system_clock::time_point t) {
  const auto seconds = std::chrono::system_clock::to_time_t(t);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* t) {
  std::tm parts{};
  if (::ASN1_TIME_to_tm(t, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

/// What a peer with the same authorities would say of the certificate; empty if nothing.
std::string objection(const tls_material& m, const tls_files& files, int purpose) {
  const store_ptr trusted(::X509_STORE_new());
  for (const auto& authority : m.authorities) ::X509_STORE_add_cert(trusted.get(), authority.get());
  const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> between(sk_X509_new_null(),
                                                                           [](STACK_OF(X509) * s) { sk_X509_free(s); });
  for (std::size_t i = 1; i < m.chain.size(); ++i) sk_X509_push(between.get(), m.chain[i].get());
  const check_ptr check(::X509_STORE_CTX_new());
  if (::X509_STORE_CTX_init(check.get(), trusted.get(), m.chain.front().get(), between.get()) != 1)
    return last_openssl_error();
  ::X509_STORE_CTX_set_purpose(check.get(), purpose);
  if (!files.peer_name.empty())
    ::X509_VERIFY_PARAM_set1_host(::X509_STORE_CTX_get0_param(check.get()), files.peer_name.data(),
                                  files.peer_name.size());
  if (::X509_verify_cert(check.get()) == 1) return {};
  const auto error = ::X509_STORE_CTX_get_error(check.get());
  ::ERR_clear_error();
  if (error == X509_V_ERR_HOSTNAME_MISMATCH) return "it does not carry the DNS name " + files.peer_name;
  return ::X509_verify_cert_error_string(error);
}

/// Nothing, or why the certificate would be refused.
outcome<void> check(const tls_material& m, const tls_files& files) {
  const auto* const own = m.chain.front().get();
  if (::X509_cmp_current_time(::X509_get0_notAfter(own)) < 0)
    return unusable(files.certificate, "the certificate has expired: " + in_utc(time_of(::X509_get0_notAfter(own))));
  if (::X509_cmp_current_time(::X509_get0_notBefore(own)) > 0)
    return unusable(files.certificate,
                    "the certificate is not valid before " + in_utc(time_of(::X509_get0_notBefore(own))));
  if (::X509_check_private_key(own, m.key.get()) != 1) {
    ::ERR_clear_error();
    return unusable(files.key, "is not the key of the certificate in " + files.certificate);
  }
  if (!files.among_equals) return {};
  for (const auto& [purpose, side] :
       {std::pair(X509_PURPOSE_SSL_SERVER, "a server"), {X509_PURPOSE_SSL_CLIENT, "a client"}})
    if (const auto why = objection(m, files, purpose); !why.empty())
      return unusable(files.certificate,
                      "would be refused as the certificate of " + std::string(side) + " by " + files.ca + ": " + why);
  return {};
}

std::string one_line(const X509_NAME* name) {
  const bio_ptr out(::BIO_new(::BIO_s_mem()));
  ::X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

outcome<tls_material> read_tls_files(const tls_files& files) {
  tls_material m;
  auto chain = read_certificates(files.certificate);
  if (!chain) return chain.error();
  m.chain = std::move(*chain);
  auto key = read_key(files.key);
  if (!key) return key.error();
  m.key = std::move(*key);
  if (!files.ca.empty()) {
    auto authorities = read_certificates(files.ca);
    if (!authorities) return authorities.error();
    m.authorities = std::move(*authorities);
  }
  if (const auto fit = check(m, files); !fit) return fit.error();
  return m;
}

tls_identity::description describe(const X509& certificate) {
  return {one_line(::X509_get_subject_name(&certificate)), one_line(::X509_get_issuer_name(&certificate)),
          time_of(::X509_get0_notAfter(&certificate))};
}

std::string last_openssl_error() {
  const auto code = ::ERR_peek_last_error();
  ::ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* const words = ::ERR_reason_error_string(code);
  return words != nullptr ? words : "error " + std::to_string(code);
}

}  // namespace holdfast::transport
