#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/shell/json_view.hpp"
#include "apps/shell/quantities.hpp"

/// What a session's transitions tell of how it was.
namespace holdfast::apps {

/// One line of a session's history, as a node tells it.
struct past_transition {
  moment at;
  std::string node;
  std::uint64_t epoch = 0;
  std::string machine;  ///< "session", or the id of an execution
  std::string tool, event, state;
};

/// Of the `transitions` of a node's answer; those without a time that can be read are left out.
std::vector<past_transition> transitions_of(const json_value& answer);

/// How one machine was at a moment.
struct past_state {
  std::string state, node, tool;
  std::uint64_t epoch = 0;
  moment since;
  bool operator==(const past_state&) const = default;
};

/// All machines that were there at that moment, by name.
std::map<std::string, past_state> states_at(const std::vector<past_transition>& transitions, moment at);

/// How one machine has changed between two moments.
struct past_change {
  std::string machine;
  std::optional<past_state> was;  ///< nothing if it was not there
  past_state is;
};
std::vector<past_change> changes_between(const std::vector<past_transition>& transitions, moment from, moment to);

// The same for programs: {"id","at","states":[…],"unreachable"} and {"id","from","to","changes":[…],"unreachable"}, of
// the node's `answer`.
std::string states_json(const json_value& answer, moment at);
std::string changes_json(const json_value& answer, moment from, moment to);

}  // namespace holdfast::apps
