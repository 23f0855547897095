#include <algorithm>
#include <array>
#include <utility>

#include "actors/client_text.hpp"
#include "actors/log.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/session_keys.hpp"
#include "actors/session_outcomes.hpp"
#include "actors/session_steps.hpp"
#include "actors/test_hooks.hpp"
#include "actors/upstream.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;

}  // namespace

// --- a call's life ---------------------------------------------------------------------------------------------------

call_ptr session_actor::begin_call(const post_ptr& p, const mcp::envelope& e, std::uint32_t upstream) {
  auto& calls = work().calls;
  if (calls.size() >= limits().in_flight_max) {
    reply_error(p, e.id, mcp::code::server_error, "Too many requests of this session at once");
    return nullptr;
  }
  // One that has ended, and whose outcome is about to be durable, is no longer worked on.
  const auto is_it = [&](const auto& c) { return c->client_id == e.id && !execution::is_final(c->state); };
  if (std::any_of(calls.begin(), calls.end(), is_it)) {
    reply_error(p, e.id, mcp::code::invalid_request, "A request with this id is still being worked on");
    return nullptr;
  }
  auto c = std::make_shared<call>(home(), self());
  c->from = p;
  c->client_id = e.id;
  c->progress_token = e.progress_token;
  c->what = e.what;
  c->upstream = upstream;
  c->started = story_now();
  c->number = ++work().last_call;
  c->began = p->began;
  c->deadline = c->began + node_.upstreams[upstream].config.call_timeout;
  begin_spans(*c, e);
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
  if (c->what == mcp::method::tools_call) c->state_key = state_key_of(*c);
  c->history.reserve(4);
  apply(c, execution::select{tool});
  apply(c, execution::parameters_given{});
  if (c->cached) return look_in_cache(c);
  go(c);
}

/// Sends the call on its way, once the upstream may have it.
void session_actor::go(const call_ptr& c) {
  if (node_.upstreams[c->upstream].retired && !follow_upstream(c)) return;
  if (c->awaits_state = awaits_state(*c); c->awaits_state) return;
  auto& u = use(c->upstream);
  if (u.level_pending) return u.waiting.push_back(c);
  admit(c);
}

/// To the connection, or to those who wait for it.
void session_actor::proceed(const call_ptr& c) {
  auto& u = use(c->upstream);
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
  c->sent_at = now();
  const auto id = std::to_string(c->id);
  const auto params = std::string_view(c->params);
  std::string body;
  body.reserve(params.size() + 96);
  body += R"({"jsonrpc":"2.0","id":)";
  body += id;
  body += R"(,"method":")";
  body += mcp::to_string(c->what);
  body += R"(","params":)";
  const auto params_at = body.size();
  body += params.substr(0, c->token_at);
  if (c->token_size > 0) body += id;
  body += params.substr(c->token_at + c->token_size);
  if (!c->state_key.empty()) body.replace(params_at, body.npos, with_state(*c, body.substr(params_at)));
  body += '}';
  trace(session_trace::place::session, session_trace::place::upstream, body, c.get());
  auto traceparent = trace_upstream(*c, body);
  auto timeout = node_.upstreams[c->upstream].config.call_timeout;
  if (c->attempts > 1 || c->waits > 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(c->deadline - clock::now());
    timeout = std::clamp(left, std::chrono::milliseconds{1}, timeout);
  }
  c->link->request({c->id, std::move(body), timeout, std::move(traceparent)}, c);
  crash_point("after_dispatch");
}

/// One transition, recorded, and then what follows from it. What has to be durable first is noted, and the rest waits.
void session_actor::apply(const call_ptr& c, const execution::event& e) {
  const auto before = c->state.index();
  auto step = execution::advance(std::move(c->state), e);
  c->state = std::move(step.next);
  if (c->what == mcp::method::tools_call) home().counters().executions.step(before, c->state.index());
  c->history.push_back(
      {static_cast<std::uint8_t>(e.index()), static_cast<std::uint8_t>(c->state.index()), story_now()});
  for (const auto& effect : step.effects) perform(c, effect);
}

void session_actor::perform(const call_ptr& c, const execution::effect& e) {
  if (std::holds_alternative<execution::send_call>(e)) return dispatch_durably(c);
  if (std::holds_alternative<execution::report>(e)) return report(c);
  if (const auto* w = std::get_if<execution::withdraw_requests>(&e)) return withdraw(c, w->requests);
  if (const auto* x = std::get_if<execution::cancel_upstream>(&e)) {
    if (c->sent && c->link) {
      count_upstream_end(*c, &metrics::upstream_counters::cancelled);
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
  if (c->prepared != 0) session_steps::note_end(*this, *c);
  if (!journaled(*c)) {
    const auto p = c->from;
    const auto how = outcome_of(*c);
    finish(c);
    const auto text = response_of(*c);
    session_keys::settle(*this, *c, text);
    if (text.empty()) return put_answer(p, how, {});
    if (c->what != mcp::method::resources_subscribe && c->what != mcp::method::resources_unsubscribe)
      return put_answer(p, how, {text});
    return answer_durably(p, how, text);
  }
  if (auto text = response_of(*c); !text.empty()) return report_durably(c, std::move(text));
  // Cancelled: nobody waits for it.
  if (c->in_journal) --durable_->open_executions;
  if (c->keyed && c->sent) {
    c->reported = true;
    note_outcome(*c, session_keys::cancelled_response(*this, *c));
  } else if (c->in_journal) {
    drop_from_journal(c->execution);
  }
  session_keys::settle(*this, *c, {});
  if (c->attempts > 0) durable_->note_ended(c->client_id, c->digest, clock::now());
  const auto p = c->from;
  const auto part = c->params_part;
  finish(c);
  drop_part(part);
  put_answer(p, metrics::request_outcome::cancelled, {});
}

/// Empty if the upstream is no longer configured, which can be for a call of before a restart.
std::string_view session_actor::alias_of(const call& c) const {
  const auto& all = node_.upstreams;
  return c.upstream < all.size() ? std::string_view(all[c.upstream].config.alias) : std::string_view();
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
  c->place = nullptr;
  c->probe = nullptr;
  c->cached = nullptr;
  node_.calls.end(slot_);
  log_call(*c);
  end_spans(*c);
  touch();
  if (!c->state_key.empty()) release_state(c->state_key);
  auto& counted = home().counters();
  const auto is_tool = c->what == mcp::method::tools_call;
  (is_tool ? counted.executions.took : counted.other_calls).add(last_traffic_ - c->began);
  if (!is_tool) return;
  if (limits().history_max == 0) return;
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
              {"execution", log_name_of(id_, c)},
              {"request", beginning_for_log(c.client_id)},
              {"method", mcp::to_string(c.what)},
              {"tool", c.tool},
              {"upstream", alias_of(c)},
              {"outcome", execution::name_of(c.state)},
              {"ms", static_cast<std::size_t>((story_now() - c.started).count())},
              {"durability", is_lossy                   ? "lost"
                             : durable_ && journaled(c) ? "journaled"
                                                        : "none"},
              log::trace_field(c.trace)});
}

void session_actor::on_answer(call_answer& m) {
  const auto& c = m.of;
  if (execution::is_final(c->state)) return;
  trace(session_trace::place::upstream, session_trace::place::session, m.json, c.get());
  auto e = mcp::scan(m.json);
  const auto refused = !e || e->error.data() != nullptr;
  count_upstream_end(*c, refused ? &metrics::upstream_counters::refused : &metrics::upstream_counters::answered);
  if (!e) return fail(c, mcp::code::internal_error, "The upstream's answer is not valid", e.error().message());
  note_success(*c);
  if (!c->state_key.empty() && take_state(*c, m.json)) e = mcp::scan(m.json);
  const auto failed = e->error.data() != nullptr;
  if (failed && ask_next_upstream(c, e->error)) return;
  const auto is_error =
      !failed && e->result.find("\"isError\"") != std::string_view::npos && mcp::member(e->result, "isError") == "true";
  if (c->cached && !failed && !is_error) keep_result(*c, e->result);
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
  c->place = nullptr;
  apply(c, execution::returned{});
  go(c);
  return true;
}

void session_actor::cancel(mcp::raw_json request_id) {
  if (!work_) return;
  const auto& calls = work_->calls;
  const auto is_it = [&](const auto& c) { return c->client_id == request_id && !execution::is_final(c->state); };
  const auto found = std::find_if(calls.begin(), calls.end(), is_it);
  if (found == calls.end() && session_keys::leave(*this, request_id)) return;
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
  put_answer(p, metrics::request_outcome::cancelled, {});
}

}  // namespace holdfast::actors
