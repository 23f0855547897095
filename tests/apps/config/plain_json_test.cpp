#include <doctest/doctest.h>

#include <algorithm>

#include "apps/config/client_file.hpp"

using holdfast::apps::plain_json;

TEST_CASE("comments and trailing commas are blanked out without moving a line") {
  const std::string before = "// head\n{ \"a\": [1, 2, ], /* x\ny */ \"b\": \"c\", // end\n}\n";
  const std::string after = plain_json(before);
  CHECK(after.size() == before.size());
  CHECK(std::count(after.begin(), after.end(), '\n') == std::count(before.begin(), before.end(), '\n'));
  CHECK(after.find("head") == std::string::npos);
  CHECK(after.find("end") == std::string::npos);
  CHECK(after.find("[1, 2  ]") != std::string::npos);
  CHECK(after.find("\"c\" ") != std::string::npos);
}

TEST_CASE("what looks like a comment inside a string stays") {
  const std::string json = R"({"url": "https://x/y", "a": "/* no */", "b": "\"// no", "c": ",]"})";
  CHECK(plain_json(json) == json);
}

TEST_CASE("text that is not JSON is left alone") {
  const std::string yaml = "# {\nurl: http://x // y\nlist: [a, ]\n";
  CHECK(plain_json(yaml) == yaml);
  CHECK(plain_json("") == "");
  CHECK(plain_json("// only a comment") == "// only a comment");
}

TEST_CASE("an address in a YAML map in braces is no comment") {
  const std::string yaml = "{upstreams: {a: {url: http://x/y}}}";
  CHECK(plain_json(yaml) == yaml);
}

TEST_CASE("an escaped surrogate pair becomes one escape") {
  CHECK(plain_json(R"({"a": "\ud83d\ude00 \u00e9 \\ud83d"})") == R"({"a": "\U0001f600 \u00e9 \\ud83d"})");
}

TEST_CASE("unfinished comments and strings end with the text") {
  CHECK(plain_json("{ /* x").size() == 6);
  CHECK(plain_json("{\"a\\") == "{\"a\\");
  CHECK(plain_json("{ // x").size() == 6);
}
