#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "persistence/sqlite/database_impl.hpp"

namespace holdfast::persistence::sqlite {

/// Who holds which slot. Kept in memory beside the table, since no other process writes the file; after a transaction
/// that was rolled back, `forget` must be called.
class ownership {
 public:
  explicit ownership(database& in);

  /// Reads the table unless that has been done. To be called at the start of every transaction.
  void recall();
  void forget() noexcept { known_ = false; }

  bool holds(std::uint16_t slot, const token& by) const noexcept;

  result<std::optional<token>> claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view);
  verdict release(std::uint16_t slot, const token& by);
  std::optional<token> owner(std::uint16_t slot) const;
  std::vector<std::optional<token>> owners(std::uint16_t first, std::uint16_t count) const;

 private:
  struct held {
    token by;                // an empty incarnation: nobody's, but the epoch stays
    std::uint64_t view = 0;  // that it was claimed under last
  };
  void write(std::uint16_t slot);

  database& in_;
  statement all_, set_;
  std::vector<held> slots_;
  bool known_ = false;
};

}  // namespace holdfast::persistence::sqlite
