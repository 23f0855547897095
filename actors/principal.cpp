#include "actors/principal.hpp"

#include "actors/node_context.hpp"
#include "transport/content_type.hpp"
#include "transport/http_server.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {

std::optional<std::string_view> principal_of(const node_context& node, const transport::http_exchange& exchange,
                                             bool from_peer) {
  if (const auto own = exchange.principal(); !own.empty()) return own;
  const auto& r = exchange.request();
  if (from_peer) return r.user.empty() ? anonymous_principal : r.user;
  if (node.users.empty()) return anonymous_principal;
  const auto token = mcp::bearer_token(r.authorization);
  const auto* const user = token.empty() ? nullptr : node.users.find(token);
  if (user == nullptr) return std::nullopt;
  return user->name;
}

std::string principal_header(std::string_view principal) {
  return principal == anonymous_principal ? std::string() : "Holdfast-User: " + std::string(principal) + "\r\n";
}

bool challenge(transport::http_exchange& to) {
  // RFC 6750, 3: an error is named to those only who have shown something.
  const auto shown = !mcp::bearer_token(to.request().authorization).empty();
  const auto body =
      mcp::make_error({}, mcp::code::server_error,
                      shown ? "This token is no user's: send that of a user as Authorization: Bearer TOKEN"
                            : "The token of a user is needed: send it as Authorization: Bearer TOKEN");
  to.respond(401, transport::json_type,
             shown ? "WWW-Authenticate: Bearer realm=\"holdfast\", error=\"invalid_token\"\r\n"
                   : "WWW-Authenticate: Bearer realm=\"holdfast\"\r\n",
             {body});
  return shown;
}

}  // namespace holdfast::actors
