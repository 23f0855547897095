#pragma once

#include <bitset>
#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/cluster_text.hpp"
#include "actors/machines/membership.hpp"

namespace holdfast::actors {

class shard;
struct node_context;

/// Brings the slots that this node holds in line with the view: claims those that it should own and nobody alive does,
/// and hands over those that somebody else should own, some at a time, once no call is under way in them. Where that
/// does not come by itself, new calls wait meanwhile. Nothing is decided from memory: who owns what is read from the
/// store. One thread, that of `home`, which outlives it.
class slot_keeper {
 public:
  /// `changed` runs whenever slots were taken or given away; `taken` with those that are new.
  slot_keeper(shard& home, node_context& node, std::function<void()> changed,
              std::function<void(std::vector<std::uint16_t>)> taken);

  /// The view is another now, or another node has let slots go. `thoroughly`: nobody seems to hold some slot, or the
  /// store may have lost history, so that what it says of this process is compared with what this holds.
  void look(std::shared_ptr<const machines::membership::view> view, bool thoroughly = false);

  /// Somebody is gone without having given its slots away, and was last heard of at that time.
  void note_loss(std::chrono::steady_clock::time_point heard);

  /// Another node has let these go; looks at them, too.
  void note_given(const slot_set& given, const std::string& by);

  /// What it holds, sealed ones included.
  slot_set held() const;

  /// Calls hold no slot back any more: the node goes, and they are cut.
  void hurry() { hurries_ = true; }

 private:
  using slots = std::vector<std::uint16_t>;

  void next();
  void pause();
  void compare();
  void compare_with(const std::vector<std::optional<persistence::token>>& owners);
  void claim_free(const slots& wanted, bool takes_over);
  void log_taken(const slots& got);
  void note_owners(const std::vector<std::optional<persistence::token>>& owners);
  void hand_over(slots batch);
  void await_departures(std::shared_ptr<slots> batch, int looks);
  void release(const slots& batch);
  void give_back(std::uint16_t slot, const persistence::token& held, const std::function<void()>& done);
  bool should_own(std::uint16_t slot) const;
  void insist(std::uint16_t slot);
  void stay(std::uint16_t slot);
  void reopen(std::uint16_t slot);

  /// A slot that should go, but has calls: closed, or open, until then.
  struct waiting {
    std::chrono::steady_clock::time_point until;
    bool closed = false;
  };

  struct owner_before {
    std::string incarnation;
    bool died = false;  ///< it had the slot to its end
    auto operator<=>(const owner_before&) const = default;
  };

  shard& home_;
  node_context& node_;
  const std::function<void()> changed_;
  const std::function<void(slots)> taken_;
  std::shared_ptr<const machines::membership::view> view_;
  bool busy_ = false, again_ = false, soon_ = false, hurries_ = false, thoroughly_ = false;
  std::uint64_t pause_ = 0;
  std::map<std::uint16_t, waiting> waiting_;
  std::map<std::uint16_t, owner_before> before_;  // who else had a slot when that was last seen
  std::map<std::string, std::string> names_;      // of the nodes, by incarnation; also of some that are gone
  std::optional<std::chrono::steady_clock::time_point>
      lost_;  // the last sign of life of whoever had what is taken over
  // What is under way must not outlive it.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace holdfast::actors
