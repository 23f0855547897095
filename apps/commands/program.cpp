#include "apps/commands/program.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/config/nearest.hpp"

namespace holdfast::apps {
namespace {

constexpr void (*commands[])(CLI::App&, const common_options&) = {add_tools,  add_servers, add_call, add_bench,
                                                                  add_doctor, add_cluster, add_demo};

/// The parser misses a command where there is one that it does not know.
std::string usage_trouble(const CLI::App& app, const CLI::ParseError& e) {
  const CLI::App* last = &app;
  std::string known;
  while (!last->get_subcommands().empty()) {
    last = last->get_subcommands().front();
    known += last->get_name() + " ";
  }
  const auto rest = app.remaining(true);
  std::vector<std::string> names;
  for (const auto* command : last->get_subcommands({})) names.push_back(command->get_name());
  if (names.empty() || rest.empty()) return e.what();
  const auto near = nearest(rest.front(), names);
  return "there is no command " + known + rest.front() + (near ? "; did you mean " + *near + "?" : "");
}

}  // namespace

void add_commands(CLI::App& app, const common_options& common) {
  for (const auto add : commands) add(app, common);
}

int run_program(CLI::App& app, std::vector<std::string> words) {
  // The parser takes them from the end.
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    const auto name = app.get_name();
    complain(usage_trouble(app, e) + " (see " + (name.empty() ? "help" : name + " --help") + ")");
    return exit_code::usage;
  }
  return exit_code::ok;
}

}  // namespace holdfast::apps
