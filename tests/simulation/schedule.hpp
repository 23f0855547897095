#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::simulation {

struct schedule {
  std::uint64_t seed = 0;
  std::string without = {};  ///< the rule that is taken out; empty = none
  bool fails_over = false;   ///< the store may, and loses the end of its history
  bool waits = true;         ///< for a replica, before a write counts
  bool traced = false;
  int only = -1;  ///< the kind of trouble, see `trouble` in schedule.cpp; -1 = any
};

struct ending {
  std::vector<std::string> mistakes;  ///< rules that did not hold
  std::string story;                  ///< if it was traced
  int calls = 0, interrupted = 0;
};

/// Lets nodes and clients live through what follows from the seed, then checks what has come of it:
/// - a call runs once at most, unless it only reads, and its client sees one outcome, which says what has happened;
/// - "it may have run" is said only where an intent had been written;
/// - what was acknowledged is not lost: the session, and what the call has done;
/// - event ids of a stream rise, and none comes twice or again as another; progress comes without a gap;
/// - two owners never write the same; epochs never fall (stored.cpp looks at that);
/// - soon after the last fault every slot has an owner that is alive and knows it, and every session answers.
ending live_through(const schedule& s);

}  // namespace holdfast::simulation
