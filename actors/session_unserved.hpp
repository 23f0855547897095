#pragma once

#include <string_view>
#include <type_traits>

#include "actors/client_messages.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {

inline constexpr std::string_view unknown_session = "Session not found: initialize a new one";

/// Answers a message of a client that its session does not take.
template <class Message>
void answer_unserved(Message& m, int status, int code, std::string_view why) {
  if (!m.exchange) return;
  mcp::raw_json id;
  if constexpr (std::is_same_v<Message, client_message>) id = m.message.id;
  if constexpr (std::is_same_v<Message, client_goodbye>) {
    // The first one may have been carried out.
    if (status == 404 && m.repeated) return m.exchange->respond(200, {}, {}, {});
  }
  m.exchange->respond(status, "application/json", status == 503 ? "Retry-After: 1\r\n" : "",
                      {mcp::make_error(id, code, why)});
}

}  // namespace holdfast::actors
