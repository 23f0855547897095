#include "apps/shell/quantities.hpp"

#include <doctest/doctest.h>

using namespace holdfast::apps;
using namespace std::chrono_literals;

TEST_CASE("a time is written as it is read") {
  for (const auto* text : {"2026-11-28T10:00:00.000Z", "2024-02-29T23:59:59.999Z"}) {
    CAPTURE(text);
    CHECK(written_time(*read_time(text)) == text);
  }
}

TEST_CASE("bytes are shown in the largest unit that leaves a number above one") {
  CHECK(shown_bytes(0) == "0 B");
  CHECK(shown_bytes(1023) == "1023 B");
  CHECK(shown_bytes(1024) == "1.0 KiB");
  CHECK(shown_bytes(4.25 * 1024) == "4.2 KiB");
  CHECK(shown_bytes(200.0 * 1024 * 1024) == "200 MiB");
}

TEST_CASE("durations are as exact as people need them") {
  CHECK(shown_duration(0.42) == "0.4 ms");
  CHECK(shown_duration(12) == "12 ms");
  CHECK(shown_duration(3'140) == "3.1 s");
  CHECK(shown_duration(4 * 60'000 + 5'000) == "4m 05s");
  CHECK(shown_duration(2 * 3'600'000 + 5 * 60'000) == "2h 05m");
  CHECK(shown_duration(3 * 86'400'000.0 + 4 * 3'600'000) == "3d 04h");
}

TEST_CASE("times are those of RFC 3339 in UTC") {
  CHECK(shown_time("2026-11-28T14:03:07.123Z") == "14:03:07.123");
  CHECK(shown_time("yesterday") == "yesterday");
  const auto midnight = std::chrono::sys_days(std::chrono::year(2026) / 11 / 28);
  CHECK(read_time("2026-11-28T00:00:01.5Z") == midnight + 1500ms);
  for (const auto* bad : {"2026-13-28T00:00:00Z", "2026-11-28T24:00:00Z", "2026-11-28", "2026-11-28T00:00:00", "x"})
    CHECK_MESSAGE(!read_time(bad), bad);
}

TEST_CASE("an operator may name a moment by the time of day, or by how long it is ago") {
  const auto midnight = std::chrono::sys_days(std::chrono::year(2026) / 11 / 28);
  const moment now = midnight + 15h;
  CHECK(read_moment("14:03", now) == midnight + 14h + 3min);
  CHECK(read_moment("14:03:07.25", now) == midnight + 14h + 3min + 7250ms);
  CHECK(read_moment("-30s", now) == now - 30s);
  CHECK(read_moment("2026-11-27T00:00:00Z", now) == midnight - 24h);
  for (const auto* bad : {"", "-", "-30", "25:00", "14", "14:03:", "now"}) CHECK_MESSAGE(!read_moment(bad, now), bad);
}
