#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::persistence {

/// Entities are spread over so many slots; the count is fixed for the life of a store's contents. Fewer in the
/// simulation, which is built apart (tests/simulation).
#ifdef HOLDFAST_SIMULATED_SLOTS
inline constexpr std::uint16_t slot_count = HOLDFAST_SIMULATED_SLOTS;
#else
inline constexpr std::uint16_t slot_count = 1024;
#endif

/// The slot of an entity: a hash of its id that every node and every version computes alike.
std::uint16_t slot_of(std::string_view id) noexcept;

}  // namespace holdfast::persistence
