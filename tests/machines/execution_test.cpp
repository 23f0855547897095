#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "actors/machines/execution.hpp"

namespace m = holdfast::actors::machines::execution;

namespace {

/// One sample of every state, by name.
std::vector<m::state> all_states() {
  return {m::idle{},      m::selected{"t"}, m::ready{"t"},  m::executing{"t", 7}, m::input_required{"t", 7, {1, 2}},
          m::succeeded{}, m::failed{},      m::cancelled{}, m::interrupted{}};
}

/// One sample of every event.
std::vector<m::event> all_events() {
  return {m::select{"u"},       m::parameters_given{}, m::dispatched{9},      m::returned{},
          m::input_asked{3},    m::input_answered{1},  m::result_came{false}, m::error_came{},
          m::connection_lost{}, m::process_lost{},     m::cancel_asked{},     m::reset{},
          m::found_in_cache{}};
}

bool rejects(const m::step& s) { return std::holds_alternative<m::reject>(s.effects[0]); }

m::state after(m::state s, std::initializer_list<m::event> events) {
  for (const auto& e : events) s = m::advance(std::move(s), e).next;
  return s;
}

}  // namespace

TEST_CASE("the samples cover every state and every event") {
  CHECK(all_states().size() == std::variant_size_v<m::state>);
  CHECK(all_events().size() == std::variant_size_v<m::event>);
  for (std::size_t i = 0; i < all_states().size(); ++i) CHECK(all_states()[i].index() == i);
  for (std::size_t i = 0; i < all_events().size(); ++i) CHECK(all_events()[i].index() == i);
}

TEST_CASE("every pair of state and event leads where the table says") {
  // Rows: states; columns: select, parameters_given, dispatched, returned, input_asked, input_answered, result_came,
  // error_came, connection_lost, process_lost, cancel_asked, reset, found_in_cache. "-" means rejected, "=" ignored.
  const std::map<std::string, std::vector<std::string>> table{
      {"idle", {"selected", "-", "-", "-", "-", "-", "-", "failed", "-", "-", "cancelled", "idle", "-"}},
      {"selected", {"selected", "ready", "-", "-", "-", "-", "-", "failed", "-", "-", "cancelled", "idle", "-"}},
      {"ready",
       {"selected", "ready", "executing", "-", "-", "-", "-", "failed", "-", "-", "cancelled", "idle", "succeeded"}},
      {"executing",
       {"-", "-", "-", "ready", "input_required", "-", "succeeded", "failed", "interrupted", "executing", "cancelled",
        "-", "-"}},
      {"input_required",
       {"-", "-", "-", "interrupted", "input_required", "input_required", "succeeded", "failed", "interrupted",
        "input_required", "cancelled", "-", "-"}},
      {"succeeded", {"=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "idle", "="}},
      {"failed", {"=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "idle", "="}},
      {"cancelled", {"=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "idle", "="}},
      {"interrupted", {"=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "=", "idle", "="}},
  };
  for (const auto& s : all_states()) {
    const auto& row = table.at(std::string(m::name_of(s)));
    for (std::size_t e = 0; e < all_events().size(); ++e) {
      const auto step = m::advance(s, all_events()[e]);
      CAPTURE(m::name_of(s));
      CAPTURE(m::name_of(all_events()[e]));
      if (row[e] == "-") {
        CHECK(rejects(step));
        CHECK(step.next == s);
      } else if (row[e] == "=") {
        CHECK(step == m::step{s});
      } else {
        CHECK_FALSE(rejects(step));
        CHECK(m::name_of(step.next) == row[e]);
      }
    }
  }
}

TEST_CASE("a call is sent exactly when it is dispatched and reported exactly when it ends") {
  for (const auto& s : all_states()) {
    for (const auto& e : all_events()) {
      const auto step = m::advance(s, e);
      int sent = 0, reported = 0;
      for (const auto& x : step.effects) {
        sent += std::holds_alternative<m::send_call>(x);
        reported += std::holds_alternative<m::report>(x) || std::holds_alternative<m::cancel_upstream>(x);
      }
      CAPTURE(m::name_of(s));
      CAPTURE(m::name_of(e));
      CHECK(sent == (std::holds_alternative<m::ready>(s) && std::holds_alternative<m::dispatched>(e) ? 1 : 0));
      CHECK(reported == (!m::is_final(s) && m::is_final(step.next) ? 1 : 0));
    }
  }
}

TEST_CASE("the upstream is told of a cancellation only after dispatch") {
  CHECK(m::advance(m::ready{"t"}, m::cancel_asked{}) == m::step{m::cancelled{}, {m::report{}}});
  CHECK(m::advance(m::executing{"t", 7}, m::cancel_asked{}) == m::step{m::cancelled{}, {m::cancel_upstream{7}}});
}

TEST_CASE("input is required until the last answer is in") {
  auto s = after(m::executing{"t", 7}, {m::input_asked{1}, m::input_asked{2}});
  CHECK(s == m::state{m::input_required{"t", 7, {1, 2}}});
  auto step = m::advance(s, m::input_answered{2});
  CHECK(step == m::step{m::input_required{"t", 7, {1}}, {m::answer_upstream{2}}});
  step = m::advance(step.next, m::input_answered{1});
  CHECK(step == m::step{m::executing{"t", 7}, {m::answer_upstream{1}}});
}

TEST_CASE("an answer to a request that is not open is rejected") {
  CHECK(rejects(m::advance(m::input_required{"t", 7, {1}}, m::input_answered{5})));
  CHECK(rejects(m::advance(m::input_required{"t", 7, {1}}, m::input_asked{1})));
}

TEST_CASE("requests still open when a call ends are withdrawn before the outcome is reported") {
  const m::input_required s{"t", 7, {1, 2}};
  CHECK(m::advance(s, m::result_came{false}) == m::step{m::succeeded{}, {m::withdraw_requests{{1, 2}}, m::report{}}});
  CHECK(m::advance(s, m::cancel_asked{}) ==
        m::step{m::cancelled{}, {m::withdraw_requests{{1, 2}}, m::cancel_upstream{7}}});
}

TEST_CASE("an error of the tool is a failure that the tool caused") {
  CHECK(m::advance(m::executing{"t", 7}, m::result_came{true}).next == m::state{m::failed{true}});
  CHECK(m::advance(m::executing{"t", 7}, m::error_came{}).next == m::state{m::failed{false}});
}

TEST_CASE("a call that came back unprocessed can be dispatched again") {
  const auto s =
      after(m::idle{}, {m::select{"t"}, m::parameters_given{}, m::dispatched{1}, m::returned{}, m::dispatched{2}});
  CHECK(s == m::state{m::executing{"t", 2}});
}
