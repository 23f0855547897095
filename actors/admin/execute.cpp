#include <algorithm>
#include <array>

#include "actors/admin/executions.hpp"
#include "actors/admin/inner_client.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/routes.hpp"
#include "actors/execution_meta.hpp"
#include "actors/session_keys.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/mcp/sealed.hpp"
#include "transport/mcp/users.hpp"

// Tools executed for whoever asks by the API: each execution is a tools/call like those of clients, in a session that
// there is, in one that its idempotency key stands for, or in one of its own.

namespace holdfast::actors::admin {
namespace {

using clock = inner_client::clock;

constexpr milliseconds timeout_max{600'000}, timeout_default{30'000}, open_pause{100};
constexpr std::size_t name_max = 512;

struct order {
  std::string tool, params, session, key, user;
  bool use_cached = true;
  milliseconds timeout = timeout_default;
};

std::string objection_to_member(const std::string& name) {
  constexpr std::array<std::string_view, 7> known{"tool",           "params",  "sessionId", "useCached",
                                                  "idempotencyKey", "timeout", "user"};
  if (std::find(known.begin(), known.end(), name) != known.end()) return {};
  return "`" + name +
         "` is no member of an execution; there are tool, params, sessionId, useCached, idempotencyKey, timeout, user";
}

/// What is wrong with it, in words; empty if nothing.
std::string read_order(mcp::raw_json json, const mcp::user_table& users, order& o) {
  if (!mcp::is_object(json)) return "An execution must be a JSON object";
  for (const auto& [name, value] : mcp::members(json)) {
    if (auto why = objection_to_member(name); !why.empty()) return why;
  }
  const auto text = [&](std::string_view name, std::size_t max, std::string& into) {
    const auto raw = mcp::member(json, name);
    if (raw.data() == nullptr || raw == "null") return true;
    into = mcp::string_value(raw).value_or(std::string());
    return !into.empty() && into.size() <= max;
  };
  if (!text("tool", name_max, o.tool) || o.tool.empty()) return "`tool` must be a tool's name, 1 to 512 bytes";
  if (!text("sessionId", name_max, o.session)) return "`sessionId` must be the id of a session";
  if (!text("idempotencyKey", session_keys::key_bytes_max, o.key))
    return "`idempotencyKey` must be a string of 1 to 256 bytes";
  if (!text("user", name_max, o.user) || (!o.user.empty() && o.user != anonymous_principal && !users.has(o.user)))
    return "`user` must be one of `access.users`";
  const auto params = mcp::member(json, "params");
  if (params.data() != nullptr && !mcp::is_object(params)) return "`params` must be an object";
  o.params = params.empty() ? "{}" : std::string(params);
  const auto cached = mcp::member(json, "useCached");
  if (cached.data() != nullptr && cached != "true" && cached != "false") return "`useCached` must be true or false";
  o.use_cached = cached != "false";
  if (const auto timeout = mcp::member(json, "timeout"); timeout.data() != nullptr)
    o.timeout = milliseconds{mcp::integer_value(timeout).value_or(0)};
  if (o.timeout < milliseconds{1} || o.timeout > timeout_max) return "`timeout` must be 1 to 600000 milliseconds";
  return {};
}

std::string text_in(mcp::raw_json result) {
  for (const auto part : list_of(result, "content")) {
    if (auto text = text_of(part, "text"); !text.empty()) return text;
  }
  return "The tool answered with an error";
}

/// `object[member]` without what the session said of the execution; the members of that are put into `report`.
std::string without_report(mcp::raw_json object, std::string_view member, std::string& report) {
  const auto inner = mcp::member(object, member);
  report = std::string(mcp::member(inner, execution_meta::report));
  if (report.empty()) return std::string(object);
  const auto rest = mcp::with_member(inner, execution_meta::report, {});
  return mcp::with_member(object, member, rest == "{}" ? mcp::raw_json() : mcp::raw_json(rest));
}

/// What came of it, of an answer of JSON-RPC.
std::string execution_of(const order& o, const std::string& session, const std::string& json, milliseconds took,
                         const std::string& began) {
  std::string report, result = "null", error = "null";
  auto status = std::string("failed");
  if (const auto raw = mcp::member(json, "result"); raw.data() != nullptr) {
    result = without_report(raw, "_meta", report);
    const auto failed = mcp::member(raw, "isError") == "true";
    if (!failed) status = "succeeded";
    if (failed) error = mcp::error_object(mcp::code::server_error, text_in(raw));
  } else {
    error = without_report(mcp::member(json, "error"), "data", report);
    if (mcp::member(mcp::member(error, "data"), "mayHaveRun") == "true") status = "interrupted";
  }
  if (!report.empty()) status = text_of(report, "status");
  json_object e;
  e.text_or_null("executionId", text_of(report, "id")).text("toolId", o.tool).text("sessionId", session);
  e.text("status", status).raw("result", result).raw("error", error);
  const auto told = mcp::member(report, "executionTimeMs");
  e.raw("executionTimeMs", told.empty() ? std::to_string(took.count()) : std::string(told)).text("timestamp", began);
  return e.flag("fromCache", flag_of(report, "fromCache")).str();
}

/// The session is there, but has just begun: somebody else opens it.
bool is_early(const std::string& json) {
  return mcp::integer_value(mcp::member(mcp::member(json, "error"), "code")) == mcp::code::invalid_request;
}

/// One execution, from its order to its answer.
struct execution_run : std::enable_shared_from_this<execution_run> {
  execution_run(desk& d, order what, reply f)
      : at(d.shared_from_this()), of(std::move(what)), done(std::move(f)), until(clock::now() + of.timeout) {}

  void begin() {
    if (of.session.empty() && of.key.empty()) return in_its_own();
    auto id = of.session;
    if (id.empty()) id = mcp::derived_id(secret(), whose_key());
    client = std::make_shared<inner_client>(*at, id, principal());
    if (of.session.empty()) return call(true);
    find_anywhere(*at, id, true, [self = shared_from_this()](const found_session& f) {
      // One that is in the store only comes back with its first message.
      if (f.trouble && (f.trouble->status != 404 || !mcp::is_random_id(self->of.session)))
        return self->finish(*f.trouble);
      if (!f.trouble) self->client = std::make_shared<inner_client>(*self->at, f.id, self->principal());
      self->call(false);
    });
  }

 private:
  std::string secret() const {
    const auto& c = at->node().config.cluster;
    return c.enabled ? c.secret.reveal() : std::string();
  }

  /// Whoever names no user may use the sessions of all.
  std::string principal() const { return of.user.empty() ? std::string(operator_principal) : of.user; }

  /// Two users with one key have nothing in common. Names have no slash.
  std::string whose_key() const {
    if (of.user.empty() || of.user == anonymous_principal) return "io.holdfast/executions/" + of.key;
    return "io.holdfast/executions-of/" + of.user + "/" + of.key;
  }

  void in_its_own() {
    client = std::make_shared<inner_client>(*at, std::string(), principal());
    client->open(until, [self = shared_from_this()](std::optional<problem> trouble) {
      if (trouble) return self->finish(std::move(*trouble));
      self->call(false);
    });
  }

  void call(bool may_open) {
    json_object meta;
    meta.flag(execution_meta::report_wanted, true);
    if (!of.key.empty()) meta.text(execution_meta::key, of.key);
    if (!of.use_cached) meta.flag(execution_meta::use_cached, false);
    const auto params = json_object().text("name", of.tool).raw("arguments", of.params).raw("_meta", meta.str()).str();
    client->send(mcp::make_request(request_id, "tools/call", params), until,
                 [self = shared_from_this(), may_open](int status, const std::string& json) {
                   if (may_open && (status == 404 || is_early(json))) return self->open();
                   self->on_answer(status, json);
                 });
  }

  /// The session that the key stands for does not exist yet.
  void open() {
    if (clock::now() >= until) return finish(problem{503, "The session of this key could not be begun", {}, {}, {}});
    const auto owner = owner_of_id(*at, client->session());
    const auto again = [self = shared_from_this()] { self->at->after(open_pause, [self] { self->open(); }); };
    if (owner.empty()) return again();
    const auto left = std::chrono::ceil<milliseconds>(until - clock::now());
    at->ask_node(owner, "do.open", json_object().text("id", client->session()).text("user", of.user).str(), left,
                 [self = shared_from_this(), again](answer a) {
                   const auto* const p = std::get_if<problem>(&a);
                   if (p == nullptr) {
                     self->client->tell(mcp::make_notification("notifications/initialized", {}));
                     return self->call(true);
                   }
                   if (p->status == 409 || p->status == 404 || p->status == 502) return again();
                   self->finish(std::move(a));
                 });
  }

  void on_answer(int status, const std::string& json) {
    const auto is_rpc =
        status == 200 && (mcp::member(json, "result").data() != nullptr || mcp::is_object(mcp::member(json, "error")));
    if (is_rpc) {
      const auto took = std::chrono::duration_cast<milliseconds>(clock::now() - began);
      return finish(execution_of(of, client->session(), json, took, began_at));
    }
    auto why = trouble_in(status, json);
    if (status == 504 && of.key.empty()) {
      client->cancel(request_id, "it took too long");
      why.detail = "The call was cancelled";
    } else if (status == 504) {
      why.detail = "It goes on; ask again with the same idempotencyKey for its result";
    }
    finish(std::move(why));
  }

  void finish(answer a) {
    const auto f = std::exchange(done, nullptr);
    if (!f) return;
    f(std::move(a));
    client->say_goodbye();
  }

  const std::shared_ptr<desk> at;
  const order of;
  reply done;
  const clock::time_point began = clock::now(), until;
  const std::string began_at = time_now(), request_id = mcp::quote("holdfast-" + mcp::random_id());
  std::shared_ptr<inner_client> client;
};

/// Several, some at a time; each is shown as soon as it is over.
struct execution_batch : std::enable_shared_from_this<execution_batch> {
  execution_batch(desk& d, std::vector<order> what, const request& r, reply f)
      : at(d.shared_from_this()), orders(std::move(what)), exchange(r.exchange), held(std::move(f)) {}

  void begin() {
    exchange->on_closed([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->exchange = nullptr;
    });
    exchange->open_stream({});
    const auto at_once = std::min(at->node().config.executions.batch_concurrency, orders.size());
    for (std::size_t i = 0; i < at_once; ++i) next();
  }

 private:
  /// Nothing more begins once nobody listens.
  void next() {
    if (begun == orders.size() || !exchange) return;
    const auto index = begun++;
    std::make_shared<execution_run>(*at, orders[index], [self = shared_from_this(), index](const answer& a) {
      self->show(index, a);
      self->next();
    })->begin();
  }

  void show(std::size_t index, const answer& a) {
    ++over;
    if (!exchange) return;
    json_object o;
    o.number("index", index);
    if (const auto* const p = std::get_if<problem>(&a)) {
      ++failed;
      o.raw("problem", to_json(*p));
    } else {
      const auto& json = std::get<std::string>(a);
      if (text_of(json, "status") != "succeeded") ++failed;
      o.raw("execution", json);
    }
    auto text = "event: execution\ndata: " + o.str() + "\n\n";
    if (over == orders.size())
      text += "event: end\ndata: " + json_object().number("executions", over).number("failed", failed).str() + "\n\n";
    if (!exchange->write(text)) exchange = nullptr;
    if (exchange && over == orders.size()) exchange->end_stream();
  }

  const std::shared_ptr<desk> at;
  const std::vector<order> orders;
  std::shared_ptr<transport::http_exchange> exchange;  // null once the listener has gone
  const reply held;                                    // counts this question as under way
  std::size_t begun = 0, over = 0, failed = 0;
};

void begin_batch(desk& at, const request& r, reply done) {
  const auto max = at.node().config.executions.batch_max;
  const auto wrong = [&](const std::string& why) { done(problem{400, "The body is wrong", why, {}, {}}); };
  const auto all = mcp::elements(r.body, max);
  if (!all && all.error() == transport::errc::overloaded)
    return done(problem{413,
                        "Too many executions in one request",
                        "At most " + std::to_string(max) + " (executions.batch_max)",
                        {},
                        {}});
  if (!all) return wrong("It must be JSON: an execution, or a list of them");
  if (all->empty()) return wrong("The list is empty");
  std::vector<order> orders(all->size());
  for (std::size_t i = 0; i < all->size(); ++i) {
    const auto why = read_order((*all)[i], at.node().users, orders[i]);
    if (!why.empty()) return wrong("[" + std::to_string(i) + "]: " + why);
  }
  std::make_shared<execution_batch>(at, std::move(orders), r, std::move(done))->begin();
}

}  // namespace

void execute(desk& at, const request& r, reply done) {
  if (at.node().draining) return done(problem{503, "The node is stopping", {}, {}, {}});
  if (mcp::is_batch(r.body)) return begin_batch(at, r, std::move(done));
  const auto wrong = [&](const std::string& why) { done(problem{400, "The body is wrong", why, {}, {}}); };
  const auto listed = "[" + r.body + "]";
  const auto whole = mcp::elements(listed);
  if (!whole || whole->size() != 1) return wrong("It must be JSON: an execution, or a list of them");
  order o;
  if (const auto why = read_order(whole->front(), at.node().users, o); !why.empty()) return wrong(why);
  std::make_shared<execution_run>(at, std::move(o), std::move(done))->begin();
}

}  // namespace holdfast::actors::admin
