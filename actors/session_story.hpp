#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "actors/machines/execution.hpp"

namespace holdfast::actors {

/// What operators are told of a session's past; it travels with the session. Bounded.
struct session_story {
  using timestamp = machines::execution::timestamp;

  enum class beginning : std::uint8_t { created, came_back, taken_over };

  /// A time during which the session lived on one node. Whatever happened in it was done by that node under that epoch.
  struct tenure {
    std::string node, incarnation;
    std::uint64_t epoch = 0;
    timestamp since;
    beginning how = beginning::created;
    bool operator==(const tenure&) const = default;
  };
  static constexpr std::size_t tenures_max = 8;

  std::vector<tenure> tenures;      ///< oldest first
  timestamp negotiated, operating;  ///< when the session machine came into these states

  void add(tenure t) {
    if (tenures.size() == tenures_max) tenures.erase(tenures.begin());
    tenures.push_back(std::move(t));
  }
  bool operator==(const session_story&) const = default;
};

}  // namespace holdfast::actors
