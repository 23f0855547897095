#include "apps/commands/demo_figures.hpp"

#include <algorithm>

#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {
namespace {

using time = failover_record::time;

/// When the client heard of its call, in order.
std::vector<time> heard(const failover_record& r) {
  std::vector<time> all;
  for (const auto& s : r.progress) all.push_back(s.at);
  if (r.answered) all.push_back(*r.answered);
  return all;
}

/// The first thing that was heard after the kill; the end if there is none.
std::vector<time>::const_iterator first_after_kill(const failover_record& r, const std::vector<time>& all) {
  return r.killed ? std::upper_bound(all.begin(), all.end(), *r.killed) : all.end();
}

std::int64_t in_ms(time t) { return std::chrono::round<std::chrono::milliseconds>(t).count(); }

std::string ms_or_null(const std::optional<time>& t) { return t ? std::to_string(in_ms(*t)) : "null"; }

std::string text_or_null(const std::string& t) { return t.empty() ? "null" : mcp::quote(t); }

std::optional<std::string> trouble_with_progress(const failover_record& r) {
  std::int64_t expected = 0;
  for (const auto& s : r.progress) {
    if (s.number != ++expected)
      return "step " + std::to_string(s.number) + " came where " + std::to_string(expected) + " was due";
  }
  if (expected == r.steps) return std::nullopt;
  return "of " + std::to_string(r.steps) + " steps " + std::to_string(expected) + " came";
}

}  // namespace

std::optional<time> gap_of(const failover_record& r) {
  const auto all = heard(r);
  const auto after = first_after_kill(r, all);
  if (after == all.end() || after == all.begin()) return std::nullopt;
  return *after - *std::prev(after);
}

std::optional<time> usual_wait_of(const failover_record& r) {
  const auto all = heard(r);
  const auto after = first_after_kill(r, all);
  std::vector<time> waits;
  for (auto at = all.begin(); at != after; ++at) {
    if (at != all.begin()) waits.push_back(*at - *std::prev(at));
  }
  if (waits.empty()) return std::nullopt;
  const auto middle = waits.begin() + static_cast<std::ptrdiff_t>(waits.size() / 2);
  std::nth_element(waits.begin(), middle, waits.end());
  return *middle;
}

std::vector<std::string> broken_promises(const failover_record& r) {
  std::vector<std::string> broken;
  if (!r.killed) broken.emplace_back("no node was killed under the call");
  if (!r.answered) broken.push_back("no answer came: " + r.trouble);
  if (r.answered && !r.trouble.empty()) broken.push_back("the answer is an error: " + r.trouble);
  if (const auto trouble = trouble_with_progress(r)) broken.push_back("progress: " + *trouble);
  if (!r.runs) broken.push_back("it is not known how often the tool ran: " + r.runs_trouble);
  if (r.runs && *r.runs != 1) broken.push_back("the tool ran " + std::to_string(*r.runs) + " times");
  if (r.killed && r.successor.empty()) broken.emplace_back("no other node has taken the session over");
  return broken;
}

std::string figures_json(const failover_record& r) {
  const auto broken = broken_promises(r);
  std::string words;
  for (const auto& b : broken) words += (words.empty() ? "" : ",") + mcp::quote(b);
  const auto takeover = r.killed && r.taken_over ? std::optional(*r.taken_over - *r.killed) : std::nullopt;
  return std::string(R"({"kept":)") + (broken.empty() ? "true" : "false") + R"(,"killed":)" +
         text_or_null(r.killed ? r.owner : "") + R"(,"successor":)" + text_or_null(r.successor) +
         R"(,"gapMilliseconds":)" + ms_or_null(gap_of(r)) + R"(,"usualMilliseconds":)" + ms_or_null(usual_wait_of(r)) +
         R"(,"takeoverMilliseconds":)" + ms_or_null(takeover) + R"(,"callMilliseconds":)" + ms_or_null(r.answered) +
         R"(,"steps":)" + std::to_string(r.steps) + R"(,"stepsHeard":)" + std::to_string(r.progress.size()) +
         R"(,"answer":)" + text_or_null(r.answer) + R"(,"runs":)" + (r.runs ? std::to_string(*r.runs) : "null") +
         R"(,"broken":[)" + words + "]}";
}

std::string milliseconds_text(time t) { return std::to_string(in_ms(t)) + " ms"; }

}  // namespace holdfast::apps
