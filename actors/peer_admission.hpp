#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "actors/cluster.hpp"
#include "transport/loop.hpp"

namespace holdfast::actors {

/// A node that wants to enter a cluster.
struct applicant {
  std::string name;
  machines::membership::view view;   ///< what it would enter
  std::string beat;                  ///< its sign of life, as JSON
  std::chrono::milliseconds limit;   ///< for the others to answer
  bool must_reach_somebody = false;  ///< it may not enter if there are others and none of them answers
};

/// Asks the members of the cluster whether they take requests of this node. `done` runs once, never from within this
/// call: with nothing if it may enter, or with why not. That is: somebody alive has its name, and the two would take
/// each other's place for ever; or all that answer refuse it, or are refused by it, upon which it would take them for
/// dead.
void ask_admission(transport::loop& on, const cluster& in, const applicant& who, std::function<void(std::string)> done);

}  // namespace holdfast::actors
