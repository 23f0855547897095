#pragma once

#include <string>
#include <string_view>

#include "actors/call.hpp"
#include "actors/machines/execution.hpp"
#include "transport/mcp/sealed.hpp"

namespace holdfast::actors {

class session_actor;

/// What the API asks of a session beside tool calls. It comes as a request of JSON-RPC, through the same doors as those
/// of clients, so that it finds the session on whichever node has it and waits for the same commits. A pass shows that
/// it comes from a node; a client cannot make one, and for it these methods do not exist.
struct session_operations {
  static constexpr std::string_view prefix = "io.holdfast/operator/";

  static std::string pass_for(const mcp::sealer& by, std::string_view session, std::string_view method);

  /// False if it is none, or without its pass.
  static bool take(session_actor& s, const post_ptr& p, const mcp::envelope& e);

  /// An error that becomes a problem with this HTTP status; `more` is raw members of its `data`: `"state":"idle"`.
  static void refuse(session_actor& s, const post_ptr& p, mcp::raw_json id, int status, std::string_view why,
                     std::string_view more = {});

  /// Once what was noted before is durable.
  static void answer(session_actor& s, const post_ptr& p, mcp::raw_json id, std::string result);
};

}  // namespace holdfast::actors
