#include <algorithm>
#include <utility>

#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "transport/mcp/messages.hpp"

// What becomes of a session's upstreams when others come into force. Calls that have been sent end where they are.

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;

/// With the upstreams that are in force now; what belonged to those that nobody follows goes.
void follow(const upstream_table& upstreams, std::vector<std::pair<std::string, std::uint32_t>>& uris) {
  std::erase_if(uris, [&](auto& entry) {
    const auto now = upstreams.current(entry.second);
    if (now) entry.second = *now;
    return !now;
  });
}

}  // namespace

/// The session is shown what its user has, or what everybody has.
void session_actor::choose_views() {
  shown_ = &node_.views.of(node_.upstreams.has_own(principal_) ? principal_ : std::string_view());
}

/// Whose views it is shown; empty: everybody's.
std::string_view session_actor::viewer() const {
  return shown_ == &node_.views.common ? std::string_view() : principal_;
}

view_wanted session_actor::wanted_view(std::chrono::milliseconds wait, bool for_list) {
  return {self(), capabilities_, std::string(viewer()), wait, for_list};
}

/// False, and the call has failed, if its upstream is no more.
bool session_actor::follow_upstream(const call_ptr& c) {
  if (const auto now = node_.upstreams.current(c->upstream); now && node_.upstreams[*now].config.enabled) {
    c->upstream = *now;
    return true;
  }
  fail(c, mcp::code::internal_error, "The upstream is not available", "it was removed or disabled");
  return false;
}

void session_actor::on_upstreams_changed() {
  if (const auto before = std::exchange(shown_, &node_.views.common); choose_views(), shown_ != before) {
    // Another catalogue from now on, of which it is told when it is there.
    if (!shown_view()) send(node_.catalogue, wanted_view(node_.config.catalogue.first_list_wait, true));
    // One that is just coming back looks for itself.
    const auto loading = durable_ && durable_->now == session_durability::phase::loading;
    if (!loading && !std::holds_alternative<machines::session::fresh>(state_)) tell_lists({true, true, true});
  }
  if (!work_) return;
  auto& w = work();
  const auto is_over = [this](std::uint32_t upstream) { return node_.upstreams[upstream].retired.load(); };
  const auto concerns = [&](const auto& known) { return is_over(known.second); };
  if (std::none_of(w.uses.begin(), w.uses.end(), [&](const auto& u) { return is_over(u.upstream); }) &&
      std::none_of(w.learned_uris.begin(), w.learned_uris.end(), concerns) &&
      std::none_of(w.subscriptions.begin(), w.subscriptions.end(), concerns))
    return;  // most changes concern few of many sessions
  std::vector<call_ptr> unsent;
  for (auto& u : w.uses) {
    if (!is_over(u.upstream)) continue;
    for (auto& c : std::exchange(u.waiting, {})) unsent.push_back(std::move(c));
    u.level_pending = false;
    if (u.own) send(u.actor, upstream_retire{});
  }
  // Of an earlier time; what is over now may still have something to say.
  std::erase_if(w.uses, [&](const auto& u) {
    const auto is_used = [&](const auto& c) { return c->upstream == u.upstream; };
    return is_over(u.upstream) && !u.link->get() && std::none_of(w.calls.begin(), w.calls.end(), is_used);
  });
  follow(node_.upstreams, w.learned_uris);
  std::vector<std::pair<std::string, std::uint32_t>> moved;
  std::copy_if(w.subscriptions.begin(), w.subscriptions.end(), std::back_inserter(moved), concerns);
  follow(node_.upstreams, moved);
  follow(node_.upstreams, w.subscriptions);
  for (const auto& [uri, upstream] : moved) {
    // That of one that is disabled stands for when it is enabled.
    if (node_.upstreams[upstream].config.enabled) send(use(upstream).actor, subscribe{self(), uri, nullptr});
  }
  for (const auto& c : unsent) {
    if (!execution::is_final(c->state)) go(c);
  }
  note_snapshot();
}

}  // namespace holdfast::actors
