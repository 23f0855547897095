#include <algorithm>
#include <utility>

#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/upstream.hpp"
#include "actors/uri_rewrite.hpp"
#include "transport/mcp/messages.hpp"

// The connections to upstreams that a session uses, and what it has asked of them for good.

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;

constexpr std::size_t learned_uris_max = 256;
constexpr std::size_t learned_at_once_max = 64;  // from one result

}  // namespace

upstream_use& session_actor::use(std::uint32_t upstream) {
  auto& uses = work().uses;
  const auto found = std::find_if(uses.begin(), uses.end(), [&](const auto& u) { return u.upstream == upstream; });
  if (found != uses.end()) return *found;
  const auto& config = node_.upstreams[upstream].config;
  const auto scope = config.scope;
  auto& u = uses.emplace_back();
  u.upstream = upstream;
  u.own = scope == upstream_scope::session || (scope == upstream_scope::automatic && !capabilities_.empty() &&
                                               !std::holds_alternative<transport::program_set>(config.target));
  if (u.own) {
    auto session = adoptable(upstream);
    u.before = session.id;
    u.link = std::make_shared<published<transport::upstream_link>>();
    u.actor = spawn_upstream(
        system(), home(), node_,
        {upstream, connection_role::session, capabilities_, client_info_, self(), level_name_, std::move(session)},
        u.link);
  } else {
    u.link = node_.upstreams[upstream].link;
    u.actor = node_.upstreams[upstream].shared;
    u.level_pending = !level_name_.empty();
    if (u.level_pending) send(u.actor, level_wanted{self(), level_name_});
  }
  return u;
}

void session_actor::on_link_ready(const link_ready& m) {
  if (auto& u = use(m.upstream); u.own) {
    const auto session = m.link->session();
    const auto before = std::exchange(u.before, {});
    const auto goes_on = !before.empty() && before == session.id;
    if (!before.empty() && !goes_on) tell_loss(m.upstream, nullptr);
    connect_asks(m, goes_on);
    // The session at the upstream is to be found again after a restart, and the loss of a process to be noticed.
    u.event_id = session.last_event_id;
    note_snapshot();
  }
  for (const auto& c : std::exchange(use(m.upstream).waiting, {})) {
    if (execution::is_final(c->state)) continue;
    c->link = m.link;
    c->id = m.link->next_id();
    apply(c, execution::dispatched{c->id});
  }
}

void session_actor::on_link_refused(const link_refused& m) {
  for (const auto& c : std::exchange(use(m.upstream).waiting, {})) {
    if (execution::is_final(c->state)) continue;
    count_unsent(*c);
    fail(c, mcp::code::internal_error, "The upstream is not available", m.reason);
  }
}

void session_actor::on_level_told(const level_told& m) {
  auto& u = use(m.upstream);
  u.level_pending = false;
  for (const auto& c : std::exchange(u.waiting, {})) go(c);
  const auto& uses = work_->uses;
  if (std::any_of(uses.begin(), uses.end(), [](const auto& x) { return x.level_pending; })) return;
  for (const auto& [p, id] : std::exchange(work_->awaiting_level, {}))
    answer_durably(p, metrics::request_outcome::ok, mcp::make_result(id, "{}"));
}

void session_actor::on_subscription_done(const subscription_done& m) {
  const auto& c = m.call;
  if (!c) return;
  // What the upstream has agreed to stands even if the client has cancelled the request.
  if (m.error.empty()) note_subscription(*c);
  if (execution::is_final(c->state)) return;
  if (m.error.empty()) {
    c->answer = R"({"jsonrpc":"2.0","id":0,"result":{}})";
    return apply(c, execution::result_came{false});
  }
  c->error = m.error;
  apply(c, execution::error_came{});
}

void session_actor::note_subscription(const call& c) {
  note_snapshot();
  auto& held = work().subscriptions;
  const auto upstream = node_.upstreams.current(c.upstream);
  if (!upstream) return;
  std::erase(held, std::pair(c.upstream_uri, *upstream));
  if (c.what != mcp::method::resources_subscribe) return;
  held.emplace_back(c.upstream_uri, *upstream);
  // Another one has come into force meanwhile.
  if (*upstream != c.upstream) send(use(*upstream).actor, subscribe{self(), c.upstream_uri, nullptr});
}

/// URIs that an upstream has shown this client can be read there, listed or not.
void session_actor::learn_uris(const call& c, mcp::raw_json result) {
  if (c.what != mcp::method::tools_call && c.what != mcp::method::prompts_get) return;
  if (node_.upstreams.size() < 2) return;
  std::size_t seen = 0;
  for_each_uri(result, [&](const std::string& uri) {
    if (++seen > learned_at_once_max) return;
    auto& learned = work().learned_uris;
    std::erase_if(learned, [&](const auto& l) { return l.first == uri; });
    if (learned.size() >= learned_uris_max) learned.erase(learned.begin());
    learned.emplace_back(uri, c.upstream);
  });
}

}  // namespace holdfast::actors
