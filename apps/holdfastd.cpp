// holdfastd: a node in the foreground.

#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include "actors/log.hpp"
#include "actors/node.hpp"
#include "apps/config/config.hpp"
#include "apps/exec_anew.hpp"
#include "transport/mcp/envelope.hpp"

namespace {

using holdfast::actors::node;
using holdfast::actors::node_config;
using holdfast::actors::process_hooks;
using holdfast::apps::own_process;

struct options {
  std::string config, listen;
  bool check = false, ephemeral = false;
};

/// SIGTERM, SIGINT, SIGHUP and SIGUSR1 are taken by `wait_for_stop` alone.
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const auto s : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, s);
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

/// Nothing if it cannot be used; `errors` says why.
std::optional<node_config> load(const options& o, std::ostream& errors) {
  auto loaded = o.config.empty() ? holdfast::apps::config_outcome(holdfast::apps::default_config())
                                 : holdfast::apps::load_config(o.config);
  if (!loaded) {
    errors << holdfast::apps::to_string(loaded.error());
    return std::nullopt;
  }
  auto config = std::move(*loaded);
  if (o.ephemeral) config.store = {};
  if (config.store.primary.url.empty()) {
    errors << "holdfastd: " << holdfast::apps::missing_store << "\n";
    return std::nullopt;
  }
  if (o.listen.empty()) return config;
  const auto colon = o.listen.rfind(':');
  const auto port = colon == std::string::npos ? -1 : std::atoi(o.listen.c_str() + colon + 1);
  if (port < 0 || port > 65535 || colon == 0) {
    errors << "holdfastd: --listen " << o.listen << ": must be HOST:PORT, such as 127.0.0.1:7420\n";
    return std::nullopt;
  }
  config.listen_host = o.listen.substr(0, colon);
  config.listen_port = static_cast<std::uint16_t>(port);
  return config;
}

/// SIGUSR1, for when nothing else gets through: everything is logged from now on, and with the next one as before.
void switch_debugging(holdfast::actors::log_level configured) {
  namespace log = holdfast::actors::log;
  using holdfast::actors::log_level;
  log::set_level(log::level() == log_level::debug ? configured : log_level::debug);
  log::warning("log.level", {{"now", log::name_of(log::level())}, {"by", "SIGUSR1"}});
}

/// Says when a file is another one, or was written to.
class watched_file {
 public:
  explicit watched_file(std::string path) : path_(std::move(path)), seen_(look()) {}

  bool changed() {
    const auto now = look();
    return now != std::exchange(seen_, now) && now != gone;
  }

 private:
  using state = std::tuple<::ino_t, ::off_t, ::time_t, long>;
  static constexpr state gone{};

  state look() const {
    struct ::stat s {};
    if (path_.empty() || ::stat(path_.c_str(), &s) != 0) return gone;
    return {s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
  }

  const std::string path_;
  state seen_;
};

/// SIGINT or SIGTERM, whichever comes. Meanwhile certificates are looked at every now and then, and at SIGHUP; so is
/// the configuration.
int await_end(const sigset_t& set, node& n, holdfast::actors::log_level configured, watched_file file) {
  constexpr timespec pause{2, 0};
  for (;;) {
    const int signal = sigtimedwait(&set, nullptr, &pause);
    if (signal == SIGINT || signal == SIGTERM) return signal;
    if (signal == SIGUSR1) {
      switch_debugging(configured);
      continue;
    }
    n.look_at_certificates(signal == SIGHUP);
    if (file.changed() || signal == SIGHUP) n.reload();
  }
}

/// An operator wants the process to start anew once it has stopped.
std::atomic<bool> starts_anew{false};

using upstreams = std::vector<holdfast::actors::upstream_config>;

holdfast::transport::failure unusable(std::string why) {
  while (!why.empty() && why.back() == '\n') why.pop_back();
  return {make_error_code(std::errc::invalid_argument), std::move(why)};
}

/// One upstream alone, by a configuration that holds nothing else. `name`: its alias, behind the name of its user if
/// it is for one.
holdfast::transport::outcome<holdfast::actors::upstream_config> read_definition(std::string_view name,
                                                                                std::string_view definition) {
  namespace mcp = holdfast::mcp;
  const auto slash = name.rfind('/');
  const auto user = slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
  const auto alias = name.substr(slash == std::string_view::npos ? 0 : slash + 1);
  const auto whole = user.empty() ? std::string(definition) : mcp::with_member(definition, "user", mcp::quote(user));
  const auto text = R"({"upstreams":{)" + mcp::quote(alias) + ":" + whole + "}}";
  auto config = holdfast::apps::load_config_text(text, "definition");
  if (!config) return unusable(holdfast::apps::to_string(config.error()));
  auto& read = config->upstreams.front();
  if (read.user != user) return unusable("`user` is not who it is registered for");
  return std::move(read);
}

/// Signals wait until there is a node that they can stop.
bool is_stop_pending() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1;
}

process_hooks hooks_of(const options& o) {
  const auto objection = [o] {
    std::ostringstream errors;
    return load(o, errors) ? std::string() : errors.str();
  };
  const auto restart = [] {
    starts_anew = true;
    ::kill(::getpid(), SIGTERM);
  };
  const auto configured = [o]() -> holdfast::transport::outcome<upstreams> {
    std::ostringstream errors;
    const auto config = load(o, errors);
    if (!config) return unusable(errors.str());
    return config->upstreams;
  };
  return {objection, restart, configured, read_definition, is_stop_pending};
}

/// While a node stops: another SIGINT or SIGTERM has it stop at once, and for good; one more ends the process.
class impatience {
 public:
  impatience(const sigset_t& set, node& n)
      : thread_([set, &n](const std::stop_token& over) {
          for (bool hurried = false; !over.stop_requested();) {
            constexpr timespec glance{0, 20'000'000};
            const int signal = sigtimedwait(&set, nullptr, &glance);
            if (signal != SIGINT && signal != SIGTERM) continue;
            if (std::exchange(hurried, true)) std::_Exit(130);
            starts_anew = false;
            n.hurry();
          }
        }) {}

 private:
  std::jthread thread_;
};

void wait_for_stop(const sigset_t& set, node& n, holdfast::actors::log_level configured, watched_file file) {
  const int signal = await_end(set, n, configured, std::move(file));
  const auto why = starts_anew ? "restart" : signal == SIGINT ? "SIGINT" : "SIGTERM";
  holdfast::actors::log::info("node.stopping", {{"signal", why}});
  const impatience more(set, n);
  n.stop();  // what had to be cut off has been answered and logged
  holdfast::actors::log::info("node.stopped");
  holdfast::actors::log::tell_repeats();
}

int run(const options& o, const own_process& process) {
  const auto signals = block_signals();
  const auto config = load(o, std::cerr);
  if (!config) return 2;
  if (o.check) {
    std::cout << (o.config.empty() ? "the embedded configuration" : o.config) << ": good, " << config->upstreams.size()
              << " upstreams, store " << holdfast::apps::shown_store(config->store.primary.url) << "\n";
    return 0;
  }
  holdfast::actors::log::configure(config->level, config->format, config->log_repeats_max);
  raise_descriptor_limit();
  if (config->store.primary.url == "memory:") {
    holdfast::actors::log::info("node.ephemeral", {{"note", "sessions live in memory only and end with this process"}});
  }
  auto started = node::start(*config, hooks_of(o));
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
  wait_for_stop(signals, n, config->level, watched_file(config->registry.watch ? o.config : std::string()));
  *started = nullptr;
  std::fflush(nullptr);
  if (!starts_anew) return 0;
  std::cerr << "holdfastd: " << process.begin_anew() << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const own_process process(argc, argv);
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
    return run(o, process);
  } catch (const std::exception& e) {
    std::cerr << "holdfastd: " << e.what() << "\n";
    return 1;
  }
}
