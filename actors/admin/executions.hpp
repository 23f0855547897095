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

/// A session under an id that was made of an idempotency key, at the node that owns it: the one that is there, or a new
/// one that has been initialized. A question, see questions.hpp.
void do_open(desk& at, const std::string& params, reply done);  // open_session.cpp

/// The node that a session of this id is or would be at; empty while there is none.
std::string owner_of_id(desk& at, const std::string& id);

}  // namespace holdfast::actors::admin
