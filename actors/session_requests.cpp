#include <algorithm>
#include <charconv>
#include <utility>

#include "actors/client_requests.hpp"
#include "actors/log.hpp"
#include "actors/log_levels.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/session_keys.hpp"
#include "actors/session_operations.hpp"
#include "actors/test_hooks.hpp"
#include "transport/content_type.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

using place = session_trace::place;

constexpr auto initialize_wait = std::chrono::milliseconds{2'000};

constexpr std::array<std::string_view, 4> list_members{"tools", "prompts", "resources", "resourceTemplates"};

/// What a cursor says inside its seal: the same on every node, for whoever holds the session later.
struct cursor {
  unsigned kind = 0;
  std::uint64_t order = 0;  // of the list that it was made for
  std::size_t offset = 0;
};

std::string to_text(const cursor& c) {
  return std::to_string(c.kind) + "|" + std::to_string(c.order) + "|" + std::to_string(c.offset);
}

std::optional<cursor> parse_cursor(std::string_view text) {
  cursor c;
  const auto* const end = text.data() + text.size();
  auto at = std::from_chars(text.data(), end, c.kind);
  if (at.ec != std::errc() || at.ptr == end) return std::nullopt;
  at = std::from_chars(at.ptr + 1, end, c.order);
  if (at.ec != std::errc() || at.ptr == end) return std::nullopt;
  at = std::from_chars(at.ptr + 1, end, c.offset);
  if (at.ec != std::errc() || at.ptr != end) return std::nullopt;
  return c;
}

/// The connection of a client to another node, see `relay`. 0 if that cannot tell.
std::uint64_t named_connection(std::string_view name) {
  if (name.empty() || name.ends_with(".0")) return 0;
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash | 1;
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto p : parts) all += p;
  return all;
}

}  // namespace

// --- POSTs and their answers -----------------------------------------------------------------------------------------

post_ptr session_actor::begin_post(exchange_ptr exchange, std::size_t requests, bool batch) {
  auto p = std::make_shared<post>();
  p->exchange = std::move(exchange);
  if (durable_ && p->exchange) {
    p->relayed = p->exchange->request().path.starts_with(peer_path::prefix) && !rule_is_out("relayed_arrival");
    p->connection = p->relayed ? named_connection(p->exchange->request().query) : p->exchange->connection();
    if (const auto age = age_of(p->exchange->request())) p->came = age->came;
    // One that is sent again for a client that still waits says nothing of what has reached that one.
    if (!was_repeated(p->exchange->request())) durable_->note_arrivals(p->connection);
  }
  p->open = requests;
  p->batch = batch;
  p->began = last_traffic_;
  return p;
}

void session_actor::arm_stream(const post_ptr& p) {
  if (!p->exchange || p->timer != 0) return;
  p->timer = home().loop().after(limits().stream_after, [weak = std::weak_ptr(p), to = self(), h = &home()] {
    // Taken up by the actor in its turn; a POST answered meanwhile has no exchange any more.
    if (weak.lock()) h->deliver(to, post_is_slow{weak.lock()});
  });
}

/// A POST that waits for the store stays one that can be refused, and is looked at again.
void session_actor::on_slow(const post_is_slow& m) {
  m.of->timer = 0;
  if (!may_be_refused(*m.of)) become_stream(*m.of);
  arm_stream(m.of);
}

void session_actor::become_stream(post& p) {
  if (!p.exchange || waits_unwritten(p)) return;
  home().loop().cancel(std::exchange(p.timer, 0));
  p.stream = streams().open(std::exchange(p.exchange, nullptr));
  for (const auto& answer : std::exchange(p.answers, {})) streams().send(p.stream, answer);
  note_streaming_calls(p);
  on_tick();
}

void session_actor::put_answer(const post_ptr& p, metrics::request_outcome how,
                               std::initializer_list<std::string_view> parts, std::string_view headers) {
  // What was refused meanwhile has ended already.
  if (p->open > 0) {
    count_end(*p, how);
    --p->open;
  }
  const auto last = p->open == 0;
  const auto silent = parts.size() == 0;
  if (traces_ && !silent) trace(place::session, place::client, joined(parts));
  if (last && p->timer != 0) home().loop().cancel(std::exchange(p->timer, 0));
  if (plain()) {
    if (!silent) streams().send(0, joined(parts));
  } else if (p->stream != 0) {
    if (!silent) streams().send(p->stream, joined(parts), last);
    if (last && silent) p->batch ? streams().finish(p->stream) : streams().abandon(p->stream);
  } else if (!p->exchange) {
    return;
  } else if (!p->batch) {
    const auto exchange = std::exchange(p->exchange, nullptr);
    exchange->respond(silent ? 202 : 200, silent ? std::string_view() : transport::json_type, headers, parts);
  } else {
    if (!silent) p->answers.push_back(joined(parts));
    if (!last) return;
    std::string all;
    for (const auto& a : p->answers) (all += all.empty() ? "[" : ",") += a;
    const auto exchange = std::exchange(p->exchange, nullptr);
    if (all.empty()) return exchange->respond(202, {}, headers, {});
    exchange->respond(200, transport::json_type, headers, {all, "]"});
  }
}

void session_actor::reply(const post_ptr& p, mcp::raw_json id, mcp::raw_json result) {
  put_answer(p, metrics::request_outcome::ok, {R"({"jsonrpc":"2.0","id":)", id, R"(,"result":)", result, "}"});
}

void session_actor::reply_error(const post_ptr& p, mcp::raw_json id, int code, std::string_view message,
                                mcp::raw_json data) {
  put_answer(p, metrics::request_outcome::error, {mcp::make_error(id, code, message, data)});
}

// --- what comes in ---------------------------------------------------------------------------------------------------

void session_actor::on_message(client_message& m) {
  if (diverted(m) || (durable_ && m.exchange && durable_->refuse_late(*m.exchange))) return;
  touch();
  extend_if_due();
  if (over() && m.exchange) return refuse_ended(m.exchange);
  const auto& e = m.message;
  const auto whole = m.exchange ? m.exchange->request().body : std::string_view(*m.bytes);
  trace(place::client, place::session, whole);
  if (e.kind == mcp::message_kind::request) {
    const auto p = begin_post(std::move(m.exchange), 1, false);
    p->repeated = m.repeated;
    return take_request(p, e, whole);
  }
  if (e.kind == mcp::message_kind::notification) {
    on_notification(e);
  } else {
    on_client_answer(e);
  }
  if (m.exchange) acknowledge(m.exchange, 202);
}

/// What the client has said may be forgotten by no crash once it is told that it was heard.
void session_actor::acknowledge(const exchange_ptr& to, int status) {
  gated([to, status] { to->respond(status, {}, {}, {}); }, [to] { to->respond(503, {}, "Retry-After: 1\r\n", {}); },
        [this, to] { pass_on(to); });
}

void session_actor::on_batch(client_batch& m) {
  if (diverted(m) || (durable_ && durable_->refuse_late(*m.exchange))) return;
  touch();
  extend_if_due();
  if (over()) return refuse_ended(m.exchange);
  const auto refuse = [&](std::string_view why) {
    m.exchange->respond(400, transport::json_type, {}, {mcp::make_error({}, mcp::code::invalid_request, why)});
  };
  if (revision_ != mcp::revision::r2025_03_26) {
    return refuse("Batches belong to revision 2025-03-26 only; this session uses " +
                  std::string(mcp::to_string(revision_)));
  }
  std::vector<mcp::envelope> messages;
  for (const auto raw : m.messages) {
    const auto e = mcp::scan(raw);
    if (!e) return refuse("An element of the batch is not a JSON-RPC 2.0 message");
    messages.push_back(*e);
    trace(place::client, place::session, raw);
  }
  const auto is_request = [](const mcp::envelope& e) { return e.kind == mcp::message_kind::request; };
  const auto requests = static_cast<std::size_t>(std::count_if(messages.begin(), messages.end(), is_request));
  // Requests may answer at once and with that end the life of the bytes, so the rest goes first.
  for (const auto& e : messages) {
    if (e.kind == mcp::message_kind::notification) on_notification(e);
    if (e.kind == mcp::message_kind::answer) on_client_answer(e);
  }
  if (requests == 0) return acknowledge(m.exchange, 202);
  const auto p = begin_post(m.exchange, requests, true);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (is_request(messages[i])) take_request(p, messages[i], m.messages[i]);
  }
}

void session_actor::on_notification(const mcp::envelope& e) {
  switch (e.what) {
    case mcp::method::initialized: {
      const auto next = machines::session::advance(state_, machines::session::initialized_said{});
      state_ = next.next;
      if (next.todo != machines::session::effect::release_held) return;
      story_.operating = story_now();
      note_snapshot();
      if (!work_) return;
      for (auto& json : std::exchange(work_->held, {})) push_own(std::move(json));
      return;
    }
    case mcp::method::cancelled: return cancel(mcp::member(e.params, "requestId"));
    case mcp::method::progress: return on_client_progress(e);
    case mcp::method::roots_list_changed:
      if (!work_) return;
      for (const auto& u : work_->uses) {
        const auto link = u.own ? u.link->get() : nullptr;
        if (link) link->send(mcp::make_notification("notifications/roots/list_changed", {}));
      }
      return;
    default: return;  // unknown notifications are ignored (JSON-RPC 2.0, 4.1)
  }
}

void session_actor::take_request(const post_ptr& p, const mcp::envelope& e, std::string_view whole) {
  namespace machine = machines::session;
  if (!p->batch) p->what = e.what;
  const auto initialize = e.what == mcp::method::initialize;
  const auto next = initialize ? machine::advance(state_, machine::initialize_asked{})
                               : machine::advance(state_, machine::request_came{});
  switch (next.todo) {
    case machine::effect::proceed: break;
    case machine::effect::refuse_repeated:
      return reply_error(p, e.id, mcp::code::invalid_request, "This session is initialized already");
    case machine::effect::refuse_early:
      return reply_error(p, e.id, mcp::code::invalid_request, "The first request of a session must be initialize");
    case machine::effect::refuse_ended:
    case machine::effect::none:
    case machine::effect::release_held:
    case machine::effect::shut_down:
      return reply_error(p, e.id, mcp::code::session_not_found, "This session has ended");
  }
  if (initialize) return on_initialize(p, e, whole);
  if (e.what == mcp::method::ping) return reply(p, e.id, "{}");
  if (e.what == mcp::method::logging_set_level) return set_level(p, e);
  if (e.what == mcp::method::other && session_operations::take(*this, p, e)) return;
  if (const auto view = shown_view()) return serve(p, e, view);
  if (e.what == mcp::method::tools_call && (take_up(p, e) || session_keys::join(*this, p, e))) return;
  await_view(p, whole);
}

void session_actor::serve(const post_ptr& p, const mcp::envelope& e, const view_ptr& view) {
  switch (e.what) {
    case mcp::method::initialize: return answer_initialize(p, e.id, view);
    case mcp::method::tools_list: return list(p, e, view, list_kind::tools);
    case mcp::method::prompts_list: return list(p, e, view, list_kind::prompts);
    case mcp::method::resources_list: return list(p, e, view, list_kind::resources);
    case mcp::method::resources_templates_list: return list(p, e, view, list_kind::templates);
    case mcp::method::tools_call: return call_tool(p, e, view);
    case mcp::method::prompts_get: return get_prompt(p, e, view);
    case mcp::method::resources_read: return read_resource(p, e, view);
    case mcp::method::completion_complete: return complete(p, e, view);
    case mcp::method::resources_subscribe:
    case mcp::method::resources_unsubscribe: return subscription(p, e, view);
    default: {
      const auto name = e.method_name.empty() ? mcp::to_string(e.what) : e.method_name;
      return reply_error(p, e.id, mcp::code::method_not_found, "Method not found: " + std::string(name.substr(0, 100)));
    }
  }
}

// --- the catalogue ---------------------------------------------------------------------------------------------------

/// Asks for the catalogue and keeps the request until it is there.
void session_actor::await_view(const post_ptr& p, std::string_view whole) {
  auto& waiting = work().awaiting_view;
  if (waiting.size() >= limits().in_flight_max) {
    return reply_error(p, mcp::scan(whole)->id, mcp::code::server_error, "Too many requests of this session at once");
  }
  waiting.emplace_back(p, whole);
  const auto initializing = std::holds_alternative<machines::session::fresh>(state_);
  // A durable stream must get its end even if nobody remembers the request, see `waits_unwritten`.
  if (!initializing && !durable_) arm_stream(p);
  if (waiting.size() > 1) return;
  const auto wait = node_.config.catalogue.first_list_wait;
  send(node_.catalogue, wanted_view(initializing ? std::min(wait, initialize_wait) : wait, !initializing));
}

void session_actor::on_view(const view_ready& m) {
  if (!work_) return;
  for (const auto& [p, whole] : std::exchange(work_->awaiting_view, {})) {
    const auto e = mcp::scan(whole);
    if (e) serve(p, *e, m.view);
  }
  tell_changed_lists();
}

void session_actor::on_initialize(const post_ptr& p, const mcp::envelope& e, std::string_view whole) {
  const auto requested = mcp::string_value(mcp::member(e.params, "protocolVersion"));
  const auto capabilities = mcp::member(e.params, "capabilities");
  const auto info = mcp::member(e.params, "clientInfo");
  if (!requested || !mcp::is_object(capabilities) || !mcp::is_object(info)) {
    reply_error(
        p, e.id, mcp::code::invalid_params,
        "initialize needs params.protocolVersion (a string), params.capabilities and params.clientInfo (objects)");
    return end("initialize was malformed");
  }
  revision_ = mcp::negotiate(*requested);
  capabilities_ = capability_set::of(capabilities);
  client_info_ = info.size() <= client_info_max ? std::string(info) : std::string();
  if (durable_)
    durable_->client = R"({"info":)" + std::string(info) + R"(,"capabilities":)" + std::string(capabilities) + "}";
  choose_views();
  if (const auto view = shown_view()) return answer_initialize(p, e.id, view);
  await_view(p, whole);
}

void session_actor::answer_initialize(const post_ptr& p, mcp::raw_json id, const view_ptr& view) {
  state_ = machines::session::advance(state_, machines::session::initialize_answered{}).next;
  story_.negotiated = story_now();
  home().counters().sessions.opened.add();
  log::info("session.opened", {{"session", id_.substr(0, 8)}, {"revision", mcp::to_string(revision_)}});
  const auto instructions =
      view->instructions().empty() ? std::string() : R"(,"instructions":)" + mcp::quote(view->instructions());
  const auto header = plain() ? std::string() : "Mcp-Session-Id: " + id_ + "\r\n";
  auto whole = joined({R"({"jsonrpc":"2.0","id":)", id, R"(,"result":{"protocolVersion":")", mcp::to_string(revision_),
                       R"(","capabilities":)", view->capabilities(),
                       R"(,"serverInfo":{"name":"holdfast","version":")" HOLDFAST_VERSION R"("})", instructions, "}}"});
  note_all_lists(*view);
  note_snapshot();
  constexpr auto ok = metrics::request_outcome::ok;
  if (!durable_) return put_answer(p, ok, {whole}, header);
  gated([this, p, whole = std::move(whole), header] { put_answer(p, ok, {whole}, header); },
        [this, p] {
          refuse_for_now(p);
          end("the store did not take it");
        },
        // Nobody knows this id yet: where the request is routed to now, it begins another session.
        [this, p] { pass_on(std::exchange(p->exchange, nullptr)); });
}

void session_actor::list(const post_ptr& p, const mcp::envelope& e, const view_ptr& view, list_kind kind) {
  const auto purpose = "cursor:" + principal_;
  std::size_t offset = 0;
  if (const auto raw = mcp::member(e.params, "cursor"); raw.data() != nullptr) {
    const auto token = mcp::string_value(raw);
    const auto plain_text = node_.cursors.open(token.value_or(std::string()), purpose);
    const auto c = plain_text ? parse_cursor(*plain_text) : std::nullopt;
    if (!c || c->kind != static_cast<unsigned>(kind) || c->order != view->order_of(kind)) {
      return reply_error(p, e.id, mcp::code::invalid_params,
                         "Invalid cursor: start again without one (it is not ours, or the list has changed)");
    }
    offset = c->offset;
  }
  note_list(*view, kind);
  const auto page = view->list(kind, revision_, offset);
  std::string next;
  if (page.next) {
    const cursor c{static_cast<unsigned>(kind), view->order_of(kind), *page.next};
    next = R"(,"nextCursor":")" + node_.cursors.seal(to_text(c), purpose) + "\"";
  }
  put_answer(p, metrics::request_outcome::ok,
             {R"({"jsonrpc":"2.0","id":)", e.id, R"(,"result":{")", list_members[static_cast<std::size_t>(kind)],
              R"(":[)", page.entries, "]", next, "}}"});
}

void session_actor::set_level(const post_ptr& p, const mcp::envelope& e) {
  const auto level = mcp::string_value(mcp::member(e.params, "level")).value_or(std::string());
  const auto severity = log_severity(level);
  if (severity == log_severities.size()) {
    return reply_error(p, e.id, mcp::code::invalid_params,
                       "params.level must be one of debug, info, notice, warning, error, critical, alert, emergency");
  }
  level_ = static_cast<std::uint8_t>(severity);
  level_name_ = level;
  note_snapshot();
  if (!work_ || work_->uses.empty())
    return answer_durably(p, metrics::request_outcome::ok, mcp::make_result(e.id, "{}"));
  // Answered once the upstreams know, so that the next call is logged as asked.
  for (auto& u : work_->uses) {
    u.level_pending = true;
    send(u.actor, level_wanted{self(), level});
  }
  work_->awaiting_level.emplace_back(p, e.id);
}

}  // namespace holdfast::actors
