#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "persistence/store_values.hpp"

namespace holdfast::persistence {

/// What all contents of a store have in common.
struct store_format {
  std::uint64_t version = 0;  ///< how they are laid out; each kind of store counts its own
  std::uint64_t slots = 0;    ///< that entities are spread over
};

/// Why this build must leave contents alone (`rejected`), nothing if it can use them. `newest` is the last version it
/// knows; `place` is where they stand and `kind_of_place` what to name another of, both for an operator.
std::optional<store_failure> why_unusable(const store_format& found, std::uint64_t newest, const std::string& place,
                                          const std::string& kind_of_place);

}  // namespace holdfast::persistence
