#include "apps/commands/relay_network.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>

#include "transport/child_spawn.hpp"

namespace holdfast::apps {
namespace {

using transport::unique_fd;

constexpr std::size_t block_bytes = 64u << 10;
constexpr int blocks_at_once = 16;  // before others have their turn
constexpr int events_at_once = 64, backlog = 1024;
constexpr rlim_t descriptors_for_others = 64;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  a.sin_port = htons(port);
  return a;
}

unique_fd listen_at(std::uint16_t port) {
  unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const auto a = loopback(port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0 || ::listen(fd.get(), backlog) != 0)
    return unique_fd();
  return fd;
}

void pass_at_once(int fd) {
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/// The peer of the closed socket sees that nothing was ended in order.
void close_hard(unique_fd& fd) {
  const linger hard{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  fd.reset();
}

bool has_hung_up(int fd) {
  pollfd p{fd, POLLRDHUP, 0};
  return ::poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/// As many connections as there are descriptors for two ends each.
std::size_t raise_connections_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur <= descriptors_for_others ? 0 : (limit.rlim_cur - descriptors_for_others) / 2;
}

/// One end of a connection, and what is on its way from there to the other end.
struct line_end {
  unique_fd fd;
  std::string name;     // whose process it is
  std::string pending;  // was read here, and not taken there yet
  bool ended = false;   // nothing more comes from here
  bool told = false;    // which the other end knows
};

/// A connection: of who made it to whom it was made to.
struct line {
  std::array<line_end, 2> ends;
  std::uint16_t port = 0;      // of the way that it took
  std::uint16_t leads_to = 0;  // where the second end is to be connected
  bool again = false;          // there is more than had its turn
};

class epoll_network final : public relay_network {
 public:
  explicit epoll_network(names who)
      : who_(std::move(who)), epoll_(::epoll_create1(EPOLL_CLOEXEC)), connections_max_(raise_connections_max()) {}

  transport::outcome<void> arrange(const std::vector<network_way>& ways,
                                   const std::vector<network_cut>& cuts) override {
    std::erase_if(gates_,
                  [&](const auto& g) { return std::find(ways.begin(), ways.end(), g.second.way) == ways.end(); });
    std::erase_if(lines_, [&](const auto& l) { return !gates_.contains(l.second.port); });
    cuts_ = cuts;
    std::sort(cuts_.begin(), cuts_.end());
    transport::outcome<void> done;
    for (const auto& w : ways) {
      if (gates_.contains(w.port)) continue;
      auto fd = listen_at(w.port);
      if (fd.get() < 0) {
        done = transport::failure{std::make_error_code(std::errc::io_error),
                                  "port " + std::to_string(w.port) + ": " + std::strerror(errno)};
        continue;
      }
      add(fd.get(), EPOLLIN, key_of(kind::gate, w.port));
      gates_.emplace(w.port, gate{std::move(fd), w});
    }
    // What was held back may pass now.
    for (auto l = lines_.begin(); l != lines_.end();) pass_on(l++);
    return done;
  }

  void watch(int fd, std::function<void()> ready) override {
    add(fd, EPOLLIN, key_of(kind::watched, static_cast<std::uint64_t>(fd)));
    watched_[fd] = std::move(ready);
  }

  void carry(std::chrono::milliseconds at_most) override {
    std::array<epoll_event, events_at_once> events;
    const int patience = again_.empty() ? static_cast<int>(at_most.count()) : 0;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events_at_once, patience);
    for (const auto number : std::exchange(again_, {})) {
      const auto l = lines_.find(number);
      if (l == lines_.end()) continue;
      l->second.again = false;
      pass_on(l);
    }
    for (int i = 0; i < count; ++i) on_event(events[static_cast<std::size_t>(i)].data.u64);
  }

  std::size_t connections() const noexcept override { return lines_.size(); }

 private:
  enum class kind : std::uint8_t { gate, watched, line };
  struct gate {
    unique_fd fd;
    network_way way;
  };
  using lines = std::unordered_map<std::uint64_t, line>;

  static std::uint64_t key_of(kind k, std::uint64_t number) { return number << 2 | static_cast<std::uint64_t>(k); }

  void add(int fd, std::uint32_t events, std::uint64_t key) {
    epoll_event e{};
    e.events = events;
    e.data.u64 = key;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e);
  }

  void on_event(std::uint64_t key) {
    const auto number = key >> 2;
    switch (static_cast<kind>(key & 3u)) {
      case kind::watched: return watched_.at(static_cast<int>(number))();
      case kind::gate:
        // An event of this turn may be of a gate that a watcher has closed in the same one.
        if (const auto g = gates_.find(static_cast<std::uint16_t>(number)); g != gates_.end()) take(g->second);
        return;
      case kind::line:
        if (const auto l = lines_.find(number); l != lines_.end()) pass_on(l);
        return;
    }
  }

  bool is_lost(const line_end& from, const line_end& to) const {
    return std::binary_search(cuts_.begin(), cuts_.end(), network_cut{from.name, to.name});
  }

  void take(const gate& at) {
    sockaddr_in a{};
    socklen_t size = sizeof a;
    unique_fd fd(::accept4(at.fd.get(), reinterpret_cast<sockaddr*>(&a), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.get() < 0) return;
    if (lines_.size() >= connections_max_) return close_hard(fd);
    pass_at_once(fd.get());
    line l;
    l.port = at.way.port;
    l.leads_to = at.way.leads_to;
    l.ends[0].name = at.way.from.empty() ? who_(ntohl(a.sin_addr.s_addr)) : at.way.from;
    l.ends[1].name = at.way.to;
    l.ends[0].fd = std::move(fd);
    const auto placed = lines_.emplace(++last_line_, std::move(l)).first;
    watch_end(placed, 0);
    pass_on(placed);
  }

  // Each change is told once: what cannot pass now is tried again when the cut heals.
  void watch_end(lines::iterator l, std::size_t end) {
    add(l->second.ends[end].fd.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, key_of(kind::line, l->first));
  }

  /// Connects the second end, unless nothing of the first one gets there.
  bool reach(lines::iterator l) {
    auto& [first, second] = l->second.ends;
    if (is_lost(first, second)) return false;
    second.fd = unique_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto a = loopback(l->second.leads_to);
    if (::connect(second.fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0 && errno != EINPROGRESS) {
      second.fd.reset();
      if (!is_lost(second, first)) end(l);
      return false;
    }
    pass_at_once(second.fd.get());
    watch_end(l, 1);
    return true;
  }

  /// Passes on what there is, in both directions. The line may be gone after it.
  void pass_on(lines::iterator l) {
    auto& [first, second] = l->second.ends;
    if (second.fd.get() < 0) {
      if (has_hung_up(first.fd.get())) return void(lines_.erase(l));
      if (!reach(l)) return;
    }
    bool again = false;
    const bool there = move(first, second, again), back = move(second, first, again);
    if (!there || !back) return end(l);
    if (first.told && second.told) return void(lines_.erase(l));
    if (again && !std::exchange(l->second.again, true)) again_.push_back(l->first);
  }

  void end(lines::iterator l) {
    for (auto& e : l->second.ends) close_hard(e.fd);
    lines_.erase(l);
  }

  /// False if one end has broken, and the other may learn of it.
  bool move(line_end& from, line_end& to, bool& again) {
    if (is_lost(from, to)) return true;
    for (int blocks = 0;; ++blocks) {
      while (!from.pending.empty()) {
        const ssize_t n = ::send(to.fd.get(), from.pending.data(), from.pending.size(), MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
        if (n < 0) return is_lost(to, from);
        from.pending.erase(0, static_cast<std::size_t>(n));
      }
      if (from.ended) break;
      if (blocks == blocks_at_once) {
        again = true;
        return true;
      }
      const ssize_t n = ::recv(from.fd.get(), block_.data(), block_.size(), 0);
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      from.ended = n == 0;
      from.pending.assign(block_.data(), static_cast<std::size_t>(n));
    }
    if (!std::exchange(from.told, true)) ::shutdown(to.fd.get(), SHUT_WR);
    return true;
  }

  const names who_;
  const unique_fd epoll_;
  const std::size_t connections_max_;
  std::map<std::uint16_t, gate> gates_;  // by port
  std::map<int, std::function<void()>> watched_;
  lines lines_;
  std::uint64_t last_line_ = 0;
  std::vector<std::uint64_t> again_;  // lines
  std::vector<network_cut> cuts_;     // in order
  std::array<char, block_bytes> block_;
};

}  // namespace

std::unique_ptr<relay_network> relay_network::create(names who) {
  return std::make_unique<epoll_network>(std::move(who));
}

}  // namespace holdfast::apps
