#include "actors/admin/explain.hpp"

#include "actors/admin/json.hpp"

namespace holdfast::actors::admin {
namespace {

/// In words what happened at a transition; empty if nothing that matters.
std::string story_of(mcp::raw_json t, const std::string& upstream) {
  const auto event = text_of(t, "event");
  const auto by = text_of(t, "node");
  const auto where = by.empty() ? std::string() : " (node " + by + ")";
  if (event == "dispatched") return "It was sent to " + upstream + where + ".";
  if (event == "returned")
    return "It was not processed there, or may be repeated, and was taken back to be sent again.";
  if (event == "input_asked") return "The upstream asked the client something" + where + ".";
  if (event == "input_answered") return "The client's part was settled.";
  if (event == "result_came") return "A result came" + where + ".";
  if (event == "error_came") return "It ended with an error" + where + ".";
  if (event == "connection_lost")
    return "The connection to the upstream, or the node that had it, was lost during the call.";
  if (event == "cancel_asked") return "It was cancelled, by its client, its session's end or an operator" + where + ".";
  return {};
}

std::string conclusion_of(const std::string& state, bool sent, mcp::raw_json call) {
  if (state == "selected" || state == "ready" || state == "idle")
    return "It waits for a connection to the upstream; nothing was sent yet.";
  if (state == "executing") return "It runs at the upstream since, and nobody has to do anything.";
  if (state == "input_required")
    return "It waits for the client to answer " + std::to_string(number_of(call, "waitsForClient")) + " request(s).";
  if (state == "succeeded") return "It succeeded.";
  if (state == "failed") return sent ? "It failed." : "It failed before it was sent: it has not run.";
  if (state == "cancelled")
    return sent ? "The upstream was told to stop; it may have done part of it." : "It has not run.";
  return "Nobody knows whether it ran to its end: it may have run. It was not repeated, because that could do things "
         "twice.";
}

}  // namespace

explanation explained(std::string_view json) {
  explanation e;
  const auto call = mcp::member(json, "execution");
  const auto upstream = text_of(call, "upstream").empty() ? std::string("its upstream") : text_of(call, "upstream");
  bool sent = false;
  std::string last;
  for (const auto t : list_of(json, "transitions")) {
    const auto event = text_of(t, "event");
    if (event == "dispatched") sent = true;
    if (event == "returned") sent = false;
    auto words = story_of(t, upstream);
    if (!words.empty() && words != last) e.words.push_back(text_of(t, "at") + ": " + words);
    last = std::move(words);
  }
  const auto reason = text_of(json, "reason");
  if (!reason.empty()) e.words.push_back("The reason that was given: " + reason);
  e.words.push_back(conclusion_of(text_of(call, "state"), sent, call));
  if (sent && mcp::member(call, "journaled") == "false" && text_of(call, "state") == "interrupted")
    e.words.push_back("Its calls are not journaled, so that nothing of it was written down.");
  e.may_have_run = sent;
  return e;
}

}  // namespace holdfast::actors::admin
