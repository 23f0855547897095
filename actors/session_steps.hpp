#pragma once

#include <cstdint>
#include <string_view>

#include "actors/call.hpp"
#include "actors/catalogue_view.hpp"
#include "actors/machines/stepwise.hpp"
#include "actors/prepared_execution.hpp"

namespace holdfast::actors {

class session_actor;

/// Executions that are put together step by step. Each step is a transition of the machine that calls have, written
/// down before it is answered; to execute one is to make a call that carries it out.
struct session_steps {
  /// `what`: "begin", "list", "show", "drop", or a command of `machines::stepwise`. False if it is none of these.
  static bool take(session_actor& s, const post_ptr& p, const mcp::envelope& e, std::string_view what);

  /// The call that carries one out has ended.
  static void note_end(session_actor& s, const call& c);

  /// An entry of the journal, decoded.
  static void recover(session_actor& s, std::string_view json);

 private:
  struct asked;
  static void begin(session_actor& s, const asked& a);
  static void list(session_actor& s, const asked& a);
  static void drop(session_actor& s, const asked& a, std::uint64_t number);
  static void carry_out(session_actor& s, const asked& a, prepared_execution& x, machines::stepwise::command c);
  static bool select(session_actor& s, const asked& a, prepared_execution& x);
  static bool set_parameters(session_actor& s, const asked& a, prepared_execution& x);
  static bool execute(session_actor& s, const asked& a, prepared_execution& x);
  static void refuse_order(session_actor& s, const asked& a, const prepared_execution& x, std::string_view command);
  static void show(session_actor& s, const asked& a, const prepared_execution& x);
  static std::string text_of(const session_actor& s, const prepared_execution& x);
  static call_ptr call_of(const session_actor& s, const prepared_execution& x);
  static void write(session_actor& s, const prepared_execution& x);
  static void advance(prepared_execution& x, const machines::execution::event& e);
  static view_ptr view(session_actor& s, const asked& a);
};

}  // namespace holdfast::actors
