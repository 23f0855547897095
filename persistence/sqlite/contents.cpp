#include "persistence/sqlite/contents_impl.hpp"

#include <algorithm>
#include <limits>

namespace holdfast::persistence::sqlite {
namespace {

std::int64_t bounded(std::uint64_t number) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(number, std::numeric_limits<std::int64_t>::max()));
}

}  // namespace

contents::contents(database& in)
    : add_part_(in, "insert or ignore into part (entity, hash, bytes) values (?, ?, ?)"),
      drop_part_(in, "delete from part where entity = ? and hash = ?"),
      parts_(in, "select hash, bytes from part where entity = ?"),
      clear_parts_(in, "delete from part where entity = ?"),
      add_journal_(in,
                   "insert into journal (entity, execution, stage, bytes) values (?, ?, ?, ?)"
                   " on conflict (entity, execution) do update set stage = excluded.stage, bytes = excluded.bytes"),
      drop_journal_(in, "delete from journal where entity = ? and execution = ?"),
      journal_(in, "select execution, stage, bytes from journal where entity = ?"),
      clear_journal_(in, "delete from journal where entity = ?"),
      add_event_(in, "insert or replace into event (entity, number, bytes) values (?, ?, ?)"),
      drop_events_(in, "delete from event where entity = ? and number < ?"),
      events_(in, "select number, bytes from event where entity = ? and number > ? order by number limit ?"),
      clear_events_(in, "delete from event where entity = ?") {}

void contents::apply(std::int64_t entity, const struct commit& c) {
  add(entity, c.parts);
  for (const auto& hash : c.parts_dropped) drop_part_.run(entity, std::string_view(hash));
  add(entity, c.journal);
  for (const auto& id : c.journal_dropped) drop_journal_.run(entity, std::string_view(id));
  add(entity, c.events);
  if (c.events_dropped_before > 0) drop_events_.run(entity, bounded(c.events_dropped_before));
}

void contents::add(std::int64_t entity, const std::map<std::string, std::string>& parts) {
  for (const auto& [hash, bytes] : parts) add_part_.run(entity, std::string_view(hash), blob{bytes});
}

void contents::add(std::int64_t entity, const std::map<std::string, journal_entry>& journal) {
  for (const auto& [id, entry] : journal) {
    add_journal_.run(entity, std::string_view(id), static_cast<std::int64_t>(entry.stage), blob{entry.bytes});
  }
}

void contents::add(std::int64_t entity, const std::vector<event>& events) {
  for (const auto& e : events) add_event_.run(entity, bounded(e.number), blob{e.bytes});
}

void contents::load(std::int64_t entity, record& into) {
  auto part = parts_(entity);
  while (part.next()) into.parts.emplace(part.bytes(0), part.bytes(1));
  auto entry = journal_(entity);
  while (entry.next()) {
    const auto stage = entry.number(1) == 0 ? stage::intent : stage::result;
    into.journal.emplace(entry.bytes(0), journal_entry{stage, std::string(entry.bytes(2))});
  }
}

std::vector<event> contents::events(std::int64_t entity, std::uint64_t after, std::size_t max) {
  std::vector<event> out;
  auto row = events_(entity, bounded(after), bounded(max));
  while (row.next()) out.push_back({static_cast<std::uint64_t>(row.number(0)), std::string(row.bytes(1))});
  return out;
}

void contents::remove_all(std::int64_t entity) {
  clear_parts_.run(entity);
  clear_journal_.run(entity);
  clear_events_.run(entity);
}

}  // namespace holdfast::persistence::sqlite
