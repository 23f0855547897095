#include <algorithm>
#include <array>
#include <utility>

#include "actors/log.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/test_hooks.hpp"
#include "actors/upstream.hpp"
#include "actors/uri_rewrite.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/convert.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;

constexpr unsigned attempts_max = 3;

execution::timestamp wall_clock() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// True if the request had left when this happened, so that the upstream may have worked on it.
bool was_dispatched(const std::error_code& e) {
  using transport::errc;
  return e == errc::timed_out || e == errc::closed || e == errc::answer_lost || e == errc::process_exited ||
         e == errc::too_large || e == errc::bad_json || e == errc::bad_message || e == errc::bad_http ||
         e == errc::bad_event_stream || e == errc::http_status;
}

}  // namespace

// --- a call's life ---------------------------------------------------------------------------------------------------

call_ptr session_actor::begin_call(const post_ptr& p, const mcp::envelope& e, std::uint32_t upstream) {
  auto& calls = work().calls;
  if (calls.size() >= limits().in_flight_max) {
    reply_error(p, e.id, mcp::code::server_error, "Too many requests of this session at once");
    return nullptr;
  }
  if (std::any_of(calls.begin(), calls.end(), [&](const auto& c) { return c->client_id == e.id; })) {
    reply_error(p, e.id, mcp::code::invalid_request, "A request with this id is still being worked on");
    return nullptr;
  }
  auto c = std::make_shared<call>(home(), self());
  c->from = p;
  c->client_id = e.id;
  c->progress_token = e.progress_token;
  c->what = e.what;
  c->upstream = upstream;
  c->started = wall_clock();
  c->number = ++work().last_call;
  c->began = last_traffic_;
  calls.push_back(c);
  node_.calls.begin(slot_);
  watch_post(p);
  arm_stream(p);
  return c;
}

/// Copies the parameters with `part` (a view into them) replaced and the place of the progress token noted.
void session_actor::set_params(call& c, const mcp::envelope& e, mcp::raw_json part, std::string_view by) {
  struct cut {
    std::string_view old, replaced_by;
  };
  std::array<cut, 2> cuts{cut{part, by}, cut{e.progress_token, e.progress_token}};
  if (cuts[1].old.data() < cuts[0].old.data()) std::swap(cuts[0], cuts[1]);
  const char* at = e.params.data();
  c.params.reserve(e.params.size() + by.size());
  for (const auto& x : cuts) {
    if (x.old.data() == nullptr) continue;
    c.params.append(at, x.old.data());
    if (x.old.data() == e.progress_token.data()) {
      c.token_at = c.params.size();
      c.token_size = x.old.size();
    }
    c.params += x.replaced_by;
    at = x.old.data() + x.old.size();
  }
  c.params.append(at, e.params.data() + e.params.size());
}

void session_actor::start(const call_ptr& c, const std::string& tool) {
  c->tool = tool;
  c->history.reserve(4);
  apply(c, execution::select{tool});
  apply(c, execution::parameters_given{});
  go(c);
}

/// Sends the call on its way, or lets it wait for the connection.
void session_actor::go(const call_ptr& c) {
  auto& u = use(c->upstream);
  if (u.level_pending) return u.waiting.push_back(c);
  const auto link = u.link->get();
  if (link && link != c->link) {
    c->link = link;
    c->id = link->next_id();
    return apply(c, execution::dispatched{c->id});
  }
  u.waiting.push_back(c);
  if (u.waiting.size() == 1) send(u.actor, acquire{self()});
}

void session_actor::dispatch(const call_ptr& c) {
  if (c->what == mcp::method::resources_subscribe) {
    return send(use(c->upstream).actor, subscribe{self(), c->upstream_uri, c});
  }
  if (c->what == mcp::method::resources_unsubscribe) {
    return send(use(c->upstream).actor, unsubscribe{self(), c->upstream_uri, c});
  }
  ++c->attempts;
  c->sent = true;
  const auto id = std::to_string(c->id);
  const auto params = std::string_view(c->params);
  std::string body;
  body.reserve(params.size() + 96);
  body += R"({"jsonrpc":"2.0","id":)";
  body += id;
  body += R"(,"method":")";
  body += mcp::to_string(c->what);
  body += R"(","params":)";
  body += params.substr(0, c->token_at);
  if (c->token_size > 0) body += id;
  body += params.substr(c->token_at + c->token_size);
  body += '}';
  trace(session_trace::place::session, session_trace::place::upstream, body, c.get());
  c->link->request({c->id, std::move(body), node_.config.upstreams[c->upstream].call_timeout}, c);
  crash_point("after_dispatch");
}

/// One transition, recorded, and then what follows from it. What has to be durable first is noted, and the rest waits.
void session_actor::apply(const call_ptr& c, const execution::event& e) {
  auto step = execution::advance(std::move(c->state), e);
  c->state = std::move(step.next);
  c->history.push_back(
      {static_cast<std::uint8_t>(e.index()), static_cast<std::uint8_t>(c->state.index()), wall_clock()});
  for (const auto& effect : step.effects) perform(c, effect);
}

void session_actor::perform(const call_ptr& c, const execution::effect& e) {
  if (std::holds_alternative<execution::send_call>(e)) return dispatch_durably(c);
  if (std::holds_alternative<execution::report>(e)) return report(c);
  if (const auto* w = std::get_if<execution::withdraw_requests>(&e)) return withdraw(c, w->requests);
  if (const auto* x = std::get_if<execution::cancel_upstream>(&e)) {
    if (c->sent && c->link) {
      c->link->send(mcp::make_notification("notifications/cancelled", R"({"requestId":)" + std::to_string(x->dispatch) +
                                                                          R"(,"reason":"cancelled by the client"})"));
      c->link->forget(x->dispatch);
    }
    return report(c);
  }
  // ask_client and answer_upstream are carried out by session_asks.cpp, which holds the messages themselves.
}

/// The intent is written down before the call leaves.
void session_actor::dispatch_durably(const call_ptr& c) {
  c->sent = false;
  if (!journaled(*c)) return dispatch(c);
  crash_point("before_intent");
  note_call(*c);
  gated(
      [this, c, id = c->id] {
        crash_point("after_intent");
        if (execution::is_final(c->state) || c->id != id) return;
        // Given up by its client before it was made: what comes so late may have been done through another node since.
        const auto& p = *c->from;
        if (p.watched && !p.exchange && p.stream == 0 && !rule_is_out("given_up"))
          return apply(c, execution::cancel_asked{});
        dispatch(c);
      },
      [this, c, id = c->id] {
        if (execution::is_final(c->state) || c->id != id) return;
        refuse_for_now(c->from);
        if (c->from->stream != 0 && streams().has_begun(c->from->stream))
          return fail(c, mcp::code::server_error, "The store does not answer; the call was not made",
                      "store unavailable");
        // Nothing is remembered of it: sent again, it is a new call.
        apply(c, execution::cancel_asked{});
      });
}

void session_actor::report(const call_ptr& c) {
  if (!journaled(*c)) {
    const auto p = c->from;
    finish(c);
    const auto text = response_of(*c);
    if (text.empty()) return put_answer(p, {});
    if (c->what != mcp::method::resources_subscribe && c->what != mcp::method::resources_unsubscribe)
      return put_answer(p, {text});
    return gated([this, p, text] { put_answer(p, {text}); }, [this, p] { refuse_for_now(p); },
                 [this, p] { pass_on(std::exchange(p->exchange, nullptr)); });
  }
  if (auto text = response_of(*c); !text.empty()) return report_durably(c, std::move(text));
  // Cancelled: nobody waits for it.
  if (c->in_journal) {
    --durable_->open_executions;
    drop_from_journal(c->execution);
  }
  if (c->attempts > 0) durable_->note_ended(c->client_id, c->digest, clock::now());
  const auto p = c->from;
  const auto part = c->params_part;
  finish(c);
  drop_part(part);
  put_answer(p, {});
}

/// What the client is told, whole; empty if nothing.
std::string session_actor::response_of(const call& call) {
  const auto* const c = &call;
  const auto answer = [&](std::initializer_list<std::string_view> parts) {
    constexpr std::string_view head = R"({"jsonrpc":"2.0","id":)";
    std::size_t size = head.size() + c->client_id.size() + 1;
    for (const auto part : parts) size += part.size();
    std::string whole;
    whole.reserve(size);
    whole.append(head).append(c->client_id);
    for (const auto part : parts) whole += part;
    whole += '}';
    return whole;
  };
  if (!c->error.empty()) return answer({R"(,"error":)", c->error});
  if (c->answer.empty()) return {};
  const auto e = mcp::scan(c->answer);
  if (e->error.data() != nullptr) {
    return answer({relayed_error(*c, e->error)});
  }
  learn_uris(*c, e->result);
  std::string changed;
  auto result = std::string_view(e->result);
  if (mcp::needs_conversion(c->what, revision_)) result = changed = mcp::convert_result(c->what, revision_, result);
  const auto view = node_.views[capabilities_.index()].get();
  if (!c->shown_uri.empty() || (view && view->has_shadowed_uris())) {
    changed = rewrite_uris(result, [&](const std::string& uri) -> std::optional<std::string> {
      if (!c->shown_uri.empty() && uri == c->upstream_uri) return c->shown_uri;
      return view ? view->shown_uri(c->upstream, uri) : std::nullopt;
    });
    result = changed;
  }
  return answer({R"(,"result":)", result});
}

/// What the client is told of an upstream's error, with its member name: `,"error":{…}` or `,"result":{…}`.
std::string session_actor::relayed_error(const call& c, mcp::raw_json error) const {
  const auto code = mcp::integer_value(mcp::member(error, "code")).value_or(mcp::code::internal_error);
  const auto text = mcp::string_value(mcp::member(error, "message")).value_or(std::string());
  const auto as_tool_error = [&](const std::string& said) {
    return R"(,"result":{"content":[{"type":"text","text":)" + mcp::quote(said) + R"(}],"isError":true})";
  };
  const auto is_tool = c.what == mcp::method::tools_call;
  if (is_tool && code == mcp::code::url_elicitation_required &&
      !(revision_ >= mcp::revision::r2025_11_25 && capabilities_.elicitation_url)) {
    return as_tool_error(text.empty() ? "This tool needs a page to be opened, which this client cannot do" : text);
  }
  if (is_tool && code == mcp::code::missing_capability) {
    return as_tool_error("This tool needs a client capability that is not there: " + text);
  }
  if (code <= mcp::code::header_mismatch && code >= mcp::code::unsupported_revision) {
    return R"(,"error":)" +
           mcp::error_object(mcp::code::internal_error, "The upstream refused the request", error_data(c, text, false));
  }
  return R"(,"error":)" + std::string(error);
}

/// Empty if the upstream is no longer configured, which can be for a call of before a restart.
std::string_view session_actor::alias_of(const call& c) const {
  const auto& all = node_.config.upstreams;
  return c.upstream < all.size() ? std::string_view(all[c.upstream].alias) : std::string_view();
}

std::string session_actor::error_data(const call& c, std::string_view reason, bool may_have_run) const {
  return R"({"upstream":)" + mcp::quote(alias_of(c)) + R"(,"reason":)" + mcp::quote(reason) +
         (may_have_run ? R"(,"mayHaveRun":true})" : "}");
}

void session_actor::fail(const call_ptr& c, int code, std::string_view message, std::string_view reason) {
  c->error = mcp::error_object(code, message, error_data(*c, reason, false));
  apply(c, execution::error_came{});
}

void session_actor::finish(const call_ptr& c) {
  auto& w = work();
  if (std::erase(w.calls, c) == 0) return;
  node_.calls.end(slot_);
  log_call(*c);
  touch();
  const auto failed = std::holds_alternative<execution::interrupted>(c->state) || !c->error.empty();
  home().figures().note(c->upstream, c->what == mcp::method::tools_call, failed,
                        std::chrono::duration_cast<std::chrono::microseconds>(last_traffic_ - c->began));
  if (c->what != mcp::method::tools_call || limits().history_max == 0) return;
  if (w.finished.size() >= limits().history_max) w.finished.erase(w.finished.begin());
  w.finished.push_back({std::move(c->tool), c->started, std::move(c->history), c->execution, c->number,
                        std::string(alias_of(*c)), reason_of(*c)});
}

/// An answer that is less durable than it should be is worth a line even where the others are not.
void session_actor::log_call(const call& c) const {
  const auto is_lossy = durable_ && journaled(c) && durable_->gate.degraded();
  const auto level = is_lossy ? log_level::warning : log_level::debug;
  if (!log::enabled(level)) return;
  log::write(level, "call.answered",
             {{"session", id_.substr(0, 8)},
              {"method", mcp::to_string(c.what)},
              {"tool", c.tool},
              {"upstream", alias_of(c)},
              {"outcome", execution::name_of(c.state)},
              {"ms", static_cast<std::size_t>((wall_clock() - c.started).count())},
              {"durability", is_lossy                   ? "lost"
                             : durable_ && journaled(c) ? "journaled"
                                                        : "none"}});
}

void session_actor::on_answer(call_answer& m) {
  const auto& c = m.of;
  if (execution::is_final(c->state)) return;
  trace(session_trace::place::upstream, session_trace::place::session, m.json, c.get());
  const auto e = mcp::scan(m.json);
  if (!e) return fail(c, mcp::code::internal_error, "The upstream's answer is not valid", e.error().message());
  const auto failed = e->error.data() != nullptr;
  if (failed && ask_next_upstream(c, e->error)) return;
  const auto is_error =
      !failed && e->result.find("\"isError\"") != std::string_view::npos && mcp::member(e->result, "isError") == "true";
  c->answer = std::move(m.json);
  if (failed) return apply(c, execution::error_came{});
  apply(c, execution::result_came{is_error});
}

/// A resource that nobody lists is looked for at one upstream after the other.
bool session_actor::ask_next_upstream(const call_ptr& c, mcp::raw_json error) {
  if (c->what != mcp::method::resources_read || c->fallbacks.empty()) return false;
  if (!std::holds_alternative<execution::executing>(c->state)) return false;
  const auto code = mcp::integer_value(mcp::member(error, "code"));
  if (code != mcp::code::resource_not_found && code != mcp::code::invalid_params) return false;
  c->upstream = c->fallbacks.front();
  c->fallbacks.erase(c->fallbacks.begin());
  c->link = nullptr;
  apply(c, execution::returned{});
  go(c);
  return true;
}

void session_actor::on_failure(call_failure& m) {
  const auto& c = m.of;
  if (execution::is_final(c->state)) return;
  const auto& why = m.why;
  if (why.code == transport::errc::session_lost && c->attempts < attempts_max &&
      std::holds_alternative<execution::executing>(c->state)) {
    // A 404 means that the request was not processed, so it may go again through a new upstream session.
    send(use(c->upstream).actor, link_expired{c->link});
    apply(c, execution::returned{});
    return go(c);
  }
  const auto gone = c->sent && (was_dispatched(why.code) || c->attempts == 0);
  if (gone && c->repeatable && c->attempts < attempts_max && why.code != transport::errc::timed_out &&
      std::holds_alternative<execution::executing>(c->state)) {
    c->link = nullptr;
    apply(c, execution::returned{});
    return go(c);
  }
  const auto reason = why.code.message() + (why.detail.empty() ? "" : ": " + why.detail);
  const auto what = why.code == transport::errc::timed_out ? "The upstream did not answer in time"
                    : gone                                 ? "The upstream was lost during the request; it may have run"
                                                           : "The upstream is not available";
  c->error = mcp::error_object(mcp::code::internal_error, what, error_data(*c, reason, gone));
  if (gone) return apply(c, execution::connection_lost{});
  apply(c, execution::error_came{});
}

void session_actor::cancel(mcp::raw_json request_id) {
  if (!work_) return;
  const auto& calls = work_->calls;
  const auto found =
      std::find_if(calls.begin(), calls.end(), [&](const auto& c) { return c->client_id == request_id; });
  if (found == calls.end()) return cancel_waiting(request_id);
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): it leaves `calls` meanwhile
  const auto c = *found;
  for (auto& u : work_->uses) std::erase(u.waiting, c);
  apply(c, execution::cancel_asked{});
}

/// A request that still waits for the catalogue. One that is nowhere was answered meanwhile, or never came.
void session_actor::cancel_waiting(mcp::raw_json request_id) {
  auto& waiting = work_->awaiting_view;
  const auto found = std::find_if(waiting.begin(), waiting.end(), [&](const auto& w) {
    const auto e = mcp::scan(w.second);
    return e && e->id == request_id && e->what != mcp::method::initialize;
  });
  if (found == waiting.end()) return;
  const auto p = found->first;
  waiting.erase(found);
  put_answer(p, {});
}

}  // namespace holdfast::actors
