#include "actors/machines/execution.hpp"

#include <algorithm>
#include <concepts>
#include <utility>

//                                 ┌───────────────── returned ────────────────┐
//                                 ▼                                           │
//   idle ─ select ─▶ selected ─ parameters_given ─▶ ready ─ dispatched ─▶ executing ◀─ input_answered (last) ─┐
//    ▲                                                                      │   └─ input_asked ─▶ input_required
//    │                                                                      │                        │
//    └── reset ── succeeded ◀─ result ── failed ◀─ result with isError, error ── interrupted ◀─ connection_lost
//                                        cancelled ◀─ cancel_asked, from every state that is not final

namespace holdfast::actors::machines::execution {
namespace {

template <class S>
concept final_state =
    std::same_as<S, succeeded> || std::same_as<S, failed> || std::same_as<S, cancelled> || std::same_as<S, interrupted>;
template <class S>
concept before_dispatch = std::same_as<S, idle> || std::same_as<S, selected> || std::same_as<S, ready>;
template <class S>
concept at_upstream = std::same_as<S, executing> || std::same_as<S, input_required>;

/// What only an upstream at work can cause.
template <class E>
concept upstream_event = std::same_as<E, returned> || std::same_as<E, input_asked> || std::same_as<E, input_answered> ||
    std::same_as<E, result_came> || std::same_as<E, connection_lost> || std::same_as<E, process_lost>;
/// What only an execution that is being prepared can take.
template <class E>
concept preparing_event = std::same_as<E, select> || std::same_as<E, parameters_given> || std::same_as<E, dispatched> ||
    std::same_as<E, found_in_cache>;

step rejected(state s) { return {std::move(s), {reject{}}}; }

std::vector<std::uint64_t> open_requests(const executing&) { return {}; }
std::vector<std::uint64_t> open_requests(const input_required& s) { return s.waiting; }

/// Leaves the upstream for good: whatever the client still ponders over is withdrawn, then `last` happens.
template <at_upstream S>
step leave(const S& s, state next, effect last) {
  auto open = open_requests(s);
  if (open.empty()) return {std::move(next), {std::move(last)}};
  return {std::move(next), {withdraw_requests{std::move(open)}, std::move(last)}};
}

// Preparing.
step on(idle, const select& e) { return {selected{e.tool}}; }
step on(const selected&, const select& e) { return {selected{e.tool}}; }
step on(const ready&, const select& e) { return {selected{e.tool}}; }
step on(idle s, const parameters_given&) { return rejected(s); }
step on(selected s, const parameters_given&) { return {ready{std::move(s.tool)}}; }
step on(ready s, const parameters_given&) { return {std::move(s)}; }
step on(idle s, const dispatched&) { return rejected(s); }
step on(selected s, const dispatched&) { return rejected(std::move(s)); }
step on(idle s, const found_in_cache&) { return rejected(s); }
step on(selected s, const found_in_cache&) { return rejected(std::move(s)); }
step on(const ready&, const found_in_cache&) { return {succeeded{}, {report{}}}; }
step on(ready s, const dispatched& e) { return {executing{std::move(s.tool), e.dispatch}, {send_call{}}}; }

template <before_dispatch S, upstream_event E>
step on(S s, const E&) {
  return rejected(std::move(s));
}
/// The call failed before it was dispatched: no connection, bad parameters.
template <before_dispatch S>
step on(S, const error_came&) {
  return {failed{}, {report{}}};
}
template <before_dispatch S>
step on(S, const cancel_asked&) {
  return {cancelled{}, {report{}}};
}
template <before_dispatch S>
step on(S, const reset&) {
  return {idle{}};
}

// At the upstream.
template <at_upstream S, preparing_event E>
step on(S s, const E&) {
  return rejected(std::move(s));
}
template <at_upstream S>
step on(S s, const reset&) {
  return rejected(std::move(s));
}
step on(executing s, const returned&) { return {ready{std::move(s.tool)}}; }
/// A call that has already asked something was processed, whatever the upstream says.
step on(const input_required& s, const returned&) { return leave(s, interrupted{}, report{}); }
step on(executing s, const input_asked& e) {
  return {input_required{std::move(s.tool), s.dispatch, {e.request}}, {ask_client{e.request}}};
}
step on(input_required s, const input_asked& e) {
  if (std::find(s.waiting.begin(), s.waiting.end(), e.request) != s.waiting.end()) return rejected(std::move(s));
  s.waiting.push_back(e.request);
  return {std::move(s), {ask_client{e.request}}};
}
step on(executing s, const input_answered&) { return rejected(std::move(s)); }
step on(input_required s, const input_answered& e) {
  if (std::erase(s.waiting, e.request) == 0) return rejected(std::move(s));
  if (s.waiting.empty()) return {executing{std::move(s.tool), s.dispatch}, {answer_upstream{e.request}}};
  return {std::move(s), {answer_upstream{e.request}}};
}
template <at_upstream S>
step on(S s, const result_came& e) {
  return e.is_error ? leave(s, failed{true}, report{}) : leave(s, succeeded{}, report{});
}
template <at_upstream S>
step on(S s, const error_came&) {
  return leave(s, failed{}, report{});
}
template <at_upstream S>
step on(S s, const connection_lost&) {
  return leave(s, interrupted{}, report{});
}
/// A line of the history only: what becomes of the call is decided next.
template <at_upstream S>
step on(S s, const process_lost&) {
  return {std::move(s)};
}
template <at_upstream S>
step on(S s, const cancel_asked&) {
  const auto dispatch = s.dispatch;
  return leave(s, cancelled{}, cancel_upstream{dispatch});
}

// Finished: late events change nothing, only a reset begins anew.
template <final_state S, class E>
requires(!std::same_as<E, reset>) step on(S s, const E&) { return {s}; }
template <final_state S>
step on(S, const reset&) {
  return {idle{}};
}

constexpr std::array<std::string_view, std::variant_size_v<state>> state_names{
    "idle", "selected", "ready", "executing", "input_required", "succeeded", "failed", "cancelled", "interrupted"};
constexpr std::array<std::string_view, std::variant_size_v<event>> event_names{
    "select",     "parameters_given", "dispatched",   "returned",     "input_asked", "input_answered", "result_came",
    "error_came", "connection_lost",  "process_lost", "cancel_asked", "reset",       "found_in_cache"};

}  // namespace

step advance(state from, const event& what) {
  return std::visit([](auto&& s, const auto& e) { return on(std::forward<decltype(s)>(s), e); }, std::move(from), what);
}

bool is_final(const state& s) noexcept { return s.index() >= 5; }
std::string_view name_of(const state& s) noexcept { return state_names[s.index()]; }
std::string_view name_of(const event& e) noexcept { return event_names[e.index()]; }
std::string_view state_name(std::uint8_t index) noexcept { return state_names.at(index); }
std::string_view event_name(std::uint8_t index) noexcept { return event_names.at(index); }

}  // namespace holdfast::actors::machines::execution
