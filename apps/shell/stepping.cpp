#include <array>
#include <chrono>
#include <memory>

#include "apps/commands/options.hpp"
#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"
#include "apps/shell/steering.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_timeout = 15s;

struct step_options {
  std::string session, step, tool, params;
  std::chrono::milliseconds wait = 60s;
};

constexpr std::array facts = {
    field_view{"execution", "id"}, field_view{"tool", "tool"},       field_view{"state", "state"},
    field_view{"call", "call"},    field_view{"allowed", "allowed"}, field_view{"result kept", "resultKept"},
};
constexpr std::array columns = {field_view{"EXECUTION", "id"}, field_view{"TOOL", "tool"}, field_view{"STATE", "state"},
                                field_view{"ALLOWED", "allowed"}, field_view{"STARTED", "startedAt", as::time}};
constexpr std::array step_columns = {field_view{"AT", "at", as::time}, field_view{"EVENT", "event"},
                                     field_view{"STATE", "state"}};

void show_step(console& at, const node_answer& answer) {
  show(at, answer, [&](std::ostream& out) {
    print_facts(out, answer.json, facts);
    for (const auto* name : {"result", "error"}) {
      if (!member(answer.json, name).IsNull()) out << name << ' ' << mcp::member(answer.text, name) << '\n';
    }
    print_heading(out, "transitions");
    print_list(out, member(answer.json, "transitions"), step_columns, at.columns());
  });
}

void show_steps(console& at, const step_options& o) {
  if (!o.step.empty()) return show_step(at, at.get(api_path({"sessions", o.session, "executions", o.step})));
  const auto answer = at.get(api_path({"sessions", o.session, "executions"}));
  show(at, answer,
       [&](std::ostream& out) { print_list(out, member(answer.json, "executions"), columns, at.columns()); });
}

void change(console& at, const step_options& o, const std::string& what, const std::string& body = {}) {
  show_step(at, at.post(api_path({"sessions", o.session, "executions", o.step, what}), answer_timeout, body));
}

void set_parameters(console& at, const step_options& o) {
  if (!parse_json(o.params)) {
    complain("the parameters must be a JSON object, such as '{\"a\":1}'");
    finish(exit_code::usage);
  }
  change(at, o, "parameters", R"({"params":)" + o.params + "}");
}

void run_step(console& at, const step_options& o) {
  const auto path =
      api_path({"sessions", o.session, "executions", o.step, "execute"}, {{"wait", std::to_string(o.wait.count())}});
  const auto answer = at.post(path, o.wait + answer_timeout);
  show_step(at, answer);
  const auto state = text_of(answer.json, "state");
  finish(state == "succeeded"                              ? exit_code::ok
         : plain(member(answer.json, "underWay")) == "yes" ? exit_code::timed_out
                                                           : exit_code::failed);
}

}  // namespace

void add_stepping(CLI::App& app, console& at) {
  const auto o = std::make_shared<step_options>();
  auto* group = add_group(app, "step", "Put an execution together step by step");
  const auto add = [&](const std::string& name, const std::string& about, std::function<void()> run) {
    auto* command = add_command(*group, name, about, std::move(run));
    add_argument(*command, o->session, "SESSION", "its id, or the beginning of one");
    return command;
  };
  const auto add_one = [&](const std::string& name, const std::string& about, std::function<void()> run) {
    auto* command = add(name, about, std::move(run));
    add_argument(*command, o->step, "STEP", "as `step show` names it: s1");
    return command;
  };
  add("begin", "Begin one",
      [&at, o] {
        const auto body = o->tool.empty() ? std::string("{}") : R"({"tool":)" + mcp::quote(o->tool) + "}";
        show_step(at, at.post(api_path({"sessions", o->session, "executions"}), answer_timeout, body));
      })
      ->add_option("tool", o->tool, "the tool to select")
      ->type_name("TOOL");
  add("show", "Show one with its history, or all of the session", [&at, o] { show_steps(at, *o); })
      ->add_option("step", o->step, "which one: s1")
      ->type_name("STEP");
  auto* select = add_one("select", "Select a tool",
                         [&at, o] { change(at, *o, "select", R"({"tool":)" + mcp::quote(o->tool) + "}"); });
  add_argument(*select, o->tool, "TOOL", "its name as clients see it");
  auto* params = add_one("params", "Set the parameters", [&at, o] { set_parameters(at, *o); });
  params->add_option("params", o->params, "a JSON object")->type_name("JSON")->required();
  auto* run = add_one("run", "Execute it, and wait for what comes of it", [&at, o] { run_step(at, *o); });
  add_duration(*run, "--wait", o->wait, "how long to wait, up to a minute; it goes on then");
  add_one("cancel", "Cancel it, with its call if one is under way", [&at, o] { change(at, *o, "cancel"); });
  add_one("reset", "Begin it anew", [&at, o] { change(at, *o, "reset"); });
  add_one("drop", "Forget it", [&at, o] { change(at, *o, "drop"); });
}

}  // namespace holdfast::apps
