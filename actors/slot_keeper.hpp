#pragma once

#include <bitset>
#include <functional>
#include <memory>
#include <vector>

#include "actors/cluster_text.hpp"
#include "actors/machines/membership.hpp"

namespace holdfast::actors {

class shard;
struct node_context;

/// Brings the slots that this node holds in line with the view: claims those that it should own and nobody alive does,
/// and hands over those that somebody else should own, some at a time, once no call is under way in them. Nothing is
/// decided from memory: who owns what is read from the store. One thread, that of `home`, which outlives it.
class slot_keeper {
 public:
  /// `changed` runs whenever slots were taken or given away; `taken` with those that are new.
  slot_keeper(shard& home, node_context& node, std::function<void()> changed,
              std::function<void(std::vector<std::uint16_t>)> taken);

  /// The view is another now, or another node has let slots go.
  void look(std::shared_ptr<const machines::membership::view> view);

  /// What it holds, sealed ones included.
  slot_set held() const;

  /// Calls hold no slot back any more: the node goes, and they are cut.
  void hurry() { hurries_ = true; }

 private:
  using slots = std::vector<std::uint16_t>;

  void next();
  void pause();
  void claim(const slots& wanted);
  void claim_free(const slots& wanted);
  void hand_over(slots batch);
  void await_departures(std::shared_ptr<slots> batch, int looks);
  void release(const slots& batch);
  void give_back(std::uint16_t slot, const persistence::token& held, const std::function<void()>& done);
  bool should_own(std::uint16_t slot) const;

  shard& home_;
  node_context& node_;
  const std::function<void()> changed_;
  const std::function<void(slots)> taken_;
  std::shared_ptr<const machines::membership::view> view_;
  bool busy_ = false, again_ = false, soon_ = false, hurries_ = false;
  std::uint64_t pause_ = 0;
  // What is under way must not outlive it.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace holdfast::actors
