#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include "actors/admin/desk.hpp"
#include "actors/admin/executions.hpp"
#include "actors/admin/inner_client.hpp"
#include "actors/admin/inner_exchange.hpp"
#include "actors/admin/json.hpp"
#include "actors/messages.hpp"
#include "actors/principal.hpp"
#include "actors/remote_exchange.hpp"
#include "actors/session.hpp"
#include "actors/session_inspection.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/mcp/sealed.hpp"

// Sessions whose id follows from an idempotency key, so that whoever has the key finds the execution.

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds begun_within{5'000}, begun_pause{10};

void await_begun(const std::shared_ptr<desk>& at, const std::string& id, milliseconds left, const reply& done) {
  const auto state = [](shard_actor& s) { return text_of(session_inspection::line(s), "state"); };
  at->at_session(id, state, [at, id, left, done](const std::optional<std::string>& is) {
    if (!is) return done(problem{503, "The session ended before it had begun", {}, {}, {}});
    if (*is != "fresh") return done(json_object().text("id", id).str());
    if (left <= milliseconds{0}) return done(problem{503, "The session does not begin", {}, {}, {}});
    at->after(begun_pause, [=] { await_begun(at, id, left - begun_pause, done); });
  });
}

/// As a client would, but to this very actor.
void initialize(desk& at, const directory::entry& entry, const std::string& id) {
  exchange_ptr exchange = make_inner_exchange(at.home().loop(), "localhost", entry.principal, id, initialize_request(),
                                              false, [](int, const std::string&, const std::string&) {});
  const auto message = mcp::scan(exchange->request().body);
  if (entry.home != &at.home()) exchange = make_remote(std::move(exchange));
  caf::anon_send(entry.session, client_message{std::move(exchange), nullptr, *message});
}

}  // namespace

void do_open(desk& at, const std::string& params, reply done) {
  const auto id = text_of(params, "id"), user = text_of(params, "user");
  const auto principal = user.empty() ? std::string(anonymous_principal) : user;
  auto& node = at.node();
  if (!mcp::is_random_id(id)) return done(problem{400, "No id of a session", {}, {}, {}});
  const auto slot = persistence::slot_of(id);
  if (node.draining || (node.store && (!node.store->holds(slot) || node.store->is_closing(slot))))
    return done(problem{409, "The session is moving", "Try again", {}, {}});
  if (node.sessions.size() >= node.config.sessions.sessions_max)
    return done(problem{503, "Too many sessions", "sessions.sessions_max", {}, {}});
  const auto of_one_max = node.config.sessions.per_user_max;
  if (of_one_max > 0 && node.sessions.count_of(principal) >= of_one_max && !node.sessions.find(id))
    return done(problem{429, "Too many sessions of this user", "sessions.per_user_max", {}, {}});
  auto is_new = false;
  auto& home = *node.shards[slot % node.shards.size()];
  const auto entry = node.sessions.find_or_add(id, [&] {
    is_new = true;
    return directory::entry{spawn_session(at.system(), home, node, id, principal, client_transport::streamable_http),
                            &home, principal, client_transport::streamable_http};
  });
  if (is_new) initialize(at, entry, id);
  await_begun(at.shared_from_this(), id, begun_within, done);
}

}  // namespace holdfast::actors::admin
