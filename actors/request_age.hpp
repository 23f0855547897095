#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::transport {
struct http_request;
}

namespace holdfast::actors {

/// How long a client has waited for a request that one node sends another (docs/decisions/20261128_late_copies.md): two
/// times, both by the clock of whoever has it just now, and neither later than it was.
struct request_age {
  using time_point = std::chrono::steady_clock::time_point;

  time_point came;     ///< a node got it from its client
  time_point awaited;  ///< the client was still there, waiting for this very copy

  bool operator==(const request_age&) const = default;
};

/// The value of the header `Holdfast-Awaited`.
std::string to_text(const request_age& a);

/// Nothing if it is not such a value.
std::optional<request_age> read_request_age(std::string_view text);

/// Of a request that another node sends on; nothing for any other, or where that node is of an older version.
std::optional<request_age> age_of(const transport::http_request& r);

/// What a clock of another process shows, as far as that process has told: never later than it is, and in practice
/// earlier by what a beat takes on its way. `heard` on one thread, `shown` on any.
class peer_clock {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// It has said `theirs`, which has come by `here`.
  void heard(time_point theirs, time_point here) noexcept;

  /// What it showed when the clock here showed this. Long ago, as long as it has not been heard.
  time_point shown(time_point here) const noexcept;

 private:
  using duration = time_point::duration;
  static constexpr auto unknown = std::numeric_limits<duration::rep>::min();

  // The best of the last moments: clocks do not run alike for ever.
  duration::rep best_ = unknown, best_before_ = unknown;
  time_point since_{};
  std::atomic<duration::rep> ahead_{unknown};
};

}  // namespace holdfast::actors
