#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::transport {
class http_exchange;
}

namespace holdfast::actors {

struct node_context;

/// Whom sessions belong to: a user by name, or one of these.
inline constexpr std::string_view anonymous_principal = "anonymous";  ///< whoever asks where there are no users
inline constexpr std::string_view operator_principal = "*";  ///< may use the sessions of all; none belongs to it

/// Whose request this is. At the port for clients: the user whose token it shows, or anonymous where there are no
/// users; nothing if there are users and it shows no token of one. At the port for other nodes: whom that node says.
std::optional<std::string_view> principal_of(const node_context& node, const transport::http_exchange& exchange,
                                             bool from_peer);

/// A session that may not be used does not exist for whoever asks.
constexpr bool may_use(std::string_view session_of, std::string_view who) noexcept {
  return session_of == who || who == operator_principal;
}

/// The header line that tells another node; empty for anonymous.
std::string principal_header(std::string_view principal);

/// 401, and what is needed. True if a token was shown, which is nobody's.
bool challenge(transport::http_exchange& to);

}  // namespace holdfast::actors
