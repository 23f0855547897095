#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/listing.hpp"
#include "actors/machines/membership.hpp"
#include "persistence/store_values.hpp"

/// The texts of a cluster: what stands in the store, and what nodes tell each other. JSON; unknown members are ignored.
namespace holdfast::actors {

using slot_set = std::bitset<persistence::slot_count>;

/// The view as the store keeps it. `by` wrote it: no two writers may write the same text.
std::string to_json(const machines::membership::view& v, std::string_view by);

/// Nothing if it is not a view that this version can read.
std::optional<machines::membership::view> read_view(std::string_view json);

/// A sign of life: who is there, what it knows, what it holds.
struct beat {
  std::string from;        ///< its incarnation
  std::uint64_t view = 0;  ///< the version it knows
  slot_set slots;
  view_digests lists{};                         ///< what its catalogue shows
  std::uint64_t breakers = 0;                   ///< the version of their record that it knows
  std::uint64_t cache = 0;                      ///< likewise, of what is invalid in it
  std::uint64_t upstreams = 0;                  ///< likewise, of those that are registered
  std::chrono::steady_clock::time_point now{};  ///< by its clock; not told by older versions
  bool operator==(const beat&) const = default;
};
std::string to_json(const beat& b);
std::optional<beat> read_beat(std::string_view json);

}  // namespace holdfast::actors
