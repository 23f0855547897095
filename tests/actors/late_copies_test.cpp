#include <doctest/doctest.h>

#include <chrono>

#include "actors/ended_calls.hpp"
#include "actors/request_age.hpp"

using namespace holdfast::actors;
using namespace std::chrono_literals;

namespace {

using time_point = std::chrono::steady_clock::time_point;

constexpr time_point at(std::chrono::milliseconds t) { return time_point{} + t; }

}  // namespace

TEST_CASE("a call that has ended is known to whoever was sent before") {
  ended_calls calls(at(10ms));
  CHECK(calls.empty());
  CHECK_FALSE(calls.any_since(at(0ms)));
  calls.note(7, at(50ms));
  calls.note(8, at(40ms));
  CHECK(calls.any_since(at(20ms), 7));
  CHECK(calls.any_since(at(50ms), 7));
  CHECK_FALSE(calls.any_since(at(51ms), 7));
  CHECK_FALSE(calls.any_since(at(51ms)));
  CHECK(calls.any_since(at(45ms)));
  CHECK_FALSE(calls.any_since(at(45ms), 8));
  CHECK_FALSE(calls.any_since(at(20ms), 9));
  CHECK(calls.complete_since() == at(10ms));
}

TEST_CASE("of many calls that have ended the last ones are known, and how far back that is") {
  ended_calls calls;
  constexpr auto kept = ended_calls::kept_max;
  for (std::size_t i = 0; i < kept; ++i) calls.note(i, at(std::chrono::milliseconds{i}));
  CHECK(calls.complete_since() == time_point::min());
  CHECK(calls.any_since(at(0ms), 0));
  for (std::size_t i = kept; i < 2 * kept + 3; ++i) calls.note(i, at(std::chrono::milliseconds{i}));
  CHECK(calls.complete_since() == at(std::chrono::milliseconds{kept + 2}));
  CHECK_FALSE(calls.any_since(at(0ms), kept + 2));
  CHECK(calls.any_since(at(0ms), kept + 3));
  CHECK(calls.any_since(at(0ms), 2 * kept + 2));
}

TEST_CASE("an outcome that was shown again counts from then, in whatever order they are forgotten") {
  ended_calls calls;
  calls.note(0, at(900ms));
  for (std::size_t i = 1; i <= ended_calls::kept_max; ++i) calls.note(i, at(100ms));
  CHECK(calls.complete_since() == at(900ms));
}

TEST_CASE("the age of a request is read as it was written") {
  const request_age a{at(1234ms), at(5678ms)};
  CHECK(to_text(a) == "1234000,5678000");
  CHECK(read_request_age(to_text(a)) == a);
  for (const auto* text : {"", "1", "1,", ",1", "1,2,3", "1, 2", "-1,2", "1,-2", "x,1", "1,99999999999999999999",
                           "1,9223372036854775807"}) {
    CAPTURE(text);
    CHECK_FALSE(read_request_age(text));
  }
}

TEST_CASE("times are never written as later than they are") {
  const request_age a{at(1ms) + 999ns, at(2ms) + 1ns};
  CHECK(to_text(a) == "1000,2000");
}

TEST_CASE("the clock of another process that has not been heard shows a time long ago") {
  const peer_clock clock;
  CHECK(clock.shown(at(5000ms)) == time_point());
}

TEST_CASE("the clock of another process is never shown as later than it is") {
  peer_clock clock;
  // It is 10 s behind; the first word of it takes 30 ms, the next one 2 ms, the last one 80 ms.
  clock.heard(at(10'000ms), at(20'030ms));
  constexpr auto drift = 2ms;
  CHECK(clock.shown(at(20'030ms)) == at(10'000ms) - drift);
  clock.heard(at(10'100ms), at(20'102ms));
  CHECK(clock.shown(at(20'200ms)) == at(10'198ms) - drift);
  clock.heard(at(10'200ms), at(20'280ms));
  CHECK(clock.shown(at(20'300ms)) == at(10'298ms) - drift);
  CHECK(clock.shown(at(3ms)) == time_point());
}

TEST_CASE("what a clock of another process said is forgotten, as clocks do not run alike") {
  peer_clock clock;
  clock.heard(at(10'000ms), at(20'000ms));
  // It stands still for a second, which nobody sees but by its word.
  for (auto t = 100ms; t <= 2'500ms; t += 100ms) clock.heard(at(9'000ms + t), at(20'000ms + t));
  CHECK(clock.shown(at(22'500ms)) == at(11'498ms));
}
