#include "actors/ingress.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <caf/behavior.hpp>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "actors/client_requests.hpp"
#include "actors/health.hpp"
#include "actors/log.hpp"
#include "actors/messages.hpp"
#include "actors/principal.hpp"
#include "actors/refusal_log.hpp"
#include "actors/relay.hpp"
#include "actors/remote_exchange.hpp"
#include "actors/roster.hpp"
#include "actors/session.hpp"
#include "actors/session_unserved.hpp"
#include "actors/shard_actor.hpp"
#include "actors/sse_post.hpp"
#include "actors/test_hooks.hpp"
#include "actors/tracing/traced_exchange.hpp"
#include "transport/content_type.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/classify.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

using transport::http_method;
using transport::http_request;

constexpr std::string_view shutting_down = "This node is shutting down";

class ingress_actor final : public shard_actor, private transport::http_handler {
 public:
  ingress_actor(caf::actor_config& cfg, shard& home, node_context& node, ingress_role role)
      : shard_actor(cfg, home,
                    role == ingress_role::peers ? metrics::actor_kind::peer_ingress : metrics::actor_kind::ingress),
        node_(node),
        serves_peers_(role == ingress_role::peers) {}

  const char* name() const override { return serves_peers_ ? "peer_ingress" : "ingress"; }

  caf::behavior make_behavior() override {
    return {
        [this](ingress_listen& m) { listen(m); },
        [this](ingress_drain m) { drain(m.step); },
        [this](const ingress_count& m) { m.done(server_ ? server_->unanswered() : 0); },
        [this](ingress_stop) {
          server_.reset();
          for (const auto& r : alive(relays_)) r->stop();
          for (const auto& p : alive(sse_posts_)) p->stop();
          quit();
        },
        [this](client_request& m) { on_request(std::move(m.exchange)); },
        [this](routes_changed) {
          for (const auto& r : alive(relays_)) r->on_routes_changed();
        },
    };
  }

 private:
  void listen(const ingress_listen& m) {
    auto server = transport::http_server::listen(
        home().loop(), m.host, m.port, node_.config.http, *this, serves_peers_ ? node_.in_cluster->tls : node_.tls,
        &(serves_peers_ ? home().counters().peers : home().counters().clients));
    if (!server) return m.done(server.error());
    server_ = std::move(*server);
    m.done(server_->port());
  }

  void drain(drain_step step) {
    refuses_ |= step == drain_step::refuse;
    if (server_) step == drain_step::close ? server_->close_listener() : server_->drain();
  }

  void on_request(std::shared_ptr<transport::http_exchange> exchange) override {
    const auto& r = exchange->request();
    if (serves_peers_) return on_peer(std::move(exchange));
    if (!mcp::allowed(node_.config.access, r.host, r.origin)) {
      return refuse(*exchange, 403, mcp::code::server_error, "This Host or Origin is not allowed here");
    }
    if (r.path == "/mcp") return on_mcp(std::move(exchange));
    if (r.path == "/messages") return on_sse_post(std::move(exchange));
    if (r.path == "/sse") return on_sse_get(std::move(exchange));
    if (r.path == "/healthz" || r.path == "/readyz") return answer_health(home(), node_, *exchange);
    refuse(*exchange, 404, mcp::code::method_not_found, "Nothing is served here; MCP clients connect to /mcp");
  }

  void on_refused(const std::string& from, const std::string& why) override {
    if (serves_peers_) return log_refused(from, "TLS: " + why);
    log::debug("tls.refused", {{"from", from}, {"reason", why}});
  }

  void log_refused(std::string_view from, std::string_view why) {
    if (const auto times = false_peers_.due())
      log::warning("cluster.refused", {{"from", from}, {"reason", why}, {"times", times}});
  }

  /// A request of another node.
  void on_peer(exchange_ptr exchange) {
    const auto& r = exchange->request();
    if (!node_.in_cluster->is_peer(r.authorization)) {
      log_refused({}, "a request without the common secret");
      return refuse(*exchange, 401, mcp::code::server_error, "cluster.secret is not the same here");
    }
    if (r.path == peer_path::mcp || peer_path::is_again(r.path) || peer_path::is_relay(r.path))
      return is_of_a_member(r.query) ? on_mcp(std::move(exchange)) : exchange->respond(421, {}, {}, {});
    if (r.path == peer_path::sse || r.path == peer_path::relay_sse) return on_sse_post(std::move(exchange));
    if (r.path == peer_path::beat || r.path == peer_path::heard) {
      auto e = &home() == node_.shards.front().get() ? std::move(exchange) : make_remote(std::move(exchange));
      return home().deliver(node_.in_cluster->roster, peer_request{std::move(e)});
    }
    if (r.path == peer_path::admin) {
      auto e = &home() == node_.shards.front().get() ? std::move(exchange) : make_remote(std::move(exchange));
      return home().deliver(node_.admin, peer_request{std::move(e)});
    }
    refuse(*exchange, 404, mcp::code::method_not_found, "Other nodes of the cluster connect here");
  }

  /// What a process has sent that is dead to the others may come late: its client has gone on elsewhere since.
  bool is_of_a_member(std::string_view over) const {
    const auto sender = over.substr(0, over.find('.'));
    const auto view = node_.in_cluster->membership.get();
    return machines::membership::find(*view, sender) != nullptr || rule_is_out("dead_sender");
  }

  static void refuse(transport::http_exchange& to, int status, int code, std::string_view message,
                     mcp::raw_json id = {}, std::string_view headers = {}) {
    const auto body = mcp::make_error(id, code, message);
    to.respond(status, transport::json_type, headers, {body});
  }

  /// Who asks. Answers the exchange if nobody can tell.
  std::optional<std::string_view> caller_of(transport::http_exchange& exchange) {
    const auto who = principal_of(node_, exchange, serves_peers_);
    if (who) return who;
    const auto from = exchange.peer();
    const auto why = challenge(exchange) ? "a token of no user" : "no token";
    if (const auto times = strangers_.due())
      log::warning("access.refused", {{"from", from}, {"reason", why}, {"times", times}});
    return std::nullopt;
  }

  // --- Streamable HTTP -----------------------------------------------------------------------------------------------

  void on_mcp(exchange_ptr exchange) {
    const auto who = caller_of(*exchange);
    if (!who) return;
    const auto& r = exchange->request();
    auto what = mcp::classify(facts_of(r), node_.config.sessions.batch_max);
    if (refuses_ && !serves_peers_ && begins_work(what))
      return refuse(*exchange, 503, mcp::code::server_error, shutting_down, what.message.id, "Retry-After: 1\r\n");
    if (home().traces() != nullptr) exchange = tracing::traced(std::move(exchange), home(), what);
    switch (what.what) {
      case mcp::classified::kind::refused: {
        const auto allow =
            what.refused.allow.empty() ? std::string() : "Allow: " + std::string(what.refused.allow) + "\r\n";
        return exchange->respond(what.refused.status, transport::json_type, allow, {what.refused.body});
      }
      case mcp::classified::kind::initialize: return begin_session(std::move(exchange), what.message, *who);
      case mcp::classified::kind::single:
        return route(std::move(exchange), *who, what.message.id, [&](exchange_ptr e) {
          const auto repeated = was_repeated(e->request());
          return client_message{std::move(e), nullptr, what.message, repeated};
        });
      case mcp::classified::kind::batch:
        return route(std::move(exchange), *who, {}, [&](exchange_ptr e) {
          return client_batch{std::move(e), std::move(what.batch)};
        });
      case mcp::classified::kind::open_stream:
        return route(std::move(exchange), *who, {}, [](exchange_ptr e) { return client_stream{std::move(e)}; });
      case mcp::classified::kind::end_session:
        return route(std::move(exchange), *who, {}, [](exchange_ptr e) {
          const auto repeated = was_repeated(e->request());
          return client_goodbye{std::move(e), repeated};
        });
    }
  }

  /// A session of this caller that speaks this transport; everything else does not exist for it.
  std::optional<directory::entry> find(std::string_view id, std::string_view who, client_transport over) {
    auto session = node_.sessions.find(id);
    // Not here, but maybe in the store.
    if (!session && over == client_transport::streamable_http && node_.store && !node_.draining &&
        mcp::is_random_id(id) && node_.store->holds(persistence::slot_of(id)))
      session = find_or_recover(system(), home(), node_, std::string(id));
    if (!session || session->over != over) return std::nullopt;
    if (!session->principal.empty() && !may_use(session->principal, who)) return std::nullopt;
    return session;
  }

  /// Hands the request to the session it names.
  template <class Make>
  void route(exchange_ptr exchange, std::string_view who, mcp::raw_json id, Make make) {
    if (is_elsewhere(exchange->request().session_id)) return send_on(std::move(exchange), who);
    const auto session = find(exchange->request().session_id, who, client_transport::streamable_http);
    if (!session && node_.draining && node_.store) {
      // It may well be in the store, from where nothing is taken here any more.
      return refuse(*exchange, 503, mcp::code::server_error, shutting_down, id, "Retry-After: 1\r\n");
    }
    if (!session) {
      const auto& r = exchange->request();
      // The first one may have been carried out.
      if (r.method == http_method::del && was_repeated(r)) return exchange->respond(200, {}, {}, {});
      return refuse(*exchange, 404, mcp::code::session_not_found, unknown_session, id);
    }
    if (session->home != &home()) exchange = make_remote(std::move(exchange));
    auto message = make(std::move(exchange));
    if (session->principal.empty()) message.principal = who;
    home().deliver(session->session, std::move(message));
  }

  /// True if another node answers for this id, or nobody just now.
  bool is_elsewhere(std::string_view id) const {
    if (!node_.in_cluster || !mcp::is_random_id(id)) return false;
    return !node_.in_cluster->is_certain() || !node_.store->holds(persistence::slot_of(id));
  }

  void send_on(exchange_ptr exchange, std::string_view who) {
    const auto& r = exchange->request();
    if (serves_peers_ && !peer_path::is_relay(r.path)) return exchange->respond(421, {}, {}, {});
    relay_to(exchange, who, persistence::slot_of(r.session_id));
  }

  void relay_to(exchange_ptr exchange, std::string_view who, std::optional<std::uint16_t> slot) {
    home().counters().relayed.add();
    const auto r = std::make_shared<relay>(home(), node_, std::move(exchange), who, slot);
    note(relays_, r);
    r->start();
  }

  /// Those that are over go when there is no more room.
  template <class T>
  static void note(std::vector<std::weak_ptr<T>>& among, const std::shared_ptr<T>& one) {
    if (among.size() == among.capacity()) std::erase_if(among, [](const auto& weak) { return weak.expired(); });
    among.push_back(one);
  }

  template <class T>
  static std::vector<std::shared_ptr<T>> alive(const std::vector<std::weak_ptr<T>>& among) {
    std::vector<std::shared_ptr<T>> all;
    for (const auto& weak : among) {
      if (auto one = weak.lock()) all.push_back(std::move(one));
    }
    return all;
  }

  /// Room for one more session? Answers the exchange if not.
  bool may_begin(transport::http_exchange& exchange, std::string_view who, mcp::raw_json id) {
    if (node_.draining) {
      refuse(exchange, 503, mcp::code::server_error, shutting_down, id, "Retry-After: 1\r\n");
      return false;
    }
    if (node_.sessions.size() >= node_.config.sessions.sessions_max) {
      home().counters().sessions.refused.add();
      log::warning("session.refused", {{"reason", "sessions_max"}});
      refuse(exchange, 503, mcp::code::server_error, "Too many sessions", id, "Retry-After: 10\r\n");
      return false;
    }
    const auto of_one_max = node_.config.sessions.per_user_max;
    if (of_one_max > 0 && node_.sessions.count_of(who) >= of_one_max) {
      home().counters().sessions.refused.add();
      log::warning("session.refused", {{"reason", "per_user_max"}, {"user", who}});
      refuse(exchange, 429, mcp::code::server_error, "Too many sessions of this user (sessions.per_user_max)", id,
             "Retry-After: 10\r\n");
      return false;
    }
    return true;
  }

  caf::actor new_session(const std::string& id, std::string_view who, client_transport over) {
    const std::string principal(who == operator_principal ? anonymous_principal : who);
    auto session = spawn_session(system(), home(), node_, id, principal, over);
    node_.sessions.add(id, {session, &home(), principal, over});
    return session;
  }

  /// An id whose slot is held here, so that its requests need no other node while that lasts; nothing if none is.
  std::optional<std::string> new_id() const {
    constexpr int attempts_max = 10'000;  // one of a thousand slots is enough
    if (!node_.in_cluster) return mcp::random_id();
    if (node_.in_cluster->leaving || !node_.in_cluster->is_certain()) return std::nullopt;
    for (int i = 0; i < attempts_max; ++i) {
      auto id = mcp::random_id();
      const auto slot = persistence::slot_of(id);
      if (node_.store->holds(slot) && !node_.store->is_closing(slot)) return id;
    }
    return std::nullopt;
  }

  void begin_session(exchange_ptr exchange, const mcp::envelope& message, std::string_view who) {
    const auto id = new_id();
    if (!id && !serves_peers_) return relay_to(std::move(exchange), who, std::nullopt);
    if (!id) return exchange->respond(503, {}, "Retry-After: 1\r\n", {});
    if (!may_begin(*exchange, who, message.id)) return;
    const auto session = new_session(*id, who, client_transport::streamable_http);
    home().deliver(session, client_message{std::move(exchange), nullptr, message});
  }

  // --- HTTP+SSE of 2024-11-05 ----------------------------------------------------------------------------------------

  void on_sse_get(exchange_ptr exchange) {
    const auto who = caller_of(*exchange);
    if (!who) return;
    const auto& r = exchange->request();
    if (r.method != http_method::get) {
      return refuse(*exchange, 405, mcp::code::server_error, "Use GET", {}, "Allow: GET\r\n");
    }
    if (!mcp::accepts(r.accept, transport::event_stream_type)) {
      return refuse(*exchange, 406, mcp::code::server_error, "Accept must list text/event-stream");
    }
    if (!may_begin(*exchange, *who, {})) return;
    const auto session = new_session(mcp::random_id(), *who, client_transport::http_sse);
    home().deliver(session, client_stream{std::move(exchange), true});
  }

  void on_sse_post(exchange_ptr exchange) {
    const auto who = caller_of(*exchange);
    if (!who) return;
    const auto& r = exchange->request();
    if (r.method != http_method::post) {
      return refuse(*exchange, 405, mcp::code::server_error, "Use POST", {}, "Allow: POST\r\n");
    }
    const auto session = find(query_value(r.query, "sessionId"), *who, client_transport::http_sse);
    if (!session) return send_sse_on(std::move(exchange), *who);
    const auto bytes = std::make_shared<const std::string>(r.body);
    const auto message = mcp::scan(*bytes);
    if (!message) {
      const auto malformed = message.error() == transport::errc::bad_json;
      return refuse(*exchange, 400, malformed ? mcp::code::parse_error : mcp::code::invalid_request,
                    message.error().message());
    }
    exchange->respond(202, "text/plain", {}, {"Accepted"});
    home().deliver(session->session, client_message{nullptr, bytes, *message});
  }

  /// To the node that the endpoint of the session names, if that is another one and it is there.
  void send_sse_on(exchange_ptr exchange, std::string_view who) {
    const auto& r = exchange->request();
    const auto tag = query_value(r.query, "node");
    if (node_.in_cluster && !tag.empty() && r.path != peer_path::sse) {
      const auto routes = node_.in_cluster->routes.get();
      for (std::size_t i = 0; i < routes->peers.size(); ++i) {
        const auto& owner = routes->peers[i];
        if (owner.incarnation == node_.store->incarnation() || cluster::tag_of(owner.name) != tag) continue;
        const auto p = std::make_shared<sse_post>(home().loop(), node_, std::move(exchange), who);
        note(sse_posts_, p);
        const auto via = r.path == peer_path::relay_sse ? i : routes->via[i];  // once is enough
        return p->start(routes->peers[via], via != i);
      }
    }
    refuse(*exchange, 404, mcp::code::session_not_found, "Session not found: open /sse first");
  }

  node_context& node_;
  const bool serves_peers_;
  std::unique_ptr<transport::http_server> server_;
  bool refuses_ = false;
  refusal_log false_peers_, strangers_;
  // Under way, or over.
  std::vector<std::weak_ptr<relay>> relays_;
  std::vector<std::weak_ptr<sse_post>> sse_posts_;
};

}  // namespace

caf::actor spawn_ingress(caf::actor_system& system, shard& home, node_context& node, ingress_role role) {
  caf::actor_config cfg{&home};
  return system.spawn_class<ingress_actor, caf::no_spawn_options>(cfg, home, node, role);
}

}  // namespace holdfast::actors
