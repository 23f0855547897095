#include "persistence/memory_contents.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::persistence {
namespace {

// Each verb that writes gives back so many entries at most, so that no single one takes long.
constexpr std::size_t swept_max = 8;

constexpr std::size_t cache_bytes_max = std::size_t{64} << 20;

using milliseconds = std::chrono::milliseconds;
using time_point = std::chrono::steady_clock::time_point;

constexpr time_point never = time_point::max();

time_point after(time_point now, milliseconds time) {
  return time > std::chrono::duration_cast<milliseconds>(never - now) ? never : now + time;
}

// Rounded up: what is still there has some time left.
milliseconds left_until(time_point due, time_point now) { return std::chrono::ceil<milliseconds>(due - now); }

}  // namespace

bool memory_contents::holds(std::uint16_t slot, const token& by) const {
  const ownership& o = owners_.at(slot);
  return o.incarnation && by.epoch == o.epoch && by.incarnation == *o.incarnation;
}

verdict memory_contents::commit(const struct commit& c, time_point now) {
  entities_.sweep(now, swept_max);
  if (!holds(c.of.slot(), c.by)) return verdict::fenced;
  const key at = key_of(c.of);
  auto* found = entities_.find(at, now);
  if (found == nullptr && c.ends) return verdict::duplicate;
  const std::uint64_t last = found == nullptr ? 0 : found->value.record.sequence;
  const std::uint64_t digest = digest_of(c);
  if (found != nullptr && c.sequence == last && found->value.digest == digest) return verdict::duplicate;
  if (c.sequence != last + 1) return verdict::conflict;
  if (c.ends) {
    entities_.erase(at);
    return verdict::ok;
  }
  if (found == nullptr) {
    entities_.put(at, {}, never);
    found = entities_.find(at, now);
  }
  change(found->value, c);
  found->value.digest = digest;
  if (c.time_to_live) entities_.set_due(at, after(now, *c.time_to_live));
  return verdict::ok;
}

void memory_contents::change(kept& k, const struct commit& c) {
  record& r = k.record;
  r.sequence = c.sequence;
  if (c.snapshot) r.snapshot = *c.snapshot;
  for (const auto& hash : c.parts_dropped) r.parts.erase(hash);
  r.parts.insert(c.parts.begin(), c.parts.end());
  for (const auto& id : c.journal_dropped) r.journal.erase(id);
  for (const auto& [id, entry] : c.journal) r.journal.insert_or_assign(id, entry);
  for (const auto& e : c.events) k.events.insert_or_assign(e.number, e.bytes);
  k.events.erase(k.events.begin(), k.events.lower_bound(c.events_dropped_before));
  k.open_executions = c.open_executions;
}

verdict memory_contents::restore(const restoration& r, time_point now) {
  entities_.sweep(now, swept_max);
  if (!holds(r.of.slot(), r.by)) return verdict::fenced;
  kept k;
  k.record = r.kept;
  for (const auto& e : r.events) k.events.insert_or_assign(e.number, e.bytes);
  k.open_executions = r.open_executions;
  entities_.put(key_of(r.of), std::move(k), r.time_to_live ? after(now, *r.time_to_live) : never);
  return verdict::ok;
}

std::optional<record> memory_contents::load(const entity& of, time_point now) {
  const auto* found = entities_.find(key_of(of), now);
  if (found == nullptr) return std::nullopt;
  return found->value.record;
}

std::vector<event> memory_contents::read_events(const entity& of, std::uint64_t after, std::size_t max,
                                                time_point now) {
  std::vector<event> out;
  const auto* found = entities_.find(key_of(of), now);
  if (found == nullptr) return out;
  const auto& events = found->value.events;
  for (auto e = events.upper_bound(after); e != events.end() && out.size() < max; ++e)
    out.push_back({e->first, e->second});
  return out;
}

std::optional<milliseconds> memory_contents::time_to_live(const entity& of, time_point now) {
  const auto* found = entities_.find(key_of(of), now);
  if (found == nullptr) return std::nullopt;
  return found->due == never ? milliseconds::max() : left_until(found->due, now);
}

verdict memory_contents::extend(const entity& of, const token& by, milliseconds to, time_point now) {
  if (!holds(of.slot(), by)) return verdict::fenced;
  const key at = key_of(of);
  if (entities_.find(at, now) == nullptr) return verdict::conflict;
  entities_.set_due(at, after(now, to));
  return verdict::ok;
}

verdict memory_contents::expire(const entity& of, const token& by, time_point now) {
  if (!holds(of.slot(), by)) return verdict::fenced;
  const key at = key_of(of);
  if (entities_.find(at, now) == nullptr) return verdict::conflict;
  entities_.erase(at);
  return verdict::ok;
}

page memory_contents::list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max,
                           time_point now) {
  page out;
  const auto& all = entities_.all();
  // The cursor is the last id given out. No id is empty, so that an empty cursor comes before all.
  auto at = all.upper_bound(key{slot, std::string(kind), std::string(cursor)});
  for (; at != all.end(); ++at) {
    const auto& [its_slot, its_kind, id] = at->first;
    if (its_slot != slot || its_kind != kind) break;
    const auto& e = at->second;
    if (e.due <= now) continue;
    if (out.entries.size() >= std::max<std::size_t>(max, 1)) {
      out.next = out.entries.back().id;
      break;
    }
    listed line{id, std::nullopt, e.value.open_executions};
    if (e.due != never) line.expires_in = left_until(e.due, now);
    out.entries.push_back(std::move(line));
  }
  return out;
}

std::optional<token> memory_contents::claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view) {
  ownership& o = owners_.at(slot);
  if (o.view > view) return std::nullopt;
  ++o.epoch;
  o.incarnation = incarnation;
  o.view = view;
  return token{o.epoch, *o.incarnation};
}

verdict memory_contents::release(std::uint16_t slot, const token& by) {
  if (!holds(slot, by)) return verdict::fenced;
  owners_.at(slot).incarnation.reset();
  return verdict::ok;
}

std::optional<token> memory_contents::owner(std::uint16_t slot) const {
  const ownership& o = owners_.at(slot);
  if (!o.incarnation) return std::nullopt;
  return token{o.epoch, *o.incarnation};
}

std::vector<std::optional<token>> memory_contents::owners(std::uint16_t first, std::uint16_t count) const {
  std::vector<std::optional<token>> out;
  for (std::uint16_t n = 0; n < count; ++n) out.push_back(owner(first + n));
  return out;
}

verdict memory_contents::change_view(std::uint64_t expected, std::string_view bytes) {
  const verdict v = judge_change(view_, expected, bytes);
  if (v == verdict::ok) view_ = {expected + 1, std::string(bytes)};
  return v;
}

std::optional<versioned> memory_contents::read_record(std::string_view name) const {
  const auto found = records_.find(name);
  if (found == records_.end()) return std::nullopt;
  return found->second;
}

verdict memory_contents::change_record(std::string_view name, std::uint64_t expected, std::string_view bytes) {
  const verdict v = judge_change(read_record(name), expected, bytes);
  if (v == verdict::ok) records_.insert_or_assign(std::string(name), versioned{expected + 1, std::string(bytes)});
  return v;
}

bool memory_contents::acquire(std::string_view lock, std::string word, milliseconds limit, time_point now) {
  locks_.sweep(now, swept_max);
  std::string at(lock);
  if (locks_.find(at, now) != nullptr) return false;
  locks_.put(std::move(at), std::move(word), after(now, limit));
  return true;
}

bool memory_contents::unlock(std::string_view lock, std::string_view word, time_point now) {
  const std::string at(lock);
  const auto* found = locks_.find(at, now);
  if (found == nullptr || found->value != word) return false;
  locks_.erase(at);
  return true;
}

bool memory_contents::prolong(std::string_view lock, std::string_view word, milliseconds limit, time_point now) {
  const std::string at(lock);
  const auto* found = locks_.find(at, now);
  if (found == nullptr || found->value != word) return false;
  locks_.set_due(at, after(now, limit));
  return true;
}

std::optional<std::string> memory_contents::cache_get(std::string_view key, time_point now) {
  const auto* found = cache_.find(std::string(key), now);
  if (found == nullptr) return std::nullopt;
  return found->value;
}

void memory_contents::forget_cached(const std::string& key) {
  const auto found = cache_.all().find(key);
  if (found == cache_.all().end()) return;
  cache_bytes_ -= found->first.size() + found->second.value.size();
  cache_.erase(std::string(key));  // a copy: `key` may be the map's own
}

bool memory_contents::cache_put(std::string_view key, std::string_view bytes, milliseconds keep, time_point now) {
  const std::size_t size = key.size() + bytes.size();
  if (size > cache_bytes_max) return false;
  forget_cached(std::string(key));
  const auto is_due = [&](const std::string* k) { return cache_.find(*k, now) == nullptr; };
  std::size_t due_left = swept_max;
  for (const auto* k = cache_.soonest(); k != nullptr; k = cache_.soonest()) {
    if (cache_bytes_ + size <= cache_bytes_max && (due_left-- == 0 || !is_due(k))) break;
    forget_cached(*k);
  }
  if (cache_bytes_ + size > cache_bytes_max) return false;
  cache_.put(std::string(key), std::string(bytes), after(now, keep));
  cache_bytes_ += size;
  return true;
}

}  // namespace holdfast::persistence
