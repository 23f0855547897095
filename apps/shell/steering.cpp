#include <array>
#include <chrono>
#include <future>
#include <iostream>
#include <memory>

#include "apps/commands/options.hpp"
#include "apps/shell/listing.hpp"
#include "apps/shell/steering.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds answer_slack = 5s, glance = 200ms, look_timeout = 2s;

/// Shows what would be done, and asks. False if nothing is to be done.
bool may_go_on(console& at, const json_value& plan, const steer_options& o) {
  const auto& steps = member(plan, "plan");
  if (!at.json() && steps.IsArray())
    for (const auto& step : steps.GetArray()) at.out() << "- " << plain(step) << '\n';
  if (o.dry_run) return false;
  if (o.yes) return true;
  if (!at.has_person()) {
    complain("this changes a cluster in use: --yes does it, --dry-run only tells what would be done");
    finish(exit_code::usage);
  }
  at.out() << "Go on? [y/N] " << std::flush;
  std::string answer;
  if (std::getline(std::cin, answer) && (answer == "y" || answer == "Y" || answer == "yes")) return true;
  at.out() << "Nothing was changed.\n";
  return false;
}

/// Shows a line whenever it is another one, until `done`; one in any case.
void show_progress(console& at, const progress& how, const std::function<bool()>& done) {
  console looker(at.common(), at.out());
  std::string before;
  do {
    auto line = how(looker);
    if (!line.empty() && line != before) at.out() << line << std::endl;
    before = std::move(line);
  } while (!done() && pause_for(glance));
}

}  // namespace

void steer(console& at, const std::vector<std::string>& path, query parameters, const steer_options& o,
           const progress& how, const follow_up& then) {
  auto trial = parameters;
  trial.emplace_back("dry_run", "true");
  const auto plan = at.post(api_path(path, trial), o.wait + answer_slack, o.body);
  if (!may_go_on(at, plan.json, o)) {
    if (at.json()) at.out() << plan.text << '\n';
    return;
  }
  if (o.wait > 0ms) parameters.emplace_back("wait", std::to_string(o.wait.count()));
  auto answer = std::async(std::launch::async,
                           [&] { return at.post(api_path(path, parameters), o.wait + answer_slack, o.body); });
  if (how && !at.json()) show_progress(at, how, [&] { return answer.wait_for(0s) == std::future_status::ready; });
  auto result = answer.get();
  if (then)
    if (auto other = then(at, result)) result = std::move(*other);
  show(at, result, [&](std::ostream& out) { out << plain(member(result.json, "summary")) << '\n'; });
  const auto& done = member(result.json, "done");
  finish(!done.IsBool() || done.GetBool() ? exit_code::ok : exit_code::timed_out);
}

progress how_node_is(const std::string& name) {
  return [name](console& at) -> std::string {
    const auto answer = at.try_get(api_path({"nodes", name}), look_timeout);
    if (!answer) return name + ": no answer";
    const auto& n = member(answer->json, "node");
    return name + ": " + plain(member(n, "slots")) + " slots, " + plain(member(n, "sessions")) + " sessions, " +
           plain(member(n, "inflight")) + " calls under way";
  };
}

CLI::App* add_change(CLI::App& app, const std::string& name, const std::string& about,
                     const std::shared_ptr<steer_options>& o, std::function<void()> run) {
  auto* command = add_command(app, name, about, std::move(run));
  command->add_flag("--yes", o->yes, "do not ask");
  command->add_flag("--dry-run", o->dry_run, "only tell what would be done");
  add_duration(*command, "--wait", o->wait, "how long to wait for the end of it");
  command->footer("Exit codes: 0 done, 1 refused, 2 needs --yes, 5 not over in time; it goes on then.");
  return command;
}

CLI::App* add_group(CLI::App& app, const std::string& name, const std::string& about) {
  auto* group = app.add_subcommand(name, about);
  group->require_subcommand(1);
  return group;
}

namespace {

/// A change to one thing that is named on the command line.
void add_simple(CLI::App& app, console& at, const std::string& name, const std::string& about, const std::string& type,
                const std::string& folder, const std::string& action) {
  const auto o = std::make_shared<steer_options>();
  auto* command = add_change(app, name, about, o, [&at, o, folder, action] {
    steer(at, {folder, o->target, action}, {}, *o);
  });
  add_argument(*command, o->target, type, "which one");
}

void add_node_change(CLI::App& app, console& at, const std::string& name, const std::string& about,
                     const std::string& action) {
  const auto o = std::make_shared<steer_options>();
  o->wait = 60s;
  auto* command = add_change(app, name, about, o, [&at, o, action] {
    steer(at, {"nodes", o->target, action}, {}, *o, how_node_is(o->target));
  });
  add_argument(*command, o->target, "NODE", "its name");
}

/// "slot 17: at n1, held, 2 calls under way"
progress how_slot_is(const std::string& number) {
  return [number](console& at) -> std::string {
    const auto answer = at.try_get(api_path({"slots"}, {{"detail", "true"}}), look_timeout);
    if (!answer) return "slot " + number + ": no answer";
    const auto& all = member(answer->json, "slots");
    if (!all.IsArray()) return {};
    for (const auto& s : all.GetArray()) {
      if (plain(member(s, "slot")) != number) continue;
      return "slot " + number + ": at " + plain(member(s, "node")) + ", " + plain(member(s, "state")) + ", " +
             plain(member(s, "inflight")) + " calls under way";
    }
    return {};
  };
}

/// "slot 17: at n1, to be at n2"
progress how_session_is(const std::string& id) {
  return [id](console& at) -> std::string {
    const auto answer = at.try_get(api_path({"where", id}), look_timeout);
    if (!answer) return {};
    return "slot " + plain(member(answer->json, "slot")) + ": at " + plain(member(answer->json, "owner")) +
           ", to be at " + plain(member(answer->json, "wanted"));
  };
}

/// "slots: 12 to move, 0 without owner"
std::string how_slots_are(console& at) {
  const auto answer = at.try_get(api_path({"status"}), look_timeout);
  if (!answer) return "slots: no answer";
  const auto& slots = member(answer->json, "slots");
  return "slots: " + plain(member(slots, "moving")) + " to move, " + plain(member(slots, "unowned")) + " without owner";
}

/// "up: n1 ready, n2 connecting"
progress how_upstream_is(const std::string& name) {
  return [name](console& at) -> std::string {
    const auto answer = at.try_get(api_path({"upstreams", name}), look_timeout);
    if (!answer) return name + ": no answer";
    std::string all;
    const auto& nodes = member(member(answer->json, "upstream"), "nodes");
    if (!nodes.IsArray()) return {};
    for (const auto& n : nodes.GetArray())
      all += (all.empty() ? "" : ", ") + plain(member(n, "node")) + " " + plain(member(n, "state"));
    return name + ": " + all;
  };
}

void add_reconnect(CLI::App& app, console& at) {
  const auto o = std::make_shared<steer_options>();
  auto* command = add_change(app, "reconnect", "Connect to an upstream anew, at every node", o, [&at, o] {
    steer(at, {"upstreams", o->target, "reconnect"}, {}, *o, how_upstream_is(o->target));
  });
  add_argument(*command, o->target, "UPSTREAM", "which one");
}

/// `move SESSION --to NODE`, `move slot NUMBER --to NODE`.
void add_move(CLI::App& app, console& at) {
  const auto o = std::make_shared<steer_options>();
  auto* command = add_change(app, "move", "Move a session's slot, or a slot by its number, to another node", o, {});
  command->callback([&at, command, o] {
    if (!command->get_subcommands().empty()) return;
    if (o->target.empty() || o->to.empty()) {
      complain("say `move SESSION --to NODE` or `move slot NUMBER --to NODE`");
      finish(exit_code::usage);
    }
    steer(at, {"sessions", o->target, "move"}, {{"to", o->to}}, *o, how_session_is(o->target));
  });
  command->add_option("session", o->target, "its id, or the beginning of it")->type_name("SESSION");
  command->add_option("--to", o->to, "the node that is to have it")->type_name("NODE");

  const auto s = std::make_shared<steer_options>();
  auto* slot = add_change(*command, "slot", "Move a slot by its number to another node", s, [&at, s] {
    steer(at, {"slots", s->target, "move"}, {{"to", s->to}}, *s, how_slot_is(s->target));
  });
  add_argument(*slot, s->target, "SLOT", "its number");
  slot->add_option("--to", s->to, "the node that is to have it")->type_name("NODE")->required();
}

void fence_check(console& at) {
  const auto answer = at.post(api_path({"fence", "check"}), 10s);
  const auto& faults = member(answer.json, "faults");
  const bool clean = !faults.IsArray() || faults.Empty();
  const auto& was_read = member(answer.json, "storeRead");
  const auto& silent = member(answer.json, "unreachable");
  const bool whole = was_read.IsBool() && was_read.GetBool() && (!silent.IsArray() || silent.Empty());
  show(at, answer, [&](std::ostream& out) {
    if (was_read.IsBool() && !was_read.GetBool()) {
      out << "the store did not answer: nothing was compared\n";
      return;
    }
    out << plain(member(answer.json, "checked"))
        << " slots that nodes hold were compared with the store: " << (clean ? "all are theirs" : "these are not")
        << '\n';
    if (clean) return;
    static constexpr std::array columns = {field_view{"SLOT", "slot"}, field_view{"NODE", "node"},
                                           field_view{"ITS EPOCH", "epoch"}, field_view{"STORE'S EPOCH", "storeEpoch"},
                                           field_view{"STORE'S OWNER", "storeOwner"}};
    print_list(out, faults, columns, at.columns());
  });
  finish(clean && whole ? exit_code::ok : exit_code::failed);
}

void add_breaker_reset(CLI::App& app, console& at) {
  const auto o = std::make_shared<steer_options>();
  auto* command = add_change(*add_group(app, "breaker", "Change an upstream's circuit breaker"), "reset",
                             "Let calls through to an upstream again, from all nodes", o, [&at, o] {
                               steer(at, {"circuit-breakers", o->target, "reset"}, {}, *o);
                             });
  add_argument(*command, o->target, "UPSTREAM", "which one");
}

void add_log_level(CLI::App& app, console& at) {
  const auto o = std::make_shared<steer_options>();
  o->wait = 0ms;  // it is done when it is answered
  auto* command = add_change(*add_group(app, "log", "Change what is logged"), "level",
                             "Set the lowest level that is logged, until the nodes restart", o, [&at, o] {
                               steer(at, {"log", "level"}, {{"level", o->level}}, *o);
                             });
  command->add_option("level", o->level, "the lowest that is written")
      ->type_name("debug|info|warning|error")
      ->required();
}

}  // namespace

void add_steering(CLI::App& app, console& at) {
  add_simple(app, at, "cancel", "Cancel a call as its client could", "EXECUTION", "executions", "cancel");
  add_simple(app, at, "end", "End a session with all its calls", "SESSION", "sessions", "end");
  add_simple(app, at, "passivate", "Let a session live in the store only, until its client comes back", "SESSION",
             "sessions", "passivate");
  add_move(app, at);
  const auto o = std::make_shared<steer_options>();
  o->wait = 60s;
  add_change(app, "rebalance", "Let every slot go where it belongs, also those that were moved by hand", o,
             [&at, o] { steer(at, {"rebalance"}, {}, *o, how_slots_are); });
  add_node_change(app, at, "drain", "Have a node hand over what it has and take no more, while it runs on", "drain");
  add_node_change(app, at, "undrain", "Have a drained node take its share again", "undrain");
  add_reconnect(app, at);
  add_simple(app, at, "disable", "Keep an upstream unconnected, at every node", "UPSTREAM", "upstreams", "disable");
  add_simple(app, at, "enable", "Take back a disable", "UPSTREAM", "upstreams", "enable");
  add_breaker_reset(app, at);
  add_log_level(app, at);
  add_command(*add_group(app, "fence", "Check who owns what"), "check",
              "Compare what every node believes to own with the store", [&at] { fence_check(at); });
}

}  // namespace holdfast::apps
