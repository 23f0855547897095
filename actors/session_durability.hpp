#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "actors/call.hpp"
#include "actors/commit_gate.hpp"
#include "actors/ended_calls.hpp"
#include "actors/messages.hpp"
#include "actors/session_text.hpp"

namespace holdfast::actors {

/// An outcome that was shown to the client, or would have been had its connection not gone. Kept until it is sure to
/// have arrived: the client may send the same request again for it.
struct shown_answer {
  std::uint64_t execution = 0;  ///< its name in the journal
  std::string client_id;        ///< raw
  std::uint64_t digest = 0;
  std::uint32_t stream = 0;  ///< where it stands; 0 = in `text`
  std::string text;
  std::string params_part;
  std::chrono::steady_clock::time_point at;
  post_ptr to;           ///< whose connection took it
  bool lost = false;     ///< it cannot have arrived, or nobody knows
  bool arrived = false;  ///< its connection went on to the next request
};

/// Larger immutable texts are stored once, apart from what refers to them. Bytes.
inline constexpr std::size_t stored_apart_above = 1024;

/// What a session needs to be durable; one in memory does without.
struct session_durability {
  enum class phase : std::uint8_t {
    loading,  ///< from the store; what comes meanwhile is stashed
    live,
    leaving,   ///< is about to live in the store only; a message of the client calls it back
    departed,  ///< lives in the store only; what still comes here is sent after it
    lost,      ///< somebody else owns it; nothing leaves any more
  };
  using stashed = std::variant<client_message, client_batch, client_stream, client_goodbye>;

  session_durability(node_store& store, persistence::store_lane& lane, persistence::entity of, commit_gate::deliver d)
      : gate(store, lane, std::move(of), std::move(d)) {}

  void remember(shown_answer s) {
    shown_bytes += s.text.size();
    shown_client_ids.push_back(std::hash<std::string_view>{}(s.client_id));
    shown.push_back(std::move(s));
  }

  /// Those shown under this client's id, newest first, until `f` says true. True if it did.
  template <class F>
  bool find_shown(std::string_view client_id, F f) {
    const auto hash = std::hash<std::string_view>{}(client_id);
    for (auto i = shown.size(); i-- > 0;) {
      if (shown_client_ids[i] == hash && shown[i].client_id == client_id && f(shown[i])) return true;
    }
    return false;
  }

  /// The client goes on over this connection, so it has the answers that went there.
  void note_arrivals(std::uint64_t connection) {
    if (connection == 0) return;
    for (auto i = shown.size(); i-- > 0;) {
      auto& s = shown[i];
      if (!s.to || s.to->connection != connection || s.stream != 0) continue;
      if (std::exchange(s.arrived, !s.lost)) return;
    }
  }

  /// True if this copy of a request is older than what is known here of calls that have ended, so that it may have been
  /// carried out. Whoever has sent it on is told to do so again if its client still waits.
  bool refuse_late(transport::http_exchange& to) const;

  /// Its outcome will not be known any more.
  void note_ended(std::string_view client_id, std::uint64_t digest, ended_calls::time_point at);

  commit_gate gate;
  phase now = phase::live;
  bool snapshot_due = false, tenure_unwritten = false, call_back = true;
  bool unproven =
      false;  ///< calls are taken up once a commit has shown that the session is here; messages wait for that
  bool reseeded = false;    ///< the commit under way was sent as a restoration
  std::string client;       ///< raw: {"info":…,"capabilities":…}
  std::string client_part;  ///< its content hash, if it is stored apart
  std::uint64_t last_execution = 0;
  std::uint32_t open_executions = 0;
  std::deque<shown_answer> shown;               ///< oldest first
  std::vector<std::uint64_t> shown_client_ids;  ///< their hashes, in the same order: every call is looked for here
  std::size_t shown_bytes = 0;
  ended_calls ended;  ///< those that are no longer in `shown`
  std::chrono::steady_clock::time_point forget_at{};
  std::chrono::steady_clock::time_point extended_at{};
  mcp::trace_context noted_for, committed_for;           ///< a traced call that the next commit is for, and this one
  std::chrono::steady_clock::time_point committed_at{};  ///< when the commit under way was sent first
  std::vector<stashed> stash;
  std::vector<std::pair<std::string, link_ptr>> adopted;  ///< links into upstream sessions of before, by their ids
  std::vector<std::pair<std::uint32_t, transport::upstream_session>> adoptable;  ///< of its own, at upstreams
  list_digests lists{};  ///< as the client was last shown or told of them
  /// While it comes back: the upstreams whose process for it is gone, and whether its client has been told.
  std::vector<std::pair<std::uint32_t, bool>> lost_processes;
  persistence::record loaded;
  std::map<std::string, std::string> parts;  ///< what `loaded` had apart, decoded
};

}  // namespace holdfast::actors
