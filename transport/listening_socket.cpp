#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "transport/errc.hpp"
#include "transport/listening_socket_impl.hpp"

namespace holdfast::transport {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using error_code = boost::system::error_code;

std::optional<asio::ip::address> address_of(const std::string& host) {
  if (host == "localhost") return asio::ip::address_v4::loopback();
  error_code ec;
  auto address = asio::ip::make_address(host, ec);
  return ec ? std::nullopt : std::optional(std::move(address));
}

std::string name_of(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != host.npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string reason(const error_code& ec) {
  return ec == asio::error::address_in_use ? "address already in use" : ec.message();
}

error_code share_port(listening_socket::acceptor& s) {
  const int on = 1;
  if (::setsockopt(s.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) return {};
  return {errno, boost::system::system_category()};
}

/// Opens and binds; `shared` is to be set on all sockets of the port or the later ones are refused.
error_code bind(listening_socket::acceptor& s, const tcp::endpoint& at, bool shared) {
  error_code ec;
  s.open(at.protocol(), ec);
  if (!ec) ::fcntl(s.native_handle(), F_SETFD, FD_CLOEXEC);
  if (!ec) s.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec && shared) ec = share_port(s);
  if (!ec) s.bind(at, ec);
  return ec;
}

/// A file descriptor that is closed unless it is taken.
struct descriptor {
  explicit descriptor(int n) : fd(n) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

std::optional<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.size() >= sizeof at.sun_path) return std::nullopt;
  std::memcpy(at.sun_path, path.data(), path.size());
  return at;
}

bool answers(const sockaddr_un& at) {
  const descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(probe.fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 || errno != ECONNREFUSED;
}

/// Binds; 0, or the error number.
int bind_unix(int fd, const sockaddr_un& at) {
  // Linux gives the file the mode of the socket: it is never open to others, not even for a moment.
  if (fd < 0 || ::fchmod(fd, S_IRUSR | S_IWUSR) != 0) return errno;
  const auto* const address = reinterpret_cast<const sockaddr*>(&at);
  if (::bind(fd, address, sizeof at) == 0) return 0;
  struct stat found {};
  if (errno != EADDRINUSE || ::lstat(at.sun_path, &found) != 0) return errno;
  if (!S_ISSOCK(found.st_mode) || answers(at)) return EADDRINUSE;
  if (::unlink(at.sun_path) != 0) return errno;
  return ::bind(fd, address, sizeof at) == 0 ? 0 : errno;
}

std::mutex shares_mutex;
std::map<tcp::endpoint, std::size_t> shares;

}  // namespace

struct listening_socket::share {
  explicit share(tcp::endpoint e) : at(std::move(e)) { ++shares[at]; }
  explicit share(std::string p) : path(std::move(p)) {}
  share(const share&) = delete;
  share& operator=(const share&) = delete;
  ~share() {
    if (!path.empty()) {
      ::unlink(path.c_str());
      return;
    }
    const std::lock_guard lock(shares_mutex);
    if (--shares[at] == 0) shares.erase(at);
  }
  tcp::endpoint at;
  std::string path;
};

listening_socket::listening_socket(acceptor s, std::uint16_t port, std::shared_ptr<share> held)
    : socket_(std::move(s)), port_(port), share_(std::move(held)) {}

void listening_socket::close() noexcept {
  boost::system::error_code ignored;
  socket_.close(ignored);
  share_.reset();
}

outcome<listening_socket> listening_socket::open(asio::io_context& on, const std::string& host, std::uint16_t port) {
  if (host.starts_with('/')) return open_unix(on, host);
  const auto address = address_of(host);
  if (!address) return failure{errc::bad_address, name_of(host, port) + ": not an IP address"};
  const tcp::endpoint wanted(*address, port);

  const std::lock_guard lock(shares_mutex);
  error_code ec;
  if (port != 0 && !shares.contains(wanted)) {
    acceptor probe(on);
    ec = bind(probe, wanted, false);
  }
  acceptor s(on);
  if (!ec) ec = bind(s, wanted, true);
  if (!ec) s.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return failure{ec, name_of(host, port) + ": " + reason(ec)};
  const tcp::endpoint bound = s.local_endpoint();
  return listening_socket(std::move(s), bound.port(), std::make_shared<share>(bound));
}

outcome<listening_socket> listening_socket::open_unix(asio::io_context& on, const std::string& path) {
  const auto at = unix_address(path);
  if (!at) return failure{errc::bad_address, path + ": too long for the path of a unix socket"};
  descriptor own(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  auto error = bind_unix(own.fd, *at);
  if (error == 0 && ::listen(own.fd, SOMAXCONN) != 0) error = errno;
  if (error != 0) {
    const error_code ec(error, boost::system::system_category());
    return failure{ec, path + ": " + reason(ec)};
  }
  // The type says TCP; what is done with it, to accept, read, write and close, is the same for both.
  acceptor s(on);
  error_code ec;
  s.assign(tcp::v4(), own.fd, ec);
  if (ec) return failure{ec, path + ": " + ec.message()};
  own.fd = -1;
  return listening_socket(std::move(s), 0, std::make_shared<share>(path));
}

}  // namespace holdfast::transport
