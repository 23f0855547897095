#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "actors/log.hpp"
#include "actors/log_levels.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/session_keys.hpp"
#include "actors/session_steps.hpp"
#include "actors/session_unserved.hpp"
#include "actors/test_hooks.hpp"
#include "transport/mcp/messages.hpp"

// How a session comes back from the store, and what becomes of the calls that were open.

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;
using phase = session_durability::phase;

constexpr std::size_t events_at_once = 512;

std::uint64_t number_of(const std::string& text) {
  std::uint64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

}  // namespace

void session_actor::begin_durable(bool recovers) {
  if (!recovers) begin_tenure();
  if (!node_.store || plain()) return;
  durable_ = std::make_unique<session_durability>(*node_.store, *home().lane(), persistence::entity{"session", id_},
                                                  sender_of<commit_done>());
  if (!recovers) return;
  durable_->now = phase::loading;
  durable_->ended = ended_calls(node_.store->remembers_since(slot_));
  home().lane()->load({"session", id_}, sender_of<session_loaded>());
}

void session_actor::read_events(std::uint64_t after) {
  home().lane()->read_events({"session", id_}, after, events_at_once, sender_of<session_events>());
}

/// A text as it was before it was stored; nothing if it cannot be read.
std::optional<std::string> session_actor::stored_text(const std::string& bytes, std::string_view name) const {
  auto text = node_.store->texts().decode(bytes, field_of(name));
  if (text) return std::move(*text);
  log::error("session.unreadable", {{"session", id_.substr(0, 8)}, {"field", name}, {"reason", text.error().detail}});
  return std::nullopt;
}

void session_actor::on_loaded(session_loaded& m) {
  if (!m.of) {
    node_.store->note_failure(m.of.error());
    return refuse_stashed(503, mcp::code::server_error, "The store does not answer; try again");
  }
  const auto unknown = [this] { refuse_stashed(404, mcp::code::session_not_found, unknown_session); };
  if (!*m.of) return unknown();
  auto& d = *durable_;
  d.loaded = std::move(**m.of);
  const auto text = stored_text(d.loaded.snapshot, "snapshot");
  auto snapshot = text ? read_snapshot(*text) : std::nullopt;
  for (const auto& [hash, bytes] : d.loaded.parts) {
    if (auto part = stored_text(bytes, hash)) d.parts.emplace(hash, std::move(*part));
  }
  if (!snapshot || snapshot->principal.empty()) return unknown();
  principal_ = snapshot->principal;
  node_.sessions.tell_principal(id_, id(), principal_);
  const auto is_open = [](const auto& e) {
    return e.second.stage != persistence::stage::result && !is_prepared_key(e.first);
  };
  if (only_strangers_ask() && std::none_of(d.loaded.journal.begin(), d.loaded.journal.end(), is_open))
    return stay_in_store();
  d.gate.continue_after(d.loaded.sequence, 0);
  take_snapshot(*snapshot);
  read_events(0);
}

void session_actor::take_snapshot(const session_snapshot& s) {
  auto& d = *durable_;
  revision_ = s.revision;
  d.client = s.client;
  if (mcp::is_string(s.client)) {
    d.client_part = mcp::string_value(s.client).value_or(std::string());
    d.client = d.parts[d.client_part];
  }
  const auto info = mcp::member(d.client, "info");
  capabilities_ = capability_set::of(mcp::member(d.client, "capabilities"));
  choose_views();
  client_info_ = info.size() <= client_info_max ? std::string(info) : std::string();
  level_name_ = s.log_level;
  if (const auto severity = log_severity(level_name_); severity < log_severities.size())
    level_ = static_cast<std::uint8_t>(severity);
  if (s.operating) {
    state_ = machines::session::operating{};
  } else {
    state_ = machines::session::negotiated{};
  }
  d.last_execution = s.last_execution;
  auto& w = work();
  w.last_ask = s.last_ask;
  w.tool_state = s.tool_state;
  const auto restore = [&](const auto& from, auto& to) {
    for (const auto& u : from) {
      if (const auto index = upstream_index(u.upstream)) to.emplace_back(u.uri, *index);
    }
  };
  restore(s.subscriptions, w.subscriptions);
  restore(s.learned_uris, w.learned_uris);
  for (const auto& u : s.upstreams) {
    auto session = u.session;
    session.initialize_result = u.initialize_result;
    if (const auto index = upstream_index(u.upstream)) d.adoptable.emplace_back(*index, std::move(session));
  }
  take_gaps(s);
  for (const auto& f : s.finished)
    w.finished.push_back({f.tool, f.started, f.history, f.number, ++w.last_call, f.upstream, f.reason});
  story_ = s.story;
}

std::optional<std::uint32_t> session_actor::upstream_index(std::string_view alias) const {
  return node_.upstreams.find(alias, principal_);
}

void session_actor::on_events(session_events& m) {
  if (!m.events) {
    node_.store->note_failure(m.events.error());
    return refuse_stashed(503, mcp::code::server_error, "The store does not answer; try again");
  }
  for (const auto& e : *m.events) {
    if (const auto text = stored_text(e.bytes, "event/" + std::to_string(e.number))) streams().restore(e.number, *text);
  }
  const auto last = m.events->empty() ? durable_->gate.durable_record() : m.events->back().number;
  durable_->gate.continue_after(durable_->loaded.sequence, last);
  if (m.events->size() == events_at_once) return read_events(last);
  come_back();
}

/// Everything is there: the open calls are seen to, and what the client has sent meanwhile is handled.
void session_actor::come_back() {
  auto& d = *durable_;
  d.now = phase::live;
  d.extended_at = {};
  begin_tenure();
  touch();
  home().counters().sessions.recovered.add();
  // Its own sessions at upstreams are taken up at once: they may have something to say.
  for (const auto& [upstream, session] : std::vector(d.adoptable)) send(use(upstream).actor, acquire{self()});
  for (const auto& [upstream, told] : d.lost_processes) send(use(upstream).actor, acquire{self()});
  for (const auto& [uri, upstream] : work().subscriptions) {
    send(use(upstream).actor, subscribe{self(), uri, nullptr});
  }
  // A client that only listens is to hear of changed lists, too, and they are watched for those who want them only.
  if (!shown_view()) send(node_.catalogue, wanted_view(node_.config.catalogue.first_list_wait, true));
  std::map<std::uint64_t, persistence::journal_entry> journal;
  for (auto& [key, entry] : d.loaded.journal) {
    if (!is_prepared_key(key)) {
      journal.emplace(number_of(key), std::move(entry));
    } else if (const auto text = stored_text(entry.bytes, "journal/" + key)) {
      session_steps::recover(*this, *text);
    }
  }
  std::map<std::uint32_t, post_ptr> posts;
  std::size_t open = 0;
  for (const auto& [number, entry] : journal) {
    d.last_execution = std::max(d.last_execution, number);
    const auto text = stored_text(entry.bytes, "journal/" + std::to_string(number));
    const auto j = text ? read_journal(*text) : std::nullopt;
    if (!j) {
      d.gate.next().journal_dropped.push_back(std::to_string(number));
    } else if (entry.stage == persistence::stage::result) {
      session_keys::recover(*this, number, *j);
      if (j->stream == 0 && j->answer.empty()) continue;  // only its key is remembered
      shown_answer s{number, j->client_id, j->digest, j->stream, j->answer, {}, clock::now(), nullptr, true};
      d.remember(std::move(s));
    } else {
      ++open;
      recover_call(number, *j, posts);
    }
  }
  for (const auto& [upstream, told] : std::exchange(d.lost_processes, {})) {
    if (!told) tell_loss(upstream, nullptr);
  }
  // What they were for was called off, or cannot be read.
  for (const auto stream : streams().open_ones()) {
    if (posts.find(stream) == posts.end()) streams().finish(stream);
  }
  for (const auto& [hash, text] : d.parts) drop_part(hash);
  if (open > 0) log::info("session.recovered", {{"session", id_.substr(0, 8)}, {"calls", open}});
  d.loaded = {};
  d.parts.clear();
  tell_changed_lists();
  // What the client sends again is compared with its calls once it is known what becomes of them.
  d.unproven = open > 0;
  gated([this] {
    durable_->unproven = false;
    for (auto& m : std::exchange(durable_->stash, {}))
      std::visit([this](auto& message) { send(self(), std::move(message)); }, m);
  });
  if (open > 0)
    gated([] {}, [this] { answer_stashed(503, mcp::code::server_error, "The store does not answer; try again"); });
  on_tick();
}

void session_actor::recover_call(std::uint64_t number, const journal_text& j,
                                 std::map<std::uint32_t, post_ptr>& posts) {
  auto& d = *durable_;
  auto c = std::make_shared<call>(home(), self());
  c->execution = number;
  c->number = ++work().last_call;
  c->began = clock::now();
  c->in_journal = true;
  ++d.open_executions;
  c->client_id = j.client_id;
  c->digest = j.digest;
  c->what = j.what;
  c->tool = j.tool;
  c->params = j.params;
  if (mcp::is_string(j.params)) {
    c->params_part = mcp::string_value(j.params).value_or(std::string());
    c->params = d.parts[c->params_part];
  }
  // Not at the place of before: the store may have written the text in another way.
  if (const auto token = mcp::member(mcp::member(c->params, "_meta"), "progressToken"); token.data() != nullptr) {
    c->token_at = static_cast<std::size_t>(token.data() - c->params.data());
    c->token_size = token.size();
  }
  c->progress_token = j.progress_token;
  c->prepared = j.prepared;
  session_keys::recover(*c, j);
  c->repeatable = j.repeatable;
  c->id = j.dispatch;
  c->event_id = c->noted_event = j.event_id;
  c->shown_uri = j.shown_uri;
  c->upstream_uri = j.upstream_uri;
  c->started = j.started;
  if (const auto trace = mcp::parse_traceparent(j.trace)) c->trace = *trace;
  c->history = j.history;
  c->sent = j.dispatch != 0;  // it may have waited for its upstream
  c->state = c->sent ? execution::state(execution::executing{j.tool, j.dispatch}) : execution::ready{j.tool};
  c->began = last_traffic_;
  auto& executions = home().counters().executions;
  if (c->what == mcp::method::tools_call) executions.step(executions.before_all, c->state.index());
  auto& p = j.stream != 0 ? posts[j.stream] : posts[0];
  if (j.stream == 0 || !p) p = begin_post(nullptr, 0, false);
  p->what = c->what;
  p->stream = j.stream;
  ++p->open;
  c->from = p;
  work().calls.push_back(c);
  node_.calls.begin(slot_);
  const auto upstream = upstream_index(j.upstream);
  c->upstream = upstream.value_or(std::numeric_limits<std::uint32_t>::max());
  if (upstream) c->deadline = c->began + node_.upstreams[*upstream].config.call_timeout;
  if (upstream) c->state_key = state_key_of(*c);
  if (!c->sent) {
    if (upstream && !c->params.empty()) return go(c);
    return fail(c, mcp::code::internal_error, "The upstream is not available", "it is not configured here");
  }
  if (!upstream) return interrupt(c);
  for (auto& [lost, told] : d.lost_processes) {
    if (upstream != lost) continue;
    apply(c, execution::process_lost{});
    if (!std::exchange(told, true)) tell_loss(lost, c);
  }
  // Not before a commit has shown that the session is this process's: whoever takes a call up takes it from its owner.
  if (!rule_is_out("proven_recovery")) d.gate.next();
  gated([this, c, j] {
    if (execution::is_final(c->state)) return;
    auto& counted = home().counters().executions;
    if (take_up_at_upstream(c, j)) return counted.taken_up.add();
    if (!c->repeatable || !j.asks.empty() || c->params.empty()) return interrupt(c);
    counted.sent_again.add();
    apply(c, execution::returned{});
    go(c);
  });
}

/// Reads the rest of the upstream's stream, where it can be had.
bool session_actor::take_up_at_upstream(const call_ptr& c, const journal_text& j) {
  const auto* const endpoint = std::get_if<transport::http_endpoint>(&node_.upstreams[c->upstream].config.target);
  if (endpoint == nullptr || j.session.id.empty() || j.event_id.empty()) return false;
  const auto link = adopted_link(c->upstream, *endpoint, j.session);
  if (!link) return false;
  c->link = link;
  for (const auto& a : j.asks) {
    if (!a.answer.empty()) {
      c->answers.emplace_back(a.id, a.answer);
      link->send(a.answer);
      continue;
    }
    client_ask ask{a.id,
                   link,
                   a.upstream_id,
                   a.progress_token,
                   ask_method(a.method),
                   c,
                   clock::now() + limits().client_answer_timeout,
                   c->upstream,
                   {}};
    arm_tick(ask.deadline);
    work().asks.push_back(std::move(ask));
    work().last_ask = std::max(work().last_ask, a.id);
    apply(c, execution::input_asked{a.id});
  }
  c->sent_at = now();
  c->link->resume({c->id, {}, node_.upstreams[c->upstream].config.call_timeout}, j.event_id, c);
  return true;
}

link_ptr session_actor::adopted_link(std::uint32_t upstream, const transport::http_endpoint& endpoint,
                                     const transport::upstream_session& s) {
  auto& adopted = durable_->adopted;
  const auto key = std::to_string(upstream) + "/" + s.id;
  const auto known = std::find_if(adopted.begin(), adopted.end(), [&](const auto& a) { return a.first == key; });
  if (known != adopted.end()) return known->second;
  const auto link = transport::adopt_session(endpoint, node_.upstreams[upstream].config.limits, s);
  if (!link) return nullptr;
  adopted.emplace_back(key, *link);
  return *link;
}

/// The session that this one had of its own at the upstream before; given out once.
transport::upstream_session session_actor::adoptable(std::uint32_t upstream) {
  if (!durable_) return {};
  auto& all = durable_->adoptable;
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.first == upstream; });
  if (found == all.end()) return {};
  auto session = std::move(found->second);
  all.erase(found);
  return session;
}

/// Nothing can be done for what the client has sent.
void session_actor::refuse_stashed(int status, int code, std::string_view why) {
  durable_->now = phase::lost;
  node_.sessions.remove(id_, id());
  answer_stashed(status, code, why);
  refused_ = status;
  send(self(), session_over{});
}

void session_actor::answer_stashed(int status, int code, std::string_view why) {
  for (auto& m : std::exchange(durable_->stash, {}))
    std::visit([&](auto& message) { answer_unserved(message, status, code, why); }, m);
}

}  // namespace holdfast::actors
