#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "apps/shell/console.hpp"

/// The commands of operators, for the shell and for one-shot use. Each prints tables for people, or with --json the
/// node's answer as it came. The names of values in usage lines (NODE, SESSION, EXECUTION, ACTOR, UPSTREAM, SLOT, or
/// words with | between them) are what the shell completes.
namespace holdfast::apps {

/// Adds all of them to a program. `at` outlives the parsing.
void add_operator_commands(CLI::App& app, console& at);

// By topic.
void add_cluster_views(CLI::App& app, console& at);
void add_session_views(CLI::App& app, console& at);
void add_execution_views(CLI::App& app, console& at);
void add_upstream_views(CLI::App& app, console& at);
void add_breaker_views(CLI::App& app, console& at);
void add_cache_views(CLI::App& app, console& at);
void add_registry_views(CLI::App& app, console& at);
void add_config_changes(CLI::App& config, console& at);  ///< `config diff`, `config apply`
void add_store_views(CLI::App& app, console& at);
void add_history(CLI::App& app, console& at);
void add_event_views(CLI::App& app, console& at);
void add_top(CLI::App& app, console& at);
void add_watch(CLI::App& app, console& at);
void add_steering(CLI::App& app, console& at);
void add_process_steering(CLI::App& app, console& at);
void add_executing(CLI::App& app, console& at);
void add_tool_states(CLI::App& app, console& at);
void add_stepping(CLI::App& app, console& at);
void add_bundle(CLI::App& app, console& at);

/// A command without options of its own.
CLI::App* add_command(CLI::App& app, const std::string& name, const std::string& about, std::function<void()> run);

/// An argument that the command needs; `value` lives as long as the command.
CLI::Option* add_argument(CLI::App& command, std::string& value, const std::string& type, const std::string& about);

/// Prints the answer as it came, with --json; else as `people` lays it out, and whom it lacks.
void show(console& at, const node_answer& answer, const std::function<void(std::ostream&)>& people);

}  // namespace holdfast::apps
