#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "actors/cache_config.hpp"
#include "persistence/encoding.hpp"
#include "persistence/store_lane.hpp"

namespace holdfast::actors {

class shard;
class node_store;
class result_cache;

/// A result as an upstream gave it, in a whole JSON-RPC answer.
using cached_result = std::shared_ptr<const std::string>;

/// How often calls of a tool were answered from memory, from the store, with the result of another call under way, and
/// not at all.
struct cache_counts {
  std::uint64_t memory = 0, store = 0, shared = 0, missed = 0, kept = 0;
};

/// The duty to make a call for all that are like it. Destroyed without a result, it passes on to the next of them. Any
/// thread.
class cache_lead : public std::enable_shared_from_this<cache_lead> {
 public:
  cache_lead(std::shared_ptr<result_cache> of, std::string key, tool_cache what, shard& home, std::string lock,
             std::string word);
  ~cache_lead();
  cache_lead(const cache_lead&) = delete;
  cache_lead& operator=(const cache_lead&) = delete;

  /// Keeps its lock in the store, for as long as this is there. On the thread of the shard that it was given to.
  void hold_lock();

  /// All get this. On the thread of the shard that it was given to.
  void fill(cached_result result);

 private:
  const std::shared_ptr<result_cache> of_;
  const std::string key_;
  const tool_cache what_;
  shard& home_;
  const std::string lock_, word_;  // in the store; empty = none
  bool filled_ = false;
};
using cache_lead_ptr = std::shared_ptr<cache_lead>;

/// Results of tool calls: those of late in the memory of this node, all in the store, and among calls that are alike
/// and under way at the same time only one that is made, over all nodes. Keys are made by `cache_keys`; what has been
/// invalidated has another key. Any thread.
class result_cache : public std::enable_shared_from_this<result_cache> {
 public:
  using clock = std::chrono::steady_clock;
  /// A result; or the lead: the call is to be made. Runs on any thread, or within `ask`.
  using done = std::function<void(cached_result, cache_lead_ptr)>;

  explicit result_cache(const cache_config& config) : config_(config) {}

  /// Before anybody asks. Null: memory alone. `together`: other nodes have this store, too.
  void share(node_store* store, bool together);

  /// What this node's memory holds.
  cached_result find(const std::string& key, const tool_cache& what, clock::time_point now);

  /// Looks further, and until `deadline` at most. `home`: the shard of the thread that asks. False: too many wait.
  bool ask(const std::string& key, const tool_cache& what, clock::time_point deadline, shard& home, done f);

  /// Keeps a result in memory and store, without anybody waiting for it. On the thread of `home`.
  void put(const std::string& key, const tool_cache& what, const cached_result& result, shard& home);

  /// In memory; nothing refers to keys of before any more.
  void forget_all();

  struct totals {
    std::size_t entries = 0, bytes = 0, waiting = 0;
    std::uint64_t evicted = 0;
    std::map<std::string, cache_counts> tools;
  };
  totals count() const;

 private:
  friend class cache_lead;
  struct entry {
    std::string key;
    cached_result result;
    clock::time_point until;
  };
  struct part {
    std::mutex lock;
    std::list<entry> used;  // the latest first
    std::unordered_map<std::string_view, std::list<entry>::iterator> by_key;
    std::size_t bytes = 0;
    std::uint64_t evicted = 0;
  };
  struct asker {
    clock::time_point deadline;
    shard* home;
    done f;
  };

  static constexpr std::size_t parts = 8;
  static std::size_t cost_of(const entry& e) noexcept { return e.key.size() + e.result->size() + 160; }
  part& part_of(std::string_view key) const { return parts_[static_cast<unsigned char>(key.front()) % parts]; }

  void keep(const std::string& key, const cached_result& result, std::chrono::milliseconds ttl);
  void drop(part& p, std::list<entry>::iterator which);
  void search(const std::string& key, const tool_cache& what, asker by);
  void found(const std::string& key, const tool_cache& what, const std::string& bytes, asker by);
  void ask_for_lead(const std::string& key, const tool_cache& what, asker by);
  void lead(const std::string& key, const tool_cache& what, const asker& by, std::string lock, std::string word);
  void land(const std::string& key, const tool_cache& what, const cached_result& result);
  bool pass_on(const std::string& key, const tool_cache& what, const std::string& lock, const std::string& word);
  void write(const std::string& key, const tool_cache& what, const cached_result& result, shard& home,
             std::function<void()> then);
  void note(const std::string& tool, std::uint64_t cache_counts::*which, std::uint64_t n = 1);

  const cache_config config_;
  node_store* store_ = nullptr;
  bool together_ = false;
  mutable std::array<part, parts> parts_;
  mutable std::mutex lock_;  // of what follows
  /// Calls that wait: somebody else looks for their result, or makes the call.
  std::unordered_map<std::string, std::deque<asker>> flights_;
  std::size_t waiting_ = 0;
  std::map<std::string, cache_counts> tools_;
};

}  // namespace holdfast::actors
