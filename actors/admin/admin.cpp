#include "actors/admin/admin.hpp"

#include <caf/actor_system.hpp>
#include <caf/behavior.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "actors/admin/access.hpp"
#include "actors/admin/desk.hpp"
#include "actors/admin/executions.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/routes.hpp"
#include "actors/admin/trace.hpp"
#include "actors/ingress.hpp"
#include "actors/log.hpp"
#include "actors/messages.hpp"
#include "actors/metrics/exposition.hpp"
#include "actors/roster.hpp"
#include "transport/content_type.hpp"

namespace holdfast::actors {
namespace {

using admin::answer;
using admin::problem;

constexpr std::string_view problem_type = "application/problem+json";
constexpr std::size_t at_once_max = 256;  // questions of operators under way; one more is refused

void respond(transport::http_exchange& to, const answer& a) {
  if (const auto* const json = std::get_if<std::string>(&a)) return to.respond(200, transport::json_type, {}, {*json});
  const auto& p = std::get<problem>(a);
  std::string headers;
  if (p.status == 405) headers = "Allow: " + p.detail + "\r\n";
  if (p.status == 401) headers = "WWW-Authenticate: Bearer\r\n";
  if (p.status == 503) headers = "Retry-After: 1\r\n";
  to.respond(p.status, problem_type, headers, {admin::to_json(p)});
}

class admin_actor final : public shard_actor {
 public:
  admin_actor(caf::actor_config& cfg, shard& home, node_context& node)
      : shard_actor(cfg, home, metrics::actor_kind::admin),
        node_(node),
        desk_(std::make_shared<admin::desk>(system(), home, node)) {
    desk_->want_view = [this](std::chrono::milliseconds wait) {
      this->home().deliver(node_.catalogue, view_wanted{caf::actor_cast<caf::actor>(this), {}, {}, wait, false});
    };
  }

  const char* name() const override { return "admin"; }

  caf::behavior make_behavior() override {
    return {
        [this](ingress_listen& m) { listen(m); },
        [this](ingress_stop) {
          desk_->close();
          doors_.clear();
          quit();
        },
        [this](const view_ready& m) { desk_->on_view(m.view); },
        // What follows looks at actors, which it may not from within one.
        [this](peer_request& m) {
          home().loop().post([desk = desk_, e = std::move(m.exchange)] { answer_peer(*desk, e); });
        },
    };
  }

 private:
  /// One listener, and what is asked of those who come through it.
  struct door final : transport::http_handler {
    door(admin_actor& o, bool guarded) : owner(o), by_mode(guarded) {}
    void on_request(std::shared_ptr<transport::http_exchange> e) override { owner.on_request(std::move(e), by_mode); }
    void on_refused(const std::string& from, const std::string& why) override {
      log::debug("admin.tls_refused", {{"from", from}, {"reason", why}});
    }
    admin_actor& owner;
    const bool by_mode;  // the mode of the socket is the guard
    std::unique_ptr<transport::http_server> server;
  };

  void listen(const ingress_listen& m) {
    auto d = std::make_unique<door>(*this, m.host.starts_with('/'));
    const auto tls = d->by_mode ? nullptr : node_.admin_tls;
    auto server = transport::http_server::listen(home().loop(), m.host, m.port, node_.config.http, *d, tls,
                                                 &home().counters().admin);
    if (!server) return m.done(server.error());
    d->server = std::move(*server);
    const auto port = d->server->port();
    doors_.push_back(std::move(d));
    m.done(port);
  }

  void on_request(std::shared_ptr<transport::http_exchange> exchange, bool by_mode) {
    const auto& http = exchange->request();
    auto who = admin::identify(node_.config, http, exchange->peer(), by_mode);
    if (auto* const p = std::get_if<problem>(&who)) return respond(*exchange, std::move(*p));
    if (http.method == transport::http_method::get && http.path == "/metrics") return metrics::answer(node_, *exchange);
    auto found = admin::find_route(http.method, http.path);
    if (auto* const p = std::get_if<problem>(&found)) return respond(*exchange, std::move(*p));
    auto& to = std::get<admin::resolved>(found);
    auto query = admin::read_query(http.query);
    if (!query) return respond(*exchange, problem{400, "The query is not well-formed", {}, {}, {}});
    admin::request r{std::get<std::string>(who), std::move(*query), std::move(to.args), std::string(http.body),
                     exchange};
    if (auto p = admin::check_parameters(*to.to, r)) return respond(*exchange, std::move(*p));
    if (under_way_ >= at_once_max) return respond(*exchange, problem{503, "Too many questions at once", {}, {}, {}});
    begin(*to.to, std::move(r), std::string(http.path));
  }

  void begin(const admin::route& to, admin::request r, const std::string& path) {
    ++under_way_;
    // Gone with the last of those who could still answer, be it that a stream has ended.
    const auto counted = std::shared_ptr<void>(nullptr, [this, desk = desk_](void*) {
      if (!desk->closed()) --under_way_;
    });
    // Should the node not live to see the end of it, there is this; and nobody answers a listener.
    const auto deed = ++deeds_;
    if (!r.flag("dry_run")) audit(to, r, path, deed, "begun");
    to.handle(*desk_, r, [&to, r, path, deed, counted, desk = desk_](const answer& a) {
      if (desk->closed()) return;
      const auto* const p = std::get_if<problem>(&a);
      const auto result = p != nullptr ? std::to_string(p->status) + " " + p->title
                                       : admin::text_of(std::get<std::string>(a), "summary");
      audit(to, r, path, deed, result.empty() ? "done" : result);
      respond(*r.exchange, a);
    });
  }

  static void audit(const admin::route& to, const admin::request& r, const std::string& path, std::size_t deed,
                    const std::string& result) {
    if (to.audit.empty()) return;
    std::string options;
    for (const auto& [name, value] : r.query) options += (options.empty() ? "" : "&") + name + "=" + value;
    log::info(to.audit, {{"who", r.who}, {"what", path}, {"options", options}, {"deed", deed}, {"result", result}});
  }

  static void answer_peer(admin::desk& desk, const exchange_ptr& exchange) {
    const auto body = std::string(exchange->request().body);
    if (!mcp::elements("[" + body + "]") || !mcp::is_object(body))
      return respond(*exchange, problem{400, "No question", {}, {}, {}});
    const auto question = admin::text_of(body, "question");
    const auto params = std::string(mcp::member(body, "params"));
    if (question == "trace") return admin::serve_trace(desk, params, exchange);
    desk.ask_here(question, params, [exchange](const answer& a) {
      admin::json_object o;
      if (const auto* const json = std::get_if<std::string>(&a)) {
        o.raw("answer", *json);
      } else {
        o.raw("problem", admin::to_json(std::get<problem>(a)));
      }
      exchange->respond(200, transport::json_type, {}, {o.str()});
    });
  }

  node_context& node_;
  const std::shared_ptr<admin::desk> desk_;
  std::vector<std::unique_ptr<door>> doors_;
  std::size_t under_way_ = 0, deeds_ = 0;
};

}  // namespace

caf::actor spawn_admin(caf::actor_system& system, shard& home, node_context& node) {
  caf::actor_config cfg{&home};
  return system.spawn_class<admin_actor, caf::no_spawn_options>(cfg, home, node);
}

}  // namespace holdfast::actors
