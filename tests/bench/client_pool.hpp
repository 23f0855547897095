#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/client.hpp"
#include "tests/bench/socket.hpp"

namespace holdfast::bench {

inline constexpr std::uint64_t second = 1'000'000'000;

/// Nanoseconds of the monotonic clock.
std::uint64_t now();

/// Clients of one server, each on a connection of its own, and the only place that waits for them.
class client_pool {
 public:
  using clients = std::vector<client*>;

  static constexpr std::uint64_t setup_timeout = 60 * second;
  static constexpr std::size_t setups_at_once = 128;

  /// `t` outlives the pool.
  explicit client_pool(const target& t);

  /// Connects and initializes until there are `wanted` clients, or some time has passed. Those that stand are idle.
  void open(std::size_t wanted);

  /// Opens up to `wanted` further sessions on the connections there are; how many were opened.
  std::size_t renew(std::size_t wanted);

  /// Waits until so many clients have come to a phase, or one is lost; how many have come.
  std::size_t await(std::size_t wanted, client::phase p);

  /// Polls once, until `deadline` at the latest, and hands every client that changed its phase to `changed`.
  template <class F>
  void poll(std::uint64_t deadline, F changed) {
    std::array<epoll_event, 256> ready{};
    const std::uint64_t at = now();
    const std::uint64_t wait = deadline > at ? deadline - at : 0;
    const timespec timeout{static_cast<time_t>(wait / second), static_cast<long>(wait % second)};
    const int count = ::epoll_pwait2(epoll_.get(), ready.data(), static_cast<int>(ready.size()), &timeout, nullptr);
    for (int i = 0; i < count; ++i) {
      auto& c = *static_cast<client*>(ready[static_cast<std::size_t>(i)].data.ptr);
      if (c.state() == client::phase::lost) continue;
      if (!c.on_ready()) continue;
      note(c);
      changed(c);
    }
  }

  /// To be told of every client that was made to send: it may have been lost in doing so.
  void note(const client& c);

  /// Clients that have been opened and not been taken; whoever takes one removes it.
  clients& idle() noexcept { return idle_; }

  std::size_t size() const noexcept { return all_.size(); }
  std::size_t lost() const noexcept { return lost_; }

  /// Why the first one was lost, on the standard error output.
  void report_lost() const;

 private:
  void add();

  const target& target_;
  descriptor epoll_;
  std::vector<std::unique_ptr<client>> all_;
  clients idle_;
  std::size_t lost_ = 0;
  std::string reason_;
};

}  // namespace holdfast::bench
