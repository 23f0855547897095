#include "apps/shell/past.hpp"

#include <doctest/doctest.h>

using namespace holdfast::apps;
using namespace std::chrono_literals;

namespace {

constexpr auto history = R"({"transitions": [
  {"at": "2026-11-28T10:00:00.000Z", "node": "n1", "epoch": 3, "machine": "session", "event": "initialized", "state": "operating"},
  {"at": "2026-11-28T10:00:01.000Z", "node": "n1", "epoch": 3, "machine": "execution", "execution": "A.1", "tool": "slow", "event": "dispatched", "state": "executing"},
  {"at": "soon", "node": "n1", "epoch": 3, "machine": "session", "event": "x", "state": "x"},
  {"at": "2026-11-28T10:00:05.000Z", "node": "n2", "epoch": 4, "machine": "execution", "execution": "A.1", "event": "result_came", "state": "succeeded"}
]})";

}  // namespace

TEST_CASE("a history is read as far as it can be") {
  const auto json = parse_json(history);
  REQUIRE(json.has_value());
  const auto all = transitions_of(*json);
  REQUIRE(all.size() == 3);
  CHECK(all[0].machine == "session");
  CHECK(all[1].machine == "A.1");
  CHECK(all[2].epoch == 4);
}

TEST_CASE("a session can be seen as it was at any moment") {
  const auto all = transitions_of(*parse_json(history));
  const auto ten = *read_time("2026-11-28T10:00:00Z");
  CHECK(states_at(all, ten - 1ms).empty());
  CHECK(states_at(all, ten).size() == 1);
  const auto then = states_at(all, ten + 2s);
  CHECK(then.at("A.1").state == "executing");
  CHECK(then.at("A.1").node == "n1");
  const auto later = states_at(all, ten + 1h);
  CHECK(later.at("A.1").state == "succeeded");
  CHECK(later.at("A.1").tool == "slow");
  CHECK(later.at("A.1").epoch == 4);
  CHECK(later.at("session") == then.at("session"));
}

TEST_CASE("programs get what was asked for, not the whole history") {
  const auto answer = R"({"id": "A", "unreachable": ["n3"], )" + std::string(history).substr(1);
  const auto json = parse_json(answer);
  REQUIRE(json.has_value());
  const auto ten = *read_time("2026-11-28T10:00:00Z");
  CHECK(states_json(*json, ten) ==
        R"({"id":"A","at":"2026-11-28T10:00:00.000Z","states":[{"machine":"session","tool":null,"state":"operating",)"
        R"("node":"n1","epoch":3,"since":"2026-11-28T10:00:00.000Z"}],"unreachable":["n3"]})");
  CHECK(changes_json(*json, ten + 2s, ten + 1h) ==
        R"({"id":"A","from":"2026-11-28T10:00:02.000Z","to":"2026-11-28T11:00:00.000Z","changes":[{"machine":"A.1",)"
        R"("tool":"slow","was":{"state":"executing","node":"n1","epoch":3,"since":"2026-11-28T10:00:01.000Z"},)"
        R"("is":{"state":"succeeded","node":"n2","epoch":4,"since":"2026-11-28T10:00:05.000Z"}}],)"
        R"("unreachable":["n3"]})");
  const auto begun = parse_json(changes_json(*json, ten - 1s, ten));
  REQUIRE(begun.has_value());
  CHECK(member(member(*begun, "changes")[0], "was").IsNull());
}
