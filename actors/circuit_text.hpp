#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "actors/circuit.hpp"

/// The record of a cluster's breakers, as the store keeps it. JSON; unknown members are ignored.
namespace holdfast::actors {

struct circuit_entry {
  std::uint64_t epoch = 0;  ///< raised whenever it opens or closes
  circuit_standing standing;
  bool operator==(const circuit_entry&) const = default;
};
using circuit_record = std::map<std::string, circuit_entry, std::less<>>;  ///< by upstream

/// `by` wrote it: no two writers may write the same text.
std::string to_json(const circuit_record& r, std::string_view by);

/// Nothing if it is not a record that this version can read; without what makes no sense.
std::optional<circuit_record> read_circuits(std::string_view json);

}  // namespace holdfast::actors
