#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/store_values.hpp"

namespace holdfast::persistence {

/// Where a server listens: a host and a port, or the path of a unix socket.
struct redis_endpoint {
  std::string host;
  std::uint16_t port = 6379;
  std::string path;  ///< not empty = a unix socket

  bool operator==(const redis_endpoint&) const = default;
};

/// As an operator writes it: host:port, [address]:port or the path.
std::string shown(const redis_endpoint& e);

/// What a Redis URL says.
struct redis_site {
  enum class kind : std::uint8_t { server, sentinel, cluster };
  enum kind kind = kind::server;
  bool tls = false;
  std::vector<redis_endpoint> endpoints;  ///< the server, the sentinels, or some nodes of the cluster; never empty
  std::string user;                       ///< empty = "default"
  std::string password;                   ///< empty = none
  std::string master;                     ///< the name that the sentinels know; only for them
  unsigned database = 0;
};

/// Reads a URL of `store::open`. The failure (`rejected`) says what is wrong, without repeating the password.
result<redis_site> parse_redis_url(std::string_view url);

/// The URL without user and password.
std::string shown(const redis_site& s);

}  // namespace holdfast::persistence
