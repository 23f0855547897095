#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "apps/commands/admin_client.hpp"
#include "apps/commands/commands.hpp"
#include "apps/commands/json_text.hpp"
#include "apps/commands/options.hpp"
#include "apps/commands/session.hpp"
#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_timeout = 10s;

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

/// Prints the table and, below it, what is wrong; true if something is.
bool print_servers(const std::vector<mcp::raw_json>& servers) {
  std::vector<std::vector<std::string>> rows;
  std::string troubles;
  for (const auto server : servers) {
    const auto cell = [&](const char* name) { return or_dash(first_line(text_member(server, name))); };
    rows.push_back({cell("name"), cell("state"), number_member(server, "tools"), number_member(server, "prompts"),
                    number_member(server, "resources"), cell("protocol"), cell("revision"), cell("target")});
    if (const auto error = first_line(text_member(server, "error")); !error.empty())
      troubles += cell("name") + ": " + error + "\n";
  }
  print_table(std::cout, {"NAME", "STATE", "TOOLS", "PROMPTS", "RESOURCES", "PROTOCOL", "REVISION", "TARGET"}, rows,
              terminal_columns());
  if (!troubles.empty()) std::cout << '\n' << troubles;
  return !troubles.empty();
}

int run_servers(const common_options& common, std::chrono::milliseconds wait) {
  const std::string query = wait > 0ms ? "?wait=" + std::to_string(wait.count()) : "";
  const auto body = admin_get(common.admin, "/mcp/servers" + query, wait + answer_timeout);
  if (!body) {
    complain(body.error().detail);
    return code_of(body.error().code);
  }
  const auto servers = mcp::elements(mcp::member(*body, "servers"));
  if (!servers) {
    complain("the answer of " + common.admin + " lists no servers");
    return exit_code::protocol_error;
  }
  bool trouble = false;
  if (common.json) {
    std::cout << *body << '\n';
    for (const auto server : *servers) trouble = trouble || !text_member(server, "error").empty();
  } else if (servers->empty()) {
    std::cout << "no upstreams\n";
  } else {
    trouble = print_servers(*servers);
  }
  return trouble ? exit_code::failed : exit_code::ok;
}

}  // namespace

void add_servers(CLI::App& app, const common_options& common) {
  auto* command = app.add_subcommand("servers", "List the upstream servers of a node and how they are");
  command->footer("Exit codes: 0 all is well, 1 an upstream has an error, 4 the node cannot be reached.");
  const auto wait = std::make_shared<std::chrono::milliseconds>(0);
  add_duration(*command, "--wait", *wait, "have the node connect to all of them now, and wait so long for that");
  command->callback([&common, wait] { finish(run_servers(common, *wait)); });
}

}  // namespace holdfast::apps
