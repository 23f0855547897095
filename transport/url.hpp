#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "transport/result.hpp"

namespace holdfast::transport {

/// An absolute http or https URL, as far as an MCP endpoint needs one (RFC 3986). Fragments are dropped.
struct url {
  bool tls = false;
  std::string host;  ///< lower case; an IPv6 address without its brackets
  std::uint16_t port = 80;
  std::string target;  ///< path and query as they go into a request line; at least "/"

  /// The value of the Host header: the port only where it is not the scheme's own.
  std::string authority() const;

  bool same_origin(const url& other) const noexcept {
    return tls == other.tls && host == other.host && port == other.port;
  }
};

/// `bad_address` with the reason: another scheme, no host, user information, a bad port, white space or control bytes.
/// The detail never repeats the URL, which may hold a token in its query.
outcome<url> parse_url(std::string_view text);

/// `reference` (absolute, "//host/…", "/path", "path" or "?query") against `base` (RFC 3986, section 5.2).
outcome<url> resolve_url(const url& base, std::string_view reference);

}  // namespace holdfast::transport
