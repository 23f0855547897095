#include <CLI/CLI.hpp>
#include <iomanip>
#include <iostream>
#include <memory>

#include "apps/commands/commands.hpp"
#include "apps/commands/json_text.hpp"
#include "apps/commands/load_run.hpp"
#include "apps/commands/options.hpp"
#include "apps/commands/session.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {
namespace {

constexpr std::size_t sessions_max = 1024;

double micros(const load_report& report, double part) { return static_cast<double>(report.latencies.at(part)) / 1000; }

double per_second(const load_report& report) {
  const double seconds = std::chrono::duration<double>(report.elapsed).count();
  return seconds > 0 ? static_cast<double>(report.calls) / seconds : 0;
}

void print_json(const load_report& report) {
  std::cout << std::fixed << std::setprecision(1) << "{\"calls\":" << report.calls << ",\"errors\":" << report.errors
            << ",\"calls_per_s\":" << per_second(report) << ",\"p50_us\":" << micros(report, 0.5)
            << ",\"p99_us\":" << micros(report, 0.99) << ",\"p999_us\":" << micros(report, 0.999)
            << ",\"max_us\":" << micros(report, 1) << "}\n";
}

void print_text(const load_report& report) {
  const auto line = [](const char* name) -> std::ostream& { return std::cout << std::left << std::setw(10) << name; };
  std::cout << std::fixed << std::setprecision(0);
  line("calls") << report.calls << '\n';
  line("errors") << report.errors << '\n';
  line("calls/s") << per_second(report) << '\n';
  for (const auto& [name, part] : {std::pair{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}, {"longest", 1.0}})
    line(name) << micros(report, part) << " µs\n";
}

int run_bench(const common_options& common, load_plan plan) {
  if (json_trouble(plan.arguments) || !mcp::is_object(plan.arguments)) {
    complain("the arguments must be a JSON object, such as '{\"a\":1}'");
    return exit_code::usage;
  }
  plan.to = endpoint_of(common);
  const auto report = run_load(plan, interruption());
  if (!report) {
    complain("cannot open a session at " + common.url + ": " + report.error().detail);
    return code_of(report.error().code);
  }
  if (common.json) {
    print_json(*report);
  } else {
    print_text(*report);
  }
  if (report->errors > 0) complain("the first error: " + report->first_error);
  if (interruption()) return exit_code::interrupted;
  return report->errors == 0 && report->calls > 0 ? exit_code::ok : exit_code::failed;
}

}  // namespace

void add_bench(CLI::App& app, const common_options& common) {
  auto* command = app.add_subcommand("bench", "Call a tool again and again and report how fast it answers");
  command->footer(
      "Every session makes its next call when the last one is answered; nothing is warmed up beforehand.\n"
      "Exit codes: 0 all calls succeeded, 1 some failed, 2 bad usage or arguments, 4 the node cannot be reached,\n"
      "130 interrupted.");
  const auto plan = std::make_shared<load_plan>();
  command->add_option("TOOL", plan->tool, "the tool's name as `holdfast tools` shows it")->required();
  command->add_option("ARGUMENTS", plan->arguments, "a JSON object")->type_name("JSON");
  command->add_option("--connections", plan->sessions, "sessions, each with one call at a time")
      ->check(CLI::Range(std::size_t{1}, sessions_max))
      ->capture_default_str();
  add_duration(*command, "--duration", plan->duration, "how long to go on");
  add_duration(*command, "--timeout", plan->call_timeout, "how long one call may take");
  command->callback([&common, plan] { finish(run_bench(common, *plan)); });
}

}  // namespace holdfast::apps
