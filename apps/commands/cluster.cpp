#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

#include "apps/commands/cluster_network.hpp"
#include "apps/commands/cluster_run.hpp"
#include "apps/commands/commands.hpp"

namespace holdfast::apps {
namespace {

constexpr std::size_t nodes_max = 32;

/// A command below `cluster`; `run` does it in the cluster's folder.
CLI::App* add_part(CLI::App& cluster, const std::string& name, const std::string& description,
                   std::function<std::optional<ending>(const cluster_folder&)> run) {
  auto* command = cluster.add_subcommand(name, description);
  const auto dir = std::make_shared<std::string>();
  command->add_option("--dir", *dir, "the cluster's folder; without it, cluster below ~/.local/state/holdfast")
      ->type_name("DIR");
  command->callback([dir, run = std::move(run)] {
    const auto folder = folder_of_cluster(*dir);
    const auto trouble = folder ? run(*folder) : folder.error();
    if (trouble) complain(trouble->words);
    finish(trouble ? trouble->code : exit_code::ok);
  });
  return command;
}

void add_up(CLI::App& cluster, const common_options& common) {
  const auto o = std::make_shared<up_options>();
  auto* command = add_part(cluster, "up", "Start a Redis, nodes, and a front that spreads requests over them",
                           [&common, o](const auto& folder) { return cluster_up(folder, *o, common.json); });
  command->add_option("--nodes", o->nodes, "how many nodes")
      ->check(CLI::Range(std::size_t{1}, nodes_max))
      ->capture_default_str();
  command->add_option("--port", o->port, "of the front; the others follow; 0 = whichever are free")
      ->capture_default_str();
  command->add_option("--config", o->config, "of every node, but for addresses and store; without it, the built-in one")
      ->type_name("FILE");
  command->add_option("--store", o->store, "the store that the nodes share, instead of a Redis of their own")
      ->type_name("URL");
  command->add_flag("--direct", o->direct,
                    "nothing between the processes: a little faster, and `partition` is not there");
  command->add_flag("--detach", o->detach, "return when all is ready, and leave it running");
  command->footer(
      "Without --detach it shows how the nodes are, and Ctrl-C stops everything. Needs haproxy and redis-server.\n"
      "Exit codes: 0 it was ready, 1 it could not be started, 2 a wrong option or configuration.");
}

void add_named(CLI::App& cluster, const common_options& common) {
  const auto name = std::make_shared<std::string>(), signal = std::make_shared<std::string>("KILL");
  const std::string anything = "a node, front, store, or network";
  auto* kill = add_part(cluster, "kill", "Send a signal to a node", [&common, name, signal](const auto& folder) {
    return cluster_kill(folder, *name, *signal, common.json);
  });
  kill->add_option("name", *name, anything)->required();
  kill->add_option("--signal", *signal, "what to send")
      ->check(CLI::IsMember({"KILL", "STOP", "CONT", "TERM"}))
      ->capture_default_str();
  auto* restart = add_part(cluster, "restart", "Start a node again; one that runs is asked to end first",
                           [&common, name](const auto& folder) { return cluster_restart(folder, *name, common.json); });
  restart->add_option("name", *name, anything)->required();
  auto* drain = add_part(cluster, "drain", "Ask a node to end, and wait until it has",
                         [&common, name](const auto& folder) { return cluster_drain(folder, *name, common.json); });
  drain->add_option("name", *name, "a node")->required();
}

void add_cuts(CLI::App& cluster, const common_options& common) {
  const auto a = std::make_shared<std::string>(), b = std::make_shared<std::string>();
  const auto one_way = std::make_shared<bool>(false);
  auto* partition = add_part(cluster, "partition", "Cut the network between nodes, or to the store",
                             [&common, a, b, one_way](const auto& folder) {
                               return cluster_partition(folder, *a, *b, *one_way, common.json);
                             });
  partition->add_option("name", *a, "a node, or store")->required();
  partition->add_option("other", *b, "a node, or store; without it, all of them");
  partition->add_flag("--one-way", *one_way, "only what the first sends is lost");
  partition->footer(
      "What is sent is lost and nobody is told: connections that are there go silent, new ones get no answer. What "
      "was\n"
      "on its way in connections that are still there when it heals arrives then, as it does with TCP.");
  auto* heal = add_part(cluster, "heal", "Take back what was cut",
                        [&common, a, b](const auto& folder) { return cluster_heal(folder, *a, *b, common.json); });
  heal->add_option("name", *a, "a node, or store; without it, everything heals");
  heal->add_option("other", *b, "a node, or store; without it, all that was cut off from the first");
}

/// The process that `up` starts; nothing for people to call.
void add_network(CLI::App& cluster) {
  add_part(cluster, std::string(network_name), "", [](const auto& folder) { return run_network(folder); })->group("");
}

}  // namespace

void add_cluster(CLI::App& app, const common_options& common) {
  auto* cluster = app.add_subcommand("cluster", "Run several nodes on this machine, behind one address");
  cluster->require_subcommand(1);
  add_up(*cluster, common);
  add_part(*cluster, "status", "Show how its nodes are",
           [&common](const auto& folder) { return cluster_status(folder, common.json); })
      ->footer(
          "States: ready, starting, draining, frozen (its process is stopped), unreachable, dead.\n"
          "Exit codes: 0 there is a cluster, however it is; 1 there is none.");
  add_named(*cluster, common);
  add_cuts(*cluster, common);
  add_network(*cluster);
  add_part(*cluster, "add", "Have one more node join",
           [&common](const auto& folder) { return cluster_add(folder, common.json); });
  add_part(*cluster, "down", "Stop everything; sessions stay in the store",
           [](const auto& folder) { return cluster_down(folder); });
}

}  // namespace holdfast::apps
