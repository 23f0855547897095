#include <algorithm>
#include <utility>

#include "actors/principal.hpp"
#include "actors/remote_exchange.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/session_unserved.hpp"

// How a session goes on in the store alone: when it has been idle, or when the node stops.

namespace holdfast::actors {
namespace {

using phase = session_durability::phase;

constexpr auto forwarding_time = std::chrono::milliseconds{1'000};

/// What would be one more call to wait for. Answers and cancellations belong to those that there are.
bool begins_call(const client_message& m) {
  return m.exchange && m.message.kind == mcp::message_kind::request && m.message.what != mcp::method::ping;
}
bool begins_call(const client_batch& m) {
  return std::any_of(m.messages.begin(), m.messages.end(), [](const auto& raw) {
    const auto e = mcp::scan(raw);
    return e && e->kind == mcp::message_kind::request;
  });
}
bool begins_call(const client_stream&) { return false; }
bool begins_call(const client_goodbye&) { return false; }

}  // namespace

/// The session goes on in the store: with the next message of its client it is back, here or elsewhere.
void session_actor::leave(bool call_back) {
  auto& d = *durable_;
  if (d.now != phase::live) return;
  d.now = phase::leaving;
  d.call_back = call_back;
  // Nobody knows of it yet: what came is passed on, and begins another one.
  if (std::holds_alternative<machines::session::fresh>(state_)) return depart();
  forget_shown(true);
  note_snapshot();
  end_turn();
  // A node that stops does not wait for a store that is away; what was not written is lost, and was shown to nobody.
  gated([this] { depart(); }, call_back ? std::function<void()>() : [this] { depart(); });
}

void session_actor::depart() {
  auto& d = *durable_;
  if (d.now != phase::leaving) return;
  d.now = phase::departed;
  auto& counted = home().counters().sessions;
  (d.call_back ? counted.passivated : counted.moved).add();
  for (auto& m : std::exchange(d.stash, {}))
    std::visit([this](auto& message) { pass_on(std::move(message.exchange)); }, m);
  let_go();
  // Requests that had found the session before it left are sent after it.
  if (node_.draining) return send(self(), session_over{});
  home().loop().after(forwarding_time, sender_of<session_over>());
}

/// Nobody who may has asked for it: it stays as it is, and whoever comes for it begins anew.
void session_actor::stay_in_store() {
  durable_->now = phase::departed;
  let_go();
  if (node_.draining) return send(self(), session_over{});
  home().loop().after(forwarding_time, sender_of<session_over>());
}

/// A session of somebody else does not exist for whoever asks. Where the ingress could tell, no stranger gets here.
template <class Message>
bool session_actor::is_foreign(const Message& m) const {
  return !m.principal.empty() && !principal_.empty() && !may_use(principal_, m.principal);
}

/// Answers those who have asked for somebody else's session. True if there was nobody else.
bool session_actor::only_strangers_ask() {
  auto& stash = durable_->stash;
  if (stash.empty()) return false;
  for (auto& one : std::exchange(stash, {})) {
    const auto foreign = std::visit(
        [this](auto& m) {
          if (!is_foreign(m)) return false;
          answer_unserved(m, 404, mcp::code::session_not_found, unknown_session);
          return true;
        },
        one);
    if (!foreign) stash.push_back(std::move(one));
  }
  return stash.empty();
}

/// The session is somewhere else from now on, with its calls and its sessions at upstreams.
void session_actor::let_go() {
  end_traces("the session has left this node's memory");
  node_.sessions.remove(id_, id());
  if (durable_ && !durable_->ended.empty()) node_.store->note_forgotten(slot_);
  if (tick_timer_ != 0) home().loop().cancel(tick_timer_);
  if (streams_) {
    for (const auto& [stream, exchange] : streams_->take_unanswered()) {
      if (!mcp::is_batch(exchange->request().body)) pass_on(exchange);
    }
  }
  if (!work_) return;
  node_.calls.end(slot_, work_->calls.size());
  for (const auto& [p, whole] : std::exchange(work_->awaiting_view, {})) pass_on(std::exchange(p->exchange, nullptr));
  for (const auto& [p, id] : std::exchange(work_->awaiting_level, {})) pass_on(std::exchange(p->exchange, nullptr));
  for (const auto& c : std::exchange(work_->calls, {})) {
    if (c->what == mcp::method::tools_call) home().counters().executions.leave(c->state.index());
    if (c->link && c->sent) c->link->forget(c->id);
    if (c->keyed) {
      for (const auto& f : c->keyed->followers) pass_on(std::exchange(f.to->exchange, nullptr));
    }
    if (c->from->batch) continue;
    // Whoever gets it next knows what is in the journal.
    if (c->sent && !journaled(*c) && !c->repeatable && c->what == mcp::method::tools_call)
      reply_error(c->from, c->client_id, mcp::code::internal_error,
                  "Its session had to leave this node; it may have run",
                  error_data(*c, "durability is none for this tool", true));
    pass_on(std::exchange(c->from->exchange, nullptr));
  }
  for (const auto& u : work_->uses) {
    if (u.own) {
      send(u.actor, upstream_stop{true});
    } else {
      send(u.actor, released{self()});
    }
  }
}

void session_actor::suspend(bool between_calls) {
  if (!durable_ || over()) return end("the gateway is shutting down");
  if (durable_->now == phase::departed) return;
  durable_->now = phase::live;
  // An answer that has ended its call may still wait for its commit: the stream that it stands in is ended behind it.
  const auto go = [this, between_calls] {
    if (durable_->now != phase::live || (between_calls && work_ && !work_->calls.empty())) return;
    if (streams_) {
      streams_->settle(durable_->gate.durable_record());
      streams_->end_all();
    }
    leave(false);
  };
  gated(go, go);
}

/// Only between two calls: what is under way would be cut off.
void session_actor::on_move() {
  if (!durable_ || durable_->now != phase::live || (work_ && !work_->calls.empty())) return;
  gated([this] {
    if (durable_->now == phase::live && (!work_ || work_->calls.empty())) suspend(true);
  });
}

/// To be routed anew: the session lives on another node by now. On a node that is on its own, the connection is cut.
void session_actor::pass_on(exchange_ptr exchange) {
  if (!exchange || !node_.in_cluster) return;
  if (exchange->request().path.starts_with(peer_path::prefix)) return exchange->respond(421, {}, {}, {});
  for (std::size_t i = 0; i < node_.shards.size(); ++i) {
    // There it is known whether its client has gone.
    if (&node_.shards[i]->loop() == &exchange->home())
      return send(node_.ingresses[i], client_request{as_at_home(exchange)});
  }
}

/// True if a message of the client is not for this actor now; it is kept or sent on then.
template <class Message>
bool session_actor::diverted(Message& m) {
  if (!durable_) return false;
  if (is_foreign(m)) {
    answer_unserved(m, 404, mcp::code::session_not_found, unknown_session);
    return true;
  }
  switch (durable_->now) {
    case phase::live:
      if (durable_->unproven) {
        durable_->stash.emplace_back(std::move(m));
        return true;
      }
      if (over() || !node_.store->is_closing(slot_) || !begins_call(m)) return false;
      durable_->stash.emplace_back(std::move(m));
      return true;
    case phase::leaving:
      if (durable_->call_back) durable_->now = phase::live;
      if (durable_->call_back || !node_.in_cluster) return false;
      // What began now would be cut off, or sent to its upstream by a session that has left.
      durable_->stash.emplace_back(std::move(m));
      return true;
    case phase::loading: durable_->stash.emplace_back(std::move(m)); return true;
    case phase::departed: {
      if (!node_.store->holds(slot_)) {
        pass_on(std::move(m.exchange));
        return true;
      }
      const auto there = find_or_recover(system(), home(), node_, id_);
      if (there.home != &home()) m.exchange = make_remote(std::move(m.exchange));
      send(there.session, std::move(m));
      return true;
    }
    case phase::lost: {
      if (refused_ == 0 && node_.in_cluster) {
        pass_on(std::move(m.exchange));
        return true;
      }
      if (refused_ == 404) {
        answer_unserved(m, 404, mcp::code::session_not_found, unknown_session);
      } else {
        answer_unserved(m, 503, mcp::code::server_error, "Another process serves this session; try again");
      }
      return true;
    }
  }
  return false;
}

template bool session_actor::diverted(client_message& m);
template bool session_actor::diverted(client_batch& m);
template bool session_actor::diverted(client_stream& m);
template bool session_actor::diverted(client_goodbye& m);

}  // namespace holdfast::actors
