#include "persistence/replay_log.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using holdfast::persistence::replay_log;

namespace {

std::vector<std::string> after(const replay_log& log, std::uint64_t position) {
  std::vector<std::string> events;
  log.replay(position, [&](std::uint64_t, std::string_view e) { events.emplace_back(e); });
  return events;
}

}  // namespace

TEST_CASE("a log replays what came after a position, in order") {
  replay_log log;
  const replay_log::limits wide{10, 1000};
  CHECK(log.append("a", wide) == 1);
  CHECK(log.append("b", wide) == 2);
  CHECK(log.append("c", wide) == 3);
  CHECK(after(log, 0) == std::vector<std::string>{"a", "b", "c"});
  CHECK(after(log, 2) == std::vector<std::string>{"c"});
  CHECK(after(log, 3).empty());
}

TEST_CASE("a marker takes a position and is not replayed") {
  replay_log log;
  CHECK(log.append_marker() == 1);
  CHECK(log.append("a", {10, 1000}) == 2);
  CHECK(log.covers(1));
  CHECK(after(log, 1) == std::vector<std::string>{"a"});
}

TEST_CASE("the oldest events go first when there are too many, and the log knows it") {
  replay_log log;
  for (const auto* e : {"a", "b", "c", "d"}) log.append(e, {2, 1000});
  CHECK(log.size() == 2);
  CHECK_FALSE(log.covers(1));
  CHECK(log.covers(2));
  CHECK(after(log, 2) == std::vector<std::string>{"c", "d"});
}

TEST_CASE("the bytes kept are bounded too, even by a single event") {
  replay_log log;
  log.append("12345", {10, 8});
  log.append("6789", {10, 8});
  CHECK(log.bytes() == 4);
  CHECK_FALSE(log.covers(0));
  CHECK(log.covers(1));
  log.append("much too long", {10, 8});
  CHECK(log.size() == 0);
  CHECK_FALSE(log.covers(2));
  CHECK(log.covers(3));
}

TEST_CASE("a position that was never given out is not covered") {
  replay_log log;
  CHECK(log.covers(0));
  CHECK_FALSE(log.covers(1));
}

TEST_CASE("a log that goes on behind another one knows what is gone, which markers are not") {
  replay_log log;
  log.continue_after(5, 3);
  CHECK(log.dropped() == 3);
  CHECK_FALSE(log.covers(2));
  CHECK(log.covers(3));
  CHECK(log.covers(5));
  CHECK_FALSE(log.covers(6));
  CHECK(log.append("f", {10, 1000}) == 6);
  log.continue_after(9, 6);
  CHECK(log.covers(3));
  CHECK(log.append("j", {10, 1000}) == 10);
  log.continue_after(14, 12);
  CHECK_FALSE(log.covers(10));
  CHECK(log.covers(12));
}
