#include <algorithm>
#include <utility>

#include "actors/log_levels.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/uri_rewrite.hpp"
#include "transport/mcp/convert.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;
using place = session_trace::place;

std::string cancelled_notice(std::uint64_t request, std::string_view why) {
  return mcp::make_notification("notifications/cancelled",
                                R"({"requestId":)" + std::to_string(request) + R"(,"reason":)" + mcp::quote(why) + "}");
}

}  // namespace

// --- from upstreams to the client ------------------------------------------------------------------------------------

void session_actor::on_call_message(call_message& m) {
  if (execution::is_final(m.of->state)) return;
  trace(place::upstream, place::session, m.json, m.of.get());
  const auto e = mcp::scan(m.json);
  if (!e) return;
  if (m.of->event_id != m.of->noted_event) note_call(*m.of);
  if (e->kind == mcp::message_kind::request) return relay_request(*e, m.of->link, m.of->upstream, m.of);
  relay_notification(*e, m.json, m.of->upstream, m.of);
}

void session_actor::on_upstream_message(upstream_message& m) {
  if (std::holds_alternative<machines::session::ended>(state_)) return;
  trace(place::upstream, place::session, m.json);
  const auto e = mcp::scan(m.json);
  if (!e) return;
  if (!m.event_id.empty()) {
    // What comes after a restart is to begin behind what the client has been told.
    use(m.upstream).event_id = m.event_id;
    note_snapshot();
  }
  if (e->kind == mcp::message_kind::request) return relay_request(*e, m.link, m.upstream, nullptr);
  if (e->what == mcp::method::cancelled) return withdraw_upstream_request(m.link, mcp::member(e->params, "requestId"));
  relay_notification(*e, m.json, m.upstream, nullptr);
}

void session_actor::relay_request(const mcp::envelope& e, const link_ptr& link, std::uint32_t upstream,
                                  const call_ptr& of) {
  if (e.what == mcp::method::ping) return link->send(mcp::make_result(e.id, "{}"));
  // What this client says goes into the result, which is for nobody else then.
  for (const auto& c : work().calls) {
    if (of ? c == of : c->upstream == upstream) c->cached = nullptr;
  }
  if (!capabilities_.covers(e.what, e.params)) {
    return link->send(mcp::make_error(e.id, mcp::code::method_not_found, "The client does not support this request"));
  }
  if (const auto ok = mcp::can_be_asked(e.what, revision_, e.params); !ok) {
    return link->send(mcp::make_error(e.id, mcp::code::invalid_params, ok.error()));
  }
  auto& w = work();
  if (w.asks.size() >= limits().server_requests_max) {
    return link->send(mcp::make_error(e.id, mcp::code::internal_error, "Too many requests wait for this client"));
  }
  client_ask ask{++w.last_ask,
                 link,
                 std::string(e.id),
                 std::string(e.progress_token),
                 e.what,
                 of,
                 clock::now() + limits().client_answer_timeout,
                 upstream,
                 {}};
  const auto id = std::to_string(ask.id);
  arm_tick(ask.deadline);
  w.asks.push_back(std::move(ask));
  if (of) {
    apply(of, execution::input_asked{w.last_ask});
    note_call(*of);
  } else {
    note_snapshot();
  }
  const auto params =
      e.progress_token.data() == nullptr ? std::string() : mcp::splice(e.params, {{e.progress_token, id}});
  tell_client(of, mcp::make_request(id, mcp::to_string(e.what), params.empty() ? e.params : params));
}

void session_actor::relay_notification(const mcp::envelope& e, std::string_view json, std::uint32_t upstream,
                                       const call_ptr& of) {
  switch (e.what) {
    case mcp::method::progress: {
      const auto token = mcp::member(e.params, "progressToken");
      if (!of || of->progress_token.empty() || token.data() == nullptr) return;
      return tell_client(of, mcp::splice(json, {{token, of->progress_token}}));
    }
    case mcp::method::message:
      if (wants_log(e.params)) tell_client(of, json);
      return;
    case mcp::method::cancelled:
      if (of) withdraw_upstream_request(of->link, mcp::member(e.params, "requestId"));
      return;
    case mcp::method::resources_updated: {
      const auto view = shown_view();
      if (!view || !view->has_shadowed_uris()) return tell_client(nullptr, json);
      return tell_client(nullptr, rewrite_uris(json, [&](const auto& uri) { return view->shown_uri(upstream, uri); }));
    }
    case mcp::method::tools_list_changed:
    case mcp::method::prompts_list_changed:
    case mcp::method::resources_list_changed:
    case mcp::method::elicitation_complete: return tell_client(nullptr, json);
    default: return;  // nothing that a client would know
  }
}

bool session_actor::wants_log(mcp::raw_json params) const {
  const auto level = mcp::plain_string(mcp::member(params, "level"));
  return level && log_severity(*level) >= level_;
}

/// What belongs to a call goes on its stream. The rest goes on the session's own stream; where the client has none open
/// and it is urgent, that is a request, on the stream of its newest call: the client is sure to read that one.
void session_actor::tell_client(const call_ptr& of, std::string_view json) {
  trace(place::session, place::client, json, of.get());
  if (plain()) return push_own(std::string(json));
  if (of && of->from) {
    become_stream(*of->from);
    // Its client has gone, and will come back for what belongs to the call.
    if (journaled(*of) && !of->from->exchange && of->from->stream == 0) {
      of->from->stream = streams().open(nullptr);
      note_streaming_calls(*of->from);
    }
    if (of->from->stream != 0) return streams().send(of->from->stream, json);
  }
  const auto urgent = mcp::member(json, "id").data() != nullptr;
  if (urgent && work_ && !(streams_ && streams_->own_attached())) {
    const auto calls = work_->calls;  // some of them may end meanwhile
    for (auto c = calls.rbegin(); c != calls.rend(); ++c) {
      if ((*c)->reported) continue;
      become_stream(*(*c)->from);
      if ((*c)->from->stream != 0) return streams().send((*c)->from->stream, json);
    }
  }
  push_own(std::string(json));
}

void session_actor::on_catalogue_changed(const catalogue_changed& m) {
  if (m.capabilities != capabilities_.index() || m.user != viewer() ||
      std::holds_alternative<machines::session::fresh>(state_))
    return;
  // One that is just coming back looks for itself.
  if (durable_ && durable_->now == session_durability::phase::loading) return;
  tell_lists(m.what);
}

// --- from the client to upstreams ------------------------------------------------------------------------------------

void session_actor::on_client_answer(const mcp::envelope& e) {
  const auto id = mcp::integer_value(e.id);
  auto& asks = work().asks;
  const auto found = std::find_if(asks.begin(), asks.end(),
                                  [&](const auto& a) { return id && static_cast<std::uint64_t>(*id) == a.id; });
  if (found == asks.end()) {
    // Withdrawn meanwhile; or asked by another node that has the session by now, which only a commit can tell.
    if (durable_) durable_->gate.next();
    return;
  }
  auto answer = e.error.data() != nullptr
                    ? R"({"jsonrpc":"2.0","id":)" + found->upstream_id + R"(,"error":)" + std::string(e.error) + "}"
                    : mcp::make_result(found->upstream_id, e.result);
  if (!found->of && durable_) {
    if (!found->answer.empty()) return;
    found->answer = std::move(answer);
    note_snapshot();
    return gated([this, ask = found->id] { pass_answer(ask); });
  }
  const auto ask = std::move(*found);
  asks.erase(found);
  if (ask.of) apply(ask.of, execution::input_answered{ask.id});
  if (ask.of && journaled(*ask.of)) {
    ask.of->answers.emplace_back(ask.id, answer);
    note_call(*ask.of);
  }
  trace(place::session, place::upstream, answer, ask.of.get());
  gated([link = ask.link, answer = std::move(answer)] { link->send(answer); });
}

/// Kept until it has left: whoever takes the session over before that sends it again, and the upstream takes the first.
void session_actor::pass_answer(std::uint64_t id) {
  auto& asks = work().asks;
  const auto found = std::find_if(asks.begin(), asks.end(), [&](const auto& a) { return a.id == id; });
  if (found == asks.end() || !found->link) return;
  found->link->send(found->answer);
  asks.erase(found);
  note_snapshot();
}

void session_actor::on_client_progress(const mcp::envelope& e) {
  const auto token = mcp::member(e.params, "progressToken");
  const auto id = mcp::integer_value(token);
  if (!work_ || !id) return;
  for (const auto& a : work_->asks) {
    if (a.id != static_cast<std::uint64_t>(*id) || a.progress_token.empty() || !a.link) continue;
    return a.link->send(
        mcp::make_notification("notifications/progress", mcp::splice(e.params, {{token, a.progress_token}})));
  }
}

// --- requests that no longer matter ----------------------------------------------------------------------------------

void session_actor::withdraw(const call_ptr& c, const std::vector<std::uint64_t>& ids) {
  auto& asks = work().asks;
  // What comes on the one channel of a process says nothing of the request that it belongs to. That this one was under
  // way is a guess, so an answer may still be wanted after it.
  const auto& upstreams = node_.upstreams;
  const bool is_guess = c->upstream < upstreams.size() &&
                        std::holds_alternative<transport::stdio_command>(upstreams[c->upstream].config.target);
  const auto* const failed = std::get_if<execution::failed>(&c->state);
  const bool has_result =
      std::holds_alternative<execution::succeeded>(c->state) || (failed != nullptr && failed->by_tool);
  for (const auto id : ids) {
    const auto found = std::find_if(asks.begin(), asks.end(), [&](const auto& a) { return a.id == id; });
    if (found == asks.end()) continue;
    if (is_guess && has_result) {
      found->of = nullptr;
      continue;
    }
    const auto of = found->of;
    asks.erase(found);
    tell_client(of, cancelled_notice(id, "no longer needed"));
  }
}

void session_actor::withdraw_upstream_request(const link_ptr& link, mcp::raw_json upstream_id) {
  if (!work_) return;
  auto& asks = work_->asks;
  const auto found = std::find_if(asks.begin(), asks.end(),
                                  [&](const auto& a) { return a.link == link && a.upstream_id == upstream_id; });
  if (found == asks.end()) return;
  forget_ask(found->id, "withdrawn by the server");
}

/// The client's answer is of no use any more.
void session_actor::forget_ask(std::uint64_t id, std::string_view why) {
  auto& asks = work().asks;
  const auto found = std::find_if(asks.begin(), asks.end(), [&](const auto& a) { return a.id == id; });
  if (found == asks.end()) return;
  const auto ask = std::move(*found);
  asks.erase(found);
  if (ask.of) {
    apply(ask.of, execution::input_answered{ask.id});
  } else {
    note_snapshot();
  }
  if (ask.answer.empty()) tell_client(ask.of, cancelled_notice(ask.id, why));
}

void session_actor::expire_asks(clock::time_point now) {
  if (!work_) return;
  std::vector<client_ask> late;
  for (auto& a : work_->asks) {
    if (a.deadline <= now) late.push_back(a);
  }
  for (const auto& a : late) {
    if (a.link && a.answer.empty())
      a.link->send(mcp::make_error(a.upstream_id, mcp::code::internal_error, "The client did not answer in time"));
    forget_ask(a.id, "no answer in time");
  }
}

}  // namespace holdfast::actors
