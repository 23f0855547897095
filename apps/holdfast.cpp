#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <string>
#include <vector>

#include "apps/commands/commands.hpp"
#include "apps/config/nearest.hpp"

namespace {

using namespace holdfast::apps;

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

int run(int argc, char** argv) {
  CLI::App app("holdfast: the command line of the Holdfast gateway for the Model Context Protocol", "holdfast");
  app.set_version_flag("--version", "holdfast " HOLDFAST_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  common_options common{"http://127.0.0.1:7420/mcp", "http://127.0.0.1:7421", false};
  app.add_option("--url", common.url, "the node's MCP endpoint")->envname("HOLDFAST_URL")->capture_default_str();
  app.add_option("--admin", common.admin, "the node's address for operators")
      ->envname("HOLDFAST_ADMIN")
      ->capture_default_str();
  app.add_flag("--json", common.json, "print JSON for programs");
  for (const auto add : commands) add(app, common);
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    complain(usage_trouble(app, e) + " (see holdfast --help)");
    return exit_code::usage;
  }
  return exit_code::ok;
}

}  // namespace

int main(int argc, char** argv) {
  // A server that dies while it is written to must not take us along.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    complain(e.what());
    return exit_code::failed;
  }
}
