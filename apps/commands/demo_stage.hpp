#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apps/commands/cluster_folder.hpp"

namespace holdfast::apps {

/// A cluster for a demonstration. What was started for it ends with it; a cluster that was there before has all its
/// nodes again.
class demo_stage {
 public:
  /// The cluster that runs in `dir`; else one of so many nodes that is started there, or in a folder of its own if
  /// `dir` is empty, with the demonstration's upstream behind it.
  static boost::system::result<std::unique_ptr<demo_stage>, ending> set(const std::string& dir, std::size_t nodes);
  virtual ~demo_stage() = default;

  virtual const cluster_state& cluster() const = 0;

  /// kill -9; false if the node has gone before.
  virtual bool kill(const std::string& node) = 0;

  struct ownership {
    std::string node;
    bool here = false;  ///< the node that was asked has it
    std::string slot;
  };
  /// Which node has the session, as this one says; nothing if it does not know or does not answer.
  virtual std::optional<ownership> owner_of(const std::string& session, const cluster_node& asked) const = 0;
};

}  // namespace holdfast::apps
