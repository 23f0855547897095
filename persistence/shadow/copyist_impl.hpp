#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include "persistence/shadow/change.hpp"
#include "persistence/store.hpp"

namespace holdfast::persistence::shadow {

/// Brings changes to the shadow, under tokens of its own, and repairs what it finds to differ. One thread; the changes
/// of a slot one after the other.
class copyist {
 public:
  struct surroundings {
    store_lane& primary;
    store_lane& shadow;
    std::atomic<std::uint64_t>& differences;

    /// Takes a change that is to follow the others of its slot, at once or when what lags had time to catch up.
    std::function<void(change)> next;
    std::function<void(looked_at)> look_again;
  };

  explicit copyist(surroundings s) : around_(std::move(s)), slots_(slot_count) {}
  copyist(const copyist&) = delete;
  copyist& operator=(const copyist&) = delete;

  boost::asio::awaitable<void> apply(change c);

  /// The shadow may have lost claims and commits: claims and compares every slot held anew.
  void start_over();

 private:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;
  using start_write = std::function<void(const token&, completion<verdict>)>;

  struct held {
    token by;                     // the primary's
    std::optional<token> shadow;  // the shadow's own
  };

  awaitable<void> take(claimed c);
  awaitable<void> take(released c);
  awaitable<void> take(committed c);
  awaitable<void> take(restored c);
  awaitable<void> take(extended c);
  awaitable<void> take(expired c);
  awaitable<void> take(looked_at c);
  awaitable<void> take(swept c);

  awaitable<std::optional<token>> claim_as(std::uint16_t slot, const token& by);
  awaitable<std::optional<token>> claim_in_shadow(std::uint16_t slot, std::string incarnation);
  awaitable<std::optional<verdict>> write(std::uint16_t slot, const token& by, const start_write& start);
  awaitable<void> compare(looked_at c);
  awaitable<void> settle(const commit& refused);
  awaitable<void> copy(const entity& of);
  awaitable<std::optional<restoration>> read_whole(const entity& of);
  awaitable<void> remove(const entity& of);
  awaitable<result<std::optional<record>>> load(store_lane& from, const entity& of);
  void differs() { ++around_.differences; }

  const surroundings around_;
  std::vector<held> slots_;
};

}  // namespace holdfast::persistence::shadow
