#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "apps/commands/program.hpp"
#include "apps/shell/operator_commands.hpp"
#include "apps/shell/shell.hpp"

namespace {

using namespace holdfast::apps;

int run(int argc, char** argv) {
  CLI::App app("holdfast: the command line of the Holdfast gateway for the Model Context Protocol", "holdfast");
  app.set_version_flag("--version", "holdfast " HOLDFAST_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  common_options common{"http://127.0.0.1:7420/mcp", "", false, {}};
  app.add_option("--url", common.url, "the node's MCP endpoint")->envname("HOLDFAST_URL")->capture_default_str();
  app.add_option("--admin", common.admin,
                 "where operators ask a node: unix:PATH, or a URL; without it the socket of a node of yours, or else "
                 "http://127.0.0.1:7421")
      ->envname("HOLDFAST_ADMIN");
  app.add_option_function<std::string>(
         "--token", [&common](const std::string& text) { common.token = text; },
         "the token of a user, where the node has users; best by the variable, which no list of processes shows")
      ->envname("HOLDFAST_TOKEN");
  app.add_flag("--json", common.json, "print JSON for programs");
  console at(common, std::cout);
  add_commands(app, common);
  add_operator_commands(app, at);
  add_shell(app, common);
  return run_program(app, std::vector<std::string>(argv + 1, argv + argc));
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
