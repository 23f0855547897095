#include "persistence/redis/redis_url.hpp"

#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace holdfast::persistence {
namespace {

constexpr std::uint16_t redis_port = 6379, sentinel_port = 26379;
constexpr std::size_t path_length_max = sizeof(sockaddr_un::sun_path) - 1;

store_failure wrong(std::string what) { return {store_errc::rejected, "the store's URL: " + std::move(what)}; }

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned char byte = 0;
    const auto digits = text.substr(i + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc() || end != digits.data() + 2) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

/// What comes before the first `separator`, which is taken away with it; everything if there is none.
std::string_view take_until(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const auto part = text.substr(0, at);
  text = at == text.npos ? std::string_view() : text.substr(at + 1);
  return part;
}

std::optional<redis_endpoint> endpoint_of(std::string_view text, std::uint16_t port) {
  redis_endpoint e{{}, port, {}};
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return std::nullopt;
    e.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  } else {
    const auto end = std::min(text.find(':'), text.size());
    e.host = text.substr(0, end);
    text.remove_prefix(end);
  }
  if (!text.empty()) {
    const auto given = text.front() == ':' ? number<std::uint16_t>(text.substr(1)) : std::nullopt;
    if (!given || *given == 0) return std::nullopt;
    e.port = *given;
  }
  if (e.host.empty()) return std::nullopt;
  return e;
}

result<redis_site> unix_site(std::string_view rest) {
  redis_site s;
  if (rest.starts_with("//")) rest.remove_prefix(2);
  s.endpoints.push_back({{}, 0, std::string(take_until(rest, '?'))});
  if (s.endpoints[0].path.empty()) return wrong("a path must follow 'unix:'");
  if (s.endpoints[0].path.size() > path_length_max) return wrong("the path of a unix socket is too long");
  while (!rest.empty()) {
    auto value = take_until(rest, '&');
    const auto name = take_until(value, '=');
    auto decoded = percent_decoded(value);
    const auto database = number<unsigned>(value);
    if (name == "db" && database)
      s.database = *database;
    else if (name == "user" && decoded)
      s.user = std::move(*decoded);
    else if (name == "password" && decoded)
      s.password = std::move(*decoded);
    else
      return wrong("'" + std::string(name) + "' is none of db=NUMBER, user and password");
  }
  return s;
}

result<std::string_view> without_credentials(std::string_view rest, redis_site& into) {
  const auto at = rest.substr(0, rest.find('/')).rfind('@');
  if (at == rest.npos) return rest;
  auto credentials = rest.substr(0, at);
  if (credentials.find(':') == credentials.npos) return wrong("write user:password@ or :password@");
  auto user = percent_decoded(take_until(credentials, ':'));
  auto password = percent_decoded(credentials);
  if (!user || !password) return wrong("user or password has a '%' that two hexadecimal digits do not follow");
  into.user = std::move(*user);
  into.password = std::move(*password);
  return rest.substr(at + 1);
}

result<redis_site> network_site(std::string_view rest, redis_site s) {
  const auto after = without_credentials(rest, s);
  if (!after) return after.error();
  rest = *after;
  auto hosts = take_until(rest, '/');
  const bool several = s.kind != redis_site::kind::server;
  const std::uint16_t port = s.kind == redis_site::kind::sentinel ? sentinel_port : redis_port;
  if (hosts.empty() && !several) hosts = "localhost";
  while (!hosts.empty()) {
    auto e = endpoint_of(several ? take_until(hosts, ',') : std::exchange(hosts, {}), port);
    if (!e) return wrong("a host is to be written as name, name:port or [address]:port");
    s.endpoints.push_back(std::move(*e));
  }
  if (s.endpoints.empty()) return wrong("it names no host");
  if (s.kind == redis_site::kind::sentinel) {
    s.master = take_until(rest, '/');
    if (s.master.empty()) return wrong("the name of the master must follow the sentinels: /NAME");
  }
  if (!rest.empty()) {
    const auto database = number<unsigned>(rest);
    if (!database) return wrong("the database, after the last '/', must be a number");
    s.database = *database;
  }
  if (s.kind == redis_site::kind::cluster && s.database != 0) return wrong("a cluster has only database 0");
  return s;
}

}  // namespace

std::string shown(const redis_endpoint& e) {
  if (!e.path.empty()) return e.path;
  const bool is_v6 = e.host.find(':') != e.host.npos;
  return (is_v6 ? "[" + e.host + "]" : e.host) + ":" + std::to_string(e.port);
}

result<redis_site> parse_redis_url(std::string_view url) {
  if (url.starts_with("unix:")) return unix_site(url.substr(5));
  const auto end = url.find("://");
  const auto scheme = url.substr(0, end);
  redis_site s;
  s.tls = scheme.starts_with("rediss");
  const auto form = scheme.substr(std::min(scheme.size(), std::size_t{s.tls ? 6U : 5U}));
  if (end == url.npos || !scheme.starts_with("redis")) return wrong("it begins neither with redis nor with unix:");
  if (form == "+sentinel")
    s.kind = redis_site::kind::sentinel;
  else if (form == "+cluster")
    s.kind = redis_site::kind::cluster;
  else if (!form.empty())
    return wrong("after redis or rediss there may be +sentinel or +cluster");
  return network_site(url.substr(end + 3), std::move(s));
}

std::string shown(const redis_site& s) {
  const std::string database = s.database == 0 ? "" : std::to_string(s.database);
  if (!s.endpoints[0].path.empty()) return "unix:" + s.endpoints[0].path + (database.empty() ? "" : "?db=" + database);
  std::string out = s.tls ? "rediss" : "redis";
  if (s.kind == redis_site::kind::sentinel) out += "+sentinel";
  if (s.kind == redis_site::kind::cluster) out += "+cluster";
  out += "://";
  for (std::size_t i = 0; i < s.endpoints.size(); ++i) out += (i == 0 ? "" : ",") + shown(s.endpoints[i]);
  if (!s.master.empty()) out += "/" + s.master;
  if (!database.empty()) out += "/" + database;
  return out;
}

}  // namespace holdfast::persistence
