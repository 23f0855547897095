#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "transport/result.hpp"

namespace holdfast::transport {

/// A listening TCP socket that other loops of this process may share the port of (SO_REUSEPORT), but no other process:
/// the kernel would let one in that belongs to the same user, and then split the clients between the two. Or a unix
/// socket, which nobody shares.
class listening_socket {
 public:
  using acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

  /// `host` is an IP address or "localhost"; port 0 lets the system choose. Or it is the absolute path of a unix
  /// socket, which only this user may use (mode 0600), and which goes with this object; one that a process left there
  /// that is no more is replaced. Fails with `bad_address`, or with the reason of the system.
  static outcome<listening_socket> open(boost::asio::io_context& on, const std::string& host, std::uint16_t port);

  acceptor& socket() noexcept { return socket_; }

  /// Takes no more connections, and gives the address back; an accept that is under way may still hold this object.
  void close() noexcept;

  std::uint16_t port() const noexcept { return port_; }

 private:
  struct share;  // counts the sockets of this process on one address, or removes a unix socket

  static outcome<listening_socket> open_unix(boost::asio::io_context& on, const std::string& path);

  listening_socket(acceptor s, std::uint16_t port, std::shared_ptr<share> held);

  acceptor socket_;
  std::uint16_t port_;
  std::shared_ptr<share> share_;
};

}  // namespace holdfast::transport
