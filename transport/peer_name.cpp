#include "transport/peer_name.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

namespace holdfast::transport {
namespace {

std::string shown(int family, const void* address, in_port_t port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_ntop(family, address, text.data(), text.size()) == nullptr) return {};
  const auto host = family == AF_INET6 ? "[" + std::string(text.data()) + "]" : std::string(text.data());
  return host + ":" + std::to_string(ntohs(port));
}

}  // namespace

std::string peer_name(int socket) {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_storage room;
  } at{};
  socklen_t size = sizeof at;
  if (::getpeername(socket, &at.any, &size) != 0) return {};
  if (at.any.sa_family == AF_INET) return shown(AF_INET, &at.v4.sin_addr, at.v4.sin_port);
  if (at.any.sa_family == AF_INET6) return shown(AF_INET6, &at.v6.sin6_addr, at.v6.sin6_port);
  ucred who{};
  size = sizeof who;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return {};
  return "uid " + std::to_string(who.uid);
}

}  // namespace holdfast::transport
