#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/upstream_config.hpp"
#include "transport/result.hpp"

namespace holdfast::actors {

/// An upstream of this name (`name_of`) from its definition, a JSON object as under `upstreams` in a configuration. The
/// failure's `detail` says what is wrong with it.
using upstream_reader =
    std::function<transport::outcome<upstream_config>(std::string_view name, std::string_view definition)>;

/// What a node has of its process, such as what operators can have that do to itself. Called on the node's threads.
/// Empty functions: nothing.
struct process_hooks {
  /// What would keep it from starting anew, such as a mistake in its configuration; empty if nothing does. Reads files.
  std::function<std::string()> objection;

  /// Has it stop in order, and then start anew under the same process id. Returns at once.
  std::function<void()> restart;

  /// The upstreams of its configuration as that is now, or what is wrong with it. Reads files.
  std::function<transport::outcome<std::vector<upstream_config>>()> configured;

  upstream_reader defined;

  /// Whether it has been told to stop while the node starts. It will stop the node as soon as that has started.
  std::function<bool()> stops;
};

}  // namespace holdfast::actors
