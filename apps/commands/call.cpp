#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "apps/commands/commands.hpp"
#include "apps/commands/content.hpp"
#include "apps/commands/json_text.hpp"
#include "apps/commands/mcp_client.hpp"
#include "apps/commands/options.hpp"
#include "apps/commands/progress.hpp"
#include "apps/commands/session.hpp"
#include "apps/config/units.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t arguments_bytes_max = 32u << 20;

struct call_options {
  std::string tool;
  std::string arguments = "{}";
  std::chrono::milliseconds timeout = 60s;
  bool no_progress = false;
};

std::string all_of_standard_input() {
  std::string text;
  char block[16384];
  while (text.size() <= arguments_bytes_max && (std::cin.read(block, sizeof block) || std::cin.gcount() > 0))
    text.append(block, static_cast<std::size_t>(std::cin.gcount()));
  return text;
}

/// What is wrong with the arguments; nothing if they are a JSON object.
std::optional<std::string> arguments_trouble(std::string_view text) {
  if (text.size() > arguments_bytes_max) return "the arguments are over 32 MiB";
  if (auto trouble = json_trouble(text)) return "the arguments are no JSON, " + *trouble;
  if (text[text.find_first_not_of(" \t\r\n")] != '{') return "the arguments must be a JSON object, such as '{\"a\":1}'";
  return std::nullopt;
}

int print_result(const std::string& answer, bool json) {
  const auto result = result_in(answer);
  if (!result) {
    if (json) std::cout << answer << '\n';
    complain(result.error().words);
    return result.error().code;
  }
  if (json) {
    std::cout << *result << '\n';
  } else {
    print_content(std::cout, *result, isatty(STDOUT_FILENO) == 1);
  }
  if (mcp::member(*result, "isError") != "true") return exit_code::ok;
  std::cout.flush();
  complain("the tool reports an error");
  return exit_code::failed;
}

int run_call(const common_options& common, call_options options) {
  if (options.arguments == "-") options.arguments = all_of_standard_input();
  if (const auto trouble = arguments_trouble(options.arguments)) {
    complain(*trouble);
    return exit_code::usage;
  }
  mcp_client client(endpoint_of(common));
  if (const auto trouble = connect(client, common.url)) {
    complain(trouble->words);
    return trouble->code;
  }
  progress_display progress(std::cerr, isatty(STDERR_FILENO) == 1);
  mcp_client::call call{mcp::to_string(mcp::method::tools_call),
                        "{\"name\":" + mcp::quote(options.tool) + ",\"arguments\":" + options.arguments + "}",
                        options.timeout,
                        {}};
  if (!options.no_progress) call.on_notification = [&](const std::string& json) { progress.show(json); };
  const auto answer = client.request(call, interruption());
  progress.clear();
  if (answer) return print_result(*answer, common.json);
  const int code = code_of(answer.error().code);
  if (code == exit_code::timed_out) {
    complain("no answer within " + duration_text(options.timeout) + "; the call was cancelled");
  } else if (code == exit_code::interrupted) {
    complain("interrupted; the call was cancelled");
  } else {
    complain("the call was lost: " + answer.error().detail);
  }
  return code;
}

}  // namespace

void add_call(CLI::App& app, const common_options& common) {
  auto* command = app.add_subcommand("call", "Call a tool and print what it returns");
  command->footer(
      "Texts go to standard output, progress to standard error. --json prints the whole result.\n"
      "Exit codes: 0 success, 1 the tool reports an error, 2 bad usage or arguments, 3 the node answers with an\n"
      "error, 4 the node cannot be reached, 5 timeout, 130 interrupted (the call is cancelled).");
  const auto options = std::make_shared<call_options>();
  command->add_option("TOOL", options->tool, "the tool's name as `holdfast tools` shows it")->required();
  command->add_option("ARGUMENTS", options->arguments, "a JSON object; - reads it from standard input")
      ->type_name("JSON");
  add_duration(*command, "--timeout", options->timeout, "how long the call may take");
  command->add_flag("--no-progress", options->no_progress, "show no progress");
  command->callback([&common, options] { finish(run_call(common, *options)); });
}

}  // namespace holdfast::apps
