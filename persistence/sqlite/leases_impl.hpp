#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/sqlite/database_impl.hpp"

namespace holdfast::persistence::sqlite {

/// Locks that fall by themselves after a time.
class leases {
 public:
  explicit leases(database& in);

  /// `word` if the lock was free.
  std::optional<std::string> acquire(std::string_view lock, const std::string& word, std::chrono::milliseconds limit);
  bool unlock(std::string_view lock, std::string_view word);
  bool prolong(std::string_view lock, std::string_view word, std::chrono::milliseconds limit);

  /// Removes up to `max` that have fallen; returns how many.
  std::size_t sweep(std::size_t max);

 private:
  database& in_;
  statement acquire_, unlock_, prolong_, sweep_;
};

/// A word that nobody can guess.
std::string random_word();

}  // namespace holdfast::persistence::sqlite
