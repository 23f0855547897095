#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/sqlite/database_impl.hpp"

namespace holdfast::persistence::sqlite {

/// Bytes by key, each for a time.
class result_cache {
 public:
  explicit result_cache(database& in);

  std::optional<std::string> get(std::string_view key);
  void put(std::string_view key, std::string_view bytes, std::chrono::milliseconds keep);

  /// Removes up to `max` whose time is up; returns how many.
  std::size_t sweep(std::size_t max);

 private:
  database& in_;
  statement get_, put_, sweep_;
};

}  // namespace holdfast::persistence::sqlite
