#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "persistence/sqlite/database_impl.hpp"

namespace holdfast::persistence::sqlite {

/// What belongs to entities beside their own row: parts, journal, events. `entity` is the key of that row.
class contents {
 public:
  explicit contents(database& in);

  /// Adds and drops what the commit says.
  void apply(std::int64_t entity, const struct commit& c);

  void add(std::int64_t entity, const std::map<std::string, std::string>& parts);
  void add(std::int64_t entity, const std::map<std::string, journal_entry>& journal);
  void add(std::int64_t entity, const std::vector<event>& events);

  /// Fills in parts and journal.
  void load(std::int64_t entity, record& into);

  std::vector<event> events(std::int64_t entity, std::uint64_t after, std::size_t max);

  void remove_all(std::int64_t entity);

 private:
  statement add_part_, drop_part_, parts_, clear_parts_;
  statement add_journal_, drop_journal_, journal_, clear_journal_;
  statement add_event_, drop_events_, events_, clear_events_;
};

}  // namespace holdfast::persistence::sqlite
