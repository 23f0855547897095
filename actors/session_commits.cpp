#include <algorithm>
#include <utility>

#include "actors/log.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/session_keys.hpp"
#include "actors/test_hooks.hpp"
#include "persistence/content_hash.hpp"
#include "transport/mcp/messages.hpp"

// How what a session has noted gets into the store, and what happens if the store refuses it.

namespace holdfast::actors {
namespace {

using phase = session_durability::phase;

constexpr auto retry_pause = std::chrono::milliseconds{250};

}  // namespace

session_snapshot session_actor::snapshot() {
  session_snapshot s;
  s.id = id_;
  s.principal = principal_;
  s.revision = revision_;
  s.operating = std::holds_alternative<machines::session::operating>(state_);
  s.client = durable_->client_part.empty() ? durable_->client : mcp::quote(durable_->client_part);
  s.log_level = level_name_;
  s.last_execution = durable_->last_execution;
  s.lists = durable_->lists;
  s.story = story_;
  if (!work_) return s;
  note_gaps(s);
  s.last_ask = work_->last_ask;
  s.tool_state = work_->tool_state;
  const auto alias = [&](std::uint32_t u) { return node_.upstreams[u].config.alias; };
  for (const auto& [uri, u] : work_->subscriptions) s.subscriptions.push_back({alias(u), uri});
  for (const auto& [uri, u] : work_->learned_uris) s.learned_uris.push_back({alias(u), uri});
  for (const auto& u : work_->uses) {
    const auto link = u.own ? u.link->get() : nullptr;
    if (!link || link->session().id.empty() || node_.upstreams[u.upstream].retired) continue;
    auto session = link->session();
    session.last_event_id = u.event_id;
    // Of the answer to `initialize`, what the upstream can do is all that counts later.
    const auto capabilities = mcp::member(session.initialize_result, "capabilities");
    s.upstreams.push_back({alias(u.upstream), session,
                           R"({"capabilities":)" + std::string(capabilities.empty() ? "{}" : capabilities) + "}"});
  }
  for (const auto& f : work_->finished)
    s.finished.push_back({f.tool, f.started, f.history, f.number, f.upstream, f.reason});
  return s;
}

/// What the handlers of this turn have noted is sent to the store together.
void session_actor::end_turn() {
  auto& d = *durable_;
  if (d.now != phase::live && d.now != phase::leaving) return;
  // While durability is lost, events wait for nothing.
  if (streams_) streams_->settle(d.gate.durable_record());
  if (d.gate.under_way()) return;
  // What is written anyway takes the news of where the session lives along.
  if (d.snapshot_due || (d.tenure_unwritten && d.gate.noted())) {
    d.snapshot_due = d.tenure_unwritten = false;
    auto& next = d.gate.next();
    if (d.client.size() > stored_apart_above && d.client_part.empty()) {
      d.client_part = persistence::content_hash(d.client);
      next.parts.emplace(d.client_part, node_.store->texts().encode(d.client, field_of(d.client_part)));
    }
    next.snapshot = node_.store->texts().encode_owned(to_json(snapshot()), field_of("snapshot"));
    next.time_to_live = time_to_live();
    d.extended_at = clock::now();
  }
  if (!d.gate.noted()) return;
  forget_shown(false);
  d.gate.next().open_executions = d.open_executions;
  d.committed_at = now();
  d.committed_for = std::exchange(d.noted_for, {});
  d.gate.flush();
}

void session_actor::on_commit_done(const commit_done& m) {
  if (!durable_) return;
  auto& d = *durable_;
  auto& counted = home().counters().commits;
  switch (d.gate.on_done(m.outcome)) {
    case commit_gate::outcome::durable:
      d.reseeded = false;
      counted.durable.add();
      counted.took.add(now() - d.committed_at);
      if (d.committed_for.present()) trace_commit(std::exchange(d.committed_for, {}));
      break;
    case commit_gate::outcome::held:
      counted.failed.add();
      if (!node_.store->degrades()) refuse_unanswered();
      retry_commit_later();
      break;
    case commit_gate::outcome::refused:
      (d.gate.out_of_step() ? counted.out_of_step : counted.fenced).add();
      if (rule_is_out("idempotent_commit")) return give_up();
      return node_.store->verify(*home().lane(), slot_, d.gate.tenure(), sender_of<ownership_checked>());
  }
  if (streams_) {
    streams_->settle(d.gate.durable_record());
    on_tick();
  }
}

void session_actor::retry_commit_later() { home().loop().after(retry_pause, sender_of<commit_retry>()); }

void session_actor::on_ownership_checked(const ownership_checked& m) {
  if (!durable_ || !durable_->gate.under_way()) return;
  if (!m.ours) return retry_commit_later();
  if (!*m.ours) return give_up();
  if (!durable_->gate.out_of_step()) return durable_->gate.retry();
  home().lane()->load({"session", id_}, sender_of<session_compared>());
}

/// A store that failed over may have lost the end of its history, and what is in memory here is newer than what it has;
/// or somebody else has gone on with the session meanwhile.
void session_actor::on_compared(const session_compared& m) {
  if (!durable_ || !durable_->gate.under_way()) return;
  if (!m.of) return retry_commit_later();
  auto& d = *durable_;
  const auto stands = *m.of ? (*m.of)->sequence : 0;
  // Its own restoration may have come through, and the answer not.
  const auto is_newer = stands > d.gate.sequence() || (stands == d.gate.sequence() && !d.reseeded);
  if (is_newer && !rule_is_out("newer_stays")) return give_up();
  reseed();
}

void session_actor::reseed() {
  auto& d = *durable_;
  d.reseeded = true;
  log::warning("session.reseeded", {{"session", id_.substr(0, 8)}, {"reason", "the store had lost some of it"}});
  const auto& texts = node_.store->texts();
  persistence::record whole;
  const auto add_part = [&](const std::string& hash, const std::string& text) {
    if (!hash.empty()) whole.parts.emplace(hash, texts.encode(text, field_of(hash)));
  };
  const auto add_entry = [&](std::uint64_t number, persistence::stage stage, std::string text) {
    const auto key = std::to_string(number);
    whole.journal[key] = {stage, texts.encode_owned(std::move(text), field_of("journal/" + key))};
  };
  add_part(d.client_part, d.client);
  whole.snapshot = texts.encode_owned(to_json(snapshot()), field_of("snapshot"));
  for (const auto& c : work().calls) {
    if (!c->in_journal) continue;
    add_part(c->params_part, c->params);
    const auto stage = c->reported ? persistence::stage::result : persistence::stage::intent;
    add_entry(c->execution, stage, journal_text_of(*c, c->reported ? response_of(*c) : std::string()));
  }
  for (const auto& s : d.shown) {
    journal_text j;
    j.client_id = s.client_id;
    j.digest = s.digest;
    j.what = mcp::method::tools_call;
    j.stream = s.stream;
    j.answer = s.text;
    for (const auto& o : work().outcomes.all()) {
      if (o.execution != s.execution) continue;
      auto kept = session_keys::entry_of(o, s.client_id);
      j.key = kept.key;
      j.key_digest = kept.key_digest;
      j.ended = kept.ended;
      j.answer = std::move(kept.answer);
    }
    add_entry(s.execution, persistence::stage::result, to_json(j));
  }
  for (const auto& o : work().outcomes.all()) {
    if (o.execution == 0 || whole.journal.contains(std::to_string(o.execution))) continue;
    add_entry(o.execution, persistence::stage::result, to_json(session_keys::entry_of(o, "null")));
  }
  for (const auto& p : work().prepared) {
    const auto key = prepared_key(p.number);
    whole.journal[key] = {persistence::stage::result, texts.encode_owned(to_json(p), field_of("journal/" + key))};
  }
  std::vector<persistence::event> events;
  if (streams_) {
    for (auto& [number, text] : streams_->records())
      events.push_back({number, texts.encode_owned(std::move(text), field_of("event/" + std::to_string(number)))});
  }
  d.gate.reseed(std::move(whole), std::move(events), time_to_live());
}

/// Somebody else owns the session: whatever is connected here is cut, so that its client goes where it lives.
void session_actor::give_up() {
  log::warning("session.lost", {{"session", id_.substr(0, 8)}, {"reason", "another process has taken it over"}});
  durable_->now = phase::lost;
  home().counters().sessions.lost.add();
  for (auto& m : std::exchange(durable_->stash, {}))
    std::visit([this](auto& message) { pass_on(std::move(message.exchange)); }, m);
  let_go();
  durable_->gate.abandon();
  quit();
}

}  // namespace holdfast::actors
