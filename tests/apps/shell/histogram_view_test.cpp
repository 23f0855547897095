#include "apps/shell/histogram_view.hpp"

#include <doctest/doctest.h>

#include <sstream>

using namespace holdfast::apps;

namespace {

std::vector<bucket> some() {
  return buckets_of(
      *parse_json(R"({"buckets": [{"le": 1000, "count": 0}, {"le": 2000, "count": 90}, {"le": 4000, "count": 9},
                                                {"le": null, "count": 1}]})"));
}

}  // namespace

TEST_CASE("a quantile is the bound of the bucket that it lies in") {
  CHECK(shown_quantile(some(), 0.5) == "≤ 2.0 ms");
  CHECK(shown_quantile(some(), 0.99) == "≤ 4.0 ms");
  CHECK(shown_quantile(some(), 0.999) == "above");
  CHECK(shown_quantile({}, 0.5) == "-");
}

TEST_CASE("there is a bar for each bucket between the first and the last that counted") {
  std::ostringstream out;
  print_bars(out, some());
  std::istringstream lines(out.str());
  std::vector<std::string> all;
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  REQUIRE(all.size() == 3);
  CHECK(all[0].find("≤ 2.0 ms") != std::string::npos);
  CHECK(all[0].ends_with("█ 90"));
  CHECK(all[2].find("above") != std::string::npos);
}
