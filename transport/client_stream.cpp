#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

#include "transport/client_stream_impl.hpp"
#include "transport/errc.hpp"

namespace holdfast::transport {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

bool client_stream::use_tls(ssl::context& context, const std::string& host) {
  tls_.emplace(socket_, context);
  error_code ec;
  boost::asio::ip::make_address(host, ec);
  // RFC 6066, section 3: no literal addresses in the server name extension.
  if (ec && ::SSL_set_tlsext_host_name(tls_->native_handle(), host.c_str()) != 1) return false;
  tls_->set_verify_mode(ssl::verify_peer, ec);
  if (!ec) tls_->set_verify_callback(ssl::host_name_verification(host), ec);
  return !ec;
}

std::string client_stream::verification_error() const {
  if (!tls_) return {};
  auto* handle = const_cast<ssl::stream<tcp_socket&>&>(*tls_).native_handle();
  long result = ::SSL_get_verify_result(handle);
  return result == X509_V_OK ? std::string() : ::X509_verify_cert_error_string(result);
}

void client_stream::close() noexcept {
  error_code ignored;
  socket_.close(ignored);
}

outcome<std::unique_ptr<ssl::context>> make_tls_context(const std::string& ca_file) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  error_code ec;
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  if (ca_file.empty())
    context->set_default_verify_paths(ec);
  else
    context->load_verify_file(ca_file, ec);
  if (ec) return failure{make_error_code(errc::tls_failed), "certificate authorities: " + ec.message()};
  return context;
}

}  // namespace holdfast::transport
