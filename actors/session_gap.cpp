#include <algorithm>
#include <utility>

#include "actors/log.hpp"
#include "actors/log_levels.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "transport/mcp/messages.hpp"

// What may have changed, or is gone, while the session was nowhere or with another node; and what its client is told of
// that.

namespace holdfast::actors {
namespace {

constexpr std::size_t losses_max = 8;  // remembered of one session

bool is_process(const upstream_config& u) { return std::holds_alternative<transport::stdio_command>(u.target); }

}  // namespace

// --- lists -----------------------------------------------------------------------------------------------------------

/// The client is being shown this list. No answer waits for that to be durable: if it is lost, the client is told of a
/// change that it has seen.
void session_actor::note_list(const catalogue_view& view, list_kind kind) {
  if (!durable_) return;
  const auto at = digest_index(kind);
  if (std::exchange(durable_->lists[at], view.digests()[at]) != view.digests()[at]) note_snapshot();
}

/// A client that has just come is to hear of what changes from now on. What is not published yet nobody can be told of.
void session_actor::note_all_lists(const catalogue_view& view) {
  if (durable_ && shown_view().get() == &view) durable_->lists = view.digests();
}

void session_actor::tell_lists(list_kinds changed) {
  if (changed.tools) push_own(mcp::make_notification("notifications/tools/list_changed", {}));
  if (changed.prompts) push_own(mcp::make_notification("notifications/prompts/list_changed", {}));
  if (changed.resources) push_own(mcp::make_notification("notifications/resources/list_changed", {}));
  const auto view = shown_view();
  if (!durable_ || !view) return;
  const auto note = [&](bool told, list_kind kind) {
    if (told && durable_->lists[digest_index(kind)] != 0) note_list(*view, kind);
  };
  note(changed.tools, list_kind::tools);
  note(changed.prompts, list_kind::prompts);
  note(changed.resources, list_kind::resources);
}

/// Those that are not what the client knows of them.
void session_actor::tell_changed_lists() {
  const auto view = shown_view();
  if (!durable_ || durable_->now != session_durability::phase::live || over() || !view) return;
  const auto changed = [&](list_kind kind) {
    const auto known = durable_->lists[digest_index(kind)];
    return known != 0 && known != view->digests()[digest_index(kind)];
  };
  tell_lists({changed(list_kind::tools), changed(list_kind::prompts), changed(list_kind::resources)});
}

// --- upstreams -------------------------------------------------------------------------------------------------------

/// What the upstream held in memory for this session is gone. On the stream of a call that this cuts off, if there is
/// one: its client is sure to read that.
void session_actor::tell_loss(std::uint32_t upstream, const call_ptr& of) {
  const auto& alias = node_.upstreams[upstream].config.alias;
  log::warning("session.state_lost", {{"session", id_.substr(0, 8)}, {"upstream", alias}});
  auto& losses = work().losses;
  if (losses.size() >= losses_max) losses.erase(losses.begin());
  losses.push_back(
      {upstream, std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now())});
  note_snapshot();
  constexpr std::string_view level = "warning";
  if (log_severity(level) < level_) return;
  auto json = mcp::make_notification(
      "notifications/message",
      R"({"level":")" + std::string(level) + R"(","logger":"holdfast","data":{"upstream":)" + mcp::quote(alias) +
          R"(,"message":"The upstream was started anew for this session; what it held in memory for it is lost"}})");
  if (of && of->from->stream != 0) return streams().send(of->from->stream, json);
  push_own(std::move(json));
}

/// The rest of an ask's way: to the connection of now, or nowhere if the upstream has forgotten it.
void session_actor::connect_asks(const link_ready& m, bool goes_on) {
  std::vector<std::uint64_t> answered, void_ones;
  for (auto& a : work().asks) {
    if (a.link || a.of || a.upstream != m.upstream) continue;
    if (!goes_on) {
      void_ones.push_back(a.id);
      continue;
    }
    a.link = m.link;
    if (!a.answer.empty()) answered.push_back(a.id);
  }
  for (const auto id : answered) pass_answer(id);
  for (const auto id : void_ones) forget_ask(id, "the upstream has forgotten it");
}

// --- in the snapshot -------------------------------------------------------------------------------------------------

void session_actor::note_gaps(session_snapshot& s) const {
  const auto alias = [&](std::uint32_t u) -> const auto& { return node_.upstreams[u].config.alias; };
  for (const auto& u : work_->uses) {
    if (u.own && is_process(node_.upstreams[u.upstream].config) && u.link->get())
      s.processes.push_back(alias(u.upstream));
  }
  for (const auto& l : work_->losses) s.losses.push_back({alias(l.upstream), l.at});
  for (const auto& a : work_->asks) {
    // A process takes what it has asked along, and nobody finds an upstream again that gives its sessions no id.
    if (a.of || (a.link && a.link->session().id.empty())) continue;
    s.asks.push_back(
        {alias(a.upstream), a.id, a.upstream_id, a.progress_token, std::string(mcp::to_string(a.what)), a.answer});
  }
}

void session_actor::take_gaps(const session_snapshot& s) {
  auto& d = *durable_;
  auto& w = work();
  d.lists = s.lists;
  for (const auto& alias : s.processes) {
    if (const auto upstream = upstream_index(alias)) d.lost_processes.emplace_back(*upstream, false);
  }
  for (const auto& l : s.losses) {
    if (const auto upstream = upstream_index(l.upstream)) w.losses.push_back({*upstream, l.at});
  }
  for (const auto& a : s.asks) {
    const auto upstream = upstream_index(a.upstream);
    if (!upstream) continue;
    const auto deadline = clock::now() + limits().client_answer_timeout;
    w.asks.push_back(
        {a.id, nullptr, a.upstream_id, a.progress_token, ask_method(a.method), nullptr, deadline, *upstream, a.answer});
  }
}

}  // namespace holdfast::actors
