#include "persistence/sqlite/entities_impl.hpp"

#include <algorithm>

#include "persistence/sqlite/clock_impl.hpp"

namespace holdfast::persistence::sqlite {
namespace {

constexpr std::size_t page_max = 1'000;

std::int64_t stored(std::uint64_t number) { return static_cast<std::int64_t>(number); }

std::optional<std::int64_t> stored(std::optional<std::uint64_t> number) {
  if (!number) return std::nullopt;
  return stored(*number);
}

// Four seconds each: most commits that prolong a life stay within one, and leave the index alone.
std::int64_t bucket_of(std::int64_t time) { return time >> 12; }

std::optional<std::int64_t> sweep_after(std::optional<std::int64_t> expires) {
  if (!expires) return std::nullopt;
  return bucket_of(*expires);
}

std::optional<std::int64_t> time_in(const statement::rows& row, int column) {
  if (row.null(column)) return std::nullopt;
  return row.number(column);
}

}  // namespace

entities::entities(database& in, const ownership& slots)
    : in_(in),
      slots_(slots),
      contents_(in),
      find_(in, "select key, sequence, digest, expires, sweep from entity where slot = ? and kind = ? and id = ?"),
      insert_(in,
              "insert into entity (slot, kind, id, sequence, digest, open_executions, expires, sweep, snapshot)"
              " values (?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      update_(in,
              "update entity set sequence = ?, digest = ?, open_executions = ?, expires = ?,"
              " snapshot = coalesce(?, snapshot) where key = ?"),
      set_sweep_(in, "update entity set sweep = ? where key = ?"),
      set_expires_(in, "update entity set expires = ? where key = ?"),
      remove_(in, "delete from entity where key = ?"),
      snapshot_(in, "select snapshot from entity where key = ?"),
      list_(in,
            "select id, expires, open_executions from entity where slot = ? and kind = ? and id > ?"
            " and (expires is null or expires > ?) order by id limit ?"),
      overdue_(in, "select key from entity where sweep < ? limit ?") {}

verdict entities::commit(const struct commit& c, std::uint64_t digest) {
  if (!slots_.holds(c.of.slot(), c.by)) return verdict::fenced;
  auto found = find_living(c.of);
  if (!found) {
    if (c.ends) return verdict::duplicate;
    if (c.sequence != 1) return verdict::conflict;
    insert(c.of, 1, digest, c.open_executions, c.time_to_live ? from_now(*c.time_to_live) : std::nullopt,
           c.snapshot ? std::string_view(*c.snapshot) : std::string_view());
    contents_.apply(in_.last_row(), c);
    return verdict::ok;
  }
  if (c.sequence == found->sequence && found->digest == digest) return verdict::duplicate;
  if (c.sequence != found->sequence + 1) return verdict::conflict;
  if (c.ends) {
    remove(found->key);
    return verdict::ok;
  }
  const auto expires = c.time_to_live ? from_now(*c.time_to_live) : found->expires;
  std::optional<blob> snapshot;
  if (c.snapshot) snapshot = blob{*c.snapshot};
  update_.run(stored(c.sequence), stored(digest), std::int64_t{c.open_executions}, expires, snapshot, found->key);
  set_sweep(*found, expires);
  contents_.apply(found->key, c);
  return verdict::ok;
}

verdict entities::restore(const restoration& r) {
  if (!slots_.holds(r.of.slot(), r.by)) return verdict::fenced;
  if (const auto found = find(r.of)) remove(found->key);
  insert(r.of, r.kept.sequence, std::nullopt, r.open_executions,
         r.time_to_live ? from_now(*r.time_to_live) : std::nullopt, r.kept.snapshot);
  const auto key = in_.last_row();
  contents_.add(key, r.kept.parts);
  contents_.add(key, r.kept.journal);
  contents_.add(key, r.events);
  return verdict::ok;
}

std::optional<record> entities::load(const entity& of) {
  const auto found = find(of);
  if (!found || found->gone) return std::nullopt;
  record out;
  out.sequence = found->sequence;
  auto snapshot = snapshot_(found->key);
  if (snapshot.next()) out.snapshot = snapshot.bytes(0);
  contents_.load(found->key, out);
  return out;
}

std::vector<event> entities::events(const entity& of, std::uint64_t after, std::size_t max) {
  const auto found = find(of);
  if (!found || found->gone) return {};
  return contents_.events(found->key, after, max);
}

std::optional<std::chrono::milliseconds> entities::time_to_live(const entity& of) {
  const auto found = find(of);
  if (!found || found->gone) return std::nullopt;
  if (!found->expires) return std::chrono::milliseconds::max();
  return std::chrono::milliseconds(*found->expires - now_ms());
}

verdict entities::extend(const entity& of, const token& by, std::chrono::milliseconds to) {
  if (!slots_.holds(of.slot(), by)) return verdict::fenced;
  const auto found = find_living(of);
  if (!found) return verdict::conflict;
  const auto expires = from_now(to);
  set_expires_.run(expires, found->key);
  set_sweep(*found, expires);
  return verdict::ok;
}

verdict entities::expire(const entity& of, const token& by) {
  if (!slots_.holds(of.slot(), by)) return verdict::fenced;
  const auto found = find_living(of);
  if (!found) return verdict::conflict;
  remove(found->key);
  return verdict::ok;
}

page entities::list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max) {
  const auto now = now_ms();
  const auto wanted = std::clamp<std::size_t>(max, 1, page_max);
  page out;
  auto row = list_(std::int64_t{slot}, kind, cursor, now, static_cast<std::int64_t>(wanted + 1));
  while (row.next()) {
    if (out.entries.size() == wanted) {
      out.next = out.entries.back().id;
      break;
    }
    listed one{std::string(row.bytes(0)), std::nullopt, static_cast<std::uint32_t>(row.number(2))};
    if (!row.null(1)) one.expires_in = std::chrono::milliseconds(row.number(1) - now);
    out.entries.push_back(std::move(one));
  }
  return out;
}

std::size_t entities::sweep(std::size_t max) {
  std::vector<std::int64_t> keys;
  {
    auto row = overdue_(bucket_of(now_ms()), static_cast<std::int64_t>(max));
    while (row.next()) keys.push_back(row.number(0));
  }
  for (const auto key : keys) remove(key);
  return keys.size();
}

std::optional<entities::row> entities::find(const entity& of) {
  auto found = find_(std::int64_t{of.slot()}, std::string_view(of.kind), std::string_view(of.id));
  if (!found.next()) return std::nullopt;
  row out;
  out.key = found.number(0);
  out.sequence = static_cast<std::uint64_t>(found.number(1));
  if (!found.null(2)) out.digest = static_cast<std::uint64_t>(found.number(2));
  out.expires = time_in(found, 3);
  out.sweep = time_in(found, 4);
  out.gone = out.expires && *out.expires <= now_ms();
  return out;
}

// For writers: makes room where the sweep has not been yet.
std::optional<entities::row> entities::find_living(const entity& of) {
  auto found = find(of);
  if (!found || !found->gone) return found;
  remove(found->key);
  return std::nullopt;
}

void entities::insert(const entity& of, std::uint64_t sequence, std::optional<std::uint64_t> digest,
                      std::uint32_t open_executions, std::optional<std::int64_t> expires, std::string_view snapshot) {
  insert_.run(std::int64_t{of.slot()}, std::string_view(of.kind), std::string_view(of.id), stored(sequence),
              stored(digest), std::int64_t{open_executions}, expires, sweep_after(expires), blob{snapshot});
}

void entities::set_sweep(const row& of, std::optional<std::int64_t> expires) {
  const auto sweep = sweep_after(expires);
  if (sweep != of.sweep) set_sweep_.run(sweep, of.key);
}

void entities::remove(std::int64_t key) {
  contents_.remove_all(key);
  remove_.run(key);
}

}  // namespace holdfast::persistence::sqlite
