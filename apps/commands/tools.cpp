#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "apps/commands/admin_client.hpp"
#include "apps/commands/commands.hpp"
#include "apps/commands/json_text.hpp"
#include "apps/commands/mcp_client.hpp"
#include "apps/commands/session.hpp"
#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

constexpr auto list_timeout = 60s, connect_wait = 10s;

tool_list asked_for_tools(const std::string& admin, const std::string& path) {
  tool_list out;
  const auto body = admin_get(admin, path, list_timeout);
  if (!body) {
    out.trouble = ending{code_of(body.error().code), body.error().detail};
    return out;
  }
  if (const auto tools = mcp::elements(mcp::member(*body, "tools"))) {
    for (const auto tool : *tools) out.tools.emplace_back(tool);
  }
  return out;
}

/// The tools of one upstream under the names that it gives them. Until a node has connected to an upstream it knows
/// none; then it is made to.
tool_list tools_of_upstream(const std::string& admin, const std::string& upstream) {
  const std::string path = "/mcp/servers/" + upstream + "/tools";
  auto known = asked_for_tools(admin, path);
  if (known.trouble || !known.tools.empty()) return known;
  return asked_for_tools(admin, path + "?wait=" + std::to_string(std::chrono::milliseconds(connect_wait).count()));
}

tool_list tools_of_node(const common_options& common) {
  mcp_client client(endpoint_of(common));
  if (auto trouble = connect(client, common.url)) return {{}, std::move(trouble)};
  return list_tools(client, list_timeout);
}

void print_json(const std::vector<std::string>& tools) {
  std::cout << "{\"tools\":[";
  for (std::size_t i = 0; i < tools.size(); ++i) std::cout << (i > 0 ? "," : "") << tools[i];
  std::cout << "]}\n";
}

void print_human(const std::vector<std::string>& tools) {
  if (tools.empty()) {
    std::cout << "no tools\n";
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& tool : tools) {
    std::string about = first_line(text_member(tool, "description"));
    if (about.empty()) about = first_line(text_member(tool, "title"));
    rows.push_back({first_line(text_member(tool, "name")), std::move(about)});
  }
  print_table(std::cout, {"NAME", "DESCRIPTION"}, rows, terminal_columns());
}

int run_tools(const common_options& common, const std::string& upstream) {
  const auto list = upstream.empty() ? tools_of_node(common) : tools_of_upstream(common.admin, upstream);
  if (list.trouble) {
    const bool unknown = !upstream.empty() && list.trouble->code == exit_code::protocol_error;
    complain(list.trouble->words + (unknown ? " (`holdfast servers` lists them)" : ""));
    return list.trouble->code;
  }
  if (common.json) {
    print_json(list.tools);
  } else {
    print_human(list.tools);
  }
  return exit_code::ok;
}

}  // namespace

void add_tools(CLI::App& app, const common_options& common) {
  auto* command = app.add_subcommand("tools", "List the tools that a node offers");
  const auto upstream = std::make_shared<std::string>();
  command
      ->add_option("--upstream", *upstream, "only those of this upstream, under its own names (asks the admin address)")
      ->type_name("NAME")
      ->check([](const std::string& name) {
        const bool fits = name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                          std::string::npos;
        return fits && !name.empty() ? "" : "is no name of an upstream: " + name;
      });
  command->callback([&common, upstream] { finish(run_tools(common, *upstream)); });
}

}  // namespace holdfast::apps
