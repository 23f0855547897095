// holdfastd: a node in the foreground.

#include <pthread.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <thread>

#include "actors/log.hpp"
#include "actors/node.hpp"
#include "apps/config/config.hpp"

namespace {

using holdfast::actors::node;
using holdfast::actors::node_config;

struct options {
  std::string config, listen;
  bool check = false, ephemeral = false;
};

/// SIGTERM, SIGINT and SIGHUP are taken by `wait_for_stop` alone.
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const auto s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, s);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

/// Connections are file descriptors; the usual soft limit of 1024 is soon reached.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    holdfast::actors::log::warning("node.descriptor_limit", {{"soft", limit.rlim_cur}});
}

std::optional<node_config> load(const options& o) {
  auto loaded = o.config.empty() ? holdfast::apps::config_outcome(holdfast::apps::default_config())
                                 : holdfast::apps::load_config(o.config);
  if (!loaded) {
    std::cerr << holdfast::apps::to_string(loaded.error());
    return std::nullopt;
  }
  auto config = std::move(*loaded);
  if (o.ephemeral) config.store = {};
  if (config.store.primary.url.empty()) {
    std::cerr << "holdfastd: " << holdfast::apps::missing_store << "\n";
    return std::nullopt;
  }
  if (o.listen.empty()) return config;
  const auto colon = o.listen.rfind(':');
  const auto port = colon == std::string::npos ? -1 : std::atoi(o.listen.c_str() + colon + 1);
  if (port < 0 || port > 65535 || colon == 0) {
    std::cerr << "holdfastd: --listen " << o.listen << ": must be HOST:PORT, such as 127.0.0.1:7420\n";
    return std::nullopt;
  }
  config.listen_host = o.listen.substr(0, colon);
  config.listen_port = static_cast<std::uint16_t>(port);
  return config;
}

/// SIGINT or SIGTERM, whichever comes. Meanwhile certificates are looked at every now and then, and at SIGHUP.
int await_end(const sigset_t& set, node& n) {
  constexpr timespec pause{2, 0};
  for (;;) {
    const int signal = sigtimedwait(&set, nullptr, &pause);
    if (signal == SIGINT || signal == SIGTERM) return signal;
    n.look_at_certificates(signal == SIGHUP);
  }
}

/// The first signal drains; another SIGINT or SIGTERM makes it stop at once.
int wait_for_stop(const sigset_t& set, node& n) {
  int signal = await_end(set, n);
  holdfast::actors::log::info("node.stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  std::thread again([&] {
    sigwait(&set, &signal);
    n.hurry();
    sigwait(&set, &signal);
    std::_Exit(130);
  });
  again.detach();
  n.stop();  // what had to be cut off has been answered and logged
  holdfast::actors::log::info("node.stopped");
  return 0;
}

int run(const options& o) {
  const auto signals = block_signals();
  const auto config = load(o);
  if (!config) return 2;
  if (o.check) {
    std::cout << (o.config.empty() ? "the embedded configuration" : o.config) << ": good, " << config->upstreams.size()
              << " upstreams, store " << holdfast::apps::shown_store(config->store.primary.url) << "\n";
    return 0;
  }
  holdfast::actors::log::configure(config->level, config->format);
  raise_descriptor_limit();
  if (config->store.primary.url == "memory:") {
    holdfast::actors::log::info("node.ephemeral", {{"note", "sessions live in memory only and end with this process"}});
  }
  auto started = node::start(*config);
  if (!started) {
    std::cerr << "holdfastd: " << started.error().detail << "\n";
    if (started.error().detail.ends_with("address already in use"))
      std::cerr << "Another node may be running there; --listen HOST:PORT serves at another address.\n";
    return 1;
  }
  auto& n = **started;
  std::cout << "holdfastd ready mcp=" << n.mcp_url();
  if (!n.admin_address().empty()) std::cout << " admin=" << n.admin_url();
  std::cout << std::endl;
  const auto code = wait_for_stop(signals, n);
  std::fflush(nullptr);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app{"A node of Holdfast, the durable gateway for the Model Context Protocol."};
  app.add_option("--config", o.config, "Configuration file, YAML or an MCP client's JSON; without it, an example runs")
      ->check(CLI::ExistingFile);
  app.add_option("--listen", o.listen, "HOST:PORT to serve MCP on, instead of the configured one");
  app.add_flag("--ephemeral", o.ephemeral, "Keep everything in memory: nothing survives the process");
  app.add_flag("--check", o.check, "Only check the configuration");
  app.set_version_flag("--version", std::string("holdfastd " HOLDFAST_VERSION));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    return run(o);
  } catch (const std::exception& e) {
    std::cerr << "holdfastd: " << e.what() << "\n";
    return 1;
  }
}
