#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/shell/operator_commands.hpp"

/// What commands that change something have in common.
namespace holdfast::apps {

struct steer_options {
  std::string target, to, level, body;
  bool yes = false, dry_run = false;
  std::chrono::milliseconds wait{10'000};
};

/// How a change goes on, in one line; asked while it is under way.
using progress = std::function<std::string(console&)>;

/// What came of a change that the node which was asked cannot see the end of: an answer in its place, or nothing.
using follow_up = std::function<std::optional<node_answer>(console&, const node_answer&)>;

/// Shows the plan of `POST path`, asks, does it, shows its progress and what came of it, and ends by `finish`.
void steer(console& at, const std::vector<std::string>& path, query parameters, const steer_options& o,
           const progress& how = {}, const follow_up& then = {});

/// "n2: 214 slots, 3 sessions, 3 calls under way"
progress how_node_is(const std::string& name);

/// A command with the options that all of them have.
CLI::App* add_change(CLI::App& app, const std::string& name, const std::string& about,
                     const std::shared_ptr<steer_options>& o, std::function<void()> run);

/// Two words that make one command: `log level`, `kill node`.
CLI::App* add_group(CLI::App& app, const std::string& name, const std::string& about);

}  // namespace holdfast::apps
