#include <algorithm>

#include "actors/digest.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/test_hooks.hpp"
#include "transport/mcp/messages.hpp"

// Copies of a request that come late, when its call has ended and its outcome is forgotten:
// docs/decisions/20261128_late_copies.md.

namespace holdfast::actors {
namespace {

constexpr int too_early = 425;  // RFC 8470, 5.2: might be a replay; to be sent again

std::uint64_t name_of(std::string_view client_id, std::uint64_t digest) { return digest_of(client_id) ^ digest; }

}  // namespace

bool session_durability::refuse_late(transport::http_exchange& to) const {
  const auto age = age_of(to.request());
  if (!age || rule_is_out("late_copy")) return false;
  // A time that has not come yet is none.
  if (age->awaited >= ended.complete_since() && age->awaited <= std::chrono::steady_clock::now()) return false;
  to.respond(too_early, {}, {}, {});
  return true;
}

void session_durability::note_ended(std::string_view client_id, std::uint64_t digest, ended_calls::time_point at) {
  ended.note(name_of(client_id, digest), std::min(at, std::chrono::steady_clock::now()));
}

/// True if its call has ended since it was sent: it was sent more than once, and all that the client of this copy may
/// still be told is that it has run.
bool session_actor::refuse_ended_copy(const post_ptr& p, const mcp::envelope& e) {
  const auto& ended = durable_->ended;
  if (!ended.any_since(p->came) || !ended.any_since(p->came, name_of(e.id, digest_of(e.params)))) return false;
  if (rule_is_out("late_copy")) return false;
  reply_error(p, e.id, mcp::code::internal_error, "This request has been carried out; its answer is no longer kept",
              R"({"reason":"a copy of the request came late","mayHaveRun":true})");
  return true;
}

}  // namespace holdfast::actors
