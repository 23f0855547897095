#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "actors/machines/reconnect.hpp"
#include "actors/session_actor.hpp"
#include "actors/upstream.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/messages.hpp"

// What keeps a call from its upstream: its breaker, its limit; and what follows when it fails on the way or there.

namespace holdfast::actors {
namespace {

namespace breaker = machines::breaker;
namespace execution = machines::execution;
using std::chrono::milliseconds;
using transport::errc;

constexpr unsigned sessions_max = 3;  // of the upstream, that may end one after the other under one call

/// True if the request had left when this happened, so that the upstream may have worked on it.
bool was_dispatched(const std::error_code& e) {
  return e == errc::timed_out || e == errc::closed || e == errc::answer_lost || e == errc::process_exited ||
         e == errc::too_large || e == errc::bad_json || e == errc::bad_message || e == errc::bad_http ||
         e == errc::bad_event_stream || e == errc::http_status;
}

/// Says that the upstream is not well, or cannot be reached. That it has forgotten a session, has answered too much, or
/// that something is too busy here, does not.
bool tells_of_upstream(const std::error_code& e) {
  return e != errc::session_lost && e != errc::too_large && e != errc::overloaded && e != errc::unauthorized;
}

/// No connection could be made, which may be otherwise a moment later.
bool may_pass(const std::error_code& e) { return e == errc::refused || e == errc::tls_failed; }

/// Sent by the session, which hears of the outcome.
bool is_plain(const call& c) {
  return c.what != mcp::method::resources_subscribe && c.what != mcp::method::resources_unsubscribe;
}

/// In [0, 1], another one for each attempt of each call: sessions have random ids.
double share_of(std::string_view session, const call& c) {
  auto x = std::hash<std::string_view>()(session) + c.number * 0x9e3779b97f4a7c15u + c.attempts;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((x ^ (x >> 31)) >> 11) / static_cast<double>(1ull << 53);
}

std::string words_of(const transport::failure& why) {
  return why.code.message() + (why.detail.empty() ? "" : ": " + why.detail);
}

}  // namespace

// --- before it is made -----------------------------------------------------------------------------------------------

void session_actor::admit(const call_ptr& c) {
  // One for all holders of a subscription goes there, by the connection's hand: it needs no place, and is no probe. The
  // end of one holds here whatever the upstream says.
  const auto plain = is_plain(*c);
  const auto& circuit = node_.circuits->of(c->upstream);
  const auto limited = plain && !node_.upstreams[c->upstream].places->unlimited();
  if ((circuit.is_closed() && !limited) || c->what == mcp::method::resources_unsubscribe) return proceed(c);
  const auto now = clock::now();
  if (!c->probe && !circuit.is_closed() && circuit.look(now).next_probe_in > milliseconds{0})
    return refuse_by_breaker(c);
  if (!plain) return proceed(c);
  if (limited && !has_place(c)) return;
  if (!c->probe && !circuit.is_closed()) return ask_breaker(c, now);
  proceed(c);
}

/// False: it waits for one, or has failed.
bool session_actor::has_place(const call_ptr& c) {
  if (c->place && c->place->is_taken()) return true;
  auto& places = *node_.upstreams[c->upstream].places;
  if (c->place) {
    fail(c, mcp::code::internal_error, "The upstream did not answer in time",
         "the call waited for its turn until then");
    return false;
  }
  c->place = places.enter([weak = std::weak_ptr(c), send = sender_of<call_due>(), home = &home(), wait = c->waits + 1] {
    home->loop().post([weak, send, wait] {
      if (const auto of = weak.lock()) send(of, wait);
    });
  });
  if (!c->place) {
    const auto& config = node_.upstreams[c->upstream].config;
    fail(c, mcp::code::server_error, "Too many calls to this upstream at once",
         std::to_string(config.max_concurrent) + " are under way and " + std::to_string(config.queue) + " wait");
    return false;
  }
  if (c->place->is_taken()) return true;
  wait_until(c, c->deadline);
  return false;
}

/// The call is to be looked at again when this time has come, if nothing has happened to it by then.
void session_actor::wait_until(const call_ptr& c, clock::time_point at) {
  c->waiting = true;
  ++c->waits;
  const auto left = std::chrono::ceil<milliseconds>(at - clock::now());
  home().loop().after(std::max(left, milliseconds{1}),
                      [weak = std::weak_ptr(c), send = sender_of<call_due>(), wait = c->waits] {
                        if (const auto of = weak.lock()) send(of, wait);
                      });
}

/// The session has not let it go since.
bool session_actor::is_here(const call_ptr& c) const {
  return work_ && std::find(work_->calls.begin(), work_->calls.end(), c) != work_->calls.end();
}

void session_actor::on_call_due(const call_due& m) {
  const auto& c = m.of;
  if (!c->waiting || c->waits != m.wait || !is_here(c)) return;
  c->waiting = false;
  if (c->cached && c->cached->asks)
    return fail(c, mcp::code::internal_error, "The upstream did not answer in time",
                "the call waited for another one like it until then");
  admit(c);
}

void session_actor::ask_breaker(const call_ptr& c, clock::time_point now) {
  const auto may = node_.circuits->of(c->upstream).ask(now);
  if (may.todo == breaker::effect::admit) return proceed(c);
  if (may.todo == breaker::effect::refuse) return refuse_by_breaker(c);
  c->waiting = true;
  ++c->waits;
  const auto left = std::chrono::ceil<milliseconds>(c->deadline - now);
  node_.circuits->grant(c->upstream, may.tenure, std::max(left, milliseconds{1}), home().loop(),
                        [c, send = sender_of<probe_granted>(), wait = c->waits](std::shared_ptr<circuit_probe> p) {
                          send(c, wait, std::move(p));
                        });
}

void session_actor::on_probe_granted(probe_granted& m) {
  const auto& c = m.of;
  if (!c->waiting || c->waits != m.wait || !is_here(c)) return;
  c->waiting = false;
  c->probe = std::move(m.probe);
  if (!c->probe) return refuse_by_breaker(c);
  proceed(c);
}

/// At once, and without the store: nothing has happened that anybody would have to know later.
void session_actor::refuse_by_breaker(const call_ptr& c) {
  auto& circuit = node_.circuits->of(c->upstream);
  circuit.note_refused();
  const auto seen = circuit.look(clock::now());
  const auto reason = "its circuit breaker is open" + (seen.standing.reason.empty() ? "" : ": " + seen.standing.reason);
  auto data = error_data(*c, reason, c->sent);
  data.back() = ',';
  data += R"("circuitBreaker":{"state":")" + std::string(breaker::name_of(seen.state)) + R"(","nextProbeInMs":)" +
          std::to_string(seen.next_probe_in.count()) + "}}";
  if (!c->sent && !c->in_journal) c->execution = 0;
  c->error = mcp::error_object(mcp::code::internal_error, "The upstream is failing; calls to it are paused", data);
  apply(c, execution::error_came{});
}

// --- what came of it -------------------------------------------------------------------------------------------------

void session_actor::note_success(call& c) {
  if (const auto probe = std::exchange(c.probe, nullptr)) return probe->passed();
  node_.circuits->of(c.upstream).succeeded(std::chrono::steady_clock::time_point(milliseconds(coarse_now_ms())));
}

void session_actor::note_failure(call& c, const transport::failure& why) {
  if (c.upstream >= node_.upstreams.size() || !tells_of_upstream(why.code)) return;
  if (const auto probe = std::exchange(c.probe, nullptr)) return probe->failed(words_of(why));
  if (why.code == errc::closed || why.code == errc::process_exited) {
    // All calls of a connection end with it, which its actor tells once, if it was not closed from here.
    const auto is_process = std::holds_alternative<transport::stdio_command>(node_.upstreams[c.upstream].config.target);
    const auto& uses = work().uses;
    const auto used = std::find_if(uses.begin(), uses.end(), [&](const auto& u) { return u.upstream == c.upstream; });
    if (is_process || used == uses.end() || used->link->get() != c.link) return;
  }
  node_.circuits->of(c.upstream).failed(words_of(why), clock::now());
}

/// Makes it again after a while, if that can do no harm and there is time left. What was not answered in time is not.
bool session_actor::try_again(const call_ptr& c, const transport::failure& why, bool gone) {
  if (!is_plain(*c) || !node_.circuits->of(c->upstream).is_closed()) return false;
  const auto& retry = node_.upstreams[c->upstream].config.retry;
  if (c->attempts >= retry.attempts || why.code == errc::timed_out) return false;
  if (!std::holds_alternative<execution::executing>(c->state)) return false;
  if (gone ? !c->repeatable : !may_pass(why.code)) return false;
  machines::reconnect::policy waits;
  waits.min = retry.min;
  waits.max = retry.max;
  const auto at = clock::now() + machines::reconnect::wait_after(std::max(c->attempts, 1u), waits, share_of(id_, *c));
  if (at >= c->deadline) return false;
  c->link = nullptr;
  c->sent = gone;
  apply(c, execution::returned{});
  wait_until(c, at);
  return true;
}

void session_actor::on_failure(call_failure& m) {
  const auto& c = m.of;
  if (execution::is_final(c->state)) return;
  const auto& why = m.why;
  const auto late = why.code == errc::timed_out;
  count_upstream_end(*c, late ? &metrics::upstream_counters::timed_out : &metrics::upstream_counters::failed);
  note_failure(*c, why);
  if (why.code == errc::session_lost && c->attempts < sessions_max &&
      std::holds_alternative<execution::executing>(c->state)) {
    // A 404 means that the request was not processed, so it may go again through a new upstream session.
    send(use(c->upstream).actor, link_expired{c->link});
    c->sent = false;
    apply(c, execution::returned{});
    return go(c);
  }
  const auto gone = c->sent && (was_dispatched(why.code) || c->attempts == 0);
  if (try_again(c, why, gone)) return;
  const auto what = why.code == errc::timed_out ? "The upstream did not answer in time"
                    : gone                      ? "The upstream was lost during the request; it may have run"
                                                : "The upstream is not available";
  c->error = mcp::error_object(mcp::code::internal_error, what, error_data(*c, words_of(why), gone));
  c->sent = gone;
  if (gone) return apply(c, execution::connection_lost{});
  apply(c, execution::error_came{});
}

}  // namespace holdfast::actors
