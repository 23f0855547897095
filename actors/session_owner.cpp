#include "actors/session_owner.hpp"

#include <utility>

#include "actors/shard.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/sealed.hpp"

namespace holdfast::actors {
namespace {

void problem(transport::http_exchange& to, int status, std::string_view title) {
  to.respond(status, "application/problem+json", status == 503 ? "Retry-After: 1\r\n" : "",
             {R"({"title":)", mcp::quote(title), R"(,"status":)", std::to_string(status), "}"});
}

void answer(transport::http_exchange& to, const std::string& session, std::uint16_t slot, const std::string& node,
            const std::string& incarnation, bool here) {
  const auto or_null = [](const std::string& text) { return text.empty() ? std::string("null") : mcp::quote(text); };
  to.respond(200, "application/json", {},
             {R"({"session":)", mcp::quote(session), R"(,"slot":)", std::to_string(slot), R"(,"node":)", or_null(node),
              R"(,"incarnation":)", or_null(incarnation), R"(,"here":)", here ? "true" : "false", "}"});
}

/// A session that is known to be there is where its slot is.
void answer_by_slot(const node_context& node, transport::http_exchange& to, const std::string& session) {
  const auto slot = persistence::slot_of(session);
  const auto me = node.store ? node.store->incarnation() : std::string();
  if (!node.in_cluster) return answer(to, session, slot, {}, me, true);
  if (!node.in_cluster->is_certain()) return problem(to, 503, "This node does not know whether it is in the cluster");
  const auto routes = node.in_cluster->routes.get();
  const auto* const owner = routes->owner_of(slot);
  if (owner == nullptr) return problem(to, 503, "The session has no owner just now");
  answer(to, session, slot, owner->name, owner->incarnation, owner->incarnation == me && node.store->holds(slot));
}

}  // namespace

void answer_owner(shard& home, node_context& node, exchange_ptr to, const std::string& session) {
  constexpr std::string_view unknown = "No such session";
  const auto known = node.sessions.find(session);
  if (known && known->over == client_transport::http_sse) {
    // It has no slot that could go to another node.
    const auto& name = node.config.cluster.name;
    return answer(*to, session, persistence::slot_of(session), node.in_cluster ? name : std::string(),
                  node.store ? node.store->incarnation() : std::string(), true);
  }
  if (known) return answer_by_slot(node, *to, session);
  if (!node.store || !mcp::is_random_id(session)) return problem(*to, 404, unknown);
  home.lane()->load({"session", session}, [&node, to = std::move(to), session](const auto& found) {
    if (!found) {
      node.store->note_failure(found.error());
      return problem(*to, 503, "The store does not answer");
    }
    node.store->note_success();
    if (!*found) return problem(*to, 404, unknown);
    answer_by_slot(node, *to, session);
  });
}

}  // namespace holdfast::actors
