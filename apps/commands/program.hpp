#pragma once

#include <string>
#include <vector>

#include "apps/commands/commands.hpp"

namespace holdfast::apps {

/// Adds every command that does one thing and ends; the shell knows them too.
void add_commands(CLI::App& app, const common_options& common);

/// Parses the words after the program's name and does what they say; what is wrong with them goes to standard error.
/// The exit code.
int run_program(CLI::App& app, std::vector<std::string> words);

}  // namespace holdfast::apps
