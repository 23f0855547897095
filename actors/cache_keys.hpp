#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/cache_config.hpp"
#include "persistence/store_lane.hpp"

namespace holdfast::actors {

class node_store;
class shard;

/// How often results were invalidated: all of them, and those of a tool. Numbers only rise.
struct cache_generations {
  std::uint64_t all = 0;
  std::map<std::string, std::uint64_t, std::less<>> tools;

  bool operator==(const cache_generations&) const = default;
};
std::string to_json(const cache_generations& g, std::string_view by);
std::optional<cache_generations> read_cache_generations(std::string_view json);

/// Makes the keys of cached results. They hold the generation, so that a result which was invalidated, or is of a call
/// that had begun before, is found by nobody any more, on whatever node it lies. The generations are a record in the
/// store, changed by compare-and-set; nodes tell each other its version with every beat, and read it now and then.
///
/// Whatever is not marked otherwise runs on the home shard's thread.
class cache_keys : public std::enable_shared_from_this<cache_keys> {
 public:
  using clock = std::chrono::steady_clock;

  explicit cache_keys(std::chrono::milliseconds blind_max) : blind_max_(blind_max) {}

  /// Begins to share through `home`'s lane, and reads what there is. `together`: other nodes have this store, too.
  void share(shard& home, node_store& store, bool together);

  /// Nothing while it is not certain what is invalid: then nothing may be taken from the cache. `scope_id`: of whom the
  /// results are. `arguments`: canonical. Any thread.
  std::optional<std::string> key_of(const tool_cache& what, std::string_view scope_id, std::string_view arguments,
                                    clock::time_point now) const;

  /// The results of a tool (`alias/name`), or of all if that is empty. At once on this node; `done` when the store
  /// knows it, or with what went wrong.
  void invalidate(const std::string& tool, std::function<void(std::string problem)> done);

  /// The version of the record that is known here. Any thread.
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
  /// Another node knows this one.
  void heard(std::uint64_t version);
  /// Reads the record if it is not known here in this version or a later one, then calls `done`.
  void learn(std::uint64_t version, std::function<void()> done);

  cache_generations generations() const;  ///< any thread

 private:
  struct order {
    std::string tool;
    std::function<void(std::string)> done;
  };
  void look();
  void read(std::function<void()> then);
  void take(const persistence::versioned& v);
  void write();
  void written(const persistence::result<persistence::verdict>& v, std::size_t orders);
  void raise(const std::string& tool);

  const std::chrono::milliseconds blind_max_;
  std::atomic<shard*> home_{nullptr};
  node_store* store_ = nullptr;
  bool together_ = false, reading_ = false, writing_ = false;
  bool behind_ = false;  // the store has lost what is known here
  std::vector<order> orders_;
  std::vector<std::function<void()>> readers_;
  std::uint64_t writes_ = 0;
  std::atomic<std::uint64_t> version_{0};
  std::atomic<clock::time_point> seen_{clock::time_point::min()};
  mutable std::mutex lock_;
  cache_generations generations_;
};

}  // namespace holdfast::actors
