#pragma once

#include <caf/actor.hpp>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::actors {

/// Which level of log messages each user of a shared connection wants.
class wanted_levels {
 public:
  void set(const caf::actor& who, std::string level);
  void drop(const caf::actor& who);

  /// The least severe level anybody wants; empty if nobody has asked for one.
  std::string lowest() const;

 private:
  std::vector<std::pair<caf::actor, std::string>> levels_;
};

}  // namespace holdfast::actors
