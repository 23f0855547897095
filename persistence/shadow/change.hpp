#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "persistence/store_values.hpp"

/// What a store has taken, and what its shadow is to take, too. Tokens are those of the primary.
namespace holdfast::persistence::shadow {

struct claimed {
  std::uint16_t slot;
  token by;
};
struct released {
  std::uint16_t slot;
  token by;
};
struct committed {
  commit what;
};
struct restored {
  restoration what;
};
struct extended {
  entity of;
  token by;
  std::chrono::milliseconds to;
};
struct expired {
  entity of;
  token by;
};

/// An entity to compare, and what was seen when it was compared before.
struct looked_at {
  entity of;
  unsigned looks = 0;
  std::uint64_t seen_in_shadow = 0;     ///< tells records apart
  bool content_alone_differed = false;  ///< that is, at the same sequence
};

/// A page of a slot to compare: of what the primary has, or of what only the shadow has.
struct swept {
  std::uint16_t slot;
  token by;
  enum { of_primary, of_shadow } side = of_primary;
  std::size_t kind = 0;
  std::string cursor;
};

using change = std::variant<claimed, released, committed, restored, extended, expired, looked_at, swept>;

std::uint16_t slot_of(const change& c) noexcept;

/// What it takes in memory, roughly.
std::size_t bytes_of(const change& c) noexcept;

}  // namespace holdfast::persistence::shadow
