#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "persistence/expiring_map.hpp"
#include "persistence/store_values.hpp"

namespace holdfast::persistence {

/// What the memory store holds, with the verbs of a store as plain functions of it and the time. What is due is not
/// seen any more; its memory is given back a few entries at a time by the verbs that follow. One thread at a time.
class memory_contents {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using milliseconds = std::chrono::milliseconds;

  verdict commit(const struct commit& c, time_point now);
  verdict restore(const restoration& r, time_point now);
  std::optional<record> load(const entity& of, time_point now);
  std::vector<event> read_events(const entity& of, std::uint64_t after, std::size_t max, time_point now);
  std::optional<milliseconds> time_to_live(const entity& of, time_point now);
  verdict extend(const entity& of, const token& by, milliseconds to, time_point now);
  verdict expire(const entity& of, const token& by, time_point now);
  page list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max, time_point now);

  std::optional<token> claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view);
  verdict release(std::uint16_t slot, const token& by);
  std::optional<token> owner(std::uint16_t slot) const;
  std::vector<std::optional<token>> owners(std::uint16_t first, std::uint16_t count) const;

  const std::optional<versioned>& view() const noexcept { return view_; }
  verdict change_view(std::uint64_t expected, std::string_view bytes);

  std::optional<versioned> read_record(std::string_view name) const;
  verdict change_record(std::string_view name, std::uint64_t expected, std::string_view bytes);

  /// `word` is that of the new holder.
  bool acquire(std::string_view lock, std::string word, milliseconds limit, time_point now);
  bool unlock(std::string_view lock, std::string_view word, time_point now);
  bool prolong(std::string_view lock, std::string_view word, milliseconds limit, time_point now);

  std::optional<std::string> cache_get(std::string_view key, time_point now);

  /// Makes room by dropping what is due soonest. False if the bytes alone are too many.
  bool cache_put(std::string_view key, std::string_view bytes, milliseconds keep, time_point now);

  /// What takes memory, due or not: entities, locks and cached results.
  std::size_t size() const noexcept { return entities_.all().size() + locks_.all().size() + cache_.all().size(); }

 private:
  using key = std::tuple<std::uint16_t, std::string, std::string>;  // slot, kind, id

  struct kept {
    struct record record;
    std::map<std::uint64_t, std::string> events;
    std::uint32_t open_executions = 0;
    std::optional<std::uint64_t> digest;  // of the last commit; nothing after a restoration
  };

  struct ownership {
    std::uint64_t epoch = 0;
    std::optional<std::string> incarnation;  // nothing = nobody holds the slot
    std::uint64_t view = 0;                  // that it was claimed under last
  };

  static key key_of(const entity& of) { return {of.slot(), of.kind, of.id}; }
  bool holds(std::uint16_t slot, const token& by) const;
  void change(kept& k, const struct commit& c);
  void forget_cached(const std::string& key);

  expiring_map<key, kept> entities_;
  std::array<ownership, slot_count> owners_;
  std::optional<versioned> view_;
  std::map<std::string, versioned, std::less<>> records_;
  expiring_map<std::string, std::string> locks_;  // the holder's word
  expiring_map<std::string, std::string> cache_;
  std::size_t cache_bytes_ = 0;
};

}  // namespace holdfast::persistence
