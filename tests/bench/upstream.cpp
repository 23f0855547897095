// A Streamable HTTP MCP server with the tool `echo`, on one thread. Prints `ready http://127.0.0.1:PORT/mcp`.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <unordered_map>

#include "tests/bench/http_message.hpp"
#include "tests/bench/rpc_echo.hpp"
#include "tests/bench/socket.hpp"

namespace holdfast::bench {
namespace {

struct connection {
  descriptor socket;
  http_message request;
  std::string unsent;
  bool blocked = false;  // waits until it can send
};

class upstream {
 public:
  upstream() : listener_(listen_on(0)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(EPOLL_CTL_ADD, listener_.get(), EPOLLIN);
  }

  std::uint16_t port() const { return port_of(listener_); }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> ready{};
    for (;;) {
      const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = ready[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_.get()) {
          accept_all();
        } else if (!serve(connections_.at(fd))) {
          connections_.erase(fd);
        }
      }
    }
  }

 private:
  void watch(int operation, int fd, std::uint32_t events) {
    epoll_event e{};
    e.events = events;
    e.data.fd = fd;
    ::epoll_ctl(epoll_.get(), operation, fd, &e);
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      connections_[fd].socket = descriptor(fd);
      watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    }
  }

  /// False when the connection is of no more use.
  bool serve(connection& c) {
    std::array<char, 65536> bytes;
    const auto got = ::recv(c.socket.get(), bytes.data(), bytes.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
    if (got > 0) c.request.feed({bytes.data(), static_cast<std::size_t>(got)});
    for (;;) {
      switch (c.request.parse()) {
        case http_message::progress::broken: return false;
        case http_message::progress::need_more:
        case http_message::progress::head: return flush(c);
        case http_message::progress::complete: break;
      }
      respond(c);
      c.request.next();
    }
  }

  void respond(connection& c) {
    const auto line = c.request.start_line();
    if (!line.starts_with("POST ")) {
      c.unsent += line.starts_with("DELETE ") ? "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                                              : "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n";
      return;
    }
    const std::string answer = answer_rpc(c.request.body());
    if (answer.empty()) {
      c.unsent += "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
      return;
    }
    c.unsent += "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(answer.size());
    if (answer.find("protocolVersion") != std::string::npos) {
      c.unsent += "\r\nMcp-Session-Id: bench-" + std::to_string(++sessions_);
    }
    c.unsent += "\r\n\r\n";
    c.unsent += answer;
  }

  bool flush(connection& c) {
    if (c.unsent.empty()) return true;
    const auto sent = ::send(c.socket.get(), c.unsent.data(), c.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) c.unsent.erase(0, static_cast<std::size_t>(sent));
    if (c.blocked == c.unsent.empty()) {
      c.blocked = !c.blocked;
      watch(EPOLL_CTL_MOD, c.socket.get(), c.blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    return true;
  }

  descriptor listener_;
  descriptor epoll_;
  std::unordered_map<int, connection> connections_;
  std::size_t sessions_ = 0;
};

}  // namespace
}  // namespace holdfast::bench

int main() try {
  holdfast::bench::raise_file_limit();
  holdfast::bench::upstream server;
  std::printf("ready http://127.0.0.1:%u/mcp\n", server.port());
  std::fflush(stdout);
  server.run();
} catch (const std::exception& e) {
  std::fprintf(stderr, "bench_upstream: %s\n", e.what());
  return 1;
}
