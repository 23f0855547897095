#include "actors/session_keys.hpp"

#include <algorithm>
#include <utility>

#include "actors/admin/json.hpp"
#include "actors/digest.hpp"
#include "actors/execution_meta.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "transport/mcp/messages.hpp"

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;
using metrics::request_outcome;

constexpr std::string_view head = R"({"jsonrpc":"2.0","id":)";

/// Of the tool and its arguments, byte for byte.
std::uint64_t digest_of_call(const mcp::envelope& e) {
  return digest_of(e.name) ^ (digest_of(mcp::member(e.params, "arguments")) * 31);
}

/// The response for another request than the one it was made for.
std::string for_request(std::string_view id, std::string_view answer) {
  std::string whole;
  whole.reserve(head.size() + id.size() + answer.size());
  return whole.append(head).append(id).append(answer);
}

std::string_view without_id(const std::string& response, std::string_view id) {
  return std::string_view(response).substr(head.size() + id.size());
}

std::string with_report_in(mcp::raw_json object, std::string_view report) {
  return mcp::with_member(mcp::is_object(object) ? object : "{}", execution_meta::report, report);
}

bool wants_report(mcp::raw_json meta) { return mcp::member(meta, execution_meta::report_wanted) == "true"; }

}  // namespace

bool session_keys::join(session_actor& s, const post_ptr& p, const mcp::envelope& e) {
  if (e.meta.data() == nullptr) return false;
  const auto raw = mcp::member(e.meta, execution_meta::key);
  if (raw.data() == nullptr) return false;
  const auto refuse = [&](int code, std::string_view why, std::string_view reason) {
    s.reply_error(p, e.id, code, why, R"({"reason":)" + mcp::quote(reason) + R"(,"mayHaveRun":false})");
    return true;
  };
  const auto key = mcp::string_value(raw);
  if (!key || key->empty() || key->size() > key_bytes_max)
    return refuse(mcp::code::invalid_params,
                  "params._meta[\"io.holdfast/idempotencyKey\"] must be a string of 1 to 256 bytes",
                  "bad idempotency key");
  constexpr std::string_view other = "This idempotency key belongs to a call of another tool, or with other arguments";
  const auto digest = digest_of_call(e);
  std::size_t open = 0;
  for (const auto& c : s.work().calls) {
    if (!c->keyed) continue;
    ++open;
    if (c->keyed->key != *key) continue;
    if (c->keyed->digest != digest) return refuse(mcp::code::invalid_params, other, "idempotency key in use");
    auto& followers = c->keyed->followers;
    std::erase_if(followers, [&](const auto& f) { return f.client_id == e.id; });
    if (followers.size() >= s.limits().in_flight_max)
      return refuse(mcp::code::server_error, "Too many requests wait for this call", "sessions.in_flight_max");
    followers.push_back({p, std::string(e.id)});
    s.watch_post(p);
    return true;
  }
  forget_old(s);
  if (const auto* const known = s.work().outcomes.find(*key)) {
    if (known->digest != digest) return refuse(mcp::code::invalid_params, other, "idempotency key in use");
    auto text = known->answer.empty()
                    ? mcp::make_error(e.id, mcp::code::internal_error,
                                      "The call with this idempotency key has run; its result is no longer kept",
                                      R"({"reason":"executions.key_bytes_max","mayHaveRun":true})")
                    : for_request(e.id, known->answer);
    s.watch_post(p);
    s.answer_durably(p, request_outcome::repeated, std::move(text));
    return true;
  }
  const auto max = s.node_.config.executions.keys_max;
  if (open + s.work().outcomes.all().size() >= max)
    return refuse(mcp::code::server_error,
                  "Too many idempotency keys are remembered in this session; the oldest is free again after "
                  "executions.key_lifetime",
                  "executions.keys_max (" + std::to_string(max) + ")");
  return false;
}

bool session_keys::leave(session_actor& s, mcp::raw_json request_id) {
  for (const auto& c : s.work().calls) {
    if (!c->keyed) continue;
    auto& all = c->keyed->followers;
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& f) { return f.client_id == request_id; });
    if (found == all.end()) continue;
    const auto p = found->to;
    all.erase(found);
    s.put_answer(p, request_outcome::cancelled, {});
    return true;
  }
  return false;
}

bool session_keys::follows(const session_actor& s, const post& p) {
  const auto is_from_it = [&](const keyed_call::follower& f) { return f.to.get() == &p; };
  const auto& calls = s.work_->calls;
  return std::any_of(calls.begin(), calls.end(), [&](const auto& c) {
    return c->keyed && std::any_of(c->keyed->followers.begin(), c->keyed->followers.end(), is_from_it);
  });
}

void session_keys::begin(call& c, const mcp::envelope& e) {
  if (e.meta.data() == nullptr) return;
  c.wants_report = wants_report(e.meta);
  const auto key = mcp::string_value(mcp::member(e.meta, execution_meta::key));
  if (!key) return;
  c.keyed = std::make_unique<keyed_call>(keyed_call{*key, digest_of_call(e), {}});
  c.wants_report = true;
}

void session_keys::add_to(journal_text& j, const call& c) {
  if (!c.keyed || (c.reported && !c.sent)) return;
  j.key = c.keyed->key;
  j.key_digest = c.keyed->digest;
  if (c.reported) j.ended = session_actor::story_now();
}

void session_keys::settle(session_actor& s, call& c, const std::string& response) {
  if (!c.keyed) return;
  if (response.empty() && !c.sent) return refuse_followers(s, c);
  auto text = response.empty() ? cancelled_response(s, c) : response;
  const auto answer = without_id(text, c.client_id);
  for (const auto& f : std::exchange(c.keyed->followers, {}))
    s.answer_durably(f.to, request_outcome::repeated, for_request(f.client_id, answer));
  if (!c.sent) return;
  const auto emptied = s.work().outcomes.add(
      {c.keyed->key, c.keyed->digest, c.execution, std::string(answer), session_actor::story_now()},
      s.node_.config.executions.key_bytes_max);
  if (!s.durable_) return;
  const auto& shown = s.durable_->shown;
  for (const auto& o : s.work().outcomes.all()) {
    if (o.execution == 0 || std::find(emptied.begin(), emptied.end(), o.execution) == emptied.end()) continue;
    if (std::any_of(shown.begin(), shown.end(), [&](const auto& x) { return x.execution == o.execution; })) continue;
    const auto key = std::to_string(o.execution);
    s.durable_->gate.next().journal[key] = {
        persistence::stage::result,
        s.node_.store->texts().encode_owned(to_json(entry_of(o, "null")), s.field_of("journal/" + key))};
  }
}

void session_keys::refuse_followers(session_actor& s, call& c) {
  if (!c.keyed) return;
  for (const auto& f : std::exchange(c.keyed->followers, {})) s.refuse_for_now(f.to);
}

std::string session_keys::cancelled_response(const session_actor& s, const call& c) {
  return with_report(s, c,
                     mcp::make_error(c.client_id, mcp::code::internal_error,
                                     "The call with this idempotency key was cancelled; it may have run",
                                     s.error_data(c, "cancelled by its client", true)));
}

bool session_keys::holds(const session_actor& s, std::uint64_t execution) {
  return s.work_ && s.work_->outcomes.holds(execution);
}

void session_keys::forget_old(session_actor& s) {
  if (!s.work_ || s.work_->outcomes.all().empty()) return;
  const auto gone =
      s.work_->outcomes.forget_before(session_actor::story_now() - s.node_.config.executions.key_lifetime);
  if (!s.durable_) return;
  const auto& shown = s.durable_->shown;
  for (const auto n : gone) {
    const auto is_shown = std::any_of(shown.begin(), shown.end(), [&](const auto& x) { return x.execution == n; });
    if (n != 0 && !is_shown) s.drop_from_journal(n);
  }
}

void session_keys::recover(session_actor& s, std::uint64_t number, const journal_text& j) {
  if (j.key.empty()) return;
  auto answer = j.answer.empty() ? std::string() : std::string(without_id(j.answer, j.client_id));
  s.work().outcomes.add({j.key, j.key_digest, number, std::move(answer), j.ended},
                        s.node_.config.executions.key_bytes_max);
}

void session_keys::recover(call& c, const journal_text& j) {
  c.wants_report = wants_report(mcp::member(c.params, "_meta"));
  if (j.key.empty()) return;
  c.keyed = std::make_unique<keyed_call>(keyed_call{j.key, j.key_digest, {}});
  c.wants_report = true;
}

journal_text session_keys::entry_of(const keyed_outcome& o, std::string_view client_id) {
  journal_text j;
  j.client_id = client_id;
  j.what = mcp::method::tools_call;
  j.key = o.key;
  j.key_digest = o.digest;
  j.ended = o.ended;
  if (!o.answer.empty()) j.answer = for_request(j.client_id, o.answer);
  return j;
}

std::string session_keys::with_report(const session_actor& s, const call& c, const std::string& response) {
  const auto number = c.execution != 0 ? std::to_string(c.execution) : "x" + std::to_string(c.number);
  const auto report =
      admin::json_object()
          .text("id", s.id_ + "." + number)
          .text("status", execution::name_of(c.state))
          .number("executionTimeMs", std::max<std::int64_t>(0, (session_actor::story_now() - c.started).count()))
          .flag("fromCache", c.from_cache)
          .str();
  const auto result = mcp::member(response, "result");
  if (mcp::is_object(result)) {
    const auto meta = with_report_in(mcp::member(result, "_meta"), report);
    return mcp::splice(response, {{result, mcp::with_member(result, "_meta", meta)}});
  }
  const auto error = mcp::member(response, "error");
  if (!mcp::is_object(error)) return response;
  const auto data = mcp::member(error, "data");
  auto more = with_report_in(data, report);
  if (data.data() != nullptr && !mcp::is_object(data)) more = mcp::with_member(more, "data", data);
  return mcp::splice(response, {{error, mcp::with_member(error, "data", more)}});
}

}  // namespace holdfast::actors
