#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

namespace holdfast::persistence {

/// A map whose entries go when their time has come. An entry that is due is never seen, even before it is swept.
/// One thread at a time.
template <class Key, class Value>
class expiring_map {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// The due time of what never goes.
  static constexpr time_point never = time_point::max();

  struct entry {
    Value value;
    time_point due;
  };
  using entries = std::map<Key, entry>;

  /// The entry, or null. Valid until the entry goes.
  entry* find(const Key& key, time_point now) {
    const auto found = entries_.find(key);
    return found == entries_.end() || found->second.due <= now ? nullptr : &found->second;
  }

  void put(Key key, Value value, time_point due) {
    erase(key);
    if (due != never) order_.emplace(due, key);
    entries_.emplace(std::move(key), entry{std::move(value), due});
  }

  /// Of an entry that is there.
  void set_due(const Key& key, time_point due) {
    entry& e = entries_.at(key);
    if (e.due != never) order_.erase({e.due, key});
    if (due != never) order_.emplace(due, key);
    e.due = due;
  }

  void erase(const Key& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    if (found->second.due != never) order_.erase({found->second.due, key});
    entries_.erase(found);
  }

  /// The key of the entry that is due before all others, or null if none ever is.
  const Key* soonest() const noexcept { return order_.empty() ? nullptr : &order_.begin()->second; }

  /// Takes away at most `max` of the entries that are due.
  void sweep(time_point now, std::size_t max) {
    for (; max > 0 && !order_.empty() && order_.begin()->first <= now; --max) {
      entries_.erase(order_.begin()->second);
      order_.erase(order_.begin());
    }
  }

  /// What is kept, in the order of the keys, entries that are due included.
  const entries& all() const noexcept { return entries_; }

 private:
  entries entries_;
  std::set<std::pair<time_point, Key>> order_;  // by due time, of those that have one
};

}  // namespace holdfast::persistence
