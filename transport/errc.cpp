#include "transport/errc.hpp"

#include <string>

namespace holdfast::transport {
namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "transport"; }

  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::closed: return "connection closed";
      case errc::timed_out: return "timed out";
      case errc::refused: return "connection refused";
      case errc::tls_failed: return "TLS handshake or verification failed";
      case errc::too_large: return "over the size limit";
      case errc::bad_http: return "malformed HTTP";
      case errc::bad_json: return "malformed JSON";
      case errc::bad_message: return "not a JSON-RPC 2.0 message";
      case errc::bad_address: return "unusable address";
      case errc::bad_event_stream: return "not an event stream";
      case errc::http_status: return "unexpected HTTP status";
      case errc::session_lost: return "the upstream session has ended";
      case errc::answer_lost: return "the stream ended before the response";
      case errc::spawn_failed: return "the command could not be started";
      case errc::process_exited: return "the process exited";
      case errc::handshake_failed: return "the upstream refused initialize";
      case errc::unsupported_era: return "no protocol revision in common";
      case errc::overloaded: return "at its limit";
      case errc::unauthorized: return "the upstream refused our credentials";
      case errc::bad_seal: return "altered, foreign or expired token";
    }
    return "unknown transport error";
  }
};

}  // namespace

const std::error_category& transport_category() noexcept {
  static const category instance;
  return instance;
}

std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), transport_category()}; }

}  // namespace holdfast::transport
