#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
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

std::mutex shares_mutex;
std::map<tcp::endpoint, std::size_t> shares;

}  // namespace

struct listening_socket::share {
  explicit share(tcp::endpoint e) : at(std::move(e)) { ++shares[at]; }
  ~share() {
    const std::lock_guard lock(shares_mutex);
    if (--shares[at] == 0) shares.erase(at);
  }
  tcp::endpoint at;
};

listening_socket::listening_socket(acceptor s, std::uint16_t port, std::shared_ptr<share> held)
    : socket_(std::move(s)), port_(port), share_(std::move(held)) {}

outcome<listening_socket> listening_socket::open(asio::io_context& on, const std::string& host, std::uint16_t port) {
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

}  // namespace holdfast::transport
