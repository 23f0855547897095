#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "actors/machines/breaker.hpp"

namespace holdfast::actors {

/// What the nodes of a cluster agree on about the breaker of an upstream. Times are of the wall clock.
struct circuit_standing {
  using timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

  bool open = false;  ///< or half-open, once `until` is over
  bool connecting = false;
  timestamp since, until;
  std::uint32_t times = 0;   ///< it has opened in a row
  std::uint32_t passed = 0;  ///< of its probes, a bit for each
  std::string reason, by;    ///< why it is as it is, and which node found that
  bool operator==(const circuit_standing&) const = default;
};

/// The breaker of one upstream, as all calls of this node see it. Any thread.
class circuit {
 public:
  using time_point = machines::breaker::time_point;

  circuit(std::string upstream, bool enabled, const machines::breaker::policy& p);

  /// Calls may be made without asking.
  bool is_closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  // What became of calls that were no probes, and of connections. Late news changes nothing.

  void succeeded(time_point now) noexcept {
    if (now.time_since_epoch().count() < slice_ends_.load(std::memory_order_relaxed)) {
      fresh_.fetch_add(1, std::memory_order_relaxed);
    } else {
      begin_slice(now);
    }
  }
  void failed(std::string_view why, time_point now);
  void connected(time_point now);
  void connect_failed(std::string_view why, time_point now);

  /// Whether a call may be made now. A probe's outcome is told with the tenure that it was given here.
  struct permission {
    machines::breaker::effect todo = machines::breaker::effect::admit;
    std::uint64_t tenure = 0;
  };
  permission ask(time_point now);
  void probe_ended(std::uint64_t tenure, const machines::breaker::event& how, std::string_view why, time_point now);

  void reset(time_point now);

  // What others know, and this node's own findings.

  circuit_standing standing() const;
  void adopt(const circuit_standing& s, time_point now);

  /// Of the same opening, another node has seen these probes pass.
  void add_passed(std::uint32_t passed, time_point now);

  struct picture {
    machines::breaker::state state;
    machines::breaker::tally::sums seen;  ///< while it is closed
    circuit_standing standing;
    std::chrono::milliseconds next_probe_in{0};         ///< while it is not closed
    std::uint64_t refused = 0, probes = 0, opened = 0;  ///< here, since the start
  };
  picture look(time_point now) const;

  const std::string& upstream() const noexcept { return upstream_; }
  const machines::breaker::policy& policy() const noexcept { return policy_; }
  bool enabled() const noexcept { return enabled_; }
  void note_refused() noexcept { refused_.fetch_add(1, std::memory_order_relaxed); }

  /// Told after the standing has changed by what was found here. Who this node is. To be set before there are threads.
  std::function<void()> changed;
  std::string node = "local";

 private:
  struct news;
  void begin_slice(time_point now) noexcept;
  void fold(time_point now);
  void move(const machines::breaker::event& e, std::string_view why, time_point now);
  news apply(const machines::breaker::event& e, std::string_view why, time_point now);
  void tell(const news& n);

  const std::string upstream_;
  const bool enabled_;
  const machines::breaker::policy policy_;
  std::atomic<bool> closed_{true};
  std::atomic<std::uint32_t> fresh_{0};  // successes of the slice under way, which the state does not know yet
  std::atomic<time_point::rep> slice_ends_{0};
  std::atomic<std::uint64_t> refused_{0}, probes_{0}, opened_{0};
  mutable std::mutex lock_;  // of the rest
  machines::breaker::state state_;
  circuit_standing standing_;
  std::uint64_t tenure_ = 0;  // raised whenever it opens or closes
};

}  // namespace holdfast::actors
