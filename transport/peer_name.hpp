#pragma once

#include <string>

namespace holdfast::transport {

/// Who is at the other end of a connected socket: "127.0.0.1:50412", "[::1]:50412", or "uid 1000" for a unix socket.
/// Empty if it has gone.
std::string peer_name(int socket);

}  // namespace holdfast::transport
