#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/redis_sentinel_group.hpp"

namespace holdfast::tests {

/// A cluster of three masters, the first with a replica if wanted. Gone with its owner.
class redis_cluster_group {
 public:
  static constexpr std::array<std::uint16_t, 4> first_slots{0, 5'461, 10'923, 16'384};

  explicit redis_cluster_group(bool with_replica = false) {
    std::signal(SIGPIPE, SIG_IGN);  // the reader of a command beside the store may be gone
    for (std::size_t i = 0; i < (with_replica ? 4 : 3); ++i)
      nodes.push_back(std::make_unique<redis_server>(
          redis_setup{.cluster = true, .arguments = {"--repl-ping-replica-period", "1"}}));
    for (std::size_t i = 0; i < 3; ++i) {
      ask(i, {"CLUSTER", "ADDSLOTSRANGE", std::to_string(first_slots[i]), std::to_string(first_slots[i + 1] - 1)});
      ask(i, {"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    }
    for (std::size_t i = 1; i < nodes.size(); ++i)
      ask(0, {"CLUSTER", "MEET", "127.0.0.1", std::to_string(nodes[i]->port())});
    wait_for("the nodes to agree", [&] { return agree(); });
    if (!with_replica) return;
    ask(3, {"CLUSTER", "REPLICATE", id_of(0)});
    // It is on no map before it has copied something: a ping, for instance.
    wait_for("the replica to follow", [&] {
      const bool online = nodes[0]->command({"INFO", "replication"}).find("state=online") != std::string::npos;
      return online && nodes[1]->command({"CLUSTER", "SLOTS"}).find(id_of(3)) != std::string::npos;
    });
  }

  std::string url() const {
    std::string hosts;
    for (const auto& n : nodes) hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(n->port());
    return "redis+cluster://" + hosts;
  }

  std::string id_of(std::size_t node) { return nodes[node]->command({"CLUSTER", "MYID"}); }

  /// How often a node has answered with such an error.
  std::uint64_t errors(std::size_t node, const std::string& code) {
    const auto all = nodes[node]->command({"INFO", "errorstats"});
    const auto name = "errorstat_" + code + ":count=";
    const auto at = all.find(name);
    return at == all.npos ? 0 : std::stoull(all.substr(at + name.size()));
  }

  void flush() {
    for (std::size_t i = 0; i < 3; ++i) nodes[i]->command({"FLUSHALL"});
  }

  /// Which master has the slot at first.
  static std::size_t home_of(std::uint16_t hash_slot) {
    return hash_slot < first_slots[1] ? 0 : hash_slot < first_slots[2] ? 1 : 2;
  }

  /// A command that must succeed.
  void ask(std::size_t node, const std::vector<std::string>& command) {
    if (const auto said = nodes[node]->command(command); said != "OK")
      throw std::runtime_error(command[1] + ": " + said);
  }

  std::vector<std::unique_ptr<redis_server>> nodes;

 private:
  bool agree() {
    for (const auto& n : nodes) {
      const auto info = n->command({"CLUSTER", "INFO"});
      if (info.find("cluster_state:ok") == std::string::npos) return false;
      if (info.find("cluster_known_nodes:" + std::to_string(nodes.size())) == std::string::npos) return false;
    }
    return true;
  }
};

}  // namespace holdfast::tests
