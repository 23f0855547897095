#include "apps/commands/cluster_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "transport/child_spawn.hpp"

namespace holdfast::apps {
namespace {

using transport::unique_fd;

constexpr timeval request_timeout{5, 0};
constexpr std::size_t answer_bytes_max = 64u << 10;

ending trouble(const std::string& what) { return {exit_code::failed, "cannot be told: " + what}; }

unique_fd connect_in(const std::filesystem::path& folder, std::string_view socket) {
  const unique_fd directory(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::string path = "/proc/self/fd/" + std::to_string(directory.get()) + "/" + std::string(socket);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fd.reset();
  return fd;
}

}  // namespace

boost::system::result<std::string, ending> ask_socket(const std::filesystem::path& folder, std::string_view socket,
                                                      const std::string& line) {
  const auto fd = connect_in(folder, socket);
  if (fd.get() < 0) return trouble((folder / socket).string() + ": " + std::strerror(errno));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &request_timeout, sizeof request_timeout);
  const std::string whole = line.empty() ? line : line + "\n";
  // Whoever is asked by the connection alone may have ended it already, with the answer in it.
  if (!whole.empty() &&
      ::send(fd.get(), whole.data(), whole.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(whole.size()))
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

}  // namespace holdfast::apps
