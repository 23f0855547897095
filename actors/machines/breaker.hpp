#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <variant>

/// The circuit breaker of an upstream: a pure machine. Whoever has a call to make asks it, and tells what became of it.
namespace holdfast::actors::machines::breaker {

using time_point = std::chrono::steady_clock::time_point;
using milliseconds = std::chrono::milliseconds;

inline constexpr std::uint32_t probes_max = 16;

struct policy {
  std::uint32_t failures = 5;       ///< so many in a row open it; or so many within `window`, if they are
  std::uint32_t failure_rate = 50;  ///< this percentage of what ended there
  milliseconds window{30'000};
  milliseconds open_for{5'000};   ///< the first time; doubles whenever it opens again soon
  milliseconds open_max{60'000};  ///< up to here. One that stayed closed for as long begins again at `open_for`
  std::uint32_t probes = 1;  ///< so many calls are let through while half-open; all must succeed. At most `probes_max`

  bool operator==(const policy&) const = default;
};

/// What ended within the window, in slices of it.
class tally {
 public:
  void add(bool failed, std::uint32_t count, time_point now, milliseconds window) noexcept;

  struct sums {
    std::uint32_t succeeded = 0, failed = 0;
    std::uint32_t in_a_row = 0;  ///< failures since the last success, however long ago
  };
  sums at(time_point now, milliseconds window) const noexcept;

  bool operator==(const tally&) const = default;

  static constexpr std::int64_t slices = 10;

 private:
  struct slice {
    std::int64_t number = -1;
    std::uint32_t succeeded = 0, failed = 0;
    bool operator==(const slice&) const = default;
  };
  std::array<slice, static_cast<std::size_t>(slices)> all_{};
  std::uint32_t in_a_row_ = 0;
};

/// The end of the slice of the window that `now` is in: until then, successes may be told together.
time_point slice_end(time_point now, milliseconds window) noexcept;

struct closed {
  tally seen;
  time_point since;
  std::uint32_t before = 0;  ///< how often in a row it had opened when it closed
  bool operator==(const closed&) const = default;
};
/// Nothing is let through before `until`. Then somebody has to ask.
struct open {
  time_point since, until;
  std::uint32_t times = 1;   ///< in a row
  bool connecting = false;   ///< because no connection could be made: one that can be made closes it
  std::uint32_t passed = 0;  ///< of its probes, a bit for each
  bool operator==(const open&) const = default;
};
struct half_open {
  open was;
  std::uint32_t under_way = 0;  ///< probes
  time_point ask_again;         ///< no probe before: another node has them all
  bool operator==(const half_open&) const = default;
};
using state = std::variant<closed, open, half_open>;

struct asked {};  ///< may a call be made?
struct succeeded {
  std::uint32_t count = 1;
};
struct failed {};
/// Of a call that was let through as a probe, in the place it had among them.
struct probe_passed {
  std::uint32_t place = 0;
};
struct probe_failed {};
struct probe_dropped {};  ///< it came to nothing: cancelled, or never made
struct probe_denied {};   ///< other nodes have all places for probes
struct connected {};      ///< a connection was made
struct connect_failed {};
struct reset {};  ///< by an operator
using event = std::variant<asked, succeeded, failed, probe_passed, probe_failed, probe_dropped, probe_denied, connected,
                           connect_failed, reset>;

enum class effect : std::uint8_t {
  none,
  admit,   ///< make the call
  probe,   ///< make the call, and tell the outcome as that of a probe
  refuse,  ///< do not make it
};

struct step {
  state next;
  effect todo = effect::none;
  bool operator==(const step&) const = default;
};

step advance(const state& from, const event& what, time_point now, const policy& p);

/// How long it stays open the n-th time in a row (n >= 1).
milliseconds open_time(std::uint32_t times, const policy& p) noexcept;

/// When the next call may be let through, at the earliest; `now` if at once.
time_point next_probe(const state& s, time_point now) noexcept;

const char* name_of(const state& s) noexcept;  ///< closed, open, half_open

}  // namespace holdfast::actors::machines::breaker
