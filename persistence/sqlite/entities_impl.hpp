#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "persistence/sqlite/contents_impl.hpp"
#include "persistence/sqlite/ownership_impl.hpp"

namespace holdfast::persistence::sqlite {

/// The entities, each a row with its contents. An entity whose time is up is not there, swept or not.
class entities {
 public:
  entities(database& in, const ownership& slots);

  /// `digest` is `digest_of(c)`.
  verdict commit(const struct commit& c, std::uint64_t digest);
  verdict restore(const restoration& r);
  std::optional<record> load(const entity& of);
  std::vector<event> events(const entity& of, std::uint64_t after, std::size_t max);
  std::optional<std::chrono::milliseconds> time_to_live(const entity& of);
  verdict extend(const entity& of, const token& by, std::chrono::milliseconds to);
  verdict expire(const entity& of, const token& by);
  page list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max);

  /// Removes up to `max` entities whose time is up; returns how many.
  std::size_t sweep(std::size_t max);

 private:
  struct row {
    std::int64_t key = 0;
    std::uint64_t sequence = 0;
    std::optional<std::uint64_t> digest;  // of the last commit; unknown after a restoration
    std::optional<std::int64_t> expires, sweep;
    bool gone = false;  // its time is up
  };
  std::optional<row> find(const entity& of);
  std::optional<row> find_living(const entity& of);
  void insert(const entity& of, std::uint64_t sequence, std::optional<std::uint64_t> digest,
              std::uint32_t open_executions, std::optional<std::int64_t> expires, std::string_view snapshot);
  void set_sweep(const row& of, std::optional<std::int64_t> expires);
  void remove(std::int64_t key);

  database& in_;
  const ownership& slots_;
  contents contents_;
  statement find_, insert_, update_, set_sweep_, set_expires_, remove_, snapshot_, list_, overdue_;
};

}  // namespace holdfast::persistence::sqlite
