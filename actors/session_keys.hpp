#pragma once

#include <string>
#include <string_view>

#include "actors/call.hpp"
#include "actors/keyed_outcomes.hpp"
#include "actors/session_text.hpp"

namespace holdfast::actors {

class session_actor;

/// Calls with an idempotency key: at most one per key, whoever asks how often. A call that ended before it was sent
/// frees its key.
struct session_keys {
  static constexpr std::size_t key_bytes_max = 256;

  /// Sees to a request whose key is known, or cannot be taken. False: it is a new call, or has no key.
  static bool join(session_actor& s, const post_ptr& p, const mcp::envelope& e);

  /// The request that has joined a call is given up by its client. False: there is none of this id.
  static bool leave(session_actor& s, mcp::raw_json request_id);

  /// A request of this POST has joined a call that has not ended.
  static bool follows(const session_actor& s, const post& p);

  /// What a new call has of its request: the key, and whether a report is wanted.
  static void begin(call& c, const mcp::envelope& e);

  static void add_to(journal_text& j, const call& c);

  /// The call has ended with this response (empty: cancelled, or not to be made now): whoever has joined it is told,
  /// and the outcome is remembered.
  static void settle(session_actor& s, call& c, const std::string& response);

  /// Those who have joined are to ask again.
  static void refuse_followers(session_actor& s, call& c);

  /// What a later request with the key of a call that was cancelled is told.
  static std::string cancelled_response(const session_actor& s, const call& c);

  static bool holds(const session_actor& s, std::uint64_t execution);
  static void forget_old(session_actor& s);

  // The store.
  static void recover(session_actor& s, std::uint64_t execution, const journal_text& j);
  static void recover(call& c, const journal_text& j);
  /// For a store that has lost what it had: the entry of an outcome that is remembered for its key alone.
  static journal_text entry_of(const keyed_outcome& o, std::string_view client_id);

  /// The response with what is said of the execution: in `_meta` of a result, in `data` of an error.
  static std::string with_report(const session_actor& s, const call& c, const std::string& response);
};

}  // namespace holdfast::actors
