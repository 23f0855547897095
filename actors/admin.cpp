#include "actors/admin.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/behavior.hpp>
#include <charconv>
#include <memory>
#include <utility>
#include <vector>

#include "actors/ingress.hpp"
#include "actors/messages.hpp"
#include "actors/node_store.hpp"
#include "actors/session_owner.hpp"
#include "actors/shard.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::actors {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr auto wait_max = std::chrono::milliseconds{60'000};

std::string target_of(const upstream_config& u) {
  if (const auto* command = std::get_if<transport::stdio_command>(&u.target)) return command->command;
  const auto& url = std::get<transport::http_endpoint>(u.target).url;
  // A URL may carry credentials before the host or in its query.
  const auto scheme = url.find("://");
  const auto host = scheme == std::string::npos ? 0 : scheme + 3;
  const auto path = std::min(url.find_first_of("/?#", host), url.size());
  const auto at = url.rfind('@', path);
  const auto begin = at == std::string::npos || at < host ? host : at + 1;
  return url.substr(0, host) + url.substr(begin, url.find_first_of("?#", begin) - begin);
}

class admin_actor final : public shard_actor, private transport::http_handler {
 public:
  admin_actor(caf::actor_config& cfg, shard& home, node_context& node) : shard_actor(cfg, home), node_(node) {}

  const char* name() const override { return "admin"; }

  caf::behavior make_behavior() override {
    return {
        [this](ingress_listen& m) {
          auto server = transport::http_server::listen(home().loop(), m.host, m.port, node_.config.http, *this);
          if (!server) return m.done(server.error());
          server_ = std::move(*server);
          m.done(server_->port());
        },
        [this](ingress_stop) {
          waiting_.clear();
          server_.reset();
          quit();
        },
        [this](const view_ready& m) {
          // Every answer serves all who wait: they all want to see the upstreams after their first attempt.
          for (const auto& e : std::exchange(waiting_, {})) answer(*e, m.view);
        },
    };
  }

 private:
  void on_request(std::shared_ptr<transport::http_exchange> exchange) override {
    const auto& r = exchange->request();
    if (!mcp::allowed(node_.config.access, r.host, r.origin))
      return problem(*exchange, 403, "Host or Origin not allowed");
    if (r.method != transport::http_method::get) return problem(*exchange, 405, "Use GET");
    const auto view = node_.views[0].get();
    if (r.path == "/mcp/health") return health(*exchange);
    constexpr std::string_view owner = "/mcp/owner/";
    if (r.path.starts_with(owner))
      return answer_owner(home(), node_, exchange, std::string(r.path.substr(owner.size())));
    if (view && r.query.empty()) return answer(*exchange, view);
    std::uint32_t wait = 0;
    if (r.query.starts_with("wait=")) std::from_chars(r.query.data() + 5, r.query.data() + r.query.size(), wait);
    if (wait == 0) return answer(*exchange, view);
    waiting_.push_back(std::move(exchange));
    home().deliver(
        node_.catalogue,
        view_wanted{caf::actor_cast<caf::actor>(this), {}, std::min(wait_max, std::chrono::milliseconds{wait}), false});
  }

  static void problem(transport::http_exchange& to, int status, std::string_view title) {
    to.respond(status, "application/problem+json", {},
               {R"({"title":)", mcp::quote(title), R"(,"status":)", std::to_string(status), "}"});
  }

  void health(transport::http_exchange& to) const {
    to.respond(200, json_type, {},
               {R"({"status":")", node_.draining ? "draining" : "ok",
                R"(","version":")" HOLDFAST_VERSION R"(","sessions":)", std::to_string(node_.sessions.size()),
                R"(,"callsInFlight":)", std::to_string(node_.calls.all), R"(,"store":)", store(), membership(), "}"});
  }

  std::string store() const {
    if (!node_.store) return R"({"state":"ok","tier":"memory"})";
    const auto& s = *node_.store;
    const auto h = s.health();
    const auto number = [](std::string_view name, auto n) {
      return R"(,")" + std::string(name) + R"(":)" + std::to_string(n);
    };
    return R"({"state":")" +
           std::string(s.available()  ? "ok"
                       : s.degrades() ? "degraded"
                                      : "unavailable") +
           R"(","url":)" + mcp::quote(s.shown()) + R"(,"tier":)" + mcp::quote(name_of(s.tier())) + R"(,"detail":)" +
           mcp::quote(h.detail) + number("connections", h.connections) + number("waiting", h.waiting) +
           number("operations", h.operations) + number("failures", h.failures) + number("commits", h.commits) +
           number("commitMicroseconds", h.latency.count()) + number("historyChanges", h.histories) +
           number("shadowDifferences", h.differences) + "}";
  }

  /// `,"cluster":{…}`; nothing if this node is on its own.
  std::string membership() const {
    if (!node_.in_cluster) return {};
    const auto& c = *node_.in_cluster;
    const auto view = c.membership.get();
    const auto me = node_.store->incarnation();
    const auto* const self = machines::membership::find(*view, me);
    std::size_t held = 0;
    for (std::uint16_t s = 0; s < persistence::slot_count; ++s) held += node_.store->holds(s) ? 1 : 0;
    std::string members;
    for (const auto& m : view->members) {
      add(members, R"({"name":)" + mcp::quote(m.name) + R"(,"state":")" + (m.leaving ? "leaving" : "up") +
                       R"(","address":)" + mcp::quote(m.address) + "}");
    }
    return R"(,"cluster":{"node":)" + (self != nullptr ? mcp::quote(self->name) : std::string("null")) + R"(,"view":)" +
           std::to_string(view->version) + R"(,"slots":)" + std::to_string(held) + R"(,"members":[)" + members + "]}";
  }

  void answer(transport::http_exchange& to, const view_ptr& view) const {
    const auto path = to.request().path;
    if (path == "/mcp/servers") return to.respond(200, json_type, {}, {R"({"servers":[)", servers(view), "]}"});
    if (path == "/mcp/tools") {
      std::string all;
      for (std::uint32_t u = 0; view && u < node_.upstreams.size(); ++u) add(all, view->list_of(list_kind::tools, u));
      return to.respond(200, json_type, {}, {R"({"tools":[)", all, "]}"});
    }
    constexpr std::string_view before = "/mcp/servers/", after = "/tools";
    if (!path.starts_with(before) || !path.ends_with(after) || path.size() <= before.size() + after.size()) {
      return problem(to, 404, "No such resource");
    }
    const auto name = path.substr(before.size(), path.size() - before.size() - after.size());
    const auto& configured = node_.config.upstreams;
    const auto found =
        std::find_if(configured.begin(), configured.end(), [&](const auto& u) { return u.alias == name; });
    if (found == configured.end()) return problem(to, 404, "No server of this name");
    const auto index = static_cast<std::uint32_t>(found - configured.begin());
    to.respond(200, json_type, {},
               {R"({"server":)", mcp::quote(name), R"(,"tools":[)",
                view ? view->list_of(list_kind::tools, index) : std::string(), "]}"});
  }

  static void add(std::string& all, const std::string& more) {
    if (!all.empty() && !more.empty()) all += ',';
    all += more;
  }

  std::string servers(const view_ptr& view) const {
    std::string all;
    for (std::uint32_t u = 0; u < node_.upstreams.size(); ++u) add(all, server(u, view));
    return all;
  }

  std::string server(std::uint32_t u, const view_ptr& view) const {
    const auto& config = node_.config.upstreams[u];
    const auto known = node_.upstreams[u].status.get();
    const auto status = known ? *known : upstream_status{};
    const auto count = [&](list_kind kind) { return std::to_string(view ? view->size_of(kind, u) : 0); };
    const auto revision = view && view->listings()[u] ? view->listings()[u]->revision : std::string();
    return R"({"name":)" + mcp::quote(config.alias) + R"(,"protocol":)" + mcp::quote(status.protocol) +
           R"(,"target":)" + mcp::quote(target_of(config)) + R"(,"state":")" +
           (config.enabled ? status.state : "disabled") + R"(","tools":)" + count(list_kind::tools) + R"(,"prompts":)" +
           count(list_kind::prompts) + R"(,"resources":)" + count(list_kind::resources) + R"(,"revision":)" +
           (revision.empty() ? "null" : mcp::quote(revision)) + R"(,"error":)" +
           (status.error.empty() ? "null" : mcp::quote(status.error)) + "}";
  }

  node_context& node_;
  std::unique_ptr<transport::http_server> server_;
  std::vector<exchange_ptr> waiting_;
};

}  // namespace

caf::actor spawn_admin(caf::actor_system& system, shard& home, node_context& node) {
  caf::actor_config cfg{&home};
  return system.spawn_class<admin_actor, caf::no_spawn_options>(cfg, home, node);
}

}  // namespace holdfast::actors
