#pragma once

#include <functional>
#include <string>
#include <variant>

#include "actors/admin/request.hpp"

/// Executions that operators and other programs ask for by the API.
namespace holdfast::actors::admin {

class desk;

// Routes.
void execute(desk& at, const request& r, reply done);  // execute.cpp: one, or a list of them

void see_tool_states(desk& at, const request& r, reply done);  // tool_state.cpp
void see_tool_state(desk& at, const request& r, reply done);
void set_tool_state(desk& at, const request& r, reply done);
void clear_tool_state(desk& at, const request& r, reply done);

void see_steps(desk& at, const request& r, reply done);  // steps.cpp
void see_step(desk& at, const request& r, reply done);
void begin_step(desk& at, const request& r, reply done);
void select_step(desk& at, const request& r, reply done);
void parameters_step(desk& at, const request& r, reply done);
void execute_step(desk& at, const request& r, reply done);
void cancel_step(desk& at, const request& r, reply done);
void reset_step(desk& at, const request& r, reply done);
void drop_step(desk& at, const request& r, reply done);

/// A session under an id that was made of an idempotency key, at the node that owns it: the one that is there, or a new
/// one that has been initialized. A question, see questions.hpp.
void do_open(desk& at, const std::string& params, reply done);  // open_session.cpp

}  // namespace holdfast::actors::admin
