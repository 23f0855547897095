#include "apps/commands/demo_figures.hpp"

#include <doctest/doctest.h>

#include "apps/commands/json_text.hpp"

using namespace holdfast::apps;
using namespace std::chrono_literals;

namespace {

/// Steps 1 to 5 every 100 ms; the node dies at 250 ms, which holds the rest up for 300 ms.
failover_record kept() {
  failover_record r;
  r.steps = 5;
  r.progress = {{100ms, 1}, {200ms, 2}, {600ms, 3}, {700ms, 4}, {800ms, 5}};
  r.owner = "n2";
  r.killed = 250ms;
  r.successor = "n3";
  r.taken_over = 450ms;
  r.answered = 801ms;
  r.answer = "counted to 5";
  r.runs = 1;
  return r;
}

std::string broken_by(const failover_record& r) {
  std::string all;
  for (const auto& b : broken_promises(r)) all += b + "\n";
  return all;
}

}  // namespace

TEST_CASE("the gap is between the last news before the kill and the first after it") {
  CHECK(gap_of(kept()) == 400ms);
  CHECK(usual_wait_of(kept()) == 100ms);
  auto only_answer = kept();
  only_answer.progress = {{100ms, 1}};
  CHECK(gap_of(only_answer) == 701ms);
  CHECK_FALSE(usual_wait_of(only_answer).has_value());
}

TEST_CASE("there is no gap without news on both sides of a kill") {
  auto r = kept();
  r.killed.reset();
  CHECK_FALSE(gap_of(r).has_value());
  r = kept();
  r.killed = 50ms;
  CHECK_FALSE(gap_of(r).has_value());
  r = kept();
  r.killed = 900ms;
  CHECK_FALSE(gap_of(r).has_value());
}

TEST_CASE("what is as promised breaks no promise") {
  CHECK(broken_by(kept()) == "");
  CHECK(figures_json(kept()) ==
        R"({"kept":true,"killed":"n2","successor":"n3","gapMilliseconds":400,"usualMilliseconds":100,)"
        R"("takeoverMilliseconds":200,"callMilliseconds":801,"steps":5,"stepsHeard":5,"answer":"counted to 5",)"
        R"("runs":1,"broken":[]})");
}

TEST_CASE("each promise that is broken is told") {
  auto r = kept();
  r.progress.erase(r.progress.begin() + 2);
  CHECK(broken_by(r) == "progress: step 4 came where 3 was due\n");
  r.progress = {{100ms, 1}, {200ms, 2}, {600ms, 2}};
  CHECK(broken_by(r) == "progress: step 2 came where 3 was due\n");
  r.progress.pop_back();
  CHECK(broken_by(r) == "progress: of 5 steps 2 came\n");
  r = kept();
  r.runs = 2;
  CHECK(broken_by(r) == "the tool ran 2 times\n");
  r.runs = 0;
  CHECK(broken_by(r) == "the tool ran 0 times\n");
  r = kept();
  r.successor.clear();
  CHECK(broken_by(r) == "no other node has taken the session over\n");
  r = kept();
  r.trouble = "interrupted";
  CHECK(broken_by(r) == "the answer is an error: interrupted\n");
}

TEST_CASE("a run in which nothing happened kept nothing, and can be told as JSON") {
  failover_record r;
  r.steps = 3;
  r.trouble = "no \"answer\"";
  r.runs_trouble = "gone";
  CHECK(broken_promises(r).size() == 4);
  const auto json = figures_json(r);
  CHECK_FALSE(json_trouble(json).has_value());
  CHECK(json.find(R"("kept":false,"killed":null,"successor":null,"gapMilliseconds":null)") != std::string::npos);
}
