#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/node_config.hpp"
#include "persistence/encoding.hpp"
#include "persistence/store.hpp"
#include "transport/result.hpp"

namespace holdfast::actors {

/// The durable store as this node uses it: the slots it owns, and how texts look at rest. Any thread.
class node_store {
 public:
  /// Opens it; null for `memory:`, which keeps nothing. Blocks.
  static transport::outcome<std::unique_ptr<node_store>> open(const store_config& c);

  std::unique_ptr<persistence::store_lane> lane(boost::asio::io_context& on) { return store_->lane(on); }

  /// Claims all slots for this process through `lane`, then calls `done` with what went wrong, or nothing.
  void claim_all(persistence::store_lane& lane, std::function<void(std::string)> done);
  persistence::token token_of(std::uint16_t slot) const {
    const std::lock_guard guard(tokens_lock_);
    return tokens_[slot];
  }

  /// Finds out whether a slot is still this process's, after a commit was refused. One whose ownership record has gone
  /// (the store lost its history) is claimed anew. An error: the store does not answer.
  void verify(persistence::store_lane& lane, std::uint16_t slot, persistence::completion<bool> done);

  const persistence::encoding& texts() const noexcept { return texts_; }
  persistence::tier tier() const noexcept { return store_->tier(); }
  persistence::store_health health() const { return store_->health(); }
  std::string shown() const { return store_->shown(); }
  bool degrades() const noexcept { return degrades_; }

  /// What came of using it; a change is logged once.
  void note_failure(const persistence::store_failure& f);
  void note_success() {
    if (!available_.load(std::memory_order_relaxed)) note_return();
  }
  bool available() const noexcept { return available_; }

 private:
  node_store(std::unique_ptr<persistence::store> s, persistence::encoding texts, bool degrades);
  void note_return();

  std::unique_ptr<persistence::store> store_;
  const persistence::encoding texts_;
  const bool degrades_;
  const std::string incarnation_;
  mutable std::mutex tokens_lock_;
  std::vector<persistence::token> tokens_;
  std::atomic<bool> available_{true};
};

}  // namespace holdfast::actors
