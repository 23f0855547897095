#include "apps/config/units.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace holdfast::apps {
namespace {

constexpr std::size_t secret_bytes_min = 16;

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr unit duration_units[] = {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr unit size_units[] = {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"", 1}};

struct quantity {
  std::uint64_t number;
  std::string_view rest;
};

std::optional<quantity> leading_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  return quantity{number, text.substr(static_cast<std::size_t>(end - text.data()))};
}

template <std::size_t N>
std::optional<std::uint64_t> scaled(const quantity& q, const unit (&units)[N]) {
  for (const unit& u : units) {
    if (u.name == q.rest && q.number <= std::uint64_t{std::numeric_limits<std::int64_t>::max()} / u.factor)
      return q.number * u.factor;
  }
  return std::nullopt;
}

template <std::size_t N>
std::string spelled(std::uint64_t value, const unit (&units)[N], std::string_view of_zero) {
  if (value == 0) return "0" + std::string(of_zero);
  for (const unit& u : units) {
    if (value % u.factor == 0) return std::to_string(value / u.factor) + std::string(u.name);
  }
  return std::to_string(value);
}

bool is_ip_address(const std::string& host, int family) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(family, host.c_str(), address) == 1;
}

}  // namespace

parsed<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto q = leading_number(text);
  if (q && q->rest.empty()) {
    const std::string n = std::to_string(q->number);
    return "needs a unit: write " + n + "ms, " + n + "s, " + n + "m or " + n + "h";
  }
  if (q) {
    if (const auto ms = scaled(*q, duration_units)) return std::chrono::milliseconds(static_cast<std::int64_t>(*ms));
  }
  return std::string("must be a whole number and a unit, such as 250ms, 30s, 5m or 1h");
}

parsed<std::uint64_t> parse_size(std::string_view text) {
  if (const auto q = leading_number(text)) {
    if (const auto bytes = scaled(*q, size_units)) return *bytes;
  }
  return std::string("must be a number of bytes, such as 65536, 64KiB, 4MiB or 1GiB");
}

parsed<std::uint64_t> parse_count(std::string_view text) {
  const auto q = leading_number(text);
  if (q && q->rest.empty()) return q->number;
  return std::string("must be a whole number");
}

parsed<host_port> parse_listen(std::string_view text) {
  const std::string form = "must be HOST:PORT, such as 127.0.0.1:7420, [::1]:7420 or 0.0.0.0:7420";
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return form;
  const auto port = parse_count(text.substr(colon + 1));
  if (!port) return form;
  if (*port > 65535) return std::string("has a port over 65535");
  std::string host(text.substr(0, colon));
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed ? !is_ip_address(host, AF_INET6) : host != "localhost" && !is_ip_address(host, AF_INET)) return form;
  return host_port{static_cast<std::uint16_t>(*port), host};
}

bool is_ip_address(const std::string& text) { return is_ip_address(text, AF_INET) || is_ip_address(text, AF_INET6); }

bool is_loopback(const std::string& host) { return host.starts_with("127.") || host == "localhost" || host == "::1"; }

bool is_usable_secret(const std::string& text) {
  const auto visible = [](char ch) { return ch > ' ' && ch < 0x7f; };
  return text.size() >= secret_bytes_min && std::all_of(text.begin(), text.end(), visible);
}

std::string duration_text(std::chrono::milliseconds d) {
  return spelled(static_cast<std::uint64_t>(d.count()), duration_units, "s");
}

std::string size_text(std::uint64_t bytes) { return spelled(bytes, size_units, ""); }

}  // namespace holdfast::apps
