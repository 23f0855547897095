#include <algorithm>
#include <utility>

#include "actors/digest.hpp"
#include "actors/log.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/session_keys.hpp"
#include "actors/session_outcomes.hpp"
#include "actors/test_hooks.hpp"
#include "persistence/content_hash.hpp"
#include "transport/content_type.hpp"
#include "transport/mcp/messages.hpp"

// What a session writes down, and what waits for that.

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;
using phase = session_durability::phase;

constexpr auto arrival_time = std::chrono::milliseconds{1'000};  // an answer not reported lost by then has arrived
constexpr auto forgetting_pause = std::chrono::milliseconds{100};
constexpr std::size_t arrived_kept = 8;  // for a proxy between, which may have an answer that its client has not
constexpr std::size_t shown_bytes_max = 1u << 20;
constexpr std::size_t shown_max = 256;
constexpr auto ttl_margin = std::chrono::milliseconds{60'000};

void respond_later(transport::http_exchange& to) {
  to.respond(503, transport::json_type, "Retry-After: 1\r\n",
             {mcp::make_error({}, mcp::code::server_error, "The store does not answer; try again")});
}

/// How long after it was shown. That its connection has not broken by a time says nothing if nobody was there to see
/// it: this process, or those that have passed it on.
std::chrono::milliseconds kept_for(const shown_answer& s, const node_context& node) {
  const auto unknown = s.lost || (s.to && s.to->relayed && !s.arrived);
  if (unknown) return node.config.sessions.replay_age_max;
  if (!node.in_cluster) return arrival_time;
  const auto& cluster = *node.in_cluster;
  const auto stood_still = std::chrono::steady_clock::now() - cluster.stood_still_at() < arrival_time;
  return stood_still || !cluster.is_certain() ? node.config.sessions.replay_age_max : arrival_time;
}

}  // namespace

bool session_actor::journaled(const call& c) const noexcept { return durable_ && c.execution != 0; }

void session_actor::gated(std::function<void()> f, std::function<void()> late, std::function<void()> elsewhere) {
  if (!durable_) return f();
  durable_->gate.then(std::move(f), std::move(late), std::move(elsewhere));
}

/// Once that is durable: whoever takes over before finds the session alive, and its client must not have heard
/// otherwise.
void session_actor::refuse_ended(const exchange_ptr& to) {
  gated(
      [to] {
        to->respond(404, transport::json_type, {},
                    {mcp::make_error({}, mcp::code::session_not_found, "This session has ended")});
      },
      [to] { respond_later(*to); }, [this, to] { pass_on(to); });
}

std::string session_actor::field_of(std::string_view name) const {
  return node_.store->texts().encrypts() ? "session/" + id_ + "/" + std::string(name) : std::string();
}

void session_actor::note_snapshot() {
  if (!durable_) return;
  durable_->snapshot_due = true;
  durable_->gate.next();
}

std::chrono::milliseconds session_actor::time_to_live() const { return limits().idle_timeout + ttl_margin; }

/// Written often enough that a session in use never falls out of the store.
void session_actor::extend_if_due() {
  if (!durable_ || durable_->now != phase::live || over()) return;
  const auto now = clock::now();
  if (now - durable_->extended_at < time_to_live() / 4 || durable_->gate.sequence() == 0) return;
  durable_->extended_at = now;
  durable_->gate.next().time_to_live = time_to_live();
}

/// Gives a call its name in the journal.
void session_actor::enter_journal(call& c, const mcp::envelope& e) {
  if (!durable_ || over()) return;
  c.execution = ++durable_->last_execution;
  c.digest = digest_of(e.params);
}

std::string session_actor::journal_text_of(call& c, std::string_view answer) {
  journal_text j;
  j.client_id = c.client_id;
  j.digest = c.digest;
  j.what = c.what;
  j.tool = c.tool;
  j.upstream = alias_of(c);
  j.stream = c.from ? c.from->stream : 0;
  j.progress_token = c.progress_token;
  j.started = c.started;
  if (c.trace.present()) j.trace = mcp::to_traceparent(c.trace);
  j.history = c.history;
  j.answer = answer;
  j.prepared = c.prepared;
  session_keys::add_to(j, c);
  if (c.reported) return to_json(j);
  if (c.params.size() > stored_apart_above) {
    if (c.params_part.empty()) {
      c.params_part = persistence::content_hash(c.params);
      durable_->gate.next().parts.emplace(c.params_part,
                                          node_.store->texts().encode(c.params, field_of(c.params_part)));
    }
    std::erase(durable_->gate.next().parts_dropped, c.params_part);
    j.params = mcp::quote(c.params_part);
  } else {
    j.params = c.params;
  }
  j.repeatable = c.repeatable;
  j.dispatch = c.id;
  if (c.link) {
    j.session = c.link->session();
    j.session.last_event_id.clear();  // of another stream
  }
  j.event_id = c.event_id;
  j.shown_uri = c.shown_uri;
  j.upstream_uri = c.upstream_uri;
  for (const auto& a : work().asks) {
    if (a.of.get() != &c) continue;
    j.asks.push_back({a.id, a.upstream_id, a.progress_token, std::string(mcp::to_string(a.what)), {}});
  }
  for (const auto& [id, message] : c.answers) j.asks.push_back({id, {}, {}, {}, message});
  return to_json(j);
}

/// Writes a call down as it is now.
void session_actor::note_call(call& c) {
  if (!journaled(c) || c.reported || rule_is_out("intent")) return;
  const auto key = std::to_string(c.execution);
  if (!c.in_journal) ++durable_->open_executions;
  if (c.traced) durable_->noted_for = c.traced->execution.self;
  c.in_journal = true;
  c.noted_event = c.event_id;
  auto text = journal_text_of(c, {});
  durable_->gate.next().journal[key] = {persistence::stage::intent,
                                        node_.store->texts().encode_owned(std::move(text), field_of("journal/" + key))};
}

/// A read is written down only once it has a stream, which must not stay without an end. An outcome that waits to be
/// shown goes into the stream: whoever takes over from here finds no answer but there.
void session_actor::note_streaming_calls(const post& p) {
  if (!durable_ || !work_) return;
  for (const auto& c : std::vector<call_ptr>(work_->calls)) {
    if (c->from.get() != &p) continue;
    if (c->reported) report_in_stream(c);
    if (execution::is_final(c->state)) continue;
    if (c->execution == 0) {
      c->execution = ++durable_->last_execution;
      c->repeatable = c->what != mcp::method::tools_call;
    }
    note_call(*c);
  }
}

/// The outcome takes the place of the intent, then it is shown.
void session_actor::report_durably(const call_ptr& c, std::string text) {
  crash_point("before_result");
  c->reported = true;
  if (c->traced) durable_->noted_for = c->traced->execution.self;
  if (c->in_journal) --durable_->open_executions;
  c->response = std::move(text);
  if (c->from->stream != 0 && streams().is_open(c->from->stream)) return report_in_stream(c);
  note_outcome(*c, c->response);
  gated(
      [this, c] {
        if (c->shown) return;
        crash_point("after_result");
        show(c);
        crash_point("after_reply");
      },
      [this, c] {
        if (c->shown) return;
        // Nobody may see it yet. The client may ask again, under the same id.
        refuse_for_now(c->from);
        session_keys::refuse_followers(*this, *c);
        c->from = begin_post(nullptr, 0, false);
        show(c);
      });
}

/// The event that holds it becomes durable together with the journal's entry, which refers to the stream.
void session_actor::report_in_stream(const call_ptr& c) {
  // For a later request with the same key it has to stand in the journal, too.
  note_outcome(*c, c->keyed ? std::string_view(c->response) : std::string_view());
  show(c);
  // It cannot have arrived before it is durable.
  durable_->shown.back().at = clock::time_point::max();
  gated([this, id = c->client_id, number = c->execution] {
    durable_->find_shown(id, [&](auto& s) {
      if (s.execution == number) s.at = clock::now();
      return s.execution == number;
    });
  });
}

void session_actor::note_outcome(call& c, std::string_view answer) {
  const auto key = std::to_string(c.execution);
  auto entry = journal_text_of(c, answer);
  durable_->gate.next().journal[key] = {
      persistence::stage::result, node_.store->texts().encode_owned(std::move(entry), field_of("journal/" + key))};
}

/// Hands the outcome to whoever waits for it, and remembers it until it is sure to have arrived.
void session_actor::show(const call_ptr& c) {
  const auto p = c->from;
  c->shown = true;
  shown_answer s;
  s.execution = c->execution;
  s.client_id = c->client_id;
  s.digest = c->digest;
  s.stream = p->stream;
  s.params_part = c->params_part;
  s.at = clock::now();
  s.to = p;
  s.lost = p->stream != 0 ? !streams().is_attached(p->stream) : p->exchange == nullptr;
  const auto how = outcome_of(*c);
  finish(c);
  session_keys::settle(*this, *c, c->response);
  put_answer(p, how, {c->response});
  if (p->stream == 0) s.text = std::move(c->response);
  durable_->remember(std::move(s));
}

/// A request that says what a recent one said, under the same id (which "Requests" of the specification forbids): its
/// client has not got the answer. It gets that one's, and nothing runs twice. False: it is a new request.
bool session_actor::take_up(const post_ptr& p, const mcp::envelope& e) {
  if (!durable_) return false;
  const auto retell = [&](std::uint32_t stream) {
    if (streams().retell(p->exchange, stream)) {
      p->open = 0;
      count_end(*p, metrics::request_outcome::repeated);
      return on_tick();
    }
    reply_error(p, e.id, mcp::code::invalid_request, "The answer to this request is no longer kept");
  };
  for (const auto& c : work().calls) {
    if (c->client_id != e.id || c->execution == 0) continue;
    if (c->digest != digest_of(e.params) || p->batch || c->from->batch) return false;
    // Whoever asks is there; a connection that waits for the same is one that nobody reads any more.
    if (c->from->stream != 0) {
      retell(c->from->stream);
    } else {
      if (c->from->timer != 0) home().loop().cancel(std::exchange(c->from->timer, 0));
      c->from->exchange = nullptr;
      c->from = p;
      watch_post(p);
      arm_stream(p);
    }
    return true;
  }
  const auto is_known = durable_->find_shown(e.id, [&](auto& s) {
    if (s.digest != digest_of(e.params)) return false;
    s.lost = s.arrived = false;
    s.at = clock::now();
    s.to = p;
    if (s.stream != 0) {
      retell(s.stream);
    } else {
      watch_post(p);
      answer_durably(p, metrics::request_outcome::repeated, s.text);
    }
    return true;
  });
  return is_known || refuse_ended_copy(p, e);
}

void session_actor::watch_post(const post_ptr& p) {
  if (!durable_ || !p->exchange || p->watched) return;
  p->watched = true;
  p->exchange->on_closed([weak = std::weak_ptr(p), addr = caf::actor_cast<caf::actor_addr>(this), h = &home()] {
    const auto to = caf::actor_cast<caf::actor>(addr);
    if (const auto post = weak.lock(); post && to) h->deliver(to, post_lost{post});
  });
}

void session_actor::on_post_lost(const post_lost& m) {
  m.of->exchange = nullptr;
  if (!durable_) return;
  for (auto& s : durable_->shown) s.lost |= s.to == m.of;
}

void session_actor::answer_durably(const post_ptr& p, metrics::request_outcome how, std::string text) {
  if (p->stream != 0) return put_answer(p, how, {text});  // where nothing is shown before it is durable
  ++p->answering;
  gated(
      [this, p, how, text = std::move(text)] {
        --p->answering;
        put_answer(p, how, {text});
      },
      [this, p] {
        --p->answering;
        refuse_for_now(p);
      },
      [this, p] { pass_on(std::exchange(p->exchange, nullptr)); });
}

/// True while it waits for something that stands in no journal. Whoever takes the session over could not answer it on
/// a stream, so it becomes none; without one its client or the node that it came through sends it again.
bool session_actor::waits_unwritten(const post& p) const {
  if (!durable_) return false;
  if (p.answering > 0) return true;
  if (!work_) return false;
  const auto waits_among = [&](const auto& all) {
    return std::any_of(all.begin(), all.end(), [&](const auto& w) { return w.first.get() == &p; });
  };
  return waits_among(work_->awaiting_view) || waits_among(work_->awaiting_level) || session_keys::follows(*this, p);
}

/// True while a call of it waits for its intent to be durable.
bool session_actor::may_be_refused(const post& p) const {
  if (!durable_ || !work_ || p.batch) return false;
  return std::any_of(work_->calls.begin(), work_->calls.end(), [&](const auto& c) {
    return c->from.get() == &p && journaled(*c) && !c->sent && std::holds_alternative<execution::executing>(c->state);
  });
}

/// 503, for a request whose effects could not be made durable in time.
void session_actor::refuse_for_now(const post_ptr& p) {
  if (!p->exchange) return;
  if (p->timer != 0) home().loop().cancel(std::exchange(p->timer, 0));
  ++node_.refused;
  for (; p->open > 0; --p->open) count_end(*p, metrics::request_outcome::unavailable);
  respond_later(*std::exchange(p->exchange, nullptr));
}

/// The same for those whose answer is to be a stream that has not begun.
void session_actor::refuse_unanswered() {
  if (!streams_) return;
  for (const auto& [stream, exchange] : streams_->take_unanswered()) {
    for (auto& s : durable_->shown) s.lost |= s.stream != 0 && s.stream == stream;
    respond_later(*exchange);
  }
}

/// Outcomes that have arrived go, with the next commit. One that was shown just now may not have: whoever goes on with
/// the session must know it.
void session_actor::forget_shown(bool all) {
  auto& d = *durable_;
  while (d.shown.size() > shown_max || d.shown_bytes > shown_bytes_max) forget_shown_at(0);
  while (d.shown.size() > arrived_kept && d.shown.front().arrived) forget_shown_at(0);
  const auto now = clock::now();
  if (!all && now < d.forget_at) return;
  d.forget_at = now + forgetting_pause;
  session_keys::forget_old(*this);
  for (std::size_t i = 0; i < d.shown.size();) {
    const auto& s = d.shown[i];
    if (now - s.at < kept_for(s, node_) && !(all && s.arrived)) {
      ++i;
    } else {
      forget_shown_at(i);
    }
  }
}

void session_actor::forget_shown_at(std::size_t i) {
  auto& d = *durable_;
  const auto s = std::move(d.shown[i]);
  d.shown.erase(d.shown.begin() + static_cast<std::ptrdiff_t>(i));
  d.shown_client_ids.erase(d.shown_client_ids.begin() + static_cast<std::ptrdiff_t>(i));
  d.shown_bytes -= s.text.size();
  d.note_ended(s.client_id, s.digest, s.at);
  if (!session_keys::holds(*this, s.execution)) drop_from_journal(s.execution);
  drop_part(s.params_part);
}

void session_actor::drop_from_journal(std::uint64_t execution) {
  auto& next = durable_->gate.next();
  next.journal.erase(std::to_string(execution));
  next.journal_dropped.push_back(std::to_string(execution));
}

/// Unless another call has the same parameters.
void session_actor::drop_part(const std::string& part) {
  if (part.empty() || part == durable_->client_part) return;
  const auto uses = [&](const auto& x) { return x.params_part == part; };
  const auto& shown = durable_->shown;
  const auto& calls = work().calls;
  if (std::any_of(shown.begin(), shown.end(), uses)) return;
  if (std::any_of(calls.begin(), calls.end(), [&](const auto& c) { return uses(*c); })) return;
  auto& next = durable_->gate.next();
  next.parts.erase(part);
  next.parts_dropped.push_back(part);
}

}  // namespace holdfast::actors
