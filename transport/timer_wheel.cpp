#include "transport/timer_wheel.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::transport {

timer_wheel::timer_wheel() : links_(first_entry) {
  for (index i = 0; i < first_entry; ++i) links_[i] = {i, i};
}

timer_wheel::index timer_wheel::take_free() {
  if (!free_.empty()) {
    const index i = free_.back();
    free_.pop_back();
    return i;
  }
  links_.push_back({});
  entries_.emplace_back();
  return static_cast<index>(links_.size() - 1);
}

void timer_wheel::link_before(index at, index i) {
  const index last = links_[at].prev;
  links_[i] = {last, at};
  links_[last].next = i;
  links_[at].prev = i;
}

void timer_wheel::unlink(index i) {
  links_[links_[i].prev].next = links_[i].next;
  links_[links_[i].next].prev = links_[i].prev;
}

timer_wheel::task timer_wheel::release(index i) {
  unlink(i);
  entry& e = entries_[i - first_entry];
  task t = std::exchange(e.run, nullptr);
  if (++e.generation == 0) e.generation = 1;
  free_.push_back(i);
  --armed_;
  return t;
}

std::uint64_t timer_wheel::add(tick due, task t) {
  if (closed_) return 0;
  const index i = take_free();
  entry& e = entries_[i - first_entry];
  e.run = std::move(t);
  e.due = std::max(due, now_ + 1);
  const index slot = e.due % slot_count;
  link_before(slot, i);
  maybe_used_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  ++armed_;
  return std::uint64_t{e.generation} << 32 | i;
}

bool timer_wheel::cancel(std::uint64_t timer) {
  const auto i = static_cast<index>(timer);
  if (i < first_entry || i >= links_.size()) return false;
  const entry& e = entries_[i - first_entry];
  if (e.generation != timer >> 32 || !e.run) return false;
  // The task dies only after the wheel is whole again: its destructor may call back.
  const task dead = release(i);
  return true;
}

void timer_wheel::collect(index slot, tick at) {
  for (index i = links_[slot].next; i != slot;) {
    const index following = links_[i].next;
    if (entries_[i - first_entry].due <= at) {
      unlink(i);
      link_before(due_list, i);
    }
    i = following;
  }
}

void timer_wheel::advance(tick now) {
  if (now <= now_) return;
  const tick behind = now - now_;
  for (tick t = behind > slot_count ? now - slot_count + 1 : now_ + 1; t <= now; ++t) {
    const index slot = t % slot_count;
    if (maybe_used_[slot / 64] >> (slot % 64) & 1) collect(slot, behind > slot_count ? now : t);
  }
  now_ = now;
  while (links_[due_list].next != due_list) {
    const task t = release(links_[due_list].next);
    t();
  }
}

void timer_wheel::set_idle_time(tick now) {
  if (armed_ == 0) now_ = std::max(now_, now);
}

std::optional<timer_wheel::tick> timer_wheel::next() const {
  if (armed_ == 0) return std::nullopt;
  for (tick t = now_ + 1; t <= now_ + slot_count; ++t) {
    const index slot = t % slot_count;
    std::uint64_t& word = maybe_used_[slot / 64];
    if (word >> (slot % 64) == 0) {
      t += 63 - slot % 64;
      continue;
    }
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    if (!(word & bit)) continue;
    if (links_[slot].next != slot) return t;
    word &= ~bit;
  }
  return now_ + 1;  // only timers that are due already and wait in the due list
}

void timer_wheel::close() {
  closed_ = true;
  std::vector<entry> dead;
  dead.swap(entries_);
  links_.resize(first_entry);
  for (index i = 0; i < first_entry; ++i) links_[i] = {i, i};
  free_.clear();
  armed_ = 0;
}

}  // namespace holdfast::transport
