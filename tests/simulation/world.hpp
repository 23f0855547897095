#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// One simulated world at a time: virtual time, one seed, what happens in it in one order. The code of a node runs in
/// it as it is; what differs are the definitions of what lies outside of it: clock and random numbers
/// (virtual_time.cpp), event loop (process.cpp), HTTP between nodes and clients (network.cpp), store (stored.cpp) and
/// upstream (tools.cpp).
namespace holdfast::simulation {

using milliseconds = std::chrono::milliseconds;
using time_point = std::chrono::steady_clock::time_point;

/// SplitMix64: the same everywhere.
class randomness {
 public:
  explicit randomness(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() noexcept {
    auto z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }
  int between(int least, int most) noexcept {
    return least + static_cast<int>(below(static_cast<std::uint64_t>(most - least + 1)));
  }
  bool chance(int percent) noexcept { return below(100) < static_cast<std::uint64_t>(percent); }
  milliseconds ms(int least, int most) noexcept { return milliseconds{between(least, most)}; }

 private:
  std::uint64_t state_;
};

class world {
 public:
  /// `without` names the rule that is taken out; empty = none.
  world(std::uint64_t seed, std::string without, bool traced);
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world();

  static world* current() noexcept;

  time_point now() const noexcept { return now_; }
  milliseconds elapsed() const noexcept { return std::chrono::duration_cast<milliseconds>(now_ - beginning); }
  randomness& random() noexcept { return random_; }
  const std::string& without() const noexcept { return without_; }

  /// Tasks of one time run in the order in which they came.
  void after(std::chrono::microseconds delay, std::function<void()> task);

  /// False if nothing is left to do.
  bool step();

  /// What has not run is forgotten, and whatever that brings about.
  void forget_all();

  bool traced() const noexcept { return traced_; }
  void tell(std::string_view who, const std::string& what);
  const std::string& story() const noexcept { return story_; }

  /// A rule that holds did not. The first ones are kept.
  void broken(const std::string& rule);
  const std::vector<std::string>& mistakes() const noexcept { return mistakes_; }

 private:
  static constexpr time_point beginning{std::chrono::seconds{1'000}};
  struct due {
    time_point at;
    std::uint64_t order;
    std::shared_ptr<std::function<void()>> task;
    bool operator<(const due& other) const noexcept { return std::pair(at, order) > std::pair(other.at, other.order); }
  };

  randomness random_;
  const std::string without_;
  const bool traced_;
  time_point now_ = beginning;
  std::uint64_t order_ = 0;
  std::priority_queue<due> queue_;
  std::string story_;
  std::vector<std::string> mistakes_;
};

/// Whether what is between two places gets through. Places: nodes by number from 1 on, the clients, the store.
struct wires {
  static constexpr int clients = 0, store = -1;

  bool cut(int from, int to) const {
    const auto found = cuts.find({from, to});
    return found != cuts.end() && found->second > 0;
  }
  void set(int from, int to, bool is_cut) { cuts[{from, to}] += is_cut ? 1 : -1; }

  std::map<std::pair<int, int>, int> cuts;  // how many cuts are in force: they may overlap
};

}  // namespace holdfast::simulation
