#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::apps {

/// A value, or the words that say what to write instead.
template <class T>
using parsed = boost::system::result<T, std::string>;

/// "250ms", "30s", "5m", "1h": a whole number and its unit.
parsed<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "65536", "64KiB", "4MiB", "1GiB": a whole number of bytes, or of binary multiples of them.
parsed<std::uint64_t> parse_size(std::string_view text);

/// A whole number without sign.
parsed<std::uint64_t> parse_count(std::string_view text);

struct host_port {
  std::uint16_t port = 0;
  std::string host;  ///< without brackets
};

/// "127.0.0.1:7420", "[::1]:7420", "localhost:7420": an address that can be listened on.
parsed<host_port> parse_listen(std::string_view text);

/// An IPv4 or IPv6 address, without brackets.
bool is_ip_address(const std::string& text);

/// Of this computer only.
bool is_loopback(const std::string& host);

/// Long enough for a secret, and of characters that a header can carry.
bool is_usable_secret(const std::string& text);
inline constexpr const char* unusable_secret =
    "must be at least 16 visible ASCII characters, such as `openssl rand -hex 32` makes";

/// The shortest spelling that parses back to the same value.
std::string duration_text(std::chrono::milliseconds d);
std::string size_text(std::uint64_t bytes);

}  // namespace holdfast::apps
