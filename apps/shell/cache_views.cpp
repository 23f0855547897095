#include <array>
#include <memory>

#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"
#include "apps/shell/steering.hpp"

namespace holdfast::apps {
namespace {

constexpr std::array cache_columns = {
    field_view{"NODE", "node"},       field_view{"RESULTS", "entries"},       field_view{"BYTES", "bytes", as::bytes},
    field_view{"EVICTED", "evicted"}, field_view{"CALLS WAITING", "waiting"},
};
constexpr std::array tools = {
    field_view{"TOOL", "tool"},     field_view{"FROM MEMORY", "memory"}, field_view{"FROM STORE", "store"},
    field_view{"SHARED", "shared"}, field_view{"MADE", "missed"},        field_view{"KEPT", "kept"},
};

void cache(console& at) {
  const auto answer = at.get(api_path({"cache"}));
  show(at, answer, [&](std::ostream& out) {
    print_list(out, member(answer.json, "nodes"), cache_columns, at.columns());
    print_heading(out, "calls of tools whose results are kept");
    print_list(out, member(answer.json, "tools"), tools, at.columns());
  });
}

}  // namespace

void add_cache_views(CLI::App& app, console& at) {
  auto* command = add_command(app, "cache", "Show what kept results of tools bring", {});
  command->callback([&at, command] {
    if (command->get_subcommands().empty()) cache(at);
  });
  struct options : steer_options {
    std::string tool, session;
  };
  const auto o = std::make_shared<options>();
  auto* clear = add_change(*command, "clear", "Forget kept results, on all nodes", o, [&at, o] {
    if (!o->session.empty()) return steer(at, {"sessions", o->session, "cache", "clear"}, {}, *o);
    query parameters;
    if (!o->tool.empty()) parameters.emplace_back("tool", o->tool);
    steer(at, {"cache", "clear"}, std::move(parameters), *o);
  });
  auto* tool = clear->add_option("--tool", o->tool, "those of one tool, UPSTREAM/TOOL; without it those of all");
  clear->add_option("--session", o->session, "those that are kept for one session alone")
      ->type_name("SESSION")
      ->excludes(tool);
}

}  // namespace holdfast::apps
