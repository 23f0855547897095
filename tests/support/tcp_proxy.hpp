#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace holdfast::tests {

/// Stands between clients and a TCP server of the loopback, and can be told to misbehave.
class tcp_proxy {
 public:
  explicit tcp_proxy(std::uint16_t server) : server_(server), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    auto a = loopback(0);
    socklen_t size = sizeof a;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&a), size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size) != 0)
      throw std::runtime_error("the proxy cannot listen");
    port_ = ::ntohs(a.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  tcp_proxy(const tcp_proxy&) = delete;
  tcp_proxy& operator=(const tcp_proxy&) = delete;
  ~tcp_proxy() {
    stopped_ = true;
    thread_.join();
    cut_all();
    ::close(listener_);
  }

  std::uint16_t port() const noexcept { return port_; }

  /// From now on, what the server says is dropped.
  void swallow_replies(bool on = true) noexcept { swallowing_ = on; }

  /// How many bytes were dropped.
  std::uint64_t swallowed() const noexcept { return swallowed_; }

  /// Cuts every connection; new ones are taken.
  void cut() noexcept { tell(cutting_); }

  /// What the clients of today's connections say from now on is held back, until `release` passes it on at last.
  void hold_requests() noexcept { tell(do_hold_); }
  void release() noexcept { tell(do_release_); }
  std::uint64_t held() const noexcept { return held_; }

  /// Cuts the clients off, while the server still sees their connections.
  void cut_clients() noexcept { tell(cutting_clients_); }

  std::uint64_t connections() const noexcept { return connections_; }

 private:
  struct pair {
    int client, server;  // -1 = closed
    bool holds = false;
    std::string held = {};
  };

  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    a.sin_port = ::htons(port);
    return a;
  }

  /// Waits until the proxy's thread has obeyed.
  static void tell(std::atomic<bool>& order) noexcept {
    order = true;
    while (order) std::this_thread::yield();
  }

  void run() {
    while (!stopped_) {
      obey();
      std::vector<pollfd> polled{{listener_, POLLIN, 0}};
      for (const auto& p : pairs_) {
        polled.push_back({p.client, POLLIN, 0});
        polled.push_back({p.server, POLLIN, 0});
      }
      if (::poll(polled.data(), polled.size(), 5) <= 0) continue;
      std::size_t at = 1;
      for (auto p = pairs_.begin(); p != pairs_.end(); at += 2) {
        const bool lives = (polled[at].revents == 0 || pass(*p, p->client, p->server, false)) &&
                           (polled[at + 1].revents == 0 || pass(*p, p->server, p->client, true));
        if (!lives) cut_one(*p);
        p = lives ? std::next(p) : pairs_.erase(p);
      }
      if (polled[0].revents != 0) take();
    }
  }

  void obey() {
    const bool cut = cutting_, hold = do_hold_, cut_clients = cutting_clients_, release = do_release_;
    if (cut) cut_all();
    for (auto& p : pairs_) {
      if (hold) p.holds = true;
      if (cut_clients) ::close(std::exchange(p.client, -1));
      if (release && std::exchange(p.holds, false)) ::send(p.server, p.held.data(), p.held.size(), MSG_NOSIGNAL);
    }
    if (cut) cutting_ = false;
    if (hold) do_hold_ = false;
    if (cut_clients) cutting_clients_ = false;
    if (release) do_release_ = false;
  }

  void take() {
    const int client = ::accept(listener_, nullptr, nullptr);
    const int server = ::socket(AF_INET, SOCK_STREAM, 0);
    const auto a = loopback(server_);
    if (client < 0 || ::connect(server, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) {
      ::close(client);
      ::close(server);
      return;
    }
    ++connections_;
    pairs_.push_back({client, server});
  }

  bool pass(pair& p, int from, int to, bool is_reply) {
    std::array<char, 65536> bytes;
    const auto count = ::recv(from, bytes.data(), bytes.size(), 0);
    if (count <= 0) return false;
    if (is_reply && swallowing_) {
      swallowed_ += static_cast<std::uint64_t>(count);
      return true;
    }
    if (!is_reply && p.holds) {
      p.held.append(bytes.data(), static_cast<std::size_t>(count));
      held_ += static_cast<std::uint64_t>(count);
      return true;
    }
    if (to < 0) return true;
    return ::send(to, bytes.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL) == count;
  }

  static void cut_one(const pair& p) {
    if (p.client >= 0) ::close(p.client);
    ::close(p.server);
  }
  void cut_all() {
    for (const auto& p : pairs_) cut_one(p);
    pairs_.clear();
  }

  const std::uint16_t server_;
  const int listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopped_{false}, cutting_{false}, swallowing_{false}, cutting_clients_{false}, do_hold_{false},
      do_release_{false};
  std::atomic<std::uint64_t> swallowed_{0}, connections_{0}, held_{0};
  std::list<pair> pairs_;
  std::thread thread_;
};

}  // namespace holdfast::tests
