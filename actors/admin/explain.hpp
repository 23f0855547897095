#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::actors::admin {

/// What became of a call, for people.
struct explanation {
  bool may_have_run = false;  ///< the upstream may have worked on it
  std::vector<std::string> words;
};

/// From {"execution":…,"transitions":[…],"reason":…}, as a node says it. Pure.
explanation explained(std::string_view json);

}  // namespace holdfast::actors::admin
