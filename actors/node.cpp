#include "actors/node.hpp"

#include <algorithm>
#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <filesystem>
#include <future>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "actors/admin/admin.hpp"
#include "actors/arrival.hpp"
#include "actors/catalogue.hpp"
#include "actors/certificates.hpp"
#include "actors/drain.hpp"
#include "actors/ingress.hpp"
#include "actors/log.hpp"
#include "actors/messages.hpp"
#include "actors/node_defaults.hpp"
#include "actors/registry.hpp"
#include "actors/roster.hpp"
#include "actors/session.hpp"
#include "actors/shard.hpp"
#include "actors/shard_scheduler.hpp"
#include "actors/tracing/exporter.hpp"
#include "actors/watchdog.hpp"
#include "transport/errc.hpp"
#include "transport/loop.hpp"

namespace holdfast::actors {
namespace {

using namespace std::chrono_literals;

constexpr auto step = 5ms;                // between two looks while stopping
constexpr auto last_answers_within = 1s;  // of sessions that are told that the node stops

class running_node final : public node {
 public:
  running_node(node_config c, process_hooks process) : context_(with_defaults(c), cursor_key_of(c)) {
    context_.process = std::move(process);
    for (std::size_t i = 0; i < context_.config.threads; ++i) {
      loops_.push_back(transport::loop::create());
      context_.shards.push_back(std::make_unique<shard>(*loops_.back()));
      for (std::size_t u = 0; u < context_.upstreams.size(); ++u) context_.shards.back()->counters().upstreams.add();
    }
    if (context_.config.cluster.enabled) context_.in_cluster = std::make_unique<cluster>(context_.config.cluster);
    system_config_ = std::make_unique<shard_system_config>(context_.shards);
    system_ = std::make_unique<caf::actor_system>(*system_config_);
    for (auto& s : context_.shards) s->attach(*system_);
    system_config_->running = true;
    for (auto& l : loops_) threads_.emplace_back([&l] { l->run(); });
  }

  ~running_node() override {
    if (!stopped_) {
      hurry();
      stop();
    }
  }

  transport::outcome<void> begin() {
    if (const auto read = read_certificates(context_); !read) return read.error();
    open_traces();
    if (const auto opened = open_store(); !opened) return opened.error();
    auto& first = *context_.shards.front();
    context_.catalogue = spawn_catalogue(*system_, first, context_);
    begin_registry(first);
    for (auto& s : context_.shards) context_.ingresses.push_back(spawn_ingress(*system_, *s, context_));
    context_.admin = spawn_admin(*system_, first, context_);
    if (const auto joined = join_cluster(); !joined) return joined.error();
    auto port = context_.config.listen_port;
    for (std::size_t i = 0; i < context_.shards.size(); ++i) {
      const auto bound = listen(context_.ingresses[i], context_.config.listen_host, port);
      if (!bound) return bound.error();
      port = *bound;
    }
    mcp_address_ = context_.addresses.mcp = address(context_.config.listen_host, port);
    if (context_.store && !context_.in_cluster)
      on(first, [&] { recover_open_sessions(*system_, first, context_, all_slots()); });
    first.loop().post([this] { tell_repeats_later(); });
    return open_admin(port);
  }

  std::string mcp_address() const override { return mcp_address_; }
  std::string mcp_url() const override { return (context_.tls ? "https://" : "http://") + mcp_address_ + "/mcp"; }
  std::string admin_address() const override { return admin_address_; }
  std::string admin_url() const override {
    if (admin_address_.empty()) return {};
    return (context_.admin_tls ? "https://" : "http://") + admin_address_;
  }

  void stop() override {
    if (std::exchange(stopped_, true)) return;
    leave_cluster();
    context_.draining = true;
    drain(context_, hurry_);
    const auto cut = context_.calls.all.load();
    if (cut > 0) log::warning("node.calls_cut", {{"calls", cut}});
    const watchdog bound(actors_end_within() + 10s);
    end_sessions();
    flush_traces();
    await_answers(context_, last_answers_within);
    end_membership();
    if (context_.registry) on(*context_.shards.front(), [this] { context_.registry->stop(); });
    for (const auto& i : context_.ingresses) caf::anon_send(i, ingress_stop{});
    caf::anon_send(context_.admin, ingress_stop{});
    for (std::size_t u = 0; u < context_.upstreams.size(); ++u)
      caf::anon_send(context_.upstreams[u].shared, upstream_stop{});
    caf::anon_send(context_.catalogue, upstream_stop{});
    release_handles();
    wait_until([this] { return system_->registry().running() == 0; }, actors_end_within());
    end_threads();
  }

  void hurry() noexcept override { hurry_ = true; }

  void reload() override {
    context_.shards.front()->loop().post([r = context_.registry] { r->reload(); });
  }

  void look_at_certificates(bool at_once) override { actors::look_at_certificates(context_, at_once); }

 private:
  void open_traces() {
    const auto& config = context_.config;
    if (config.traces.endpoint.empty()) return;
    const auto name = config.cluster.name.empty() ? config.listen_host + ":" + std::to_string(config.listen_port)
                                                  : config.cluster.name;
    for (auto& s : context_.shards) {
      on(*s, [&] { s->use(tracing::exporter::create(s->loop(), config.traces, name, s->counters().spans)); });
    }
  }

  /// What there is still to tell.
  void flush_traces() {
    for (auto& s : context_.shards) {
      on(*s, [&] {
        if (s->traces() != nullptr) s->traces()->flush();
      });
    }
  }

  void begin_registry(shard& first) {
    context_.registry = std::make_shared<registry>(*system_, first, context_);
    std::promise<void> known;
    first.loop().post([&] { context_.registry->begin([&] { known.set_value(); }); });
    known.get_future().get();
  }

  transport::outcome<void> open_store() {
    auto opened = node_store::open(context_.config.store);
    if (!opened) return opened.error();
    if (!*opened) return {};
    context_.store = std::move(*opened);
    for (auto& s : context_.shards) {
      on(*s, [&] { s->use(context_.store->lane(transport::context_of(s->loop()))); });
    }
    if (context_.in_cluster) {
      context_.store->is_alive = [c = context_.in_cluster.get()](const std::string& incarnation) {
        return machines::membership::find(*c->membership.get(), incarnation) != nullptr;
      };
    } else {
      const auto problem = claim_all_slots();
      if (!problem.empty()) return store_failure(problem);
    }
    share_findings();
    log::info("store.open", {{"store", context_.store->shown()}, {"tier", name_of(context_.store->tier())}});
    return {};
  }

  void tell_repeats_later() {
    context_.shards.front()->loop().after(5s, [this] {
      log::tell_repeats();
      tell_repeats_later();
    });
  }

  /// What the other nodes know, too, and the process that comes after this one: breakers, and results of calls.
  void share_findings() {
    const auto& c = context_.config.cluster;
    const auto name = !context_.in_cluster ? std::string("local") : !c.name.empty() ? c.name : c.advertise;
    std::promise<void> read;
    auto& first = *context_.shards.front();
    first.loop().post([&] { context_.circuits->share(first, *context_.store, name, [&] { read.set_value(); }); });
    read.get_future().get();
    const bool together = context_.in_cluster != nullptr;
    context_.results->share(context_.store.get(), together);
    first.loop().post([&, together] { context_.cache_keys->share(first, *context_.store, together); });
  }

  transport::failure store_failure(const std::string& problem) const {
    return {make_error_code(std::errc::io_error), "store " + context_.store->shown() + ": " + problem};
  }

  static std::vector<std::uint16_t> all_slots() {
    std::vector<std::uint16_t> all(persistence::slot_count);
    std::iota(all.begin(), all.end(), std::uint16_t{0});
    return all;
  }

  /// What a node on its own does. What went wrong, or nothing.
  std::string claim_all_slots() {
    const auto all = all_slots();
    auto& first = *context_.shards.front();
    std::promise<std::string> claimed;
    first.loop().post([&] {
      context_.store->claim(*first.lane(), all, 0, [&](std::string problem) { claimed.set_value(std::move(problem)); });
    });
    auto problem = claimed.get_future().get();
    const auto lacking =
        std::any_of(all.begin(), all.end(), [this](auto slot) { return !context_.store->holds(slot); });
    if (problem.empty() && lacking)
      problem = "a cluster works on it: set `cluster.listen` to join that, or another `store.prefix`";
    return problem;
  }

  /// Enters the cluster, if there is to be one: from then on other nodes send requests here.
  transport::outcome<void> join_cluster() {
    if (!context_.in_cluster) return {};
    auto& cluster = *context_.in_cluster;
    // Before anybody can reach it: others may know the address from a former life.
    cluster.roster = spawn_roster(*system_, *context_.shards.front(), context_);
    auto port = cluster.config.port;
    for (auto& s : context_.shards) {
      context_.ingresses.push_back(spawn_ingress(*system_, *s, context_, ingress_role::peers));
      const auto bound = listen(context_.ingresses.back(), cluster.config.host, port);
      if (!bound) return bound.error();
      port = *bound;
    }
    cluster.address = cluster.config.advertise.empty() ? address(cluster.config.host, port) : cluster.config.advertise;
    await_first_lists(*system_, *context_.shards.front(), context_);
    std::promise<std::string> joined;
    caf::anon_send(cluster.roster, roster_join{[&](std::string problem) { joined.set_value(std::move(problem)); }});
    if (const auto problem = joined.get_future().get(); !problem.empty())
      return transport::failure{make_error_code(std::errc::io_error), "cannot join the cluster: " + problem};
    return {};
  }

  /// Hands the slots over, while requests go on.
  void leave_cluster() {
    if (!context_.in_cluster || !context_.in_cluster->roster) return;
    const auto left = std::make_shared<std::promise<void>>();
    auto gone = left->get_future();
    const auto& roster = context_.in_cluster->roster;
    caf::anon_send(roster, roster_leave{[left] { left->set_value(); }});
    const auto deadline = std::chrono::steady_clock::now() + context_.config.drain_timeout;
    while (gone.wait_for(step) != std::future_status::ready) {
      if (!hurry_ && std::chrono::steady_clock::now() < deadline) continue;
      caf::anon_send(roster, roster_hurry{});
      gone.wait_for(1s);
      return;
    }
  }

  void end_membership() {
    if (!context_.in_cluster || !context_.in_cluster->roster) return;
    const auto ended = std::make_shared<std::promise<void>>();
    auto gone = ended->get_future();
    caf::anon_send(context_.in_cluster->roster, roster_stop{[ended] { ended->set_value(); }});
    gone.wait_for(context_.config.store.hold_timeout);  // the others find out by themselves if the store is away
  }

  /// Runs `f` on the shard's thread and waits for it.
  template <class F>
  static void on(shard& s, F f) {
    std::promise<void> done;
    s.loop().post([&] {
      f();
      done.set_value();
    });
    done.get_future().get();
  }

  static std::string address(const std::string& host, std::uint16_t port) {
    const auto literal = host.find(':') != std::string::npos && host.front() != '[';
    return (literal ? "[" + host + "]" : host) + ":" + std::to_string(port);
  }

  transport::outcome<std::uint16_t> listen(const caf::actor& who, const std::string& host, std::uint16_t port) {
    std::promise<transport::outcome<std::uint16_t>> promise;
    auto bound = promise.get_future();
    caf::anon_send(who, ingress_listen{host, port, [&promise](auto result) { promise.set_value(std::move(result)); }});
    return bound.get();
  }

  transport::outcome<void> open_admin(std::uint16_t mcp_port) {
    open_admin_socket(mcp_port);
    const auto& config = context_.config.admin;
    if (!config.enabled) return {};
    const auto port = config.port.value_or(static_cast<std::uint16_t>(mcp_port + 1));
    const auto bound = listen(context_.admin, config.host, port);
    if (bound) {
      admin_address_ = context_.addresses.admin = address(config.host, *bound);
      return {};
    }
    if (config.port) return bound.error();
    // Nobody asked for this very port, so it is no reason not to serve.
    log::warning("admin.off", {{"reason", bound.error().detail}, {"remedy", "set admin.listen"}});
    return {};
  }

  /// A node without it serves all the same: it is one of two ways in.
  void open_admin_socket(std::uint16_t mcp_port) {
    auto path = context_.config.admin.socket;
    if (path.empty()) return;
    if (path.ends_with('/')) {
      if (context_.config.listen_port == 0) return;  // nobody would find it under a name that changes
      std::error_code ignored;                       // binding tells
      std::filesystem::create_directories(path, ignored);
      path += std::to_string(mcp_port) + ".sock";
    }
    const auto bound = listen(context_.admin, path, 0);
    if (bound) return log::info("admin.socket", {{"path", path}});
    log::warning("admin.socket_off", {{"reason", bound.error().detail}, {"remedy", "set admin.socket"}});
  }

  /// Upstream processes get their grace twice: after the end of their input and after SIGTERM.
  std::chrono::milliseconds actors_end_within() const {
    std::chrono::milliseconds grace{0};
    for (std::size_t u = 0; u < context_.upstreams.size(); ++u)
      grace = std::max(grace, context_.upstreams[u].config.limits.shutdown_grace);
    // A session waits for what it has sent to a store that is away.
    return 2 * grace + 2s + (context_.store ? context_.config.store.hold_timeout : 0ms);
  }

  template <class Condition>
  static void wait_until(Condition c, std::chrono::milliseconds at_most) {
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    while (!c() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(step);
  }

  /// A session that was being made when the node stopped taking any shows up late, so this looks more than once.
  void end_sessions() {
    for (int turn = 0; turn < 10 && (turn == 0 || context_.sessions.size() > 0); ++turn) {
      for (const auto& s : context_.sessions.all()) caf::anon_send(s, session_suspend{});
      wait_until([this] { return context_.sessions.size() == 0; }, 100ms);
    }
  }

  void release_handles() {
    context_.ingresses.clear();
    for (std::size_t u = 0; u < context_.upstreams.size(); ++u) context_.upstreams[u].shared = nullptr;
    context_.catalogue = nullptr;
  }

  void end_threads() {
    const auto left = system_->registry().running();
    for (auto& s : context_.shards) {
      on(*s, [&] {
        s->use(std::unique_ptr<persistence::store_lane>());
        s->use(std::shared_ptr<tracing::exporter>());
      });
    }
    for (auto& l : loops_) l->stop();
    for (auto& t : threads_) t.join();
    if (context_.in_cluster) context_.in_cluster->roster = nullptr;  // the others have sent it requests until now
    system_config_->running = false;
    if (left == 0) {
      context_.admin = nullptr;  // other nodes may have asked until now
      system_.reset();
      return;
    }
    // The system's destructor would wait for them for ever.
    log::error("node.actors_left", {{"actors", left}});
    std::_Exit(70);
  }

  // Destroyed from the bottom up: actors before the shards and loops they live on.
  std::vector<std::unique_ptr<transport::loop>> loops_;
  node_context context_;
  std::unique_ptr<shard_system_config> system_config_;
  std::unique_ptr<caf::actor_system> system_;
  std::vector<std::thread> threads_;
  std::string mcp_address_, admin_address_;
  std::atomic<bool> hurry_{false};
  bool stopped_ = false;
};

}  // namespace

transport::outcome<std::unique_ptr<node>> node::start(node_config config, process_hooks process) {
  auto n = std::make_unique<running_node>(std::move(config), std::move(process));
  if (const auto begun = n->begin(); !begun) return begun.error();
  return std::unique_ptr<node>(std::move(n));
}

}  // namespace holdfast::actors
