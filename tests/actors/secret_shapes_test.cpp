#include "actors/secret_shapes.hpp"

#include <doctest/doctest.h>

#include <ctime>

using namespace holdfast::actors;

TEST_CASE("secrets are told by what they look like") {
  const std::pair<std::string_view, std::string_view> texts[] = {
      {"Authorization: Bearer abc.DEF-123_x/y+z==", "Authorization: Bearer ***"},
      {"authorization=Basic dXNlcjpwYXNzd29yZA==", "authorization=Basic ***"},
      {"key sk-proj-0123456789abcdef!", "key ***!"},
      {"(ghp_0123456789ABCDEFGHIJ0123456789abcdef)", "(***)"},
      {"github_pat_11ABCDEFG0123456789_x ok", "*** ok"},
      {"AKIAIOSFODNN7EXAMPLE and ASIAIOSFODNN7EXAMPLE", "*** and ***"},
      {"jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl;", "jwt=***;"},
      {"a -----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY----- b", "a *** b"},
      {"-----BEGIN PRIVATE KEY-----\nMIIB without an end", "***"},
      {R"({"a":"-----BEGIN EC PRIVATE KEY-----\nMIIB","b":"x"})", R"({"a":"***","b":"x"})"},
      {R"("said:\nghp_0123456789abcdefghij")", R"("said:\n***")"},
      {R"("Bearer abc\/def\/gh1")", R"("Bearer ***")"},
      {"xoxb-123456789012-abcdef", "***"},
  };
  for (const auto& t : texts) {
    CAPTURE(t.first);
    CHECK(without_secret_shapes(t.first) == t.second);
  }
}

TEST_CASE("what is none stays as it is") {
  for (const auto* text :
       {"", "Bearer of news", "Basic authentication failed", "task-0123456789abcdefghij", "sk-short", "the ghp_ prefix",
        "eyJ.no.jwt", "AKIA", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "a -----BEGIN ",
        "desk-top-publishing-software", "-----", R"({"n":1,"s":"x\\"})"}) {
    CAPTURE(text);
    CHECK(without_secret_shapes(text) == text);
  }
}

TEST_CASE("a private key may come line by line") {
  secret_lines lines;
  CHECK(lines.shown("before") == "before");
  CHECK(lines.shown("key: -----BEGIN PRIVATE KEY-----") == "key: ***");
  CHECK(lines.shown("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC") == "***");
  CHECK(lines.shown("-----END PRIVATE KEY-----") == "***");
  CHECK(lines.shown("after") == "after");
  CHECK(lines.shown("-----BEGIN PRIVATE KEY----- x -----END PRIVATE KEY-----") == "***");
  CHECK(lines.shown("after") == "after");
}

TEST_CASE("it takes no longer than reading the text, whatever stands in it") {
  for (const auto* part :
       {"eyJa-", "eyJa.", "sk-", "Bearer ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----\"", "\\neyJ", "ghp_ "}) {
    std::string text;
    while (text.size() < 256u << 10) text += part;
    const auto begun = std::clock();  // what other processes take does not count
    without_secret_shapes(text);
    CAPTURE(part);
    CHECK(std::clock() - begun < 2 * CLOCKS_PER_SEC);
  }
}
