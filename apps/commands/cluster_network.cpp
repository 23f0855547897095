#include "apps/commands/cluster_network.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "apps/commands/cluster_socket.hpp"
#include "apps/commands/options.hpp"
#include "apps/commands/relay_network.hpp"
#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using transport::unique_fd;

constexpr auto glance = 500ms;
constexpr int backlog = 16;
constexpr std::string_view done = "ok";

/// The network runs in the folder, so that the name alone is an address whatever the folder's path.
unique_fd listen_here(std::string_view socket) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  socket.copy(at.sun_path, sizeof at.sun_path - 1);
  ::unlink(at.sun_path);  // of a process that was killed
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t before = ::umask(0177);
  const bool bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  ::umask(before);
  return bound && ::listen(fd.get(), backlog) == 0 ? std::move(fd) : unique_fd();
}

/// What went wrong, or `done`.
std::string arrange(relay_network& network, const cluster_folder& folder) {
  const auto s = folder.load();
  if (!s) return s.error().words;
  if (!*s) return "there is no cluster any more";
  const auto arranged = network.arrange(ways_of(**s), (*s)->cuts);
  return arranged ? std::string(done) : arranged.error().detail;
}

}  // namespace

std::optional<ending> run_network(const cluster_folder& folder) {
  interrupt_by_end();
  const auto socket = listen_here(network_socket);
  if (socket.get() < 0)
    return ending{exit_code::failed, "cannot listen at " + std::string(network_socket) + ": " + std::strerror(errno)};
  const auto network = relay_network::create(node_at);
  if (const auto said = arrange(*network, folder); said != done) return ending{exit_code::failed, said};
  network->watch(socket.get(), [&] {
    const unique_fd who(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    const auto said = arrange(*network, folder);
    // To come here is to ask; what is written fits into any socket's buffer.
    static_cast<void>(::send(who.get(), said.data(), said.size(), MSG_NOSIGNAL));
  });
  while (!interruption()) network->carry(glance);
  return std::nullopt;
}

std::optional<ending> tell_network(const cluster_folder& folder) {
  const auto said = ask_socket(folder.path(), network_socket, "");
  if (said && *said == done) return std::nullopt;
  return ending{exit_code::failed, "the network between the nodes " +
                                       (said ? "has trouble: " + first_line(*said) : said.error().words) +
                                       "; `holdfast cluster restart network` starts it again"};
}

}  // namespace holdfast::apps
