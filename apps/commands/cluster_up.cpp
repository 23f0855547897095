#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <random>

#include "apps/commands/cluster_programs.hpp"
#include "apps/commands/cluster_run.hpp"
#include "apps/commands/cluster_status.hpp"
#include "apps/commands/findings.hpp"
#include "apps/commands/options.hpp"
#include "apps/commands/ports.hpp"
#include "apps/commands/terminal.hpp"
#include "apps/config/config.hpp"

namespace holdfast::apps {
namespace {

namespace fs = std::filesystem;

ending failed(std::string words) { return {exit_code::failed, std::move(words)}; }

/// 32 random bytes.
std::string new_secret() {
  std::random_device source;
  std::string hex;
  char four[9];
  for (int i = 0; i < 8; ++i) {
    std::snprintf(four, sizeof four, "%08x", source());
    hex += four;
  }
  return hex;
}

bool is_free(std::uint16_t port) { return try_to_listen("127.0.0.1", port) == 0; }

boost::system::result<std::vector<std::uint16_t>, ending> choose_ports(std::uint16_t front, std::size_t count) {
  std::vector<std::uint16_t> ports;
  if (front == 0) {
    ports = free_ports(count);
  } else {
    const std::string text = std::to_string(front);
    const int error = try_to_listen("127.0.0.1", front);
    if (error == EADDRINUSE)
      return failed("port " + text + " is taken by another program: see which with `ss -ltnp 'sport = :" + text +
                    "'`, or name another one by --port");
    if (error != 0)
      return failed("port " + text + " cannot be listened on: " + std::strerror(error) + "; name another by --port");
    ports = ports_after(front, count - 1, is_free);
    ports.insert(ports.begin(), front);
  }
  if (ports.size() == count) return ports;
  return failed(std::to_string(count) + " free ports are needed, and there are not so many from " +
                std::to_string(front) + " on");
}

/// The user's configuration, once it is known to be good.
boost::system::result<std::string, ending> configuration_text(const std::string& file) {
  const auto text = file.empty() ? std::optional(std::string(default_config_text())) : text_of(file);
  const auto loaded = file.empty() ? load_config_text(*text, "(built-in configuration)") : load_config(file);
  if (!loaded) return ending{exit_code::usage, "the configuration cannot be used:\n" + to_string(loaded.error())};
  if (!text) return failed(file + " cannot be read");
  return *text;
}

/// A store of the user's choice must be there before nodes are; `configuration` is that of a node.
std::optional<ending> check_given_store(const fs::path& configuration, cluster_state& s) {
  const auto config = load_config(configuration);
  if (!config) return ending{exit_code::usage, "the nodes cannot be configured so:\n" + to_string(config.error())};
  s.store = shown_store(config->store.primary.url);
  for (const auto& f : check_store(*config))
    if (f.how == finding::grade::bad) return failed(f.about + ": " + f.detail + "; " + f.remedy);
  return std::nullopt;
}

std::optional<ending> write_configurations(const cluster_folder& folder, const cluster_state& s,
                                           const std::string& text, const up_options& o) {
  const shared_settings shared{o.store.empty() ? s.store : o.store, new_secret()};
  for (const auto& n : s.nodes) {
    const auto own = node_configuration(text, n, &shared);
    if (!own)
      return ending{own.error().code,
                    (o.config.empty() ? "the built-in configuration" : o.config) + " " + own.error().words};
    if (auto trouble = folder.write(folder.configuration_of(n.name), *own)) return trouble;
  }
  return write_front_configuration(folder, s);
}

/// Writes what the programs read at their start.
std::optional<ending> prepare(const cluster_folder& folder, cluster_state& s, const std::string& text,
                              const up_options& o) {
  if (auto trouble = write_configurations(folder, s, text, o)) return trouble;
  if (o.store.empty()) return std::nullopt;
  return check_given_store(folder.configuration_of(s.nodes.front().name), s);
}

boost::system::result<cluster_state, ending> planned(const cluster_folder& folder, const up_options& o) {
  const bool own_redis = o.store.empty();
  const auto text = configuration_text(o.config);
  if (!text) return text.error();
  const cluster_size size{o.nodes, own_redis, !o.direct};
  const auto ports = choose_ports(o.port, ports_needed(size));
  if (!ports) return ports.error();
  auto s = assign_ports(*ports, size);
  std::error_code error;
  s.directory = fs::current_path(error).string();
  if (auto trouble = prepare(folder, s, *text, o)) {
    folder.clear(s);
    return *trouble;
  }
  return s;
}

/// Logs begin anew with the cluster.
void remove_logs(const cluster_folder& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder.path(), ignored))
    if (entry.path().extension() == ".log") fs::remove(entry.path(), ignored);
}

/// What is started is noted at once, so that `down` finds it whatever becomes of this command.
std::optional<ending> start_all(const cluster_programs& p, const cluster_folder& folder, cluster_state& s) {
  if (s.store_port != 0) {
    if (auto trouble = start_redis(p, folder, s)) return trouble;
    if (auto trouble = folder.save(s)) return trouble;
    if (auto trouble = await_redis(folder, s)) return trouble;
  }
  if (has_network(s)) {
    if (auto trouble = start_network(p, folder, s)) return trouble;
    if (auto trouble = folder.save(s)) return trouble;
    if (auto trouble = await_network(folder, s)) return trouble;
  }
  for (auto& n : s.nodes) {
    if (auto trouble = start_node(p, folder, s, n)) return trouble;
    if (auto trouble = folder.save(s)) return trouble;
  }
  for (auto& n : s.nodes) {
    if (auto trouble = await_node(folder, n)) return trouble;
  }
  if (auto trouble = start_front(p, folder, s)) return trouble;
  if (auto trouble = folder.save(s)) return trouble;
  return await_front(folder, s);
}

boost::system::result<cluster_state, ending> begin(const cluster_folder& folder, const up_options& o) {
  const auto here = folder.load();
  if (!here) return here.error();
  const std::string dir = " --dir " + folder.path().string();
  if (*here && is_alive(**here))
    return failed("a cluster is already running in " + folder.path().string() + ", at " + mcp_url((*here)->front_port) +
                  ": `holdfast cluster down" + dir + "` stops it, another --dir (and --port) starts one beside it");
  const auto programs = find_programs(o.store.empty());
  if (!programs) return programs.error();
  if (*here) folder.clear(**here);
  auto s = planned(folder, o);
  if (!s) return s;
  remove_logs(folder);
  if (auto trouble = start_all(*programs, folder, *s)) {
    stop_cluster(folder, *s);
    return *trouble;
  }
  return s;
}

}  // namespace

boost::system::result<cluster_state, ending> start_cluster(const cluster_folder& folder, const up_options& o) {
  if (auto trouble = folder.create()) return *trouble;
  const auto lock = folder.lock();
  if (!lock) return lock.error();
  return begin(folder, o);
}

std::optional<ending> cluster_up(const cluster_folder& folder, const up_options& o, bool json) {
  interrupt_by_end();
  const auto s = start_cluster(folder, o);
  if (!s) return s.error();
  const auto report = look_at_cluster(*s);
  if (json) {
    std::cout << status_json(report) << std::endl;
  } else {
    std::cout << "Holdfast serves MCP at " << mcp_url(s->front_port) << "\n\n";
    if (o.detach || terminal_columns() == 0) print_status(std::cout, report, terminal_columns());
    std::cout << (o.detach ? "\nIt runs in the background, from " + folder.path().string() : "Ctrl-C stops it") << ".\n"
              << std::endl;
  }
  if (o.detach || !watch_cluster(folder, json)) return std::nullopt;
  std::cout << (json ? "" : "\nStopping when running calls have ended.\n") << std::flush;
  return cluster_down(folder);
}

}  // namespace holdfast::apps
