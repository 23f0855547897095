#include "apps/commands/ports.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <memory>

#include "transport/child_spawn.hpp"

namespace holdfast::apps {
namespace {

using transport::unique_fd;

/// The port that a socket got by being bound to none; 0 if it got none.
std::uint16_t bind_anywhere(int socket) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  return bound ? ntohs(address.sin_port) : 0;
}

}  // namespace

int try_to_listen(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return EADDRNOTAVAIL;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  const unique_fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return errno;
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool bound = ::bind(fd.get(), found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd.get(), 1) == 0;
  return bound ? 0 : errno;
}

std::vector<std::uint16_t> free_ports(std::size_t count) {
  std::vector<unique_fd> held;  // until all are found, so that none is given twice
  std::vector<std::uint16_t> ports;
  while (ports.size() < count) {
    held.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto port = bind_anywhere(held.back().get());
    if (port == 0) break;
    ports.push_back(port);
  }
  return ports;
}

std::vector<std::uint16_t> ports_after(std::uint16_t after, std::size_t count,
                                       const std::function<bool(std::uint16_t)>& is_free) {
  std::vector<std::uint16_t> ports;
  while (ports.size() < count && after < std::numeric_limits<std::uint16_t>::max()) {
    if (is_free(++after)) ports.push_back(after);
  }
  return ports;
}

}  // namespace holdfast::apps
