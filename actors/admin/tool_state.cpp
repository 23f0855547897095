#include "actors/admin/executions.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/operate.hpp"

// What stateful tools keep for a session: seen, replaced, cleared.

namespace holdfast::actors::admin {
namespace {

std::string tool_in(const request& r) { return json_object().text("tool", r.args[1]).str(); }

}  // namespace

void see_tool_states(desk& at, const request& r, reply done) {
  operate(at, r.args[0], "toolStates", "{}", operation_limit, std::move(done));
}

void see_tool_state(desk& at, const request& r, reply done) {
  operate(at, r.args[0], "toolState.get", tool_in(r), operation_limit, std::move(done));
}

void set_tool_state(desk& at, const request& r, reply done) {
  const auto listed = "[" + r.body + "]";
  const auto whole = mcp::elements(listed, 2);
  if (!whole || whole->size() != 1)
    return done(problem{400, "The body is wrong", "It must be the state itself, as JSON", {}, {}});
  operate(at, r.args[0], "toolState.set", mcp::with_member(tool_in(r), "state", whole->front()), operation_limit,
          std::move(done));
}

void clear_tool_state(desk& at, const request& r, reply done) {
  operate(at, r.args[0], "toolState.clear", tool_in(r), operation_limit, std::move(done));
}

}  // namespace holdfast::actors::admin
