#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "persistence/redis/redis_command.hpp"
#include "persistence/store_values.hpp"

namespace holdfast::persistence {

/// The names of the keys. Those of one slot share a hash tag, so that a cluster keeps them together:
///   {prefix}:{s<slot>}:owner                  string   <epoch>:<incarnation>
///   {prefix}:{s<slot>}:view                   string   version of the view it was claimed under last; missing = 0
///   {prefix}:{s<slot>}:<kind>:<id>            hash     an entity, see redis_scripts.hpp
///   {prefix}:{s<slot>}:events:<kind>:<id>     stream   its events, numbered <number>-0
///   {prefix}:{s<slot>}:index:<kind>           sorted set of ids by the time when they expire
///   {prefix}:view, {prefix}:record:<name>     string   <version>:<bytes>
///   {prefix}:format                           string   <version>:<slots>, see redis_format.hpp
///   {prefix}:lock:<name>, {prefix}:cache:<key>   strings
class redis_keys {
 public:
  explicit redis_keys(const std::string& prefix);

  void add_owner(redis_command& to, std::uint16_t slot) const { to.join({head(slot), "owner"}); }
  void add_claimed_view(redis_command& to, std::uint16_t slot) const { to.join({head(slot), "view"}); }
  void add_entity(redis_command& to, const entity& e, std::uint16_t slot) const {
    to.join({head(slot), e.kind, ":", e.id});
  }
  void add_events(redis_command& to, const entity& e, std::uint16_t slot) const {
    to.join({head(slot), "events:", e.kind, ":", e.id});
  }
  void add_index(redis_command& to, std::string_view kind, std::uint16_t slot) const {
    to.join({head(slot), "index:", kind});
  }
  /// What the names of a slot's entities begin with.
  void add_entity_head(redis_command& to, std::string_view kind, std::uint16_t slot) const {
    to.join({head(slot), kind, ":"});
  }

  std::string view() const { return prefix_ + ":view"; }
  std::string record(std::string_view name) const { return prefix_ + ":record:" + std::string(name); }
  std::string format() const { return prefix_ + ":format"; }
  std::string lock(std::string_view name) const { return prefix_ + ":lock:" + std::string(name); }
  std::string cached(std::string_view key) const { return prefix_ + ":cache:" + std::string(key); }

  /// Where Redis Cluster keeps what belongs to one of our slots.
  std::uint16_t hash_slot(std::uint16_t slot) const noexcept { return slots_[slot % slot_count].hash_slot; }

 private:
  struct slot_names {
    std::string head;
    std::uint16_t hash_slot = 0;
  };

  const std::string& head(std::uint16_t slot) const noexcept { return slots_[slot % slot_count].head; }

  std::string prefix_;
  std::array<slot_names, slot_count> slots_;
};

/// The slot of a key, as Redis Cluster computes it.
std::uint16_t hash_slot_of(std::string_view key) noexcept;

}  // namespace holdfast::persistence
