#include "actors/session.hpp"

#include <algorithm>
#include <caf/actor_system.hpp>
#include <utility>

#include "actors/log.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/test_hooks.hpp"
#include "transport/content_type.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {
constexpr std::size_t held_max = 256;  // messages kept for a client that has not said `initialized`

/// The session whose messages this thread is handling.
thread_local session_actor* running = nullptr;
}  // namespace

session_actor::session_actor(caf::actor_config& cfg, shard& home, node_context& node, std::string id,
                             std::string principal, client_transport over, bool recovers)
    : shard_actor(cfg, home, metrics::actor_kind::session),
      node_(node),
      id_(std::move(id)),
      slot_(persistence::slot_of(id_)),
      principal_(std::move(principal)),
      over_(over),
      shown_(&node.views.common) {
  begins_recovering_ = recovers;
}

session_actor::~session_actor() = default;

caf::resumable::resume_result session_actor::resume(caf::execution_unit* unit, std::size_t messages_max) {
  running = this;
  now_ = {};
  const auto how = shard_actor::resume(unit, messages_max);
  if (durable_) end_turn();
  if (streams_) count_kept(streams_->kept());
  return how;
}

caf::behavior session_actor::make_behavior() {
  begin_durable(begins_recovering_);
  arm_tick(last_traffic_ + quiet_time());
  // One table for all sessions: a copy each would be a third of what an idle session takes.
  static const caf::behavior handlers{
      [](client_message& m) { running->on_message(m); },
      [](call_answer& m) { running->on_answer(m); },
      [](call_message& m) { running->on_call_message(m); },
      [](call_failure& m) { running->on_failure(m); },
      [](const post_is_slow& m) { running->on_slow(m); },
      [](client_batch& m) { running->on_batch(m); },
      [](client_stream& m) { running->on_stream(m); },
      [](client_goodbye& m) { running->on_goodbye(m); },
      [](const stream_closed& m) { running->on_stream_closed(m); },
      [](session_tick) { running->on_tick(); },
      [](session_over) { running->quit(); },
      [](const session_end& m) { running->end(m.reason); },
      [](trace_begin& m) { running->begin_trace(std::move(m.to)); },
      [](const trace_end& m) { running->end_trace(m.id); },
      [](const execution_cancel& m) { running->cancel_for_operator(m.number); },
      [](session_suspend) { running->suspend(false); },
      [](session_move) { running->on_move(); },
      [](session_stay) {
        if (!running->durable_ || running->durable_->now != session_durability::phase::live) return;
        for (auto& m : std::exchange(running->durable_->stash, {}))
          std::visit([](auto& message) { running->send(running->self(), std::move(message)); }, m);
      },
      [](session_fenced) {
        if (running->durable_ && running->durable_->now != session_durability::phase::lost) running->give_up();
      },
      [](const commit_done& m) { running->on_commit_done(m); },
      [](commit_retry) {
        if (running->durable_) running->durable_->gate.retry();
      },
      [](const ownership_checked& m) { running->on_ownership_checked(m); },
      [](const session_compared& m) { running->on_compared(m); },
      [](session_loaded& m) { running->on_loaded(m); },
      [](session_events& m) { running->on_events(m); },
      [](const post_lost& m) { running->on_post_lost(m); },
      [](const call_resumable& m) { running->note_call(*m.of); },
      [](const call_due& m) { running->on_call_due(m); },
      [](probe_granted& m) { running->on_probe_granted(m); },
      [](cache_told& m) { running->on_cache_told(m); },
      [](results_forgotten) { running->forget_results(); },
      [](const link_ready& m) { running->on_link_ready(m); },
      [](const link_refused& m) { running->on_link_refused(m); },
      [](const upstreams_changed&) { running->on_upstreams_changed(); },
      [](const level_told& m) { running->on_level_told(m); },
      [](upstream_message& m) { running->on_upstream_message(m); },
      [](const subscription_done& m) { running->on_subscription_done(m); },
      [](const view_ready& m) { running->on_view(m); },
      [](const catalogue_changed& m) { running->on_catalogue_changed(m); },
  };
  return handlers;
}

void session_actor::on_exit() {
  // Only after a failure inside a handler is there something left to put in order.
  node_.sessions.remove(id_, id());
  if (work_) {
    node_.calls.end(slot_, work_->calls.size());
    for (const auto& c : work_->calls) {
      if (c->what == mcp::method::tools_call) home().counters().executions.leave(c->state.index());
    }
  }
  count_kept({});
  // Calls and their upstream requests refer to the actor.
  end_traces(over() ? session_trace::ended : "the session has gone");
  streams_.reset();
  work_.reset();
  durable_.reset();
}

std::chrono::milliseconds session_actor::quiet_time() const {
  const auto passivate = limits().passivate_after;
  return durable_ && passivate.count() > 0 ? std::min(passivate, limits().idle_timeout) : limits().idle_timeout;
}

session_workings& session_actor::work() {
  if (!work_) work_ = std::make_unique<session_workings>();
  return *work_;
}

event_streams& session_actor::streams() {
  if (!streams_) {
    streams_ = std::make_unique<event_streams>(limits(), id_, revision_, plain(), sender_of<stream_closed>(),
                                               durable_ ? &durable_->gate : nullptr);
  }
  return *streams_;
}

void session_actor::on_stream(client_stream& m) {
  if (diverted(m)) return;
  touch();
  extend_if_due();
  if (over()) return refuse_ended(m.exchange);
  if (m.opens_session) {
    streams().attach_own(std::exchange(m.exchange, nullptr));
    // Its messages may come to any node, but only this process has the stream.
    const auto where = node_.in_cluster ? "&node=" + cluster::tag_of(node_.in_cluster->name()) : std::string();
    streams().send_endpoint("/messages?sessionId=" + id_ + where);
    return on_tick();
  }
  const auto last = m.exchange->request().last_event_id;
  if (last.data() == nullptr) {
    streams().attach_own(std::exchange(m.exchange, nullptr));
  } else if (!streams().resume(m.exchange, last)) {
    return refuse_event_id(std::exchange(m.exchange, nullptr));
  }
  on_tick();
}

/// Not from memory alone: whoever owns the session by now may know the event.
void session_actor::refuse_event_id(exchange_ptr exchange) {
  if (durable_ && !rule_is_out("proven_refusal")) durable_->gate.next();
  const auto refuse = [exchange](int status, std::string_view headers, std::string_view why) {
    exchange->respond(status, transport::json_type, headers, {mcp::make_error({}, mcp::code::server_error, why)});
  };
  gated(
      [refuse] {
        refuse(400, {},
               "Last-Event-ID is unknown in this session, or events after it are no longer kept: begin a new stream");
      },
      [refuse] { refuse(503, "Retry-After: 1\r\n", "The store does not answer; try again"); },
      [this, exchange] { pass_on(exchange); });
}

void session_actor::on_stream_closed(const stream_closed& m) {
  touch();
  if (!streams_) return;
  if (durable_) {
    for (auto& s : durable_->shown) s.lost |= s.stream != 0 && s.stream == m.stream;
  }
  const auto own_gone = streams_->detached(m.stream, m.attachment);
  if (own_gone && plain()) end("the client closed its stream");
}

void session_actor::on_goodbye(client_goodbye& m) {
  if (diverted(m)) return;
  // Also where it has ended already, which is not durable yet: the client may have been told to try again.
  if (!over()) end("ended by the client");
  acknowledge(m.exchange, 200);
}

/// Something for the client that belongs to no call.
void session_actor::push_own(std::string json) {
  if (!machines::session::may_speak(state_)) {
    auto& held = work().held;
    if (held.size() < held_max) held.push_back(std::move(json));
    return;
  }
  streams().send(0, json);
}

void session_actor::arm_tick(clock::time_point at) {
  if (at >= tick_at_) return;
  if (tick_timer_ != 0) home().loop().cancel(tick_timer_);
  tick_at_ = at;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(at - clock::now());
  tick_timer_ = home().loop().after(std::max(wait, std::chrono::milliseconds{0}), sender_of<session_tick>());
}

/// Whatever is due by now, and when to look again.
void session_actor::on_tick() {
  if (over()) return;
  const auto now = clock::now();
  if (tick_at_ <= now) {
    tick_timer_ = 0;
    tick_at_ = clock::time_point::max();
  }
  expire_asks(now);
  if (work_) {
    for (const auto& a : work_->asks) arm_tick(a.deadline);
  }
  if (streams_) arm_tick(streams_->tick(now));
  const auto busy = (streams_ && streams_->any_attached()) || (work_ && !work_->calls.empty());
  const auto quiet = now - last_traffic_;
  if (!busy && quiet >= limits().idle_timeout) return end("idle");
  if (busy) extend_if_due();
  if (!busy && quiet >= quiet_time()) {
    if (may_leave()) return leave(true);
    return arm_tick(std::min(now + quiet_time(), last_traffic_ + limits().idle_timeout));
  }
  arm_tick((busy ? now : last_traffic_) + quiet_time());
}

/// Nothing of the session is in this process only: no connection of its own to an upstream, no subscription.
bool session_actor::may_leave() const {
  if (!durable_ || durable_->now != session_durability::phase::live || !durable_->gate.idle()) return false;
  if (!work_) return true;
  const auto& uses = work_->uses;
  return work_->subscriptions.empty() && work_->held.empty() && work_->awaiting_view.empty() &&
         std::none_of(uses.begin(), uses.end(), [](const auto& u) { return u.own && u.link->get(); });
}

/// Ends calls, streams and connections; the actor is gone afterwards.
void session_actor::end(const std::string& reason) {
  const auto next = machines::session::advance(state_, machines::session::end_asked{});
  state_ = next.next;
  if (next.todo != machines::session::effect::shut_down) return;
  home().counters().sessions.ended.add();
  log::info("session.ended", {{"session", id_.substr(0, 8)}, {"reason", reason}});
  if (durable_ && durable_->gate.sequence() > 0) {
    durable_->gate.next().ends = true;
  } else {
    node_.sessions.remove(id_, id());
  }
  if (tick_timer_ != 0) home().loop().cancel(tick_timer_);
  if (work_) {
    for (const auto& c : std::vector<call_ptr>(work_->calls)) {
      for (auto& u : work_->uses) std::erase(u.waiting, c);
      const auto dispatched = std::holds_alternative<machines::execution::executing>(c->state) ||
                              std::holds_alternative<machines::execution::input_required>(c->state);
      c->error = mcp::error_object(mcp::code::internal_error, "The session ended during the request",
                                   error_data(*c, reason, dispatched));
      apply(c, machines::execution::cancel_asked{});
    }
    for (const auto& [p, whole] : std::exchange(work_->awaiting_view, {})) {
      if (const auto e = mcp::scan(whole)) reply_error(p, e->id, mcp::code::internal_error, "The session has ended");
    }
    for (const auto& [p, id] : std::exchange(work_->awaiting_level, {})) reply(p, id, "{}");
    for (const auto& u : work_->uses) {
      if (u.own) {
        send(u.actor, upstream_stop{});
      } else {
        send(u.actor, released{self()});
      }
    }
  }
  if (streams_) streams_->end_all();
  // Requests that have found the session before it left the directory are still told so.
  gated([this] {
    node_.sessions.remove(id_, id());
    send(self(), session_over{});
  });
}

caf::actor spawn_session(caf::actor_system& system, shard& home, node_context& node, std::string id,
                         std::string principal, client_transport over) {
  caf::actor_config cfg{&home};
  return system.spawn_class<session_actor, caf::no_spawn_options>(cfg, home, node, std::move(id), std::move(principal),
                                                                  over);
}

}  // namespace holdfast::actors
