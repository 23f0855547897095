#include "actors/admin/access.hpp"

#include "actors/cluster.hpp"

namespace holdfast::actors::admin {
namespace {

/// That of a certificate, before the address.
bool has_name(const std::string& peer) { return peer.find(" from ") != std::string::npos; }

}  // namespace

std::variant<std::string, problem> identify(const node_config& config, const transport::http_request& r,
                                            const std::string& peer, bool by_mode) {
  if (by_mode) return peer;
  const auto& token = config.admin.token;
  if (token.empty()) {
    // A page of some other site in the operator's browser reaches this port, too.
    if (!mcp::allowed(config.access, r.host, r.origin)) return problem{403, "Host or Origin not allowed", {}, {}, {}};
    return has_name(peer) ? peer : "anybody from " + peer;
  }
  constexpr std::string_view bearer = "Bearer ";
  if (r.authorization.data() == nullptr)
    return problem{401, "The token is needed", "Send it as Authorization: Bearer", {}, {}};
  if (!r.authorization.starts_with(bearer) ||
      !equal_in_constant_time(r.authorization.substr(bearer.size()), token.reveal()))
    return problem{401, "The token is wrong", {}, {}, {}};
  return has_name(peer) ? peer : "token from " + peer;
}

}  // namespace holdfast::actors::admin
