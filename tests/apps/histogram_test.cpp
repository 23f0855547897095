#include "apps/commands/histogram.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using holdfast::apps::histogram;

TEST_CASE("an empty histogram has no values") {
  histogram h;
  CHECK(h.count() == 0);
  CHECK(h.at(0.5) == 0);
}

TEST_CASE("small values are exact") {
  histogram h;
  for (std::uint64_t value = 1; value <= 60; ++value) h.record(value);
  CHECK(h.count() == 60);
  CHECK(h.at(0.5) == 30);
  CHECK(h.at(1) == 60);
}

TEST_CASE("a value is reported at most a 64th too high, and never too low") {
  for (std::uint64_t value = 1; value < (std::uint64_t{1} << 40); value = value * 5 / 3 + 1) {
    histogram h;
    h.record(value);
    CHECK(h.at(0.99) >= value);
    CHECK(h.at(0.99) - value <= value / 64);
  }
}

TEST_CASE("percentiles count every value once") {
  histogram h;
  for (int i = 0; i < 990; ++i) h.record(1'000);
  for (int i = 0; i < 10; ++i) h.record(1'000'000);
  CHECK(h.at(0.5) < 1'020);
  CHECK(h.at(0.99) < 1'020);
  CHECK(h.at(0.991) >= 1'000'000);
}

TEST_CASE("what is too long counts as the longest") {
  histogram h;
  h.record(~std::uint64_t{0});
  CHECK(h.at(0.5) == (std::uint64_t{1} << 41) - 1);
}

TEST_CASE("clearing forgets everything") {
  histogram h;
  h.record(7);
  h.clear();
  CHECK(h.count() == 0);
  CHECK(h.at(1) == 0);
}
