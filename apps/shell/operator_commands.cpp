#include "apps/shell/operator_commands.hpp"

#include <cctype>
#include <utility>

namespace holdfast::apps {

void add_operator_commands(CLI::App& app, console& at) {
  add_cluster_views(app, at);
  add_session_views(app, at);
  add_history(app, at);
  add_execution_views(app, at);
  add_upstream_views(app, at);
  add_breaker_views(app, at);
  add_cache_views(app, at);
  add_registry_views(app, at);
  add_store_views(app, at);
  add_event_views(app, at);
  add_top(app, at);
  add_watch(app, at);
  add_steering(app, at);
  add_process_steering(app, at);
  add_executing(app, at);
  add_tool_states(app, at);
  add_stepping(app, at);
  add_bundle(app, at);
}

CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& about, std::function<void()> run) {
  auto* command = app.add_subcommand(name, about);
  command->callback(std::move(run));
  return command;
}

CLI::Option* add_argument(CLI::App& command, std::string& value, const std::string& type, const std::string& about) {
  std::string name(type);
  for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return command.add_option(name, value, about)->type_name(type)->required();
}

void show(console& at, const node_answer& answer, const std::function<void(std::ostream&)>& people) {
  if (at.json()) {
    at.out() << answer.text << '\n';
    return;
  }
  people(at.out());
  at.note_unreachable(answer.json);
}

}  // namespace holdfast::apps
