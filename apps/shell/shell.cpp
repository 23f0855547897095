#include "apps/shell/shell.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>

#include "apps/commands/options.hpp"
#include "apps/config/config.hpp"
#include "apps/shell/line_editor.hpp"
#include "apps/shell/line_program.hpp"
#include "apps/shell/live_names.hpp"
#include "apps/shell/pager.hpp"
#include "apps/shell/words.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

constexpr auto prompt_patience = 1s;

/// What they print grows while they run, or takes the whole screen, or asks: no pager comes between.
const std::set<std::string> live_commands = {
    "top", "watch",  "trace",     "events",    "call",    "bench",  "drain", "move", "undrain", "rebalance",
    "end", "cancel", "passivate", "reconnect", "disable", "enable", "log",   "kill", "restart"};

class shell {
 public:
  explicit shell(const common_options& common) : common_(common), at_(common_, std::cout) {}

  /// The exit code of the last command.
  int run() {
    at_.get(api_path({"status"}));  // ends here where no node can be reached
    silent_ = at_.silent().value_or(0);
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) return run_lines();
    std::cout << "holdfast " HOLDFAST_VERSION ", at " << at_.client()->shown()
              << "; `help` lists the commands, Ctrl-D leaves\n";
    line_program words(common_, std::cout, at_.client());
    live_names names(at_.client());
    line_editor editor(history_file(), [&](std::string_view line) {
      return complete(words.app(), line, [&](auto kind, auto begin) { return names.of(kind, begin); });
    });
    while (auto line = editor.read(prompt())) {
      if (!obey(*line)) return last_;
    }
    std::cout << std::endl;
    return last_;
  }

 private:
  /// From a file or a pipe: the first command that fails ends it.
  int run_lines() {
    for (std::string line; std::getline(std::cin, line);) {
      if (!obey(line) || last_ != exit_code::ok) break;
    }
    return last_;
  }

  /// Does what a line says; false if that is to leave.
  bool obey(const std::string& line) {
    auto words = words_of_line(line);
    if (!words) {
      complain("a quote is left open");
      last_ = exit_code::usage;
      return true;
    }
    if (words->empty() || words->front().starts_with('#')) return true;
    if (words->front() == "exit" || words->front() == "quit") return false;
    if (words->front() == "help") {
      words->erase(words->begin());
      words->emplace_back("--help");
    }
    forget_interruption();
    last_ = live_commands.contains(words->front()) ? run_command(*words, std::cout) : run_paged(*words);
    forget_interruption();
    return true;
  }

  int run_command(const std::vector<std::string>& words, std::ostream& out) {
    line_program program(common_, out, at_.client());
    const auto code = program.run(words);
    silent_ = program.silent().value_or(silent_);
    return code;
  }

  int run_paged(const std::vector<std::string>& words) {
    if (isatty(STDOUT_FILENO) != 1) return run_command(words, std::cout);
    std::ostringstream text;
    const auto code = run_command(words, text);
    print_paged(text.str());
    return code;
  }

  /// Who is asked, and how many are there if some are not: "n1 (2 of 3)> ". By what that node knows itself, and the
  /// last command has found out: nobody waits here for one that does not answer.
  std::string prompt() {
    const auto asked = at_.try_get(api_path({"status"}, {{"scope", "node"}}), prompt_patience);
    if (!asked) return "(no answer)> ";
    auto text = text_of(asked->json, "node");
    const auto self = at_.try_get(api_path({"nodes", text}), prompt_patience);
    if (!self) return text + "> ";
    std::size_t all = 1, lost = 0;
    if (const auto& peers = member(self->json, "peers"); peers.IsArray()) {
      all += peers.Size();
      for (const auto& p : peers.GetArray()) lost += plain(member(p, "reached")) == "yes" ? 0 : 1;
    }
    lost = std::min(std::max(lost, silent_), all - 1);
    if (lost > 0) text += " (" + std::to_string(all - lost) + " of " + std::to_string(all) + ")";
    return text + "> ";
  }

  static std::filesystem::path history_file() {
    const auto folder = state_folder();
    std::error_code error;
    if (folder.empty() || (!std::filesystem::create_directories(folder, error) && error)) return {};
    return folder / "shell_history";
  }

  const common_options common_;
  console at_;
  int last_ = exit_code::ok;
  std::size_t silent_ = 0;  // nodes, when a command last heard of it
};

}  // namespace

void add_shell(CLI::App& app, const common_options& common) {
  auto* command = app.add_subcommand("shell", "Ask and change a cluster, command by command");
  command->callback([&common] { finish(shell(common).run()); });
  command->footer("Every command of it can also be given to holdfast directly.");
}

}  // namespace holdfast::apps
