#include <chrono>
#include <memory>

#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"
#include "apps/shell/steering.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

constexpr auto change_timeout = 15s;

struct state_options {
  std::string session, tool, json;
};

void show_state(console& at, const node_answer& answer) {
  show(at, answer, [&](std::ostream& out) {
    out << plain(member(answer.json, "tool")) << ": " << mcp::member(answer.text, "state") << '\n';
  });
}

void show_states(console& at, const state_options& o) {
  if (!o.tool.empty()) return show_state(at, at.get(api_path({"sessions", o.session, "tool-state", o.tool})));
  const auto answer = at.get(api_path({"sessions", o.session, "tool-state"}));
  show(at, answer, [&](std::ostream& out) {
    const auto states = mcp::members(mcp::member(answer.text, "states"));
    if (states.empty()) out << "no tool keeps anything for this session\n";
    for (const auto& [tool, state] : states) out << tool << ": " << state << '\n';
  });
}

void set_state(console& at, const state_options& o) {
  if (!parse_json(o.json)) {
    complain("the state must be JSON, such as '{\"notes\":[]}'");
    finish(exit_code::usage);
  }
  show_state(at, at.post(api_path({"sessions", o.session, "tool-state", o.tool}), change_timeout, o.json));
}

}  // namespace

void add_tool_states(CLI::App& app, console& at) {
  const auto o = std::make_shared<state_options>();
  auto* group = add_group(app, "tool-state", "See and change what stateful tools keep for a session");
  const auto add = [&](const std::string& name, const std::string& about, std::function<void()> run) {
    auto* command = add_command(*group, name, about, std::move(run));
    add_argument(*command, o->session, "SESSION", "its id, or the beginning of one");
    return command;
  };
  add("show", "Show the state of one tool, or of all", [&at, o] { show_states(at, *o); })
      ->add_option("tool", o->tool, "TOOL or UPSTREAM/TOOL")
      ->type_name("TOOL");
  auto* set = add("set", "Put another state in its place", [&at, o] { set_state(at, *o); });
  add_argument(*set, o->tool, "TOOL", "TOOL or UPSTREAM/TOOL");
  set->add_option("state", o->json, "any JSON; null for none")->type_name("JSON")->required();
  auto* clear = add("clear", "Remove it; not while a call of the tool is under way", [&at, o] {
    show_state(at, at.post(api_path({"sessions", o->session, "tool-state", o->tool, "clear"}), change_timeout));
  });
  add_argument(*clear, o->tool, "TOOL", "TOOL or UPSTREAM/TOOL");
}

}  // namespace holdfast::apps
