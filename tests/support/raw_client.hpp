#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast::tests {

/// An HTTP answer as it came over the wire.
struct raw_answer {
  int status = 0;
  std::string head;  ///< status line and header, without the empty line
  std::string body;

  /// The value of a header as it stands there; empty if there is none. `name` is spelled as the server does.
  std::string header(std::string_view name) const {
    const auto at = head.find("\r\n" + std::string(name) + ": ");
    if (at == head.npos) return {};
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

/// A blocking TCP client of 127.0.0.1 that gives up on a read after some seconds.
class raw_client {
 public:
  /// What is spoken on the socket instead of bare TCP. Returns as send() and recv() do.
  class wire {
   public:
    virtual ~wire() = default;
    virtual ssize_t send(const char* bytes, std::size_t size) = 0;
    virtual ssize_t receive(char* into, std::size_t size, bool wait) = 0;
    virtual void end_sending() = 0;
  };

  explicit raw_client(std::uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return;
    close();
    throw std::runtime_error("connect failed");
  }
  raw_client(raw_client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), wire_(std::move(other.wire_)), unread_(std::move(other.unread_)) {}
  raw_client(const raw_client&) = delete;
  ~raw_client() { close(); }

  void speak(std::unique_ptr<wire> w) { wire_ = std::move(w); }

  /// Without a farewell, where the wire knows one.
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  /// Closes with a reset instead of an orderly end.
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }

  void end_sending() {
    if (wire_) wire_->end_sending();
    ::shutdown(fd_, SHUT_WR);
  }

  /// False once the server has cut the connection.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n =
          wire_ ? wire_->send(bytes.data(), bytes.size()) : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Reads until `mark` has come and returns everything up to and including it.
  std::string read_until(std::string_view mark) {
    std::size_t at;
    while ((at = unread_.find(mark)) == unread_.npos)
      if (!fill())
        throw std::runtime_error("the connection ended before the text awaited; so far: " + unread_.substr(0, 1000));
    return take(at + mark.size());
  }

  std::string read_bytes(std::size_t n) {
    while (unread_.size() < n)
      if (!fill()) throw std::runtime_error("the connection ended early");
    return take(n);
  }

  /// What comes until the server ends or cuts the connection.
  std::string read_all() {
    while (fill()) {
    }
    return take(unread_.size());
  }

  /// True if the server ends or cuts the connection without sending anything more.
  bool ended() { return unread_.empty() && !fill(); }

  /// Bytes that have come and were not asked for; does not wait.
  std::string pending() {
    char buffer[4096];
    ssize_t n;
    while ((n = receive(buffer, sizeof buffer, false)) > 0) unread_.append(buffer, static_cast<std::size_t>(n));
    return take(unread_.size());
  }

  raw_answer read_head() {
    raw_answer a;
    a.head = read_until("\r\n\r\n");
    a.head.resize(a.head.size() - 4);
    a.status = std::atoi(a.head.c_str() + a.head.find(' ') + 1);
    return a;
  }

  /// A whole answer: by Content-Length, chunked, or without body.
  raw_answer read_answer() {
    raw_answer a = read_head();
    if (const auto length = a.header("Content-Length"); !length.empty())
      a.body = read_bytes(std::strtoul(length.c_str(), nullptr, 10));
    else if (a.header("Transfer-Encoding") == "chunked")
      for (std::string chunk; !(chunk = read_chunk()).empty();) a.body += chunk;
    return a;
  }

  /// The content of the next chunk; empty at the end of the body.
  std::string read_chunk() {
    const std::size_t size = std::strtoul(read_until("\r\n").c_str(), nullptr, 16);
    std::string chunk = read_bytes(size + 2);
    chunk.resize(size);
    return chunk;
  }

  /// What a single read brings.
  std::string read_once() {
    if (unread_.empty()) fill();
    return take(unread_.size());
  }

  int descriptor() const noexcept { return fd_; }

 private:
  ssize_t receive(char* into, std::size_t size, bool wait) {
    return wire_ ? wire_->receive(into, size, wait) : ::recv(fd_, into, size, wait ? 0 : MSG_DONTWAIT);
  }

  bool fill() {
    char buffer[65536];
    const auto n = receive(buffer, sizeof buffer, true);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      throw std::runtime_error("nothing came; so far: " + unread_.substr(0, 1000));
    if (n <= 0) return false;
    unread_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  std::string take(std::size_t n) {
    std::string taken = unread_.substr(0, n);
    unread_.erase(0, n);
    return taken;
  }

  int fd_;
  std::unique_ptr<wire> wire_;
  std::string unread_;
};

}  // namespace holdfast::tests
