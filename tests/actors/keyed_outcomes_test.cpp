#include "actors/keyed_outcomes.hpp"

#include <doctest/doctest.h>

#include "actors/prepared_execution.hpp"
#include "actors/session_keys.hpp"
#include "actors/session_text.hpp"

using namespace holdfast::actors;
using namespace std::chrono_literals;

namespace {

keyed_outcome outcome(const std::string& key, std::uint64_t execution, std::chrono::milliseconds ended,
                      std::size_t bytes) {
  return {key, 7, execution, std::string(bytes, 'x'), keyed_outcomes::timestamp(ended)};
}

}  // namespace

TEST_CASE("the oldest results go when there are too many bytes, their keys stay") {
  keyed_outcomes all;
  CHECK(all.add(outcome("a", 1, 10ms, 40), 100).empty());
  CHECK(all.add(outcome("b", 2, 20ms, 40), 100).empty());
  CHECK(all.add(outcome("c", 3, 30ms, 40), 100) == std::vector<std::uint64_t>{1});
  REQUIRE(all.find("a") != nullptr);
  CHECK(all.find("a")->answer.empty());
  CHECK_FALSE(all.find("b")->answer.empty());
  CHECK(all.bytes() == 80);
  CHECK(all.add(outcome("d", 4, 40ms, 500), 100) == std::vector<std::uint64_t>{2, 3, 4});
  CHECK(all.bytes() == 0);
}

TEST_CASE("keys are forgotten in the order in which their executions have ended, wherever they come from") {
  keyed_outcomes all;
  all.add(outcome("late", 9, 300ms, 1), 100);
  all.add(outcome("early", 12, 100ms, 1), 100);
  all.add(outcome("unjournaled", 0, 200ms, 1), 100);
  CHECK(all.holds(12));
  CHECK_FALSE(all.holds(0));
  CHECK(all.forget_before(keyed_outcomes::timestamp(250ms)) == std::vector<std::uint64_t>{12, 0});
  CHECK(all.find("early") == nullptr);
  REQUIRE(all.all().size() == 1);
  CHECK(all.forget_before(keyed_outcomes::timestamp(300ms)).empty());
  CHECK(all.bytes() == 1);
}

TEST_CASE("a stepwise execution can be read back in every state that is written down") {
  namespace execution = machines::execution;
  for (const execution::state& state :
       {execution::state(execution::idle{}), execution::state(execution::selected{"t"}),
        execution::state(execution::ready{"t"}), execution::state(execution::succeeded{}),
        execution::state(execution::failed{true}), execution::state(execution::failed{}),
        execution::state(execution::cancelled{}), execution::state(execution::interrupted{})}) {
    prepared_execution p;
    p.number = 3;
    p.reference = "r";
    p.state = state;
    if (state.index() != 0) p.tool = "t";
    p.params = R"({"a":"\u00fc"})";
    p.began = execution::timestamp(1763712000000ms);
    p.history = {{0, 1, p.began}, {1, 2, p.began + 5ms}};
    p.call = "S.7";
    p.result = R"({"content":[]})";
    p.result_kept = false;
    const auto back = read_prepared(to_json(p));
    REQUIRE(back.has_value());
    CHECK(back->state == state);
    CHECK(to_json(*back) == to_json(p));
  }
  CHECK_FALSE(read_prepared(R"({"v":1,"number":1,"state":"unheard_of"})").has_value());
  CHECK_FALSE(read_prepared(R"({"v":2,"number":1,"state":"idle"})").has_value());
}

TEST_CASE("what is remembered for its key alone can be read back") {
  const keyed_outcome o{"job \"7\"", 0xfedcba9876543210, 5, R"(,"result":{"content":[]}})",
                        keyed_outcomes::timestamp(1763712000000ms)};
  const auto j = read_journal(to_json(session_keys::entry_of(o, "null")));
  REQUIRE(j.has_value());
  CHECK(j->key == o.key);
  CHECK(j->key_digest == o.digest);
  CHECK(j->ended == o.ended);
  CHECK(j->answer == R"({"jsonrpc":"2.0","id":null,"result":{"content":[]}})");
}
