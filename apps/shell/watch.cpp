#include <chrono>
#include <iostream>
#include <memory>
#include <sstream>

#include "apps/commands/options.hpp"
#include "apps/shell/line_program.hpp"
#include "apps/shell/live_screen.hpp"
#include "apps/shell/operator_commands.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct watch_options {
  std::chrono::milliseconds every = 1s;
  std::size_t times = 0;
};

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& w : words) all += (all.empty() ? "" : " ") + w;
  return all;
}

/// What the command prints. Commands that ask or follow have no place here, so nobody is there to be asked.
std::pair<std::string, int> look(console& at, const std::vector<std::string>& words) {
  std::ostringstream text;
  line_program program(at.common(), text, at.client());
  const auto code = program.run(words);
  return {text.str(), code};
}

int watch_on_screen(console& at, const watch_options& o, const std::vector<std::string>& words) {
  live_screen screen;
  int code = exit_code::ok;
  for (std::size_t i = 0; !interruption() && (o.times == 0 || i < o.times); ++i) {
    const auto [text, how] = look(at, words);
    code = how;
    screen.show("every " + std::to_string(o.every.count()) + " ms: " + joined(words) + "   q quit\n\n" + text);
    for (const auto until = clock::now() + o.every; !interruption() && clock::now() < until;)
      if (screen.key(100ms) == 'q') return code;
  }
  return code;
}

int watch_in_lines(console& at, const watch_options& o, const std::vector<std::string>& words) {
  int code = exit_code::ok;
  for (std::size_t i = 0; o.times == 0 || i < o.times; ++i) {
    if (i > 0 && !pause_for(o.every)) break;
    const auto [text, how] = look(at, words);
    code = how;
    at.out() << text << std::flush;
  }
  return code;
}

}  // namespace

void add_watch(CLI::App& app, console& at) {
  const auto o = std::make_shared<watch_options>();
  auto* command = app.add_subcommand("watch", "Repeat another command and show what it prints, until Ctrl-C");
  command->prefix_command()->fallthrough(false);
  add_duration(*command, "--every", o->every, "the time between two looks");
  command->add_option("--times", o->times, "end after so many looks")->type_name("NUMBER");
  command->callback([&at, o, command] {
    const auto words = command->remaining();
    if (words.empty()) {
      complain("say which command to watch, for instance `watch status`");
      finish(exit_code::usage);
    }
    finish(at.has_person() && !at.json() ? watch_on_screen(at, *o, words) : watch_in_lines(at, *o, words));
  });
  command->footer("For instance: watch --every 500ms sessions --sort calls");
}

}  // namespace holdfast::apps
