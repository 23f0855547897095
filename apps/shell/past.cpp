#include "apps/shell/past.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace holdfast::apps {
namespace {

using writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write_text(writer& to, const char* name, const std::string& value) {
  to.Key(name);
  to.String(value.c_str(), static_cast<rapidjson::SizeType>(value.size()));
}

void write_text_or_null(writer& to, const char* name, const std::string& value) {
  if (!value.empty()) return write_text(to, name, value);
  to.Key(name);
  to.Null();
}

void write_state(writer& to, const past_state& s) {
  write_text(to, "state", s.state);
  write_text(to, "node", s.node);
  to.Key("epoch");
  to.Uint64(s.epoch);
  write_text(to, "since", written_time(s.since));
}

void write_copy(writer& to, const char* name, const json_value& of) {
  to.Key(name);
  of.Accept(to);
}

}  // namespace

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

std::vector<past_change> changes_between(const std::vector<past_transition>& transitions, moment from, moment to) {
  const auto before = states_at(transitions, from);
  std::vector<past_change> changes;
  for (const auto& [machine, is] : states_at(transitions, to)) {
    const auto known = before.find(machine);
    if (known == before.end()) {
      changes.push_back({machine, std::nullopt, is});
    } else if (known->second != is) {
      changes.push_back({machine, known->second, is});
    }
  }
  return changes;
}

std::string states_json(const json_value& answer, moment at) {
  rapidjson::StringBuffer text;
  writer to(text);
  to.StartObject();
  write_copy(to, "id", member(answer, "id"));
  write_text(to, "at", written_time(at));
  to.Key("states");
  to.StartArray();
  for (const auto& [machine, s] : states_at(transitions_of(answer), at)) {
    to.StartObject();
    write_text(to, "machine", machine);
    write_text_or_null(to, "tool", s.tool);
    write_state(to, s);
    to.EndObject();
  }
  to.EndArray();
  write_copy(to, "unreachable", member(answer, "unreachable"));
  to.EndObject();
  return {text.GetString(), text.GetSize()};
}

std::string changes_json(const json_value& answer, moment from, moment until) {
  rapidjson::StringBuffer text;
  writer to(text);
  to.StartObject();
  write_copy(to, "id", member(answer, "id"));
  write_text(to, "from", written_time(from));
  write_text(to, "to", written_time(until));
  to.Key("changes");
  to.StartArray();
  for (const auto& c : changes_between(transitions_of(answer), from, until)) {
    to.StartObject();
    write_text(to, "machine", c.machine);
    write_text_or_null(to, "tool", c.is.tool);
    to.Key("was");
    if (c.was) {
      to.StartObject();
      write_state(to, *c.was);
      to.EndObject();
    } else {
      to.Null();
    }
    to.Key("is");
    to.StartObject();
    write_state(to, c.is);
    to.EndObject();
    to.EndObject();
  }
  to.EndArray();
  write_copy(to, "unreachable", member(answer, "unreachable"));
  to.EndObject();
  return {text.GetString(), text.GetSize()};
}

}  // namespace holdfast::apps
