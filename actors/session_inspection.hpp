#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/session_text.hpp"
#include "actors/shard_actor.hpp"

/// What operators see of a session: raw JSON objects as actors/admin/openapi.json has them. All on the session's
/// thread, from a task of its loop; the session does not notice.
namespace holdfast::actors {

struct node_context;

struct session_inspection {
  static bool is_session(const shard_actor& a) noexcept;

  /// By which sessions can be sorted, beside what every actor has.
  struct figures {
    std::size_t calls = 0, memory = 0;
  };
  static figures figures_of(shard_actor& session);

  /// Adds its calls under way to what is counted for their upstreams.
  static void count_calls(shard_actor& session, std::vector<std::uint64_t>& by_upstream);

  static std::string line(shard_actor& session);                           ///< schema `session`
  static std::string detail(shard_actor& session);                         ///< the answer of /v1/sessions/{id}
  static std::string history(shard_actor& session);                        ///< of /v1/sessions/{id}/history
  static std::vector<std::string> calls(shard_actor& session);             ///< schema `call`, those under way
  static std::string execution(shard_actor& session, std::string_view n);  ///< call, transitions and why; or nothing

  /// Why it cannot go into the store just now, in words; empty if it can.
  static std::string why_it_stays(shard_actor& session);
  static bool is_under_way(shard_actor& session, std::string_view n);

  /// The same of a session that is only in the store.
  static std::string stored_detail(const session_snapshot& s, std::uint64_t sequence, std::size_t bytes);
  static std::string stored_history(const session_snapshot& s);
};

}  // namespace holdfast::actors
