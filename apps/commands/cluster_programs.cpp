#include "apps/commands/cluster_programs.hpp"

#include <poll.h>

#include <algorithm>
#include <functional>

#include "apps/commands/admin_client.hpp"
#include "apps/commands/cluster_network.hpp"
#include "apps/commands/options.hpp"
#include "apps/config/config.hpp"
#include "persistence/store.hpp"
#include "transport/program_path.hpp"

namespace holdfast::apps {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using transport::find_program;

constexpr auto start_timeout = 60s, answer_timeout = 2s;
constexpr int glance_ms = 50;
constexpr std::string_view front_file = "front.cfg";

ending missing(const std::string& program, const std::string& package) {
  return {exit_code::failed, program + " is not installed; `apt-get install " + package + "` (as root) installs it"};
}

std::optional<ending> start(const launch& l, process_id& into) {
  const auto started = start_process(l);
  if (!started) return started.error();
  into = *started;
  return std::nullopt;
}

bool is_ready(std::uint16_t port) { return admin_get(base_url(port), "/readyz", answer_timeout).has_value(); }

/// Waits for one process to answer.
std::optional<ending> await(const std::string& name, const process_id& p, const fs::path& log,
                            const std::function<bool()>& answers) {
  const auto deadline = std::chrono::steady_clock::now() + start_timeout;
  const auto said = [&] { return "; its log " + log.string() + " ends with:\n" + last_lines(log); };
  while (!answers()) {
    if (look_at(p) == process_state::gone) return ending{exit_code::failed, name + " ended at its start" + said()};
    if (interruption()) return ending{exit_code::interrupted, "interrupted while " + name + " was starting"};
    if (std::chrono::steady_clock::now() > deadline)
      return ending{exit_code::timed_out,
                    name + " was not ready within " + std::to_string(start_timeout.count()) + " s" + said()};
    ::poll(nullptr, 0, glance_ms);
  }
  return std::nullopt;
}

}  // namespace

boost::system::result<cluster_programs, ending> find_programs(bool with_redis) {
  // Debian keeps haproxy where the PATH of a user does not lead.
  const std::string path = process_environment()("PATH").value_or("") + ":/usr/local/sbin:/usr/sbin:/usr/bin";
  std::error_code error;
  const auto self = fs::read_symlink("/proc/self/exe", error), here = self.parent_path();
  cluster_programs out;
  out.network = self.string();
  const auto node = find_program((here / "holdfastd").string(), "", "");
  if (!node) return ending{exit_code::failed, "there is no holdfastd in " + here.string()};
  out.node = *node;
  const auto front = find_program("haproxy", "", path);
  if (!front) return missing("haproxy", "haproxy");
  out.front = *front;
  if (!with_redis) return out;
  const auto redis = find_program("redis-server", "", path);
  if (!redis) return missing("redis-server", "redis-server");
  out.redis = *redis;
  return out;
}

std::optional<ending> start_redis(const cluster_programs& p, const cluster_folder& folder, cluster_state& s) {
  const cluster_folder data(folder.file("redis"));
  if (auto trouble = data.create()) return trouble;
  return start({p.redis, redis_arguments(s), data.path(), folder.log_of("redis")}, s.redis);
}

std::optional<ending> start_network(const cluster_programs& p, const cluster_folder& folder, cluster_state& s) {
  // It begins with what is saved.
  if (auto trouble = folder.save(s)) return trouble;
  return start({p.network,
                {"cluster", std::string(network_name), "--dir", folder.path().string()},
                folder.path(),
                folder.log_of(network_name)},
               s.network);
}

std::optional<ending> start_front(const cluster_programs& p, const cluster_folder& folder, cluster_state& s) {
  return start({p.front, {"-db", "-f", folder.file(front_file).string()}, folder.path(), folder.log_of("front")},
               s.front);
}

std::optional<ending> start_node(const cluster_programs& p, const cluster_folder& folder, const cluster_state& s,
                                 cluster_node& n) {
  n.served = false;
  return start({p.node, {"--config", folder.configuration_of(n.name).string()}, s.directory, folder.log_of(n.name)},
               n.process);
}

std::optional<ending> write_front_configuration(const cluster_folder& folder, const cluster_state& s) {
  return folder.write(folder.file(front_file), front_configuration(s));
}

std::optional<ending> await_redis(const cluster_folder& folder, const cluster_state& s) {
  return await("Redis", s.redis, folder.log_of("redis"), [&] {
    persistence::store_options o;
    o.url = s.store;
    const auto opened = persistence::store::open(o);
    return opened && (*opened)->health().available;
  });
}

std::optional<ending> await_network(const cluster_folder& folder, const cluster_state& s) {
  return await("the network between the nodes", s.network, folder.log_of(network_name),
               [&] { return !tell_network(folder); });
}

std::optional<ending> await_front(const cluster_folder& folder, const cluster_state& s) {
  return await("the front", s.front, folder.log_of("front"), [&] { return is_ready(s.front_port); });
}

std::optional<ending> await_node(const cluster_folder& folder, cluster_node& n) {
  auto trouble = await(n.name, n.process, folder.log_of(n.name), [&] { return is_ready(n.mcp); });
  n.served = !trouble;
  return trouble;
}

}  // namespace holdfast::apps
