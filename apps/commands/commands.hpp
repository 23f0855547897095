#pragma once

#include <string>

#include "transport/secret.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming)
class App;
}

namespace holdfast::apps {

/// How `holdfast` ends; in the help of the commands too.
namespace exit_code {
inline constexpr int ok = 0, failed = 1, usage = 2, protocol_error = 3, no_connection = 4, timed_out = 5,
                     interrupted = 130;
}

/// Options of every command; they outlive the parsing.
struct common_options {
  std::string url;    ///< of the MCP endpoint
  std::string admin;  ///< of the operators' address
  bool json = false;
  transport::secret token;  ///< of the user that clients are, where the node has users; empty = none
};

// One for each command: adds it to the program. When it is called, it prints to standard output, says what went wrong
// on standard error, and ends by `finish`.
void add_tools(CLI::App& app, const common_options& common);
void add_servers(CLI::App& app, const common_options& common);
void add_call(CLI::App& app, const common_options& common);
void add_bench(CLI::App& app, const common_options& common);
void add_doctor(CLI::App& app, const common_options& common);
void add_cluster(CLI::App& app, const common_options& common);
void add_demo(CLI::App& app, const common_options& common);

/// Ends the program with this code, by an exception that CLI::App::exit understands.
void finish(int code);

/// "holdfast: TEXT" on standard error.
void complain(const std::string& text);

}  // namespace holdfast::apps
