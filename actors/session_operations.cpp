#include "actors/session_operations.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "actors/admin/json.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_steps.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;
using admin::json_object;

constexpr std::string_view seal_text = "operator";

std::string purpose_of(std::string_view session, std::string_view method) {
  return std::string(seal_text) + ":" + std::string(session) + ":" + std::string(method);
}

/// The tools of this node that keep a state: `alias/name` and the name alone.
std::vector<std::pair<std::string, std::string>> stateful_tools(const upstream_table& upstreams) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto index : *upstreams.in_force()) {
    const auto& u = upstreams[index].config;
    const auto* const programs = std::get_if<transport::program_set>(&u.target);
    if (programs == nullptr) continue;
    for (const auto& t : programs->tools) {
      if (t.stateful) all.emplace_back(u.alias + "/" + t.name, t.name);
    }
  }
  return all;
}

std::string tool_state_json(std::string_view session, std::string_view tool, mcp::raw_json state) {
  return json_object().text("sessionId", session).text("tool", tool).raw("state", state.empty() ? "null" : state).str();
}

}  // namespace

std::string session_operations::pass_for(const mcp::sealer& by, std::string_view session, std::string_view method) {
  return by.seal(seal_text, purpose_of(session, method));
}

void session_operations::refuse(session_actor& s, const post_ptr& p, mcp::raw_json id, int status, std::string_view why,
                                std::string_view more) {
  const auto data = R"({"status":)" + std::to_string(status) + (more.empty() ? "" : ",") + std::string(more) + "}";
  s.reply_error(p, id, mcp::code::server_error, why, data);
}

void session_operations::answer(session_actor& s, const post_ptr& p, mcp::raw_json id, std::string result) {
  s.answer_durably(p, metrics::request_outcome::ok, mcp::make_result(id, result));
}

/// Tool states of this session: operations of session_actor's friend, one file with the rest of what operators ask.
struct tool_states {
  session_actor& s;
  const post_ptr& p;
  const mcp::envelope& e;

  void refuse(int status, std::string_view why, std::string_view more = {}) const {
    session_operations::refuse(s, p, e.id, status, why, more);
  }

  /// The key of the tool that `params.tool` names, by its name or as `alias/name`; empty after a refusal.
  std::string key(const upstream_table& upstreams) const {
    const auto asked = admin::text_of(e.params, "tool");
    std::vector<std::string> found, all;
    for (const auto& [key, name] : stateful_tools(upstreams)) {
      all.push_back(key);
      if (key == asked) return key;
      if (name == asked) found.push_back(key);
    }
    if (found.size() == 1) return found.front();
    const auto more = R"("tools":)" + admin::json_texts(found.empty() ? all : found);
    if (found.empty()) {
      refuse(404, "No stateful tool has this name", more);
    } else {
      refuse(409, "More than one stateful tool has this name: say UPSTREAM/TOOL", more);
    }
    return {};
  }
};

bool session_operations::take(session_actor& s, const post_ptr& p, const mcp::envelope& e) {
  if (!e.method_name.starts_with(prefix)) return false;
  const auto what = e.method_name.substr(prefix.size());
  const auto pass = mcp::string_value(mcp::member(e.params, "pass")).value_or(std::string());
  const auto opened = s.node_.cursors.open(pass, purpose_of(s.id_, e.method_name));
  if (!opened || *opened != seal_text) return false;
  constexpr std::string_view steps = "steps.";
  if (what.starts_with(steps)) return session_steps::take(s, p, e, what.substr(steps.size()));
  const tool_states states{s, p, e};
  auto& kept = s.work().tool_state;
  if (what == "toolStates") {
    answer(s, p, e.id, json_object().text("sessionId", s.id_).raw("states", kept.empty() ? "{}" : kept).str());
    return true;
  }
  if (!what.starts_with("toolState.")) return false;
  const auto key = states.key(s.node_.upstreams);
  if (key.empty()) return true;
  if (what == "toolState.get") {
    answer(s, p, e.id, tool_state_json(s.id_, key, mcp::member(kept, key)));
    return true;
  }
  // What it returns would take the place of this, unseen.
  const auto& calls = s.work().calls;
  const auto busy = std::count_if(calls.begin(), calls.end(),
                                  [&](const auto& c) { return c->state_key == key && !execution::is_final(c->state); });
  if (busy > 0) {
    states.refuse(409, "A call of this tool is under way and may change its state: wait for it, or cancel it",
                  R"("calls":)" + std::to_string(busy));
    return true;
  }
  const auto is_clear = what == "toolState.clear";
  if (!is_clear && what != "toolState.set") return false;
  const auto state = is_clear ? mcp::raw_json() : mcp::member(e.params, "state");
  const auto none = state.empty() || state == "null";
  auto all = mcp::with_member(kept.empty() ? "{}" : kept, key, none ? mcp::raw_json() : state);
  const auto max = s.limits().tool_state_bytes_max;
  if (!none && all.size() > max) {
    states.refuse(413, "The states of this session's tools would be larger than sessions.tool_state_bytes_max (" +
                           std::to_string(max) + " bytes)");
    return true;
  }
  kept = std::move(all);
  s.note_snapshot();
  answer(s, p, e.id, tool_state_json(s.id_, key, none ? mcp::raw_json() : state));
  return true;
}

}  // namespace holdfast::actors
