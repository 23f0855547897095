#include "apps/commands/cluster_front.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

using transport::unique_fd;

constexpr timeval answer_timeout{5, 0};
constexpr std::size_t answer_bytes_max = 64u << 10;

ending trouble(const std::string& what) { return {exit_code::failed, "the front cannot be told: " + what}; }

/// A connection to the socket in the folder, whose own path may be longer than an address can hold.
unique_fd connect_in(const std::filesystem::path& folder) {
  const unique_fd directory(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::string path = "/proc/self/fd/" + std::to_string(directory.get()) + "/" + std::string(front_socket);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fd.reset();
  return fd;
}

/// One command of HAProxy's runtime API; what it says.
boost::system::result<std::string, ending> tell(const cluster_folder& folder, const std::string& command) {
  const auto fd = connect_in(folder.path());
  if (fd.get() < 0) return trouble(folder.file(front_socket).string() + ": " + std::strerror(errno));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &answer_timeout, sizeof answer_timeout);
  const std::string line = command + "\n";
  if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
    return trouble(std::strerror(errno));
  std::string answer;
  char block[4096];
  for (;;) {
    const ssize_t n = ::recv(fd.get(), block, sizeof block, 0);
    if (n == 0 || answer.size() > answer_bytes_max) return answer;
    if (n < 0 && errno != EINTR) return trouble(std::strerror(errno));
    if (n > 0) answer.append(block, static_cast<std::size_t>(n));
  }
}

}  // namespace

std::optional<ending> add_to_front(const cluster_folder& folder, const cluster_node& n) {
  const std::string server = std::string(front_backend) + "/" + n.name;
  const auto added = tell(folder, "add server " + std::string(front_backend) + "/" + front_server(n));
  if (!added) return added.error();
  if (added->find("New server registered") == std::string::npos) return trouble(first_line(*added));
  for (const char* command : {"enable health ", "enable server "}) {
    const auto said = tell(folder, command + server);
    if (!said) return said.error();
    if (const auto words = first_line(*said); !words.empty()) return trouble(words);
  }
  return std::nullopt;
}

}  // namespace holdfast::apps
