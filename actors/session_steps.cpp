#include "actors/session_steps.hpp"

#include <algorithm>
#include <utility>

#include "actors/admin/json.hpp"
#include "actors/session_actor.hpp"
#include "actors/session_durability.hpp"
#include "actors/session_operations.hpp"
#include "transport/mcp/input_schema.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/mcp/sealed.hpp"

namespace holdfast::actors {
namespace {

namespace execution = machines::execution;
namespace stepwise = machines::stepwise;
using admin::json_object;
using stepwise::command;

constexpr std::size_t history_max = 64, tool_bytes_max = 512;

void trim(std::vector<execution::transition>& history) {
  if (history.size() > history_max)
    history.erase(history.begin(), history.end() - static_cast<std::ptrdiff_t>(history_max));
}

std::string commands_text(const std::vector<command>& all) {
  std::vector<std::string> names;
  for (const auto c : all) names.emplace_back(stepwise::name_of(c));
  return admin::json_texts(names);
}

/// The schema of the tool's arguments, raw; empty if its upstream's list has none.
std::string_view schema_of(const catalogue_view& view, const catalogue_view::route& to) {
  const auto list = view.listing_of(to.upstream);
  if (!list) return {};
  for (const auto& t : list->tools) {
    if (mcp::quote(t.key) == to.upstream_name) return mcp::member(t.raw, "inputSchema");
  }
  return {};
}

}  // namespace

struct session_steps::asked {
  const post_ptr& p;
  const mcp::envelope& e;

  void refuse(session_actor& s, int status, std::string_view why, std::string_view more = {}) const {
    session_operations::refuse(s, p, e.id, status, why, more);
  }
};

bool session_steps::take(session_actor& s, const post_ptr& p, const mcp::envelope& e, std::string_view what) {
  const asked a{p, e};
  const auto command = stepwise::command_named(what);
  if (what == "begin") return begin(s, a), true;
  if (what == "list") return list(s, a), true;
  if (what != "show" && what != "drop" && !command) return false;
  const auto number = admin::number_of(e.params, "number");
  auto& all = s.work().prepared;
  const auto x = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.number == number; });
  if (x == all.end()) {
    a.refuse(s, 404, "No such stepwise execution in this session");
  } else if (what == "show") {
    show(s, a, *x);
  } else if (what == "drop") {
    drop(s, a, number);
  } else {
    carry_out(s, a, *x, *command);
  }
  return true;
}

void session_steps::begin(session_actor& s, const asked& a) {
  auto& w = s.work();
  const auto reference = admin::text_of(a.e.params, "reference");
  for (const auto& x : w.prepared) {
    if (x.reference == reference) return show(s, a, x);
  }
  const auto max = s.node_.config.executions.steps_max;
  if (w.prepared.size() >= max)
    return a.refuse(s, 429, "Too many stepwise executions in this session: drop one, or raise executions.steps_max",
                    R"("limit":)" + std::to_string(max));
  prepared_execution x;
  x.number = w.last_prepared + 1;
  x.reference = reference;
  x.began = session_actor::story_now();
  if (mcp::member(a.e.params, "tool").data() != nullptr && !select(s, a, x)) return;
  ++w.last_prepared;
  write(s, w.prepared.emplace_back(std::move(x)));
  show(s, a, w.prepared.back());
}

void session_steps::list(session_actor& s, const asked& a) {
  std::vector<std::string> all;
  for (const auto& x : s.work().prepared) all.push_back(text_of(s, x));
  session_operations::answer(s, a.p, a.e.id, json_object().text("sessionId", s.id_).list("executions", all).str());
}

void session_steps::drop(session_actor& s, const asked& a, std::uint64_t number) {
  auto& all = s.work().prepared;
  const auto x = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.number == number; });
  if (call_of(s, *x)) return refuse_order(s, a, *x, "drop");
  auto last = text_of(s, *x);
  all.erase(x);
  if (s.durable_) {
    auto& next = s.durable_->gate.next();
    next.journal.erase(prepared_key(number));
    next.journal_dropped.push_back(prepared_key(number));
  }
  session_operations::answer(s, a.p, a.e.id, std::move(last));
}

void session_steps::refuse_order(session_actor& s, const asked& a, const prepared_execution& x,
                                 std::string_view command) {
  const auto running = call_of(s, x);
  const auto state = execution::name_of(running ? running->state : x.state);
  const auto allowed = commands_text(stepwise::allowed_in(running ? running->state : x.state, running != nullptr));
  a.refuse(s, 409, "The execution does not take `" + std::string(command) + "` now",
           R"("state":)" + mcp::quote(state) + (running ? R"(,"underWay":true)" : "") + R"(,"allowed":)" + allowed);
}

void session_steps::carry_out(session_actor& s, const asked& a, prepared_execution& x, command c) {
  const auto running = call_of(s, x);
  if (!stepwise::admits(running ? running->state : x.state, running != nullptr, c))
    return refuse_order(s, a, x, stepwise::name_of(c));
  if (c == command::select && !select(s, a, x)) return;
  if (c == command::parameters && !set_parameters(s, a, x)) return;
  if (c == command::execute && !execute(s, a, x)) return;
  if (c == command::cancel && running) {
    for (auto& u : s.work().uses) std::erase(u.waiting, running);
    running->error = mcp::error_object(mcp::code::internal_error, "The execution was cancelled",
                                       s.error_data(*running, "cancelled by who had it executed", running->sent));
    s.apply(running, execution::cancel_asked{});
    return show(s, a, x);
  }
  if (c == command::cancel) advance(x, execution::cancel_asked{});
  if (c == command::reset) {
    advance(x, execution::reset{});
    x.tool = x.params = x.call = x.result = x.error = std::string();
    x.result_kept = true;
  }
  write(s, x);
  show(s, a, x);
}

bool session_steps::select(session_actor& s, const asked& a, prepared_execution& x) {
  const auto tool = admin::text_of(a.e.params, "tool");
  if (tool.empty() || tool.size() > tool_bytes_max)
    return a.refuse(s, 400, "`tool` must be a tool's name, 1 to 512 bytes"), false;
  const auto known = view(s, a);
  if (!known) return false;
  if (known->tool(tool) == nullptr) return a.refuse(s, 404, "Unknown tool", R"("tool":)" + mcp::quote(tool)), false;
  advance(x, execution::select{tool});
  x.tool = tool;
  x.params.clear();
  return true;
}

bool session_steps::set_parameters(session_actor& s, const asked& a, prepared_execution& x) {
  const auto params = mcp::member(a.e.params, "params");
  const auto max = s.node_.config.executions.step_bytes_max;
  if (!mcp::is_object(params)) return a.refuse(s, 400, "`params` must be an object"), false;
  if (params.size() > max)
    return a.refuse(s, 413,
                    "The parameters are larger than executions.step_bytes_max (" + std::to_string(max) + " bytes)"),
           false;
  const auto known = view(s, a);
  if (!known) return false;
  const auto* const route = known->tool(x.tool);
  if (route == nullptr)
    return a.refuse(s, 404, "The selected tool is no longer there", R"("tool":)" + mcp::quote(x.tool)), false;
  if (const auto fault = mcp::check_against(schema_of(*known, *route), params)) {
    const auto where = fault->path.empty() ? std::string("params") : "params" + fault->path;
    a.refuse(s, 422, "The parameters do not fit the tool's input schema: " + where + " breaks `" + fault->keyword + "`",
             R"("path":)" + mcp::quote(fault->path) + R"(,"keyword":)" + mcp::quote(fault->keyword) + R"(,"schema":)" +
                 mcp::quote(fault->rule));
    return false;
  }
  advance(x, execution::parameters_given{});
  x.params = params;
  return true;
}

/// Makes the call. Nobody listens to it: its outcome is kept with the execution.
bool session_steps::execute(session_actor& s, const asked& a, prepared_execution& x) {
  const auto known = view(s, a);
  if (!known) return false;
  const auto* const route = known->tool(x.tool);
  if (route == nullptr)
    return a.refuse(s, 404, "The selected tool is no longer there", R"("tool":)" + mcp::quote(x.tool)), false;
  if (s.work().calls.size() >= s.limits().in_flight_max)
    return a.refuse(s, 429, "Too many requests of this session at once (sessions.in_flight_max)"), false;
  const auto params = json_object().text("name", x.tool).raw("arguments", x.params).str();
  const auto text = mcp::make_request(mcp::quote("holdfast-" + mcp::random_id()), "tools/call", params);
  const auto e = *mcp::scan(text);
  const auto p = s.begin_post(nullptr, 1, false);
  p->what = e.what;
  const auto c = s.begin_call(p, e, route->upstream);
  c->prepared = x.number;
  c->repeatable = route->repeatable;
  s.enter_journal(*c, e);
  s.set_params(*c, e, route->renamed ? e.name : std::string_view(), route->upstream_name);
  c->tool = x.tool;
  c->state_key = s.state_key_of(*c);
  c->state = x.state;
  auto& executions = s.home().counters().executions;
  executions.step(executions.before_all, c->state.index());
  x.call = s.id_ + "." + (c->execution != 0 ? std::to_string(c->execution) : "x" + std::to_string(c->number));
  x.result = x.error = std::string();
  x.result_kept = true;
  s.go(c);
  return true;
}

void session_steps::note_end(session_actor& s, const call& c) {
  auto& all = s.work().prepared;
  const auto x = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.number == c.prepared; });
  if (x == all.end()) return;
  x->state = c.state;
  x->history.insert(x->history.end(), c.history.begin(), c.history.end());
  trim(x->history);
  const auto response = s.response_of(c);
  x->result = mcp::member(response, "result");
  x->error = mcp::member(response, "error");
  x->result_kept = x->result.size() + x->error.size() <= s.node_.config.executions.step_bytes_max;
  if (!x->result_kept) x->result = x->error = std::string();
  write(s, *x);
}

void session_steps::recover(session_actor& s, std::string_view json) {
  auto x = read_prepared(json);
  if (!x) return;
  auto& w = s.work();
  w.last_prepared = std::max(w.last_prepared, x->number);
  const auto at =
      std::find_if(w.prepared.begin(), w.prepared.end(), [&](const auto& o) { return o.number > x->number; });
  w.prepared.insert(at, std::move(*x));
}

void session_steps::show(session_actor& s, const asked& a, const prepared_execution& x) {
  session_operations::answer(s, a.p, a.e.id, text_of(s, x));
}

/// Without the parameters, which may hold secrets.
std::string session_steps::text_of(const session_actor& s, const prepared_execution& x) {
  const auto running = call_of(s, x);
  const auto& state = running ? running->state : x.state;
  auto history = x.history;
  if (running) history.insert(history.end(), running->history.begin(), running->history.end());
  std::vector<std::string> transitions;
  for (const auto& t : history) {
    transitions.push_back(json_object()
                              .text("at", admin::time_text(t.at))
                              .text("event", execution::event_name(t.event))
                              .text("state", execution::state_name(t.state))
                              .str());
  }
  return json_object()
      .text("id", s.id_ + "." + prepared_key(x.number))
      .text("sessionId", s.id_)
      .text_or_null("tool", x.tool)
      .text("state", execution::name_of(state))
      .flag("underWay", running != nullptr)
      .raw("allowed", commands_text(stepwise::allowed_in(state, running != nullptr)))
      .text("startedAt", admin::time_text(x.began))
      .text_or_null("call", x.call)
      .raw("result", x.result.empty() ? "null" : x.result)
      .raw("error", x.error.empty() ? "null" : x.error)
      .flag("resultKept", x.result_kept)
      .list("transitions", transitions)
      .str();
}

call_ptr session_steps::call_of(const session_actor& s, const prepared_execution& x) {
  if (!s.work_) return nullptr;
  for (const auto& c : s.work_->calls) {
    if (c->prepared == x.number && !execution::is_final(c->state)) return c;
  }
  return nullptr;
}

void session_steps::write(session_actor& s, const prepared_execution& x) {
  if (!s.durable_) return;
  const auto key = prepared_key(x.number);
  s.durable_->gate.next().journal[key] = {
      persistence::stage::result, s.node_.store->texts().encode_owned(to_json(x), s.field_of("journal/" + key))};
}

void session_steps::advance(prepared_execution& x, const execution::event& e) {
  x.state = execution::advance(std::move(x.state), e).next;
  x.history.push_back(
      {static_cast<std::uint8_t>(e.index()), static_cast<std::uint8_t>(x.state.index()), session_actor::story_now()});
  trim(x.history);
}

/// The catalogue; if it is not there yet, the request is to come again.
view_ptr session_steps::view(session_actor& s, const asked& a) {
  auto known = s.shown_view();
  if (known) return known;
  s.send(s.node_.catalogue, s.wanted_view(s.node_.config.catalogue.first_list_wait, true));
  s.refuse_for_now(a.p);
  return nullptr;
}

}  // namespace holdfast::actors
