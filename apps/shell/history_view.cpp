#include <array>
#include <chrono>
#include <memory>

#include "apps/commands/terminal.hpp"
#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"
#include "apps/shell/past.hpp"

namespace holdfast::apps {
namespace {

struct history_options {
  std::string id, limit, at;
  std::vector<std::string> diff;
};

constexpr std::array history_columns = {
    field_view{"AT", "at", as::time}, field_view{"NODE", "node"},           field_view{"EPOCH", "epoch"},
    field_view{"MACHINE", "machine"}, field_view{"EXECUTION", "execution"}, field_view{"TOOL", "tool"},
    field_view{"EVENT", "event"},     field_view{"STATE", "state"},
};

constexpr std::array tenure_columns = {field_view{"SINCE", "since", as::time}, field_view{"NODE", "node"},
                                       field_view{"EPOCH", "epoch"}, field_view{"HOW", "how"},
                                       field_view{"PROCESS", "incarnation"}};

moment now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

/// What is wrong with a moment on the command line; empty if nothing.
std::string moment_trouble(const std::string& text) {
  if (read_moment(text, now())) return "";
  return "\"" + text +
         "\" is no time: write 14:03:07 (today, UTC), 2026-01-31T14:03:07Z, or -30s for half a minute ago";
}

void print_states(console& at, std::ostream& out, const std::map<std::string, past_state>& states, moment when) {
  if (states.empty()) {
    out << "nothing is remembered of that time\n";
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [machine, s] : states)
    rows.push_back({machine, s.tool.empty() ? "-" : s.tool, s.state,
                    shown_duration(static_cast<double>((when - s.since).count())), s.node, std::to_string(s.epoch)});
  print_table(out, {"MACHINE", "TOOL", "STATE", "FOR", "NODE", "EPOCH"}, rows, at.columns());
}

void print_difference(console& at, std::ostream& out, const std::vector<past_change>& changes) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [machine, was, is] : changes) {
    const auto moved = was && was->node != is.node;
    rows.push_back({machine, is.tool.empty() ? "-" : is.tool, was ? was->state : "-", is.state,
                    (moved ? was->node + " -> " : "") + is.node, std::to_string(is.epoch)});
  }
  if (rows.empty()) {
    out << "nothing has changed between the two\n";
    return;
  }
  print_table(out, {"MACHINE", "TOOL", "WAS", "IS", "NODE", "EPOCH"}, rows, at.columns());
}

/// The answer with another text, that of `json` for programs.
node_answer as_json(node_answer answer, std::string json) {
  answer.text = std::move(json);
  return answer;
}

void history(console& at, const history_options& o) {
  auto answer = at.get(api_path({"sessions", o.id, "history"}, {{"limit", o.limit}}));
  const auto transitions = transitions_of(answer.json);
  if (!o.at.empty()) {
    const auto when = *read_moment(o.at, now());
    auto json = states_json(answer.json, when);
    return show(at, as_json(std::move(answer), std::move(json)),
                [&](std::ostream& out) { print_states(at, out, states_at(transitions, when), when); });
  }
  if (!o.diff.empty()) {
    const auto from = *read_moment(o.diff[0], now()), to = *read_moment(o.diff[1], now());
    auto json = changes_json(answer.json, from, to);
    return show(at, as_json(std::move(answer), std::move(json)),
                [&](std::ostream& out) { print_difference(at, out, changes_between(transitions, from, to)); });
  }
  show(at, answer, [&](std::ostream& out) {
    out << "session " << plain(member(answer.json, "id")) << '\n';
    print_list(out, member(answer.json, "transitions"), history_columns, at.columns());
    print_heading(out, "where it has lived, newest first");
    print_list(out, member(answer.json, "tenures"), tenure_columns, at.columns());
  });
}

}  // namespace

void add_history(CLI::App& app, console& at) {
  const auto o = std::make_shared<history_options>();
  o->limit = "1000";
  auto* command =
      add_command(app, "history", "Show a session's last transitions: when, at which node, under which epoch",
                  [&at, o] { history(at, *o); });
  add_argument(*command, o->id, "SESSION", "its id, or the beginning of it");
  command->add_option("--limit", o->limit, "at most so many")->type_name("NUMBER")->capture_default_str();
  auto* then = command->add_option("--at", o->at, "how everything was then instead")->type_name("TIME");
  then->check(CLI::Validator(moment_trouble, ""));
  command->add_option("--diff", o->diff, "what has changed between two times instead")
      ->type_name("TIME")
      ->expected(2)
      ->check(CLI::Validator(moment_trouble, ""))
      ->excludes(then);
  command->footer("Times are UTC. They are 14:03:07, 2026-01-31T14:03:07Z, or -30s for half a minute ago.");
}

}  // namespace holdfast::apps
