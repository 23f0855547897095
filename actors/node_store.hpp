#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
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

  /// Of a store that is open, whose operations are given up after `deadline`. `degrades`: goes on without it if it does
  /// not answer.
  node_store(std::unique_ptr<persistence::store> s, persistence::encoding texts, bool degrades,
             std::chrono::milliseconds deadline);

  std::unique_ptr<persistence::store_lane> lane(boost::asio::io_context& on) { return store_->lane(on); }

  // slots

  /// Claims slots for this process through `lane`, which outlives that, under this version of the cluster's view, then
  /// calls `done` with what went wrong, or nothing. Those that were claimed under a newer view stay where they are.
  void claim(persistence::store_lane& lane, std::vector<std::uint16_t> slots, std::uint64_t view,
             std::function<void(std::string)> done);

  /// From now on nothing is written in the slot any more. The token that it had, for `give_back`.
  persistence::token drop(std::uint16_t slot);

  /// Tells the store that nobody holds the slot; `done` with what went wrong, or nothing.
  void give_back(persistence::store_lane& lane, std::uint16_t slot, const persistence::token& held,
                 std::function<void(std::string)> done);

  /// Whether sessions of the slot live here. A sealed one is still this process's, but about to go.
  bool holds(std::uint16_t slot) const noexcept { return held_[slot] == hold::held; }
  bool has(std::uint16_t slot) const noexcept { return held_[slot] != hold::none; }
  void seal(std::uint16_t slot) noexcept { held_[slot] = hold::sealed; }
  void unseal(std::uint16_t slot) noexcept { held_[slot] = hold::held; }

  /// No new call begins in a closing slot, so that those under way come to an end and it can go.
  bool is_closing(std::uint16_t slot) const noexcept { return closing_[slot]; }
  void set_closing(std::uint16_t slot, bool to) noexcept { closing_[slot] = to; }

  /// What calls of the slot's sessions have ended at this process is known from then on, as far as nobody has said that
  /// it has forgotten some (`note_forgotten`).
  std::chrono::steady_clock::time_point remembers_since(std::uint16_t slot) const noexcept;
  void note_forgotten(std::uint16_t slot) noexcept;

  /// How often the slot has gone: what was in memory before must not be written after.
  std::uint32_t tenure_of(std::uint16_t slot) const;

  /// Void if the slot is not held, or in another tenure.
  persistence::token token_of(std::uint16_t slot, std::uint32_t tenure) const;

  /// Finds out whether a slot is still this process's, after a commit was refused; if not, it is dropped. One whose
  /// ownership record has gone, or names somebody who is not alive (the store lost its history), is claimed anew. An
  /// error: the store does not answer.
  void verify(persistence::store_lane& lane, std::uint16_t slot, std::uint32_t tenure,
              persistence::completion<bool> done);

  /// Who counts as alive for that; nobody else, where it is not set. To be set before there are threads.
  std::function<bool(const std::string& incarnation)> is_alive;

  /// Who this process is to the others. After `begin_anew` it is somebody else, who holds nothing.
  std::string incarnation() const;
  void begin_anew();

  const persistence::encoding& texts() const noexcept { return texts_; }
  persistence::tier tier() const noexcept { return store_->tier(); }
  persistence::store_health health() const { return store_->health(); }
  std::string shown() const { return store_->shown(); }
  bool degrades() const noexcept { return degrades_; }

  /// What came of using it; a change is logged once. Threads find out one after another that the store is there again:
  /// what one could not reach for its deadline is no change while another has just reached it.
  void note_failure(const persistence::store_failure& f);
  void note_success() {
    if (!available_.load(std::memory_order_relaxed)) note_return();
  }
  bool available() const noexcept { return available_; }

  /// Differs from an earlier one if there was a failure in between.
  std::uint32_t failures() const noexcept { return failures_; }

 private:
  void note_return();

  std::unique_ptr<persistence::store> store_;
  const persistence::encoding texts_;
  const bool degrades_;
  const std::chrono::milliseconds deadline_;
  enum class hold : std::uint8_t { none, held, sealed };
  void take(std::uint16_t slot, const persistence::token& t);
  void claim_anew(persistence::store_lane& lane, std::uint16_t slot, persistence::completion<bool> done);

  mutable std::mutex lock_;  // of the next three
  std::string incarnation_;
  std::vector<persistence::token> tokens_;
  std::vector<std::uint32_t> tenures_;
  std::array<std::atomic<hold>, persistence::slot_count> held_{};
  std::array<std::atomic<bool>, persistence::slot_count> closing_{};
  std::array<std::atomic<std::chrono::steady_clock::rep>, persistence::slot_count> remembers_since_{};
  std::atomic<std::uint64_t> view_{0};
  std::atomic<bool> available_{true};
  std::atomic<std::chrono::steady_clock::rep> returned_{0};
  std::atomic<std::uint32_t> failures_{0};
};

}  // namespace holdfast::actors
