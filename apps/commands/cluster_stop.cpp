#include <csignal>
#include <iostream>

#include "apps/commands/cluster_network.hpp"
#include "apps/commands/cluster_run.hpp"
#include "apps/commands/commands.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto nodes_end_within = 60s, others_end_within = 10s, front_ends_within = 2s;

void end_by(const std::string& name, const process_id& p, clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
  if (await_end(p, std::max(left, 0ms), false)) return;
  complain(name + " did not end in time and is killed");
  send_signal(p, SIGKILL);
  await_end(p, others_end_within, false);
}

/// Nodes that end give what they have to others, and write it down.
void let_everybody_speak(const cluster_folder& folder, cluster_state& s) {
  if (s.cuts.empty()) return;
  s.cuts.clear();
  auto trouble = folder.save(s);
  if (!trouble) trouble = tell_network(folder);
  if (trouble) complain(trouble->words);
}

}  // namespace

void stop_cluster(const cluster_folder& folder, cluster_state s) {
  let_everybody_speak(folder, s);
  // HAProxy then takes nothing new, and passes on what is under way: nodes let calls end before they do.
  send_signal(s.front, SIGUSR1);
  for (const auto& n : s.nodes) ask_to_end(n.process);
  const auto deadline = clock::now() + nodes_end_within;
  for (const auto& n : s.nodes) end_by(n.name, n.process, deadline);
  // The last answers may still be in its hands; without nodes it ends by itself, but for clients that do not read.
  await_end(s.front, front_ends_within, false);
  ask_to_end(s.front);
  end_by("the front", s.front, clock::now() + others_end_within);
  // The last, because nodes write their sessions down when they end.
  ask_to_end(s.network);
  end_by("the network between the nodes", s.network, clock::now() + others_end_within);
  ask_to_end(s.redis);
  end_by("Redis", s.redis, clock::now() + others_end_within);
  reap_children();
  folder.clear(s);
}

std::optional<ending> cluster_down(const cluster_folder& folder) {
  std::error_code error;
  const std::string none = "No cluster is running in " + folder.path().string() + ".";
  if (!std::filesystem::exists(folder.path(), error)) {
    std::cout << none << std::endl;
    return std::nullopt;
  }
  const auto lock = folder.lock();
  if (!lock) return lock.error();
  const auto s = folder.load();
  if (!s) return s.error();
  if (*s) stop_cluster(folder, **s);
  std::cout << (*s ? "Stopped." : none) << std::endl;
  return std::nullopt;
}

}  // namespace holdfast::apps
