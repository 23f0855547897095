#include "persistence/redis/redis_writes.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <optional>

#include "persistence/redis/redis_scripts.hpp"

namespace holdfast::persistence {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t small_arguments_max = 1'000;  // what Lua can pass to a call with some room left
constexpr milliseconds no_limit_from = std::chrono::hours(24 * 365 * 100);

/// With the four keys that an entity has something in.
redis_command begin(redis_request& r, const redis_script& script, const redis_keys& keys, const entity& of,
                    std::size_t arguments) {
  const auto slot = of.slot();
  r.hash_slot = keys.hash_slot(slot);
  r.durable = true;
  auto command = begin_script(r, script, 4, arguments);
  keys.add_owner(command, slot);
  keys.add_entity(command, of, slot);
  keys.add_events(command, of, slot);
  keys.add_index(command, of.kind, slot);
  return command;
}

void add_lifetime(redis_command& to, const std::optional<milliseconds>& life) {
  if (!life)
    to.add("");
  else
    to.add(*life >= no_limit_from ? std::int64_t{-1} : std::max<std::int64_t>(life->count(), 0));
}

void add_digest(redis_command& to, std::uint64_t digest) {
  std::array<char, 16> text{};
  const auto* end = std::to_chars(text.data(), text.data() + text.size(), digest, 16).ptr;
  to.add({text.data(), static_cast<std::size_t>(end - text.data())});
}

/// Fields and values, and which fields go.
struct fields {
  std::uint64_t sequence, digest;
  std::uint32_t open_executions;
  const std::string* snapshot;
  const std::map<std::string, std::string>& parts;
  const std::map<std::string, journal_entry>& journal;

  std::size_t arguments() const noexcept {
    return 2 * (3 + (snapshot != nullptr ? 1 : 0) + parts.size() + journal.size());
  }

  void add_to(redis_command& to) const {
    to.add("q").add_unsigned(sequence).add("d");
    add_digest(to, digest);
    to.add("o").add_unsigned(open_executions);
    if (snapshot != nullptr) to.add("s").add(*snapshot);
    for (const auto& [hash, bytes] : parts) to.join({"p", hash}).add(bytes);
    for (const auto& [id, entry] : journal) {
      const char stage = static_cast<char>('0' + static_cast<int>(entry.stage));
      to.join({"j", id}).join({{&stage, 1}, entry.bytes});
    }
  }
};

void add_events(redis_command& to, const std::vector<event>& events) {
  for (const auto& e : events) to.add_unsigned(e.number).add(e.bytes);
}

void add_dropped(redis_command& to, const commit& c) {
  for (const auto& hash : c.parts_dropped) to.join({"p", hash});
  for (const auto& id : c.journal_dropped) to.join({"j", id});
}

void write_end(redis_request& r, const redis_keys& keys, const commit& c) {
  auto command = begin(r, scripts().end, keys, c.of, 3);
  command.add(text_of(c.by)).add_unsigned(c.sequence - 1).add(c.of.id);
}

}  // namespace

std::string text_of(const token& t) {
  // What a slot without an owner holds is an epoch and a colon: an empty incarnation must not match it.
  return t.incarnation.empty() ? "none" : std::to_string(t.epoch) + ":" + t.incarnation;
}

bool in_order(const std::vector<event>& events) noexcept {
  std::uint64_t last = 0;
  for (const auto& e : events)
    if (e.number <= std::exchange(last, e.number)) return false;
  return true;
}

void write_commit(redis_request& r, const redis_keys& keys, const commit& c) {
  r.purpose = redis_request::purpose::commit;
  if (c.ends) return write_end(r, keys, c);
  const fields set{c.sequence, digest_of(c), c.open_executions, c.snapshot ? &*c.snapshot : nullptr,
                   c.parts,    c.journal};
  const std::size_t dropped = c.parts_dropped.size() + c.journal_dropped.size();
  const bool is_small = c.sequence > 1 && c.events.empty() && c.events_dropped_before == 0 && !c.time_to_live &&
                        set.arguments() + dropped <= small_arguments_max;
  if (is_small) {
    const auto slot = c.of.slot();
    r.hash_slot = keys.hash_slot(slot);
    r.durable = true;
    auto command = begin_script(r, scripts().commit, 2, 3 + set.arguments() + dropped);
    keys.add_owner(command, slot);
    keys.add_entity(command, c.of, slot);
    command.add(text_of(c.by)).add_unsigned(c.sequence - 1).add_unsigned(3 + set.arguments());
    set.add_to(command);
    add_dropped(command, c);
    return;
  }
  constexpr std::size_t head = 7;
  auto command = begin(r, scripts().commit_all, keys, c.of, head + set.arguments() + dropped + 2 * c.events.size());
  command.add(text_of(c.by)).add_unsigned(c.sequence - 1).add_unsigned(head + set.arguments());
  add_lifetime(command, c.time_to_live);
  command.add(c.of.id).add_unsigned(c.events_dropped_before).add_unsigned(head + set.arguments() + dropped);
  set.add_to(command);
  add_dropped(command, c);
  add_events(command, c.events);
}

void write_restoration(redis_request& r, const redis_keys& keys, const restoration& what) {
  const auto& kept = what.kept;
  // No commit has this digest's sequence any more: the next one is the one after.
  const fields set{kept.sequence, 0, what.open_executions, &kept.snapshot, kept.parts, kept.journal};
  constexpr std::size_t head = 7;
  const std::size_t last = head + set.arguments();
  auto command = begin(r, scripts().restore, keys, what.of, last + 2 * what.events.size());
  command.add(text_of(what.by)).add("0").add_unsigned(last);
  add_lifetime(command, what.time_to_live.value_or(no_limit_from));
  command.add(what.of.id).add("0").add_unsigned(last);
  set.add_to(command);
  add_events(command, what.events);
}

void write_extension(redis_request& r, const redis_keys& keys, const entity& of, const token& by, milliseconds to) {
  auto command = begin(r, scripts().extend, keys, of, 3);
  command.add(text_of(by));
  add_lifetime(command, to);
  command.add(of.id);
}

void write_expiry(redis_request& r, const redis_keys& keys, const entity& of, const token& by) {
  auto command = begin(r, scripts().expire, keys, of, 2);
  command.add(text_of(by)).add(of.id);
}

}  // namespace holdfast::persistence
