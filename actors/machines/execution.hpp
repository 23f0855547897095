#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The tool-execution state machine, as pure values: no sockets, clocks, actors or logs. The actor around it turns a
/// message into an event, calls `advance`, and carries the effects out afterwards (a commit fits between the two).
namespace holdfast::actors::machines::execution {

using timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

// States. Each holds what is known in it and nothing else.
struct idle {
  bool operator==(const idle&) const = default;
};
struct selected {
  std::string tool;
  bool operator==(const selected&) const = default;
};
struct ready {
  std::string tool;
  bool operator==(const ready&) const = default;
};
struct executing {
  std::string tool;
  std::uint64_t dispatch = 0;  ///< the request id at the upstream
  bool operator==(const executing&) const = default;
};
struct input_required {
  std::string tool;
  std::uint64_t dispatch = 0;
  std::vector<std::uint64_t> waiting;  ///< requests to the client without an answer, never empty
  bool operator==(const input_required&) const = default;
};
struct succeeded {
  bool operator==(const succeeded&) const = default;
};
struct failed {
  bool by_tool = false;  ///< the tool answered with `isError`; otherwise no result came
  bool operator==(const failed&) const = default;
};
struct cancelled {
  bool operator==(const cancelled&) const = default;
};
/// Dispatched, then the node or the upstream went away: it may have run.
struct interrupted {
  bool operator==(const interrupted&) const = default;
};
using state = std::variant<idle, selected, ready, executing, input_required, succeeded, failed, cancelled, interrupted>;

// Events.
struct select {
  std::string tool;
};
struct parameters_given {};
struct dispatched {
  std::uint64_t dispatch;
};
/// The dispatch was never processed (the upstream session had ended): it may be sent again.
struct returned {};
struct input_asked {
  std::uint64_t request;
};
struct input_answered {
  std::uint64_t request;
};
struct result_came {
  bool is_error;
};
struct error_came {};
struct connection_lost {};
/// The process that worked on it went with its node, and what it held in memory with it.
struct process_lost {};
struct cancel_asked {};
struct reset {};
/// A result that another call has brought stands for its own.
struct found_in_cache {};
using event = std::variant<select, parameters_given, dispatched, returned, input_asked, input_answered, result_came,
                           error_came, connection_lost, process_lost, cancel_asked, reset, found_in_cache>;

// Effects: what the actor has to do once the transition stands.
struct send_call {
  bool operator==(const send_call&) const = default;
};
struct ask_client {
  std::uint64_t request;
  bool operator==(const ask_client&) const = default;
};
struct answer_upstream {
  std::uint64_t request;
  bool operator==(const answer_upstream&) const = default;
};
/// The upstream is told to stop working on it.
struct cancel_upstream {
  std::uint64_t dispatch;
  bool operator==(const cancel_upstream&) const = default;
};
/// The client's open requests that no longer matter are withdrawn.
struct withdraw_requests {
  std::vector<std::uint64_t> requests;
  bool operator==(const withdraw_requests&) const = default;
};
/// The client gets the outcome.
struct report {
  bool operator==(const report&) const = default;
};
/// The event makes no sense in this state; nothing has changed.
struct reject {
  bool operator==(const reject&) const = default;
};
using effect = std::variant<std::monostate, send_call, ask_client, answer_upstream, cancel_upstream, withdraw_requests,
                            report, reject>;

struct step {
  state next;
  std::array<effect, 2> effects{};  ///< in order; unused places hold monostate
  bool operator==(const step&) const = default;
};

/// One transition. Never fails: an event that does not fit yields the same state and `reject`, one that comes too late
/// for a finished execution the same state and nothing.
step advance(state from, const event& what);

bool is_final(const state& s) noexcept;
std::string_view name_of(const state& s) noexcept;  ///< "input_required"
std::string_view name_of(const event& e) noexcept;  ///< "result_came"

/// One line of an execution's history.
struct transition {
  std::uint8_t event;  ///< index into `event`
  std::uint8_t state;  ///< index into `state`, after the event
  timestamp at;
};
std::string_view state_name(std::uint8_t index) noexcept;
std::string_view event_name(std::uint8_t index) noexcept;

}  // namespace holdfast::actors::machines::execution
