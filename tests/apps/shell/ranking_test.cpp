#include "apps/shell/ranking.hpp"

#include <doctest/doctest.h>

using namespace holdfast::apps;
using namespace std::chrono_literals;

namespace {

const std::chrono::steady_clock::time_point start{10s};

std::vector<std::string> ids(const std::vector<ranked_session>& all) {
  std::vector<std::string> out;
  for (const auto& s : all) out.push_back(s.id);
  return out;
}

}  // namespace

TEST_CASE("sessions are ranked by what is asked for") {
  ranking r;
  const auto json = parse_json(R"({"sessions": [{"id": "a", "calls": 1, "memoryBytes": 9}, {"id": "b", "calls": 2}]})");
  CHECK(ids(r.look(*json, "calls", start)) == std::vector<std::string>{"b", "a"});
  CHECK(ids(r.look(*json, "memory", start)) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a rate is what a session has handled since the look before") {
  ranking r;
  r.look(*parse_json(R"({"sessions": [{"id": "a", "handled": 100}, {"id": "b", "handled": 50}]})"), "rate", start);
  const auto later = r.look(
      *parse_json(
          R"({"sessions": [{"id": "a", "handled": 110}, {"id": "b", "handled": 90}, {"id": "c", "handled": 7}]})"),
      "rate", start + 2s);
  CHECK(ids(later) == std::vector<std::string>{"b", "a", "c"});
  CHECK(later[0].rate == 20);
  CHECK(later[1].rate == 5);
  CHECK_MESSAGE(later[2].rate == 0, "nothing is known of it yet");
}

TEST_CASE("an actor that came anew counts from the beginning") {
  ranking r;
  r.look(*parse_json(R"({"sessions": [{"id": "a", "handled": 100}]})"), "rate", start);
  CHECK(r.look(*parse_json(R"({"sessions": [{"id": "a", "handled": 3}]})"), "rate", start + 1s)[0].rate == 0);
}

TEST_CASE("programs get the sessions in their order, with their rates") {
  ranking r;
  r.look(*parse_json(R"({"sessions": [{"id": "a", "handled": 1}, {"id": "b", "handled": 1}]})"), "rate", start);
  const auto answer =
      parse_json(R"({"sessions":[{"id":"a","handled":2},{"id":"b","handled":5}],"total":2,"unreachable":[]})");
  CHECK(
      ranked_json(*answer, r.look(*answer, "rate", start + 1s)) ==
      R"({"sessions":[{"id":"b","handled":5,"rate":4.0},{"id":"a","handled":2,"rate":1.0}],"total":2,"unreachable":[]})");
}
