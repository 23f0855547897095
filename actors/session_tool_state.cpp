#include <algorithm>
#include <utility>

#include "actors/session_actor.hpp"
#include "transport/mcp/messages.hpp"

// What stateful tools keep for this session: each is given its state with a call and may replace it with the result. So
// that no change is lost, the calls of one such tool follow each other. A new state is written together with the
// outcome of the call that made it.

namespace holdfast::actors {

namespace execution = machines::execution;

/// `alias/name`; empty if the tool keeps no state.
std::string session_actor::state_key_of(const call& c) const {
  const auto* const programs = std::get_if<transport::program_set>(&node_.upstreams[c.upstream].config.target);
  if (programs == nullptr) return {};
  const auto name = mcp::string_value(mcp::member(c.params, "name"));
  const auto found =
      std::find_if(programs->tools.begin(), programs->tools.end(), [&](const auto& t) { return t.name == name; });
  if (found == programs->tools.end() || !found->stateful) return {};
  return std::string(alias_of(c)) + "/" + *name;
}

/// True while an earlier call may still change the state; `release_state` goes on with this one.
bool session_actor::awaits_state(const call& c) const {
  if (c.state_key.empty()) return false;
  for (const auto& other : work_->calls) {
    if (other.get() == &c) return false;
    if (other->state_key == c.state_key && !execution::is_final(other->state)) return true;
  }
  return false;
}

void session_actor::release_state(const std::string& key) {
  const auto& calls = work().calls;
  const auto next = std::find_if(calls.begin(), calls.end(), [&](const auto& c) { return c->state_key == key; });
  if (next == calls.end()) return;
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): it may leave `calls` meanwhile
  const auto c = *next;
  if (c->awaits_state) go(c);
}

/// `params` with the state in its `_meta`.
std::string session_actor::with_state(const call& c, std::string_view params) const {
  const auto state = mcp::member(work_->tool_state, c.state_key);
  const auto meta = mcp::member(params, "_meta");
  const auto more =
      mcp::with_member(mcp::is_object(meta) ? meta : "{}", transport::state_member, state.empty() ? "null" : state);
  return mcp::with_member(params, "_meta", more);
}

/// Keeps the state that an answer brings, and takes it out of the answer. False: it brings none.
bool session_actor::take_state(const call& c, std::string& json) {
  const auto result = mcp::member(json, "result");
  const auto meta = mcp::member(result, "_meta");
  const auto state = mcp::member(meta, transport::state_member);
  if (state.data() == nullptr) return false;
  auto& kept = work().tool_state;
  auto all = mcp::with_member(kept.empty() ? "{}" : kept, c.state_key, state == "null" ? mcp::raw_json() : state);
  std::string shown;
  if (all.size() > limits().tool_state_bytes_max) {
    const auto words = "The tools' state is larger than sessions.tool_state_bytes_max (" +
                       std::to_string(limits().tool_state_bytes_max) + " bytes); the one of before was kept";
    shown = R"({"content":[{"type":"text","text":)" + mcp::quote(words) + R"(}],"isError":true})";
  } else {
    kept = std::move(all);
    note_snapshot();
    const auto rest = mcp::with_member(meta, transport::state_member, {});
    shown = mcp::with_member(result, "_meta", rest == "{}" ? mcp::raw_json() : mcp::raw_json(rest));
  }
  json = mcp::splice(json, {{result, shown}});
  return true;
}

}  // namespace holdfast::actors
