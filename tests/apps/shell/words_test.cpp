#include "apps/shell/words.hpp"

#include <doctest/doctest.h>

using holdfast::apps::words_of_line;
using words = std::vector<std::string>;

TEST_CASE("blanks separate words") {
  CHECK(words_of_line("") == words{});
  CHECK(words_of_line("  sessions \t --limit  5 ") == words{"sessions", "--limit", "5"});
}

TEST_CASE("quotes and backslashes hold blanks together") {
  CHECK(words_of_line(R"(call echo '{"a": "b c"}')") == words{"call", "echo", R"({"a": "b c"})"});
  CHECK(words_of_line(R"("a \" b" c\ d '' e'f'g)") == words{R"(a " b)", "c d", "", "efg"});
  CHECK(words_of_line(R"('\')") == words{"\\"});
}

TEST_CASE("a quote that is left open is no line") {
  CHECK_FALSE(words_of_line("call 'x").has_value());
  CHECK_FALSE(words_of_line("call \"x").has_value());
}
