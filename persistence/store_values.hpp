#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "persistence/slots.hpp"

/// What a store keeps and answers with. Plain values.
namespace holdfast::persistence {

/// Something that has state. `kind` is "session", "execution" or "upstream"; `id` holds no NUL and at most 128 bytes.
struct entity {
  std::string kind;
  std::string id;

  std::uint16_t slot() const noexcept { return slot_of(id); }
  bool operator==(const entity&) const = default;
};

/// The right to write in a slot: given by a claim, void after the next one.
struct token {
  std::uint64_t epoch = 0;  ///< 0 = none
  std::string incarnation;  ///< of the process that claimed; letters and digits
  bool operator==(const token&) const = default;
};

enum class verdict : std::uint8_t {
  ok,
  duplicate,  ///< this very change stood already (its first answer was lost): as good as `ok`
  fenced,     ///< the token is not the slot's current one; nothing was written
  conflict,   ///< the sequence is not the next one, or other content stands under it; nothing was written
};

/// A record whose every change is one more version. The first one is 1.
struct versioned {
  std::uint64_t version = 0;
  std::string bytes;
  bool operator==(const versioned&) const = default;
};

/// What comes of a change of the view that stands, as `store_lane::change_view` has it.
verdict judge_change(const std::optional<versioned>& standing, std::uint64_t expected, std::string_view bytes) noexcept;

/// How far an execution has come, as far as its journal says.
enum class stage : std::uint8_t {
  intent,  ///< is about to be sent upstream, or was
  result,  ///< its outcome is there
};

struct journal_entry {
  enum stage stage = stage::intent;
  std::string bytes;
  bool operator==(const journal_entry&) const = default;
};

/// One event of an entity's log. Numbers rise strictly within the entity; the writer gives them out.
struct event {
  std::uint64_t number = 0;
  std::string bytes;
  bool operator==(const event&) const = default;
};

/// One atomic change of an entity. Everything in it becomes visible together or not at all. Nothing may be both added
/// and dropped, but for events: of those, the new ones are appended first.
struct commit {
  entity of;
  token by;
  std::uint64_t sequence = 0;  ///< one more than that of the entity's last commit; 1 creates it and must not find one
  std::optional<std::string> snapshot;       ///< replaces the hot part
  std::map<std::string, std::string> parts;  ///< large immutable parts to add, by content hash
  std::vector<std::string> parts_dropped;
  std::map<std::string, journal_entry> journal;  ///< to add or replace, by execution id
  std::vector<std::string> journal_dropped;
  std::vector<event> events;                              ///< to append
  std::uint64_t events_dropped_before = 0;                ///< events with lower numbers go; 0 = none
  std::optional<std::chrono::milliseconds> time_to_live;  ///< from now; absent = as it was
  std::uint32_t open_executions = 0;                      ///< intents without a result after this commit
  bool ends = false;                                      ///< removes the entity with all it has
};

/// Tells two commits under one sequence apart. Covers everything but `by` and `time_to_live`.
std::uint64_t digest_of(const commit& c) noexcept;

/// What is kept of an entity, but for its events.
struct record {
  std::uint64_t sequence = 0;
  std::string snapshot;
  std::map<std::string, std::string> parts;
  std::map<std::string, journal_entry> journal;
  bool operator==(const record&) const = default;
};

/// An entity as a whole, to be put into a store that does not have it as it is.
struct restoration {
  entity of;
  token by;
  record kept;                ///< its sequence is that of the entity's last commit: at least 1
  std::vector<event> events;  ///< all of them, oldest first
  std::optional<std::chrono::milliseconds> time_to_live;  ///< from now; absent = no limit
  std::uint32_t open_executions = 0;
};

/// One line of a list of entities.
struct listed {
  std::string id;
  std::optional<std::chrono::milliseconds> expires_in;
  std::uint32_t open_executions = 0;
};
struct page {
  std::vector<listed> entries;  ///< each entity once over all pages if nothing changes meanwhile
  std::string next;             ///< cursor of the next page; empty = this was the last one
};

/// What a server of the store says of itself. Of a Redis Cluster: the one that has slot 0.
struct standing {
  std::string role;                        ///< master or slave
  std::uint64_t replicas = 0;              ///< connected to it
  std::optional<std::uint64_t> lag_bytes;  ///< what the replica furthest behind has not confirmed; nothing without any
};

enum class store_errc : std::uint8_t {
  unavailable,  ///< not reachable within the deadline, or it refuses to work now; a write may still have happened
  full,         ///< it has no room; nothing was written
  overloaded,   ///< too much waits for it already; nothing was written
  corrupt,      ///< what it holds cannot be read
  rejected,     ///< wrong password, missing permission, unsupported version: trying again will not help
};

struct store_failure {
  store_errc code = store_errc::unavailable;
  std::string detail;  ///< for an operator; never a secret
};

[[noreturn]] inline void throw_exception_from_error(const store_failure& f, const boost::source_location&) {
  throw std::runtime_error(f.detail);
}

/// A value, or why there is none.
template <class T>
using result = boost::system::result<T, store_failure>;

}  // namespace holdfast::persistence
