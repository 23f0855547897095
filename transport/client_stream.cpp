#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

#include "transport/client_stream_impl.hpp"
#include "transport/errc.hpp"
#include "transport/tls_pem_impl.hpp"

namespace holdfast::transport {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

bool client_stream::use_tls(ssl::context& context, const http_target& target) {
  tls_.emplace(socket_, context);
  auto* handle = tls_->native_handle();
  const auto& host = target.host;
  error_code ec;
  boost::asio::ip::make_address(host, ec);
  const bool is_name = ec.failed();
  // The context knows whom to trust.
  if (target.identity) return !is_name || ::SSL_set_tlsext_host_name(handle, host.c_str()) == 1;
  auto* expected = ::SSL_get0_param(handle);
  ::X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  ::SSL_set_verify(handle, SSL_VERIFY_PEER, nullptr);
  if (!is_name) return ::X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  // Names only: RFC 6066, section 3, has no literal addresses in the server name extension.
  return ::SSL_set_tlsext_host_name(handle, host.c_str()) == 1 &&
         ::X509_VERIFY_PARAM_set1_host(expected, host.data(), host.size()) == 1;
}

std::string client_stream::verification_error() const {
  if (!tls_) return {};
  auto* handle = const_cast<ssl::stream<tcp_socket&>&>(*tls_).native_handle();
  long result = ::SSL_get_verify_result(handle);
  return result == X509_V_OK ? std::string() : ::X509_verify_cert_error_string(result);
}

std::string client_stream::handshake_alert(const error_code& ec) {
  if (ec.category() != boost::asio::error::get_ssl_category()) return {};
  switch (ERR_GET_REASON(static_cast<unsigned long>(ec.value())) - SSL_AD_REASON_OFFSET) {
    case SSL_AD_HANDSHAKE_FAILURE:
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED: return ec.message();
    default: return {};
  }
}

void client_stream::close() noexcept {
  error_code ignored;
  socket_.close(ignored);
}

outcome<std::unique_ptr<ssl::context>> make_tls_context(const http_target& target) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  error_code ec;
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  if (target.ca_file.empty())
    context->set_default_verify_paths(ec);
  else
    context->load_verify_file(target.ca_file, ec);
  if (ec) return failure{make_error_code(errc::tls_failed), "certificate authorities: " + ec.message()};
  if (target.certificate_file.empty()) return context;
  const auto fit = read_tls_files({target.certificate_file, target.key_file, {}, {}});
  if (!fit) return fit.error();
  context->use_certificate_chain_file(target.certificate_file, ec);
  if (!ec) context->use_private_key_file(target.key_file, ssl::context::pem, ec);
  if (ec) return failure{make_error_code(errc::tls_failed), target.certificate_file + ": " + ec.message()};
  return context;
}

}  // namespace holdfast::transport
