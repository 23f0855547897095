#include "actors/metrics/sums.hpp"

namespace holdfast::actors::metrics {
namespace {

namespace execution = machines::execution;

constexpr std::array<std::string_view, request_outcomes> outcome_names{"ok",        "tool_error", "error",
                                                                       "cancelled", "repeated",   "unavailable"};

/// What a client made up is "other": names of its choice are no labels.
std::string_view label_of(std::size_t place) {
  if (place == batch_place) return "batch";
  return place == other_place ? "other" : mcp::to_string(static_cast<mcp::method>(place));
}

}  // namespace

void collect_requests(const node_context& node, families& to) {
  to.counter("holdfast_requests_total", "Requests of clients that have ended, where their session lives.");
  for (std::size_t m = 0; m < methods; ++m) {
    for (std::size_t o = 0; o < request_outcomes; ++o) {
      for (std::size_t r = 0; r < revisions; ++r) {
        to.add_if_any(sum_of(
                          node, [&](const auto& c) -> auto& { return c.requests.ended[m][o][r]; }),
                      {{"method", label_of(m)},
                       {"outcome", outcome_names[o]},
                       {"revision", mcp::to_string(static_cast<mcp::revision>(r))}});
      }
    }
  }
  to.histogram("holdfast_request_duration_seconds", "From the arrival of a request to its answer.");
  for (std::size_t m = 0; m < methods; ++m) {
    to.add(merged(
               node, [&](const auto& c) -> auto& { return c.requests.took[m]; }),
           nanosecond, {{"method", label_of(m)}});
  }
  to.gauge("holdfast_calls_in_flight", "Requests that upstreams or other nodes work on now.")
      .add(static_cast<double>(node.calls.all.load()));
  to.gauge("holdfast_executions", "Tool calls by the state that they are in now.");
  for (std::size_t s = 1; s < execution_counters::states; ++s) {
    if (execution_counters::ends(s)) continue;
    to.add(sum_of(
               node, [&](const auto& c) -> auto& { return c.executions.now[s]; }),
           {{"state", execution::state_name(static_cast<std::uint8_t>(s))}});
  }
  to.counter("holdfast_executions_total", "Tool calls that have ended, by outcome.");
  for (std::size_t s = 0; s < execution_counters::states; ++s) {
    if (!execution_counters::ends(s)) continue;
    to.add(sum_of(
               node, [&](const auto& c) -> auto& { return c.executions.ended[s]; }),
           {{"outcome", execution::state_name(static_cast<std::uint8_t>(s))}});
  }
  to.histogram("holdfast_tool_call_duration_seconds", "From the arrival of a tool call to its outcome.")
      .add(merged(
               node, [](const auto& c) -> auto& { return c.executions.took; }),
           microsecond);
  to.counter("holdfast_executions_recovered_total",
             "Tool calls that were open when their session came back, and went on.")
      .add(sum_of(
               node, [](const auto& c) -> auto& { return c.executions.taken_up; }),
           {{"how", "taken_up"}})
      .add(sum_of(
               node, [](const auto& c) -> auto& { return c.executions.sent_again; }),
           {{"how", "sent_again"}});
}

}  // namespace holdfast::actors::metrics
