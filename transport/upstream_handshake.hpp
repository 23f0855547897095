#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "transport/mcp/revision.hpp"
#include "transport/result.hpp"

namespace holdfast::transport {

/// What a server made of `initialize`.
struct handshake {
  std::string result;  ///< raw, as it came
  mcp::revision negotiated;
};

/// Reads the answer to `initialize`. `unsupported_era`: the server says it serves, or has chosen, no legacy revision;
/// `handshake_failed`: any other error, with its words; `bad_message`: a result without `protocolVersion`.
outcome<handshake> read_handshake(std::string_view answer);

/// A whole message.
std::string initialize_request(std::uint64_t id, std::string_view params);
std::string initialized_notification();
std::string cancelled_notification(std::uint64_t id, std::string_view reason);

}  // namespace holdfast::transport
