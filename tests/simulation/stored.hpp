#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "persistence/memory_contents.hpp"
#include "persistence/store.hpp"
#include "tests/simulation/world.hpp"

namespace holdfast::simulation {

class process;
class network;

/// A store with one replica that follows it a little later: the memory store's contents, twice. When it fails over, the
/// replica's are what there is. With `waits`, a write is answered when the replica has it (the tier `redis+wait`), else
/// at once (`redis`).
class stored {
 public:
  using contents = persistence::memory_contents;

  stored(world& w, network& n, bool waits) : world_(w), net_(n), waits_(waits) {}

  /// The store as this process sees it.
  std::unique_ptr<persistence::store> open(process& of);

  void fail_over(milliseconds away);
  void lose_replies(int percent) { lost_percent_ = percent; }

  const contents& now() const noexcept { return primary_; }
  bool ever_failed_over() const noexcept { return generation_ > 0; }

  /// Whether the intent of this call of this session was ever written.
  bool had_intent(const std::string& session, const std::string& client_id) const {
    return intents_.contains({session, client_id});
  }

  // For its lanes.
  template <class T>
  using verb = std::function<T(contents&)>;
  void write(std::function<bool(contents&)> apply, std::function<void()> answer);
  bool loses_reply() { return lost_percent_ > 0 && world_.random().chance(lost_percent_); }
  bool away() const noexcept { return away_; }
  contents& primary() noexcept { return primary_; }
  std::uint64_t generation() const noexcept { return generation_; }
  void watch(const persistence::commit& c, persistence::verdict v);
  void watch_claim(std::uint16_t slot, const persistence::token& given);
  std::map<std::uint64_t, std::function<void()>> when_changed;  ///< what lanes do when the history is another one
  std::uint64_t next_lane() noexcept { return ++lanes_; }
  network& net() noexcept { return net_; }
  world& in() noexcept { return world_; }

 private:
  world& world_;
  network& net_;
  const bool waits_;
  bool away_ = false;
  int lost_percent_ = 0;
  std::uint64_t generation_ = 0, lanes_ = 0;
  contents primary_, replica_;
  time_point replicated_at_{};
  std::set<std::pair<std::string, std::string>> intents_;
  std::map<std::uint16_t, std::uint64_t> epochs_;
  std::map<std::pair<std::string, std::uint64_t>, persistence::token> writers_;  // by session and sequence
};

}  // namespace holdfast::simulation
