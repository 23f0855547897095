#include "apps/shell/past.hpp"

namespace holdfast::apps {

std::vector<past_transition> transitions_of(const json_value& answer) {
  std::vector<past_transition> all;
  const auto& transitions = member(answer, "transitions");
  if (!transitions.IsArray()) return all;
  for (const auto& t : transitions.GetArray()) {
    const auto at = read_time(text_of(t, "at"));
    if (!at) continue;
    const auto execution = text_of(t, "execution");
    all.push_back({*at, text_of(t, "node"), static_cast<std::uint64_t>(number_of(t, "epoch")),
                   execution.empty() ? "session" : execution, text_of(t, "tool"), text_of(t, "event"),
                   text_of(t, "state")});
  }
  return all;
}

std::map<std::string, past_state> states_at(const std::vector<past_transition>& transitions, moment at) {
  std::map<std::string, past_state> states;
  for (const auto& t : transitions) {
    if (t.at > at) continue;
    auto& s = states[t.machine];
    const auto tool = t.tool.empty() ? s.tool : t.tool;
    s = {t.state, t.node, tool, t.epoch, t.at};
  }
  return states;
}

}  // namespace holdfast::apps
