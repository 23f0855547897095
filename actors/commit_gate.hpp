#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "actors/event_keeper.hpp"
#include "persistence/store.hpp"

namespace holdfast::actors {

class node_store;

/// The output gate of one entity: what is noted here is committed first, and what waits for it is done afterwards.
/// One commit is under way at a time; what is noted meanwhile travels in the next one. One thread, which is that of
/// `lane`.
class commit_gate final : public event_keeper {
 public:
  /// Asks for the outcome of a commit to be brought to `on_done`, in its turn.
  using deliver = std::function<void(persistence::result<persistence::verdict>)>;

  enum class outcome : std::uint8_t {
    durable,  ///< goes on
    held,     ///< the store does not answer; it is tried again with `retry`
    refused,  ///< somebody else owns the entity, or the store has lost what it had of it
  };

  commit_gate(node_store& store, persistence::store_lane& lane, persistence::entity of, deliver d);

  /// What the next commit will hold, to be added to.
  persistence::commit& next() {
    noted_ = true;
    return next_;
  }

  /// Runs `f` once everything noted so far is durable; at once if nothing is on its way. If the store does not answer
  /// in time, `late` runs instead, where there is one; if nothing becomes durable here any more, `elsewhere`.
  void then(std::function<void()> f, std::function<void()> late = {}, std::function<void()> elsewhere = {});

  /// Commits what has been noted, unless a commit is under way.
  void flush();

  /// Nothing becomes durable here any more: whatever waits is told, and forgotten.
  void abandon();

  /// The outcome of the commit under way has come.
  outcome on_done(const persistence::result<persistence::verdict>& r);

  /// After `held`, or after `refused` where the slot is still ours: sends the commit again.
  void retry() { send(); }

  /// After `refused` because of its sequence, where the slot is still ours: puts everything there anew, the commit
  /// under way included; its outcome comes to `on_done`.
  void reseed(persistence::record whole, std::vector<persistence::event> events, std::chrono::milliseconds to_live);
  bool out_of_step() const noexcept { return out_of_step_; }

  /// The highest record of an event that may be shown.
  std::uint64_t durable_record() const noexcept { return durable_record_; }

  /// Which tenure of its slot it belongs to, see `node_store::tenure_of`.
  std::uint32_t tenure() const noexcept { return tenure_; }

  /// Nothing is noted, under way or waiting.
  bool idle() const noexcept { return !under_way_ && !noted_ && on_next_.empty(); }
  bool under_way() const noexcept { return under_way_; }
  bool degraded() const noexcept { return degraded_; }  ///< what is noted is let out before it is durable
  bool noted() const noexcept { return noted_; }

  /// The entity stands in the store with this sequence already.
  void continue_after(std::uint64_t sequence, std::uint64_t record) noexcept {
    sequence_ = sequence;
    last_record_ = durable_record_ = record;
  }
  std::uint64_t sequence() const noexcept { return sequence_; }

  // event_keeper
  std::uint64_t keep(std::string record) override;
  void drop_before(std::uint64_t number) override { next().events_dropped_before = number; }

 private:
  struct waiting {
    std::function<void()> then, late, elsewhere;
  };

  void send();
  void run_all(std::vector<waiting>& all);
  void run_late(std::vector<waiting>& all);

  node_store& store_;
  persistence::store_lane& lane_;
  const deliver deliver_;
  const persistence::entity of_;
  const std::uint32_t tenure_;
  persistence::commit next_, current_;
  std::vector<waiting> on_next_, on_current_;
  std::uint64_t sequence_ = 0, last_record_ = 0, durable_record_ = 0;
  bool noted_ = false, under_way_ = false, degraded_ = false, out_of_step_ = false;
};

}  // namespace holdfast::actors
