#include "apps/commands/ports.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <limits>
#include <memory>
#include <random>

#include "transport/child_spawn.hpp"

namespace holdfast::apps {
namespace {

using transport::unique_fd;

constexpr std::uint16_t lowest = 10'000, usual_end = 32'768, fewest = 1'000;

/// The lowest port that the system gives by itself (ip(7), `ip_local_port_range`). If it gives nearly all of them,
/// there is nothing to evade.
std::uint16_t end_of_quiet_ports() {
  std::ifstream in("/proc/sys/net/ipv4/ip_local_port_range");
  unsigned first = 0;
  if (!(in >> first) || first < lowest + fewest) return usual_end;
  return static_cast<std::uint16_t>(std::min(first, 65'535u));
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
  const auto end = end_of_quiet_ports();
  // Whoever looks at the same time begins somewhere else.
  std::random_device random;
  const auto first = std::uniform_int_distribution<unsigned>(lowest, end - 1u)(random);
  std::vector<std::uint16_t> ports;
  for (unsigned i = 0; ports.size() < count && i < static_cast<unsigned>(end - lowest); ++i) {
    const auto port = static_cast<std::uint16_t>(lowest + (first - lowest + i) % (end - lowest));
    if (try_to_listen("127.0.0.1", port) == 0) ports.push_back(port);
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
