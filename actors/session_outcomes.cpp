#include "actors/session_outcomes.hpp"

#include "actors/session_actor.hpp"

// What a session counts, for the metrics.

namespace holdfast::actors {

namespace execution = machines::execution;
using metrics::request_outcome;

request_outcome outcome_of(const call& c) noexcept {
  if (std::holds_alternative<execution::succeeded>(c.state)) return request_outcome::ok;
  if (std::holds_alternative<execution::cancelled>(c.state)) return request_outcome::cancelled;
  const auto* const failed = std::get_if<execution::failed>(&c.state);
  return failed != nullptr && failed->by_tool ? request_outcome::tool_error : request_outcome::error;
}

std::string log_name_of(std::string_view session, const call& c) {
  return std::string(session.substr(0, 8)) + "." +
         (c.execution != 0 ? std::to_string(c.execution) : "x" + std::to_string(c.number));
}

void session_actor::count_end(const post& p, request_outcome how) {
  home().counters().requests.end(p.what, how, revision_, now() - p.began);
}

void session_actor::count_kept(kept_events now) {
  auto& counted = home().counters();
  counted.events.add(now.number - kept_.number);  // may be less than nothing, which wraps around and back
  counted.event_bytes.add(now.bytes - kept_.bytes);
  kept_ = now;
}

/// Of an upstream that is no longer configured nothing is counted.
void session_actor::count_upstream_end(call& c, metrics::counter metrics::upstream_counters::*how) {
  end_upstream_span(c, how != &metrics::upstream_counters::answered);
  if (!c.sent) return count_unsent(c);
  auto& all = home().counters().upstreams;
  if (c.upstream >= all.size()) return;
  auto& u = all[c.upstream];
  (u.*how).add();
  u.took.add(now() - c.sent_at);
}

void session_actor::count_unsent(const call& c) {
  auto& all = home().counters().upstreams;
  if (c.upstream < all.size()) all[c.upstream].unavailable.add();
}

}  // namespace holdfast::actors
