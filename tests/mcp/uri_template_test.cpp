#include "transport/mcp/uri_template.hpp"

#include <doctest/doctest.h>

using holdfast::mcp::uri_template;

namespace {
bool fits(std::string_view text, std::string_view uri) { return uri_template(text).matches(uri); }
}  // namespace

TEST_CASE("A template without expressions matches itself only") {
  CHECK(fits("test://a", "test://a"));
  CHECK_FALSE(fits("test://a", "test://ab"));
  CHECK_FALSE(fits("test://a", "test://"));
  CHECK_FALSE(fits("test://a", ""));
  CHECK_FALSE(fits("", ""));
}

TEST_CASE("A simple expression matches anything within one segment") {
  CHECK(fits("test://template/{id}/data", "test://template/123/data"));
  CHECK(fits("test://template/{id}/data", "test://template/a%20b,c/data"));
  CHECK(fits("test://template/{id}/data", "test://template//data"));
  CHECK_FALSE(fits("test://template/{id}/data", "test://template/1/2/data"));
  CHECK_FALSE(fits("test://template/{id}/data", "test://template/1/data/x"));
  CHECK_FALSE(fits("test://template/{id}/data", "test://other/1/data"));
  CHECK(fits("{a}{b}:{c}", "xy:z"));
  CHECK(fits("{x,y}", "1,2"));
}

TEST_CASE("Reserved and fragment expressions match anything") {
  CHECK(fits("file:///{+path}", "file:///a/b/c?d#e"));
  CHECK(fits("file:///{+path}.txt", "file:///a.txt/b.txt"));
  CHECK_FALSE(fits("file:///{+path}.txt", "file:///a.txt/b"));
  CHECK(fits("x{#part}", "x#a/b"));
  CHECK(fits("x{#part}", "x"));
  CHECK_FALSE(fits("x{#part}", "xa"));
}

TEST_CASE("Label, path, parameter and query expressions begin with their character or are absent") {
  CHECK(fits("x{.ext}", "x.txt"));
  CHECK(fits("x{.ext}", "x"));
  CHECK_FALSE(fits("x{.ext}", "xtxt"));
  CHECK_FALSE(fits("x{.ext}", "x.a/b"));
  CHECK(fits("x{/a,b}", "x/1/2"));
  CHECK(fits("x{/a*}/y", "x/1/2/y"));
  CHECK_FALSE(fits("x{/a}", "x1"));
  CHECK(fits("x{;p}", "x;p=1"));
  CHECK(fits("x{?q,r}", "x?q=1&r=a/b"));
  CHECK(fits("x{?q}", "x"));
  CHECK_FALSE(fits("x{?q}", "xq=1"));
  CHECK(fits("x?a=1{&q}", "x?a=1&q=2"));
  CHECK_FALSE(fits("x?a=1{&q}", "x?a=12"));
}

TEST_CASE("An expression that is not closed is plain text") {
  CHECK(fits("a{b", "a{b"));
  CHECK(fits("{x}{", "y{"));
  CHECK(fits("a}b", "a}b"));
  CHECK(fits("a{}b", "acb"));
}

TEST_CASE("Templates and URIs over their limits match nothing") {
  CHECK(fits("{+x}", std::string(uri_template::uri_bytes_max, 'a')));
  CHECK_FALSE(fits("{+x}", std::string(uri_template::uri_bytes_max + 1, 'a')));
  const std::string longest(uri_template::template_bytes_max, 'a');
  CHECK(fits(longest, longest));
  CHECK_FALSE(fits(longest + "a", longest + "a"));
}

TEST_CASE("A template of many expressions costs no more than template times URI") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "{x}a";
  CHECK_FALSE(fits(text + "b", std::string(8000, 'a')));
}
