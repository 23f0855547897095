#include <charconv>

#include "actors/admin/executions.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/operate.hpp"
#include "transport/mcp/sealed.hpp"

// Executions that are put together step by step. The session has them; here is their HTTP.

namespace holdfast::actors::admin {
namespace {

using clock = std::chrono::steady_clock;

constexpr milliseconds step_pause{20};

/// `s7`, or SESSION.s7, as it is shown; 0 for anything else.
std::uint64_t number_in(const std::string& id) {
  const auto dot = id.rfind('.');
  const auto name = std::string_view(id).substr(dot == std::string::npos ? 0 : dot + 1);
  std::uint64_t n = 0;
  if (!name.starts_with('s')) return 0;
  const auto read = std::from_chars(name.data() + 1, name.data() + name.size(), n);
  return read.ec == std::errc() && read.ptr == name.data() + name.size() ? n : 0;
}

/// The members of a body that may have `member` and nothing else; empty: none is there. Answers `done` if it is wrong.
std::optional<std::string> read_body(const request& r, std::string_view member, bool needed, const reply& done) {
  const auto wrong = [&](const std::string& why) {
    done(problem{400, "The body is wrong", why, {}, {}});
    return std::nullopt;
  };
  const auto name = std::string(member);
  if (r.body.empty() && !needed) return "{}";
  const auto listed = "[" + r.body + "]";
  const auto whole = mcp::elements(listed, 2);
  if (!whole || whole->size() != 1 || !mcp::is_object(whole->front()))
    return wrong("It must be a JSON object with `" + name + "`");
  for (const auto& [other, value] : mcp::members(whole->front())) {
    if (other != member) return wrong("`" + other + "` is no member of it; there is `" + name + "`");
  }
  if (needed && mcp::member(whole->front(), member).data() == nullptr) return wrong("`" + name + "` is needed");
  return std::string(whole->front());
}

void step(desk& at, const request& r, const std::string& what, const std::string& body, reply done) {
  const auto number = number_in(r.args[1]);
  if (number == 0)
    return done(
        problem{404, "No such stepwise execution", "Its id is s and a number, or SESSION.s and a number", {}, {}});
  operate(at, r.args[0], "steps." + what, mcp::with_member(body, "number", std::to_string(number)), operation_limit,
          std::move(done));
}

/// Looks at it until its call has ended, or for so long.
void await_end(desk& at, const request& r, clock::time_point until, const reply& done) {
  step(at, r, "show", "{}", [self = at.shared_from_this(), r, until, done](answer a) {
    const auto* const json = std::get_if<std::string>(&a);
    if (json == nullptr || !flag_of(*json, "underWay") || clock::now() >= until) return done(std::move(a));
    self->after(step_pause, [self, r, until, done] { await_end(*self, r, until, done); });
  });
}

}  // namespace

void see_steps(desk& at, const request& r, reply done) {
  operate(at, r.args[0], "steps.list", "{}", operation_limit, std::move(done));
}

void see_step(desk& at, const request& r, reply done) { step(at, r, "show", "{}", std::move(done)); }

void begin_step(desk& at, const request& r, reply done) {
  const auto body = read_body(r, "tool", false, done);
  if (!body) return;
  const auto params = mcp::with_member(*body, "reference", mcp::quote(mcp::random_id()));
  operate(at, r.args[0], "steps.begin", params, operation_limit, std::move(done));
}

void select_step(desk& at, const request& r, reply done) {
  if (const auto body = read_body(r, "tool", true, done)) step(at, r, "select", *body, std::move(done));
}

void parameters_step(desk& at, const request& r, reply done) {
  if (const auto body = read_body(r, "params", true, done)) step(at, r, "parameters", *body, std::move(done));
}

void execute_step(desk& at, const request& r, reply done) {
  const auto until = clock::now() + r.wait();
  step(at, r, "execute", "{}", [self = at.shared_from_this(), r, until, done = std::move(done)](answer a) {
    if (std::holds_alternative<problem>(a) || clock::now() >= until) return done(std::move(a));
    await_end(*self, r, until, done);
  });
}

void cancel_step(desk& at, const request& r, reply done) { step(at, r, "cancel", "{}", std::move(done)); }
void reset_step(desk& at, const request& r, reply done) { step(at, r, "reset", "{}", std::move(done)); }
void drop_step(desk& at, const request& r, reply done) { step(at, r, "drop", "{}", std::move(done)); }

}  // namespace holdfast::actors::admin
