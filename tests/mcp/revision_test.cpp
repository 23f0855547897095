#include "transport/mcp/revision.hpp"

#include <doctest/doctest.h>

using namespace holdfast::mcp;

TEST_CASE("Every revision is read from its name") {
  for (auto r : {revision::r2024_11_05, revision::r2025_03_26, revision::r2025_06_18, revision::r2025_11_25,
                 revision::r2026_07_28}) {
    CHECK(parse_revision(to_string(r)) == r);
  }
  CHECK(to_string(revision::r2025_06_18) == "2025-06-18");
  CHECK_FALSE(parse_revision("").has_value());
  CHECK_FALSE(parse_revision("2025-06-1").has_value());
  CHECK_FALSE(parse_revision("2025-06-188").has_value());
}

TEST_CASE("A legacy revision that is asked for is agreed on, anything else becomes the newest legacy one") {
  CHECK(negotiate("2024-11-05") == revision::r2024_11_05);
  CHECK(negotiate("2025-11-25") == revision::r2025_11_25);
  CHECK(negotiate("2026-07-28") == newest_legacy);
  CHECK(negotiate("2023-01-01") == newest_legacy);
  CHECK(negotiate("") == newest_legacy);
}
