#include <poll.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <utility>

#include "apps/commands/cluster_cuts.hpp"
#include "apps/commands/cluster_front.hpp"
#include "apps/commands/cluster_network.hpp"
#include "apps/commands/cluster_programs.hpp"
#include "apps/commands/cluster_run.hpp"
#include "apps/commands/cluster_status.hpp"
#include "apps/commands/ports.hpp"
#include "apps/commands/terminal.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds end_timeout = 60s, effect_timeout = 5s, for_ever = 24h;

ending failed(std::string words) { return {exit_code::failed, std::move(words)}; }

/// What was done, in words, or the status of the cluster after it.
void tell(const cluster_state& s, bool json, const std::string& words) {
  std::cout << (json ? status_json(look_at_cluster(s)) : words) << std::endl;
}

/// A node, the front or the Redis, by the name that commands give it.
boost::system::result<process_id, ending> process_of(cluster_state& s, const std::string& name) {
  if (name == front_name) return s.front;
  if (name == store_name && s.store_port != 0) return s.redis;
  if (name == network_name && has_network(s)) return s.network;
  if (const auto* n = find_node(s, name)) return n->process;
  std::string names;
  for (const auto& n : s.nodes) names += n.name + ", ";
  if (has_network(s)) names.append(network_name).append(", ");
  return ending{exit_code::usage, "there is no " + name + " in this cluster; there are " + names +
                                      std::string(front_name) +
                                      (s.store_port != 0 ? " and " + std::string(store_name) : "")};
}

int number_of(const std::string& signal) {
  if (signal == "STOP") return SIGSTOP;
  if (signal == "CONT") return SIGCONT;
  return signal == "TERM" ? SIGTERM : SIGKILL;
}

/// A signal has its effect a moment later; status is to tell of it.
void await_effect(const process_id& p, int signal) {
  if (signal == SIGKILL) await_end(p, effect_timeout, true);
  const auto wanted = signal == SIGSTOP ? process_state::stopped : process_state::running;
  const auto deadline = clock::now() + effect_timeout;
  while ((signal == SIGSTOP || signal == SIGCONT) && look_at(p) != wanted && clock::now() < deadline)
    ::poll(nullptr, 0, 5);
}

/// Starts what has gone again, with the configuration that it had.
std::optional<ending> start_again(const cluster_folder& folder, cluster_state& s, const std::string& name) {
  const auto programs = find_programs(s.store_port != 0);
  if (!programs) return programs.error();
  std::optional<ending> trouble;
  if (name == front_name) {
    trouble = start_front(*programs, folder, s);
  } else if (name == store_name) {
    trouble = start_redis(*programs, folder, s);
  } else if (name == network_name) {
    trouble = start_network(*programs, folder, s);
  } else {
    trouble = start_node(*programs, folder, s, *find_node(s, name));
  }
  if (!trouble) trouble = folder.save(s);
  if (trouble) return trouble;
  if (name == front_name) return await_front(folder, s);
  if (name == store_name) return await_redis(folder, s);
  if (name == network_name) return await_network(folder, s);
  trouble = await_node(folder, *find_node(s, name));
  return trouble ? trouble : folder.save(s);
}

std::uint16_t highest_port(const cluster_state& s) {
  std::uint16_t highest = std::max(s.front_port, s.store_port);
  for (const auto& n : s.nodes) highest = std::max({highest, n.mcp, n.admin, n.peers, n.relay, n.store});
  return highest;
}

/// Has the network, if there is one, carry what `s` says.
std::optional<ending> save_and_tell(const cluster_folder& folder, const cluster_state& s) {
  auto trouble = folder.save(s);
  return trouble || !has_network(s) ? trouble : tell_network(folder);
}

/// Takes back the node that was to join and did not come up.
void forget_last(const cluster_folder& folder, cluster_state& s) {
  const auto n = s.nodes.back();
  send_signal(n.process, SIGKILL);
  await_end(n.process, effect_timeout, false);
  s.nodes.pop_back();
  save_and_tell(folder, s);
  std::error_code ignored;
  std::filesystem::remove(folder.configuration_of(n.name), ignored);
}

/// A node in `s` with its files, not started yet.
boost::system::result<std::string, ending> prepare_further(const cluster_folder& folder, cluster_state& s) {
  const auto count = ports_needed_by_node(has_network(s));
  const auto ports = ports_after(highest_port(s), count, [](auto p) { return try_to_listen("127.0.0.1", p) == 0; });
  if (ports.size() < count) return failed("there are no free ports above " + std::to_string(highest_port(s)));
  const auto model = folder.configuration_of(s.nodes.front().name);
  const auto text = text_of(model);
  if (!text) return failed(model.string() + ", after which the node is configured, cannot be read");
  const auto n = further_node(s, ports);
  const auto own = node_configuration(*text, n, nullptr);
  if (!own) return failed(model.string() + " " + own.error().words);
  if (auto trouble = folder.write(folder.configuration_of(n.name), *own)) return *trouble;
  s.nodes.push_back(n);
  return n.name;
}

/// `change` the cuts of the cluster.
std::optional<ending> recut(const cluster_folder& folder, bool json,
                            const std::function<said(cluster_state&)>& change) {
  const auto lock = folder.lock();
  if (!lock) return lock.error();
  auto s = present_cluster(folder);
  if (!s) return s.error();
  const auto done = change(*s);
  if (!done) return done.error();
  if (look_at(s->network) != process_state::running)
    return failed("the network between the nodes does not run: `holdfast cluster restart network` starts it again");
  if (auto trouble = save_and_tell(folder, *s)) return trouble;
  tell(*s, json, *done);
  return std::nullopt;
}

std::string seconds(std::chrono::milliseconds d) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(1) << std::chrono::duration<double>(d).count() << " s";
  return out.str();
}

}  // namespace

boost::system::result<cluster_state, ending> present_cluster(const cluster_folder& folder) {
  auto s = folder.load();
  if (!s) return s.error();
  if (*s) return std::move(**s);
  return failed("no cluster is running in " + folder.path().string() +
                "; `holdfast cluster up` starts one, --dir names another folder");
}

std::optional<ending> cluster_status(const cluster_folder& folder, bool json) {
  const auto s = present_cluster(folder);
  if (!s) return s.error();
  const auto report = look_at_cluster(*s);
  if (json) {
    std::cout << status_json(report) << '\n';
  } else {
    print_status(std::cout, report, terminal_columns());
  }
  return std::nullopt;
}

std::optional<ending> cluster_kill(const cluster_folder& folder, const std::string& name, const std::string& signal,
                                   bool json) {
  auto s = present_cluster(folder);
  if (!s) return s.error();
  const auto p = process_of(*s, name);
  if (!p) return p.error();
  const int number = number_of(signal);
  if (!send_signal(*p, number)) return failed(name + " is dead already");
  await_effect(*p, number);
  tell(*s, json, name + " (process " + std::to_string(p->number) + ") got SIG" + signal);
  return std::nullopt;
}

boost::system::result<cluster_state, ending> restart_part(const cluster_folder& folder, const std::string& name) {
  const auto lock = folder.lock();
  if (!lock) return lock.error();
  auto s = present_cluster(folder);
  if (!s) return s.error();
  const auto p = process_of(*s, name);
  if (!p) return p.error();
  ask_to_end(*p);
  if (!await_end(*p, end_timeout, true))
    return failed(name + " has not ended yet; `holdfast cluster kill " + name + "` ends it at once");
  auto trouble = start_again(folder, *s, name);
  // Whoever restarts the next one now is to find this one in use.
  if (const auto* n = find_node(*s, name); !trouble && n != nullptr) trouble = await_use_by_front(folder, *s, *n);
  if (trouble) return *trouble;
  return s;
}

std::optional<ending> cluster_restart(const cluster_folder& folder, const std::string& name, bool json) {
  auto s = restart_part(folder, name);
  if (!s) return s.error();
  tell(*s, json, name + " runs again (process " + std::to_string(process_of(*s, name)->number) + ")");
  return std::nullopt;
}

std::optional<ending> cluster_add(const cluster_folder& folder, bool json) {
  const auto lock = folder.lock();
  if (!lock) return lock.error();
  auto s = present_cluster(folder);
  if (!s) return s.error();
  const auto name = prepare_further(folder, *s);
  if (!name) return name.error();
  auto trouble = save_and_tell(folder, *s);
  if (!trouble) trouble = start_again(folder, *s, *name);
  if (trouble) {
    forget_last(folder, *s);
    return trouble;
  }
  trouble = write_front_configuration(folder, *s);
  if (trouble) return trouble;
  if (look_at(s->front) == process_state::gone)
    return failed(*name + " is ready, but the front is dead: `holdfast cluster restart front`");
  const auto& n = s->nodes.back();
  trouble = add_to_front(folder, n);
  if (!trouble) trouble = await_use_by_front(folder, *s, n);
  if (trouble) return trouble;
  tell(*s, json, n.name + " is ready: " + mcp_url(n.mcp) + ", operators " + base_url(n.admin));
  return std::nullopt;
}

std::optional<ending> cluster_drain(const cluster_folder& folder, const std::string& name, bool json) {
  auto s = present_cluster(folder);
  if (!s) return s.error();
  const auto* n = find_node(*s, name);
  if (n == nullptr)
    return ending{exit_code::usage, "there is no node " + name + "; `holdfast cluster status` lists them"};
  const auto start = clock::now();
  if (!ask_to_end(n->process)) return failed(name + " is dead already");
  const bool gone = await_end(n->process, for_ever, true);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start);
  if (!gone) return ending{exit_code::interrupted, name + " goes on draining; it was waited for " + seconds(took)};
  if (json) {
    std::cout << "{\"name\":" << mcp::quote(name) << ",\"milliseconds\":" << took.count() << "}" << std::endl;
  } else {
    std::cout << name << " has gone after " << seconds(took) << std::endl;
  }
  return std::nullopt;
}

std::optional<ending> cluster_partition(const cluster_folder& folder, const std::string& a, const std::string& b,
                                        bool one_way, bool json) {
  return recut(folder, json, [&](cluster_state& s) { return cut_off(s, a, b, one_way); });
}

std::optional<ending> cluster_heal(const cluster_folder& folder, const std::string& a, const std::string& b,
                                   bool json) {
  return recut(folder, json, [&](cluster_state& s) { return heal(s, a, b); });
}

}  // namespace holdfast::apps
