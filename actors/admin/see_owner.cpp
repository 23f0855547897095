#include <utility>

#include "actors/admin/desk.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/routes.hpp"
#include "transport/mcp/sealed.hpp"

namespace holdfast::actors::admin {
namespace {

problem nobody_knows(std::string why) { return {503, std::move(why), {}, {}, {}}; }
problem unknown() { return {404, "No such session", {}, {}, {}}; }

std::string said(const std::string& session, const std::string& node, const std::string& incarnation, bool here) {
  return json_object()
      .text("session", session)
      .number("slot", persistence::slot_of(session))
      .text_or_null("node", node)
      .text_or_null("incarnation", incarnation)
      .flag("here", here)
      .str();
}

/// A session that is known to be there is where its slot is.
answer by_slot(const node_context& node, const std::string& session) {
  const auto me = node.store ? node.store->incarnation() : std::string();
  if (!node.in_cluster) return said(session, {}, me, true);
  if (!node.in_cluster->is_member()) return nobody_knows("This node does not know whether it is in the cluster");
  const auto slot = persistence::slot_of(session);
  const auto routes = node.in_cluster->routes.get();
  const auto* const owner = routes->owner_of(slot);
  if (owner == nullptr) return nobody_knows("The session has no owner just now");
  return said(session, owner->name, owner->incarnation, owner->incarnation == me && node.store->holds(slot));
}

}  // namespace

void see_owner(desk& at, const request& r, reply done) {
  const auto& session = r.args[0];
  auto& node = at.node();
  const auto known = node.sessions.find(session);
  if (known && known->over == client_transport::http_sse) {
    // It has no slot that could go to another node.
    const auto incarnation = node.store ? node.store->incarnation() : std::string();
    return done(said(session, node.in_cluster ? at.name() : std::string(), incarnation, true));
  }
  if (known) return done(by_slot(node, session));
  if (!node.store || !mcp::is_random_id(session)) return done(unknown());
  at.home().lane()->load({"session", session}, [&node, session, done = std::move(done)](const auto& found) {
    if (!found) {
      node.store->note_failure(found.error());
      return done(nobody_knows("The store does not answer"));
    }
    node.store->note_success();
    done(*found ? by_slot(node, session) : answer(unknown()));
  });
}

}  // namespace holdfast::actors::admin
