#pragma once

#include <chrono>
#include <cstdint>
#include <variant>

/// When to (re)connect to an upstream: a pure machine. Nothing connects before somebody needs it.
namespace holdfast::actors::machines::reconnect {

using time_point = std::chrono::steady_clock::time_point;
using milliseconds = std::chrono::milliseconds;

struct policy {
  milliseconds min{250};         ///< the first wait
  milliseconds max{30'000};      ///< waits double up to here
  milliseconds stable{5'000};    ///< a connection that lived this long starts again at `min`
  milliseconds patience{2'000};  ///< who needs the connection waits for an attempt that is due within this, else fails
};

struct down {  ///< not connected, nothing planned
  std::uint32_t failures = 0;
  bool operator==(const down&) const = default;
};
struct connecting {
  std::uint32_t failures = 0;
  bool operator==(const connecting&) const = default;
};
struct up {
  time_point since;
  std::uint32_t failures = 0;
  bool operator==(const up&) const = default;
};
struct waiting {  ///< the last attempts failed; the next is due
  std::uint32_t failures = 0;
  time_point due;
  bool operator==(const waiting&) const = default;
};
using state = std::variant<down, connecting, up, waiting>;

struct needed {};  ///< somebody wants to use the connection
struct opened {};  ///< the attempt succeeded
struct failed {};  ///< the attempt failed
struct lost {};    ///< an established connection ended
struct due {};     ///< the time of a planned attempt has come
using event = std::variant<needed, opened, failed, lost, due>;

enum class effect : std::uint8_t {
  none,
  connect,  ///< begin an attempt
  serve,    ///< the connection can be used: tell those who wait
  refuse,   ///< tell those who wait that it cannot
  arm,      ///< wake me with `due` at `waiting::due`
};

struct step {
  state next;
  effect todo = effect::none;
  bool operator==(const step&) const = default;
};

/// `jitter` in [0, 1] scales the wait between 75 % and 125 %.
step advance(const state& from, const event& what, time_point now, const policy& p, double jitter);

/// The wait after the n-th failure in a row (n >= 1).
milliseconds wait_after(std::uint32_t failures, const policy& p, double jitter);

}  // namespace holdfast::actors::machines::reconnect
