#pragma once

#include <functional>
#include <string>

namespace holdfast::actors {

/// What operators can have the process of a node do to itself. Called on the node's threads. Empty functions: nothing.
struct process_hooks {
  /// What would keep it from starting anew, such as a mistake in its configuration; empty if nothing does. Reads files.
  std::function<std::string()> objection;

  /// Has it stop in order, and then start anew under the same process id. Returns at once.
  std::function<void()> restart;
};

}  // namespace holdfast::actors
