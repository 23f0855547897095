#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/store_values.hpp"

namespace holdfast::persistence {

template <class T>
using completion = std::function<void(result<T>)>;

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

  /// Takes the slot for somebody to whom `view` is the version of the cluster's view (0 = there is none): raises its
  /// epoch, so that whoever held it is fenced from then on. Nothing, and nobody is fenced, if the slot was claimed
  /// under a newer view before, released since or not.
  virtual void claim(std::uint16_t slot, std::string_view incarnation, std::uint64_t view,
                     completion<std::optional<token>> done) = 0;

  /// Gives the slot back; its epoch stays, and the view it was claimed under. `fenced` if the token is not the current
  /// one.
  virtual void release(std::uint16_t slot, const token& by, completion<verdict> done) = 0;

  /// Who holds the slot; nothing if nobody does.
  virtual void owner(std::uint16_t slot, completion<std::optional<token>> done) = 0;

  /// The same of `count` slots from `first` on, in their order; `first + count` is at most `slot_count`. Not one
  /// moment's picture: each as it was at some time between call and completion.
  virtual void owners(std::uint16_t first, std::uint16_t count, completion<std::vector<std::optional<token>>> done) = 0;

  // the view of a whole cluster: one record that never expires

  /// Nothing if it was never written.
  virtual void read_view(completion<std::optional<versioned>> done) = 0;

  /// Writes it as version `expected + 1` if `expected` is its version now (0 = it was never written). `conflict`, and
  /// nothing written, if it is another. Asked again after a lost answer it is `duplicate`, and as good as `ok`, while
  /// that very version stands with these very bytes: no two writers may write the same ones. It is `conflict` once
  /// another version has followed; only a later view can tell then whether this one stood.
  virtual void change_view(std::uint64_t expected, std::string_view bytes, completion<verdict> done) = 0;

  // further records of a whole cluster, by name: such as the view, and with the same rules

  virtual void read_record(std::string_view name, completion<std::optional<versioned>> done) = 0;
  virtual void change_record(std::string_view name, std::uint64_t expected, std::string_view bytes,
                             completion<verdict> done) = 0;

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

  /// Asks the server what it says of itself and its replicas. False, and nothing is asked, where there is no server.
  virtual bool read_standing(completion<standing> /*done*/) { return false; }

  /// Set by the user, or empty. Runs on the lane's thread when the store goes on with another history (a restarted
  /// server, a promoted replica): the last commits, claims and changes of the view may be missing. Check the slots and
  /// the view; `restore` what is held.
  std::function<void()> on_history_changed;
};

}  // namespace holdfast::persistence
