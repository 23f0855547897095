#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/store_values.hpp"

namespace boost::asio {
class io_context;
}

namespace holdfast::persistence {

template <class T>
using completion = std::function<void(result<T>)>;

/// What a store guarantees for a commit that was answered `ok`.
enum class tier : std::uint8_t {
  memory,      ///< nothing beyond the process
  sqlite,      ///< survives the process and a crash of the machine (this not with `synchronous=normal`)
  redis,       ///< survives the node; about a second may be lost if Redis itself dies
  redis_wait,  ///< as `redis`, and one replica has it too: survives any single failure
};
std::string_view name_of(tier t) noexcept;

/// The store as one I/O thread uses it. Created, used and destroyed on the thread that runs its `io_context`; every
/// completion runs there, exactly once, never from within the call that started it, and not after the lane has been
/// destroyed. Nothing blocks. An operation that cannot be answered within `store_options::deadline` completes with
/// `unavailable`; until then it is retried as often as is safe.
class store_lane {
 public:
  virtual ~store_lane() = default;

  // entities

  /// At most one commit of an entity may be under way at a time. Retried under the same token, sequence and content
  /// after a lost answer, it is answered `duplicate`; so is one that `ends` an entity which is not there (any more).
  virtual void commit(const struct commit& c, completion<verdict> done) = 0;

  /// Creates or replaces an entity wholesale, whatever stands there, so that its next commit is the one after the
  /// sequence given: for a store that lost its history. `ok` or `fenced`; may be repeated.
  virtual void restore(const struct restoration& r, completion<verdict> done) = 0;

  /// Nothing if there is no such entity.
  virtual void load(const entity& of, completion<std::optional<record>> done) = 0;

  /// Events with a number greater than `after`, oldest first, at most `max`.
  virtual void read_events(const entity& of, std::uint64_t after, std::size_t max,
                           completion<std::vector<event>> done) = 0;

  /// Nothing if there is no such entity. An entity without a limit has `milliseconds::max()`.
  virtual void time_to_live(const entity& of, completion<std::optional<std::chrono::milliseconds>> done) = 0;

  /// Sets the time to live, from now. `conflict` if there is no such entity.
  virtual void extend(const entity& of, const token& by, std::chrono::milliseconds to, completion<verdict> done) = 0;

  /// Ends an entity whatever its sequence is, with all it has. `conflict` if there is no such entity.
  virtual void expire(const entity& of, const token& by, completion<verdict> done) = 0;

  /// One slot's entities of a kind. `cursor` is empty at first, then `page::next`. `max` is a hint.
  virtual void list(std::string_view kind, std::uint16_t slot, std::string_view cursor, std::size_t max,
                    completion<page> done) = 0;

  // slots

  /// Takes the slot: raises its epoch, so that whoever held it is fenced from then on.
  virtual void claim(std::uint16_t slot, std::string_view incarnation, completion<token> done) = 0;

  /// Gives the slot back; the epoch stays. `fenced` if the token is not the current one.
  virtual void release(std::uint16_t slot, const token& by, completion<verdict> done) = 0;

  /// Who holds the slot; nothing if nobody does.
  virtual void owner(std::uint16_t slot, completion<std::optional<token>> done) = 0;

  // locks, for critical sections of a whole cluster

  /// A random word if the lock was free, nothing if somebody holds it. It falls by itself after `limit`.
  virtual void acquire(std::string_view lock, std::chrono::milliseconds limit,
                       completion<std::optional<std::string>> done) = 0;

  /// False if this word does not hold the lock (any more).
  virtual void unlock(std::string_view lock, std::string_view word, completion<bool> done) = 0;
  virtual void prolong(std::string_view lock, std::string_view word, std::chrono::milliseconds limit,
                       completion<bool> done) = 0;

  // the result cache

  virtual void cache_get(std::string_view key, completion<std::optional<std::string>> done) = 0;
  virtual void cache_put(std::string_view key, std::string_view bytes, std::chrono::milliseconds keep,
                         completion<bool> done) = 0;

  /// Set by the user, or empty. Runs on the lane's thread when the store goes on with another history (a restarted
  /// server, a promoted replica): the last commits and claims may be missing. Check the slots; `restore` what is held.
  std::function<void()> on_history_changed;
};

/// How a store is doing, for operators. Counts are since the start.
struct store_health {
  bool available = true;
  bool circuit_open = false;  ///< gave up for now; looks again by itself
  std::string detail;         ///< why not, or where it is connected to
  std::size_t connections = 0;
  std::size_t waiting = 0;                     ///< operations without an answer
  std::uint64_t operations = 0, failures = 0;  ///< answered; completed with a failure
  std::uint64_t commits = 0;
  std::chrono::microseconds latency{0};  ///< of commits, a moving average
  std::uint64_t differences = 0;         ///< found by comparing with a shadow store
  std::uint64_t histories = 0;           ///< changes of history, see `store_lane::on_history_changed`
};

struct store_options {
  std::string url = "memory:";                ///< see `store::open`
  std::string prefix = "hf";                  ///< of every key
  std::string ca_file;                        ///< for rediss://; empty = the system's
  unsigned wait_replicas = 0;                 ///< a commit counts when so many replicas have it
  std::chrono::milliseconds deadline{5'000};  ///< for one operation, retries included
  std::size_t waiting_max = 100'000;          ///< operations without an answer, per lane; one more is `overloaded`
  std::size_t connections = 1;                ///< per lane, for sharing bulk loads and commits
};

/// Where entities are kept. Thread-safe; outlives its lanes.
class store {
 public:
  /// Opens the store of a URL:
  ///   memory:                                             in this process
  ///   sqlite:PATH[?synchronous=normal]                    a file, created if missing; one process at a time
  ///   redis://[user:password@]host[:port][/db]            also rediss:// (TLS)
  ///   unix:PATH[?db=N&user=U&password=P]                  Redis on a unix socket
  ///   redis+sentinel://[user:password@]h1[:p],h2[:p]…/master[/db]
  ///   redis+cluster://[user:password@]h1[:p],h2[:p]…
  /// May block for up to `deadline`; for start-up. The failure says what was wrong and what would be right.
  static result<std::unique_ptr<store>> open(const store_options& o);

  virtual ~store() = default;

  virtual std::unique_ptr<store_lane> lane(boost::asio::io_context& on) = 0;
  virtual enum tier tier() const noexcept = 0;
  virtual store_health health() const = 0;

  /// The URL without user and password.
  virtual std::string shown() const = 0;
};

}  // namespace holdfast::persistence
