#include "actors/slot_keeper.hpp"

#include <algorithm>
#include <caf/send.hpp>
#include <utility>

#include "actors/log.hpp"
#include "actors/messages.hpp"
#include "actors/node_context.hpp"
#include "actors/shard.hpp"
#include "actors/test_hooks.hpp"

namespace holdfast::actors {
namespace {

namespace membership = machines::membership;
using std::chrono::milliseconds;

constexpr std::size_t moved_at_once = 64;
constexpr auto between_moves = milliseconds{20};    // while slots wait for the calls in them
constexpr auto between_claims = milliseconds{250};  // while others hold what is ours, who say when they do no longer
constexpr auto between_looks = milliseconds{5};
// Calls of many sessions never pause together. A node that leaves keeps a slot closed until they have ended, or are
// cut; one that only has too much does not let anybody wait for long.
constexpr auto patience = milliseconds{250};
constexpr auto closed_for = milliseconds{1'000};
constexpr auto open_for = milliseconds{5'000};
constexpr std::size_t names_max = 256;
constexpr int looks_max = 30;  // requests for a sealed slot wait that long at most

}  // namespace

slot_keeper::slot_keeper(shard& home, node_context& node, std::function<void()> changed,
                         std::function<void(std::vector<std::uint16_t>)> taken)
    : home_(home), node_(node), changed_(std::move(changed)), taken_(std::move(taken)) {}

void slot_keeper::look(std::shared_ptr<const membership::view> view, bool thoroughly) {
  view_ = std::move(view);
  if (names_.size() > names_max) names_.clear();
  for (const auto& m : view_->members) names_[m.incarnation] = m.name;
  thoroughly_ |= thoroughly && !rule_is_out("comparison");
  again_ = true;
  if (busy_) return;
  if (pause_ != 0) home_.loop().cancel(std::exchange(pause_, 0));
  next();
}

void slot_keeper::note_given(const slot_set& given, const std::string& by) {
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) {
    if (given[s]) before_[s] = {by, false};
  }
  look(view_);
}

void slot_keeper::note_loss(std::chrono::steady_clock::time_point heard) {
  lost_ = std::min(lost_.value_or(heard), heard);
}

slot_set slot_keeper::held() const {
  slot_set held;
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) held[s] = node_.store->has(s);
  return held;
}

bool slot_keeper::should_own(std::uint16_t slot) const {
  const auto* const who = membership::owner_of(*view_, slot);
  return who != nullptr && who->incarnation == node_.store->incarnation();
}

void slot_keeper::next() {
  busy_ = true;
  soon_ = again_ = false;
  const auto have = held();
  slots wanted, given;
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) {
    const auto ours = should_own(s);
    if (ours && !have[s]) wanted.push_back(s);
    if (ours || !have[s] || membership::owner_of(*view_, s) == nullptr) {
      stay(s);
      continue;
    }
    soon_ = true;
    if (!hurries_ && node_.calls.in_slot[s] > 0) {
      insist(s);
    } else if (given.size() < moved_at_once) {
      given.push_back(s);
    }
  }
  again_ |= !wanted.empty();
  if (!wanted.empty() || thoroughly_) return compare();
  if (!given.empty()) return hand_over(std::move(given));
  pause();
}

void slot_keeper::insist(std::uint16_t slot) {
  const auto now = std::chrono::steady_clock::now();
  auto& w = waiting_.try_emplace(slot, waiting{now + patience}).first->second;
  if (now < w.until || (w.closed && node_.in_cluster->leaving)) return;
  w.closed = !w.closed;
  w.until = now + (w.closed ? closed_for : open_for);
  if (w.closed) return node_.store->set_closing(slot, true);
  reopen(slot);
}

/// It need not go any more, or has gone.
void slot_keeper::stay(std::uint16_t slot) {
  const auto w = waiting_.find(slot);
  if (w == waiting_.end()) return;
  const auto closed = w->second.closed;
  waiting_.erase(w);
  if (closed) reopen(slot);
}

void slot_keeper::reopen(std::uint16_t slot) {
  node_.store->set_closing(slot, false);
  for (const auto& session : node_.sessions.in(slot_set().set(slot))) caf::anon_send(session, session_stay{});
}

/// Goes on soon if something is left to do, or has come up.
void slot_keeper::pause() {
  busy_ = false;
  if (!again_ && !soon_) return;
  pause_ = home_.loop().after(soon_ ? between_moves : between_claims, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    pause_ = 0;
    if (!busy_) next();
  });
}

/// Who owns what stands in the store.
void slot_keeper::compare() {
  home_.lane()->owners(0, persistence::slot_count,
                       [this, alive = std::weak_ptr(alive_), view = view_](const auto& owners) {
                         if (alive.expired()) return;
                         if (owners && view == view_) return compare_with(*owners);
                         if (!owners) node_.store->note_failure(owners.error());
                         pause();
                       });
}

/// Claims what nobody holds who is alive; a living owner gives its own away, and says so. What an answer that was lost
/// has given to this process is taken, or given back. What the store does not know any more is claimed anew.
void slot_keeper::compare_with(const std::vector<std::optional<persistence::token>>& owners) {
  const auto thoroughly = std::exchange(thoroughly_, false);
  note_owners(owners);
  const auto me = node_.store->incarnation();
  slots free;
  bool takes_over = false;
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) {
    const auto& owner = owners[s];
    const auto named = owner && owner->incarnation == me;
    const auto held = node_.store->has(s);
    if (held && (named || !thoroughly)) continue;
    const auto gone = owner && !named && membership::find(*view_, owner->incarnation) == nullptr;
    if (held && !should_own(s)) {
      node_.store->drop(s);
    } else if (held || (should_own(s) && (!owner || named || gone))) {
      free.push_back(s);
      takes_over |= gone && !held;
    } else if (named && thoroughly) {
      give_back(s, *owner, [] {});
    }
  }
  if (free.empty()) return pause();
  claim_free(free, takes_over);
}

void slot_keeper::claim_free(const slots& wanted, bool takes_over) {
  crash_point("before_claim");
  node_.store->claim(*home_.lane(), wanted, view_->version,
                     [this, alive = std::weak_ptr(alive_), wanted, takes_over](const std::string& problem) {
                       if (alive.expired()) return;
                       slots got;
                       for (const auto s : wanted) {
                         if (node_.store->holds(s)) got.push_back(s);
                       }
                       auto& counters = home_.counters().cluster;
                       counters.slots_taken.add(got.size());
                       if (takes_over && problem.empty()) {
                         const auto now = std::chrono::steady_clock::now();
                         counters.takeovers.add();
                         counters.takeover_took.add(now - std::exchange(lost_, std::nullopt).value_or(now));
                       }
                       log_taken(got);
                       if (!problem.empty()) log::warning("cluster.claim_failed", {{"reason", problem}});
                       changed_();
                       taken_(std::move(got));
                       pause();
                     });
}

void slot_keeper::note_owners(const std::vector<std::optional<persistence::token>>& owners) {
  for (std::uint16_t s = 0; s < persistence::slot_count; ++s) {
    const auto& owner = owners[s];
    if (!owner || owner->incarnation == node_.store->incarnation()) continue;
    before_[s] = {owner->incarnation, membership::find(*view_, owner->incarnation) == nullptr};
  }
}

/// A line for each node that they come from, and for those that nobody had.
void slot_keeper::log_taken(const slots& got) {
  std::map<owner_before, std::size_t> from;
  for (const auto s : got) {
    const auto known = before_.extract(s);
    ++from[known ? known.mapped() : owner_before()];
  }
  for (const auto& [who, count] : from) {
    const auto name = names_.find(who.incarnation);
    log::info("cluster.slots_taken", {{"slots", count},
                                      {"how", who.incarnation.empty() ? "free"
                                              : who.died              ? "takeover"
                                                                      : "handover"},
                                      {"from", name == names_.end() ? who.incarnation : name->second}});
  }
}

/// No request reaches their sessions any more; those write themselves down and go.
void slot_keeper::hand_over(slots batch) {
  slot_set which;
  for (const auto s : batch) {
    node_.store->seal(s);
    which.set(s);
  }
  for (const auto& session : node_.sessions.in(which)) {
    if (hurries_) {
      caf::anon_send(session, session_suspend{});
    } else {
      caf::anon_send(session, session_move{});
    }
  }
  await_departures(std::make_shared<slots>(std::move(batch)), 0);
}

void slot_keeper::await_departures(std::shared_ptr<slots> batch, int looks) {
  slot_set which;
  for (const auto s : *batch) which.set(s);
  const auto left = node_.sessions.slots_in_use(which);
  if (left.any() && looks < looks_max) {
    home_.loop().after(between_looks, [this, alive = std::weak_ptr(alive_), batch, looks] {
      if (!alive.expired()) await_departures(batch, looks + 1);
    });
    return;
  }
  slots gone;
  for (const auto s : *batch) {
    if (!left[s]) {
      gone.push_back(s);
    } else {
      node_.store->unseal(s);
    }
  }
  release(gone);
}

void slot_keeper::release(const slots& batch) {
  if (batch.empty()) return pause();
  const auto open = std::make_shared<std::size_t>(batch.size());
  for (const auto s : batch) {
    home_.counters().cluster.slots_given.add();
    give_back(s, node_.store->drop(s), [this, open] {
      if (--*open > 0) return;
      changed_();
      soon_ = true;
      pause();
    });
  }
}

/// Until the store knows: nobody claims a slot whose record names somebody alive.
void slot_keeper::give_back(std::uint16_t slot, const persistence::token& held, const std::function<void()>& done) {
  node_.store->give_back(*home_.lane(), slot, held,
                         [this, alive = std::weak_ptr(alive_), slot, held, done](const std::string& problem) {
                           if (alive.expired()) return;
                           if (problem.empty()) return done();
                           log::warning("cluster.release_failed", {{"reason", problem}});
                           home_.loop().after(between_claims, [this, alive, slot, held, done] {
                             if (!alive.expired()) give_back(slot, held, done);
                           });
                         });
}

}  // namespace holdfast::actors
