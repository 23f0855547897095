#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "actors/machines/execution.hpp"

namespace holdfast::actors {

/// What came of a call with an idempotency key.
struct keyed_outcome {
  std::string key;
  std::uint64_t digest = 0;     ///< of the tool and its arguments
  std::uint64_t execution = 0;  ///< its name in the journal; 0 = it has none
  std::string answer;           ///< the response without its beginning and id: `,"result":…}`; empty: no longer kept
  machines::execution::timestamp ended;
};

/// Those of one session, oldest first. No key goes before its time; what was answered may.
class keyed_outcomes {
 public:
  using timestamp = machines::execution::timestamp;

  const keyed_outcome* find(std::string_view key) const noexcept;
  bool holds(std::uint64_t execution) const noexcept;

  /// The executions whose answer had to go, as all of them would be more than `bytes_max`.
  std::vector<std::uint64_t> add(keyed_outcome o, std::size_t bytes_max);

  /// Forgets those that ended before `t`; the executions that they were.
  std::vector<std::uint64_t> forget_before(timestamp t);

  const std::deque<keyed_outcome>& all() const noexcept { return all_; }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::deque<keyed_outcome> all_;
  std::size_t bytes_ = 0;
};

}  // namespace holdfast::actors
