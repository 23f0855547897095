#include <poll.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "apps/commands/commands.hpp"
#include "apps/commands/demo_failover.hpp"
#include "apps/commands/demo_upstream.hpp"
#include "apps/commands/options.hpp"

namespace holdfast::apps {
namespace {

constexpr std::size_t nodes_min = 2, nodes_max = 32;
constexpr std::chrono::milliseconds step_min{10}, step_max{60'000};
constexpr int glance_ms = 500;

void end_with(const std::optional<ending>& trouble) {
  if (trouble) complain(trouble->words);
  finish(trouble ? trouble->code : exit_code::ok);
}

void add_failover(CLI::App& demo, const common_options& common) {
  const auto o = std::make_shared<failover_options>();
  auto* command = demo.add_subcommand("failover", "Kill the node under a call, and watch the call go on");
  command->add_option("--dir", o->dir, "the folder of a cluster to use; without it, one is started and stopped again")
      ->type_name("DIR");
  command->add_option("--nodes", o->nodes, "of a cluster that is started")
      ->check(CLI::Range(nodes_min, nodes_max))
      ->capture_default_str();
  command->add_option("--steps", o->steps, "that the tool takes; the node is killed after a third of them")
      ->check(CLI::Range(3, 1000))
      ->capture_default_str();
  add_duration(*command, "--step", o->step, "how long one takes");
  command->footer(
      "A client calls a slow tool through the front; kill -9 hits the node that owns its session. WAIT is how long "
      "the\n"
      "client heard nothing, or how long the session had no owner.\n"
      "A cluster that runs in --dir must have the tool of `holdfast demo upstream`; its node is started again.\n"
      "Exit codes: 0 nothing was lost, 1 something was, or it could not be run, 130 interrupted.");
  command->callback([&common, o] {
    const bool possible = o->step >= step_min && o->step <= step_max;
    end_with(possible ? demo_failover(*o, common.json) : ending{exit_code::usage, "--step is from 10ms to 1m"});
  });
}

std::optional<ending> serve_upstream(std::uint16_t port) {
  interrupt_by_end();
  const auto upstream = demo_upstream::start(port);
  if (!upstream) return ending{exit_code::failed, upstream.error().detail};
  std::cout << "Serving MCP at " << (*upstream)->url() << "; Ctrl-C stops it." << std::endl;
  while (!interruption()) ::poll(nullptr, 0, glance_ms);
  return std::nullopt;
}

void add_upstream(CLI::App& demo) {
  const auto port = std::make_shared<std::uint16_t>(std::uint16_t{7500});
  auto* command =
      demo.add_subcommand("upstream", "Run the MCP server of the demonstrations, to put behind nodes of yours");
  command->add_option("--port", *port, "on 127.0.0.1; 0 = one that is free")->capture_default_str();
  command->footer("For `upstreams` in a configuration: demo: {url: \"http://127.0.0.1:7500/mcp\"}");
  command->callback([port] { end_with(serve_upstream(*port)); });
}

}  // namespace

void add_demo(CLI::App& app, const common_options& common) {
  auto* demo = app.add_subcommand("demo", "Show what a cluster does");
  demo->require_subcommand(1);
  add_failover(*demo, common);
  add_upstream(*demo);
}

}  // namespace holdfast::apps
