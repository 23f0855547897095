#include "transport/mcp/canonical.hpp"

#include <doctest/doctest.h>

namespace holdfast::mcp {

TEST_CASE("texts that mean the same have one canonical form") {
  const std::string wanted = R"({"a":[1,-2,0.5,"ü\n"],"b":{"x":null,"y":true},"é":1000})";
  CHECK(canonical(R"({"a":[1,-2,0.5,"ü\n"],"b":{"x":null,"y":true},"é":1000})") == wanted);
  CHECK(canonical(
            " { \"\\u00e9\" : 1e3,\n \"b\": {\"y\":true,\"x\":null}, \"a\" : [1.0, -2, 5e-1, \"\\u00fc\\u000a\"] } ") ==
        wanted);
  CHECK(canonical("{}") == "{}");
  CHECK(canonical(" [ ] ") == "[]");
  CHECK(canonical("-0") == "0");
}

TEST_CASE("texts that mean something else have another one") {
  CHECK(canonical("[1,2]") != canonical("[2,1]"));
  CHECK(canonical("1") != canonical(R"("1")"));
  CHECK(canonical("null") != canonical("{}"));
  CHECK(canonical("9007199254740993") == "9007199254740993");
  CHECK(canonical("18446744073709551615") == "18446744073709551615");
  CHECK(canonical("0.1") != canonical("0.10000000000000002"));
}

TEST_CASE("what has no one meaning has no canonical form") {
  for (const auto* text :
       {"", "{", "{} {}", "nul", R"({"a":1,"a":2})", R"({"a":1,"\u0061":2})", R"(["\ud800"])", "1e999"})
    CHECK_FALSE(canonical(text).has_value());
  CHECK(canonical(std::string(60, '[') + std::string(60, ']')).has_value());
  CHECK_FALSE(canonical(std::string(70, '[') + std::string(70, ']')).has_value());
  CHECK_FALSE(canonical(std::string(1'000'000, '[')).has_value());
}

}  // namespace holdfast::mcp
