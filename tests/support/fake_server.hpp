#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace holdfast::tests {

/// A request as a fake server read it.
struct fake_request {
  std::string method, target, head, body;
  std::map<std::string, std::string> headers;  ///< names in lower case

  std::string header(const std::string& name) const {
    auto at = headers.find(name);
    return at == headers.end() ? std::string() : at->second;
  }

  /// The raw value of the top-level "id" as our requests are written; empty for notifications.
  std::string id() const {
    auto at = body.find("\"id\":");
    if (at == body.npos) return {};
    return body.substr(at + 5, body.find_first_of(",}", at) - at - 5);
  }

  bool calls(std::string_view name) const { return body.find("\"" + std::string(name) + "\"") != body.npos; }
};

/// One connection of a fake server, on a thread of its own, blocking.
class fake_peer {
 public:
  fake_peer(int fd, SSL* tls) : fd_(fd), tls_(tls) {}

  /// The address that the connection comes from.
  std::string from() const {
    sockaddr_in a{};
    socklen_t size = sizeof a;
    char text[INET_ADDRSTRLEN] = "";
    if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&a), &size) == 0)
      ::inet_ntop(AF_INET, &a.sin_addr, text, sizeof text);
    return text;
  }

  std::optional<fake_request> read_request() {
    auto head_end = unread_.npos;
    while ((head_end = unread_.find("\r\n\r\n")) == unread_.npos)
      if (!fill()) return std::nullopt;
    fake_request r;
    r.head = unread_.substr(0, head_end + 2);
    unread_.erase(0, head_end + 4);
    parse_head(r);
    const auto length = std::strtoul(r.header("content-length").c_str(), nullptr, 10);
    while (unread_.size() < length)
      if (!fill()) return std::nullopt;
    r.body = unread_.substr(0, length);
    unread_.erase(0, length);
    return r;
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = tls_ ? ::SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                          : static_cast<int>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  bool answer(int status, std::string_view body, std::string_view type = "application/json",
              std::string_view extra = "") {
    std::string out = "HTTP/1.1 " + std::to_string(status) + " X\r\n";
    if (!type.empty()) out.append("Content-Type: ").append(type).append("\r\n");
    out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n").append(extra).append("\r\n");
    return send(out.append(body));
  }

  /// The head of an event stream that ends with `end_chunks`.
  bool open_stream(std::string_view extra = "") {
    return send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n" +
                std::string(extra) + "\r\n");
  }
  bool chunk(std::string_view text) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return send(size + std::string(text) + "\r\n");
  }
  bool end_chunks() { return send("0\r\n\r\n"); }

  /// Waits until the client ends the connection.
  void wait_for_end() {
    while (fill()) {
    }
  }

  /// Ends with a reset.
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }

  int descriptor() const noexcept { return fd_; }

 private:
  bool fill() {
    char buffer[65536];
    const auto n =
        tls_ ? ::SSL_read(tls_, buffer, sizeof buffer) : static_cast<int>(::recv(fd_, buffer, sizeof buffer, 0));
    if (n <= 0) return false;
    unread_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

  static void parse_head(fake_request& r) {
    const auto first = r.head.find(' '), second = r.head.find(' ', first + 1);
    r.method = r.head.substr(0, first);
    r.target = r.head.substr(first + 1, second - first - 1);
    for (auto at = r.head.find("\r\n") + 2; at < r.head.size();) {
      const auto end = r.head.find("\r\n", at), colon = r.head.find(':', at);
      auto name = r.head.substr(at, colon - at);
      for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      r.headers[name] = r.head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
  }

  int fd_;
  SSL* tls_;
  std::string unread_;
};

/// A server on 127.0.0.1 (or another loopback address): every connection runs `serve` on a thread, and ends with it.
class fake_server {
 public:
  using handler = std::function<void(fake_peer&)>;

  explicit fake_server(handler serve, SSL_CTX* tls = nullptr, int family = AF_INET)
      : serve_(std::move(serve)), tls_(tls), listener_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    bind_loopback(family);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  fake_server(const fake_server&) = delete;
  fake_server& operator=(const fake_server&) = delete;

  ~fake_server() {
    stop_listening();
    {
      std::lock_guard lock(mutex_);
      for (int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& t : threads_) t.join();
  }

  /// From here on connections are refused.
  void stop_listening() {
    if (!acceptor_.joinable()) return;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
  }

  std::uint16_t port() const noexcept { return port_; }
  int connections() const noexcept { return connections_; }

  std::string url(std::string_view path, std::string_view scheme = "http", std::string_view host = "127.0.0.1") const {
    return std::string(scheme) + "://" + std::string(host) + ":" + std::to_string(port_) + std::string(path);
  }

 private:
  void bind_loopback(int family) {
    sockaddr_storage address{};
    socklen_t size = sizeof(sockaddr_in);
    address.ss_family = static_cast<sa_family_t>(family);
    if (family == AF_INET6) {
      reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
      size = sizeof(sockaddr_in6);
      const int only = 1;
      ::setsockopt(listener_, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    } else {
      reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0)
      throw std::runtime_error("cannot listen");
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    // The port lies at the same place in both kinds of address.
    port_ = ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ++connections_;
      std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] { run(fd); });
    }
  }

  void run(int fd) {
    // OpenSSL writes without MSG_NOSIGNAL.
    sigset_t broken_pipe;
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    std::unique_ptr<SSL, decltype(&::SSL_free)> tls(tls_ ? ::SSL_new(tls_) : nullptr, &::SSL_free);
    bool good = true;
    if (tls) {
      ::SSL_set_fd(tls.get(), fd);
      good = ::SSL_accept(tls.get()) == 1;
    }
    if (good) {
      fake_peer peer(fd, tls.get());
      serve_(peer);
      if (tls) ::SSL_shutdown(tls.get());
    }
    std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
  }

  handler serve_;
  SSL_CTX* tls_;
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace holdfast::tests
