#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "tests/persistence/store_harness.hpp"

namespace holdfast::tests {

inline persistence::result<persistence::verdict> try_commit(lane_harness& h, const persistence::commit& c) {
  return h.attempt<persistence::verdict>([&](auto& l, auto done) { l.commit(c, done); });
}

/// Entities that commit on and on, each the next as soon as the one before has been answered.
class writers {
 public:
  writers(lane_harness& h, std::size_t count) : writers(h, numbered(count)) {}
  writers(lane_harness& h, const std::vector<std::string>& ids) : h_(h) {
    for (const auto& id : ids) {
      const persistence::entity of{"session", id};
      all_.push_back({of, h.claim(of.slot(), "i"), 0});
    }
    // Several entities may share a slot, whose epoch the last claim gave.
    for (auto& w : all_)
      for (const auto& other : all_)
        if (other.of.slot() == w.of.slot() && other.by.epoch > w.by.epoch) w.by = other.by;
    for (auto& w : all_) go_on(w);
  }

  std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  const std::string& trouble() const noexcept { return trouble_; }

  /// Runs until `count` more have been acknowledged, or something went wrong.
  void run(std::uint64_t count) {
    const auto end = acknowledged_ + count;
    h_.run_until([&] { return acknowledged_ >= end || !trouble_.empty(); });
  }

  /// Lets what is under way end, and says what in the store is not as acknowledged.
  std::string check() {
    stopping_ = true;
    h_.run_until([&] { return under_way_ == 0; });
    for (const auto& w : all_) {
      const auto kept = h_.load(w.of);
      if (!kept || kept->sequence != w.done) return w.of.id + " has not the sequence that was acknowledged";
      const auto events = h_.read_events(w.of, 0, 10'000);
      if (events.size() != w.done) return w.of.id + " has not the events that were acknowledged";
      for (std::uint64_t n = 0; n < w.done; ++n)
        if (events[n].number != n + 1) return w.of.id + " has an event out of order";
    }
    return trouble_;
  }

 private:
  struct writer {
    persistence::entity of;
    persistence::token by;
    std::uint64_t done;
  };

  static std::vector<std::string> numbered(std::size_t count) {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < count; ++i) ids.push_back("w" + std::to_string(i));
    return ids;
  }

  void go_on(writer& w) {
    if (stopping_) return;
    auto c = snapshot_commit(w.of, w.by, w.done + 1, "s");
    c.events = {{c.sequence, "e"}};
    ++under_way_;
    h_.lane().commit(c, [this, &w](const persistence::result<persistence::verdict>& o) {
      --under_way_;
      if (!o)
        trouble_ = o.error().detail;
      else if (*o != persistence::verdict::ok && *o != persistence::verdict::duplicate)
        trouble_ = w.of.id + " was refused";
      else
        ++w.done, ++acknowledged_, go_on(w);
    });
  }

  lane_harness& h_;
  std::list<writer> all_;
  std::uint64_t acknowledged_ = 0;
  std::size_t under_way_ = 0;
  bool stopping_ = false;
  std::string trouble_;
};

}  // namespace holdfast::tests
