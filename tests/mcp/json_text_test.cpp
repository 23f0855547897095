#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "transport/errc.hpp"
#include "transport/mcp/envelope.hpp"

using namespace holdfast::mcp;
using holdfast::transport::errc;

TEST_CASE("The elements of an array come out raw and in order") {
  const auto found = elements(R"( [1, "a,]" ,{"x":[2]}, [ ] ,null] )").value();
  CHECK(found == std::vector<raw_json>{"1", R"("a,]")", R"({"x":[2]})", "[ ]", "null"});
  CHECK(elements("[]").value().empty());
  CHECK(elements("[ ]").value().empty());
}

TEST_CASE("What is no array has no elements") {
  for (const char* json : {"", "{}", "1", "[", "[1", "[1,]", "[1]x", "[,]", "]"}) {
    CAPTURE(json);
    CHECK(elements(json).error() == errc::bad_json);
  }
}

TEST_CASE("An array with more elements than allowed is refused") {
  CHECK(elements("[1,2,3]", 3).value().size() == 3);
  CHECK(elements("[1,2,3]", 2).error() == errc::overloaded);
  CHECK(elements("[]", 0).value().empty());
  CHECK(elements("[1]", 0).error() == errc::overloaded);
}

TEST_CASE("A member is found by its unescaped name, and the first one counts") {
  CHECK(member(R"({"a":1,"b":{"a":2},"a":3})", "a") == "1");
  CHECK(member(R"({"a":1,"b" : {"a":2} })", "b") == R"({"a":2})");
  CHECK(member(R"({"\u0061":"x"})", "a") == R"("x")");
  CHECK(member(R"({"a\"b":7})", "a\"b") == "7");
  CHECK(member(R"({"a":1})", "c").data() == nullptr);
  CHECK(member("{}", "a").data() == nullptr);
  CHECK(member("[1]", "a").data() == nullptr);
  CHECK(member("", "a").data() == nullptr);
  CHECK(member(raw_json(), "a").data() == nullptr);
  CHECK(member(R"({"":1})", "") == "1");
}

TEST_CASE("The members of an object come with unescaped names and raw values") {
  const auto found = members(R"({"a" : 1 , "\u00e9\n":[ 2 ],"":"\u0041"})");
  REQUIRE(found.size() == 3);
  CHECK(found[0] == std::pair<std::string, raw_json>("a", "1"));
  CHECK(found[1] == std::pair<std::string, raw_json>("\xC3\xA9\n", "[ 2 ]"));
  CHECK(found[2] == std::pair<std::string, raw_json>("", R"("\u0041")"));
  CHECK(members("[]").empty());
  CHECK(members("").empty());
}

TEST_CASE("A string's value is what its escapes mean") {
  CHECK(string_value(R"("")") == "");
  CHECK(string_value(R"("a\"\\\/\b\f\n\r\tz")") == "a\"\\/\b\f\n\r\tz");
  CHECK(string_value(R"("\u0041\u00e9\u4f60\ud83d\ude00")") == "A\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80");
  CHECK(string_value(R"("\u0000")") == std::string(1, '\0'));
  CHECK(string_value("\"\xC3\xA9\"") == "\xC3\xA9");
}

TEST_CASE("A lone surrogate becomes the replacement character") {
  const std::string mark = "\xEF\xBF\xBD";
  CHECK(string_value(R"("\ud83d")") == mark);
  CHECK(string_value(R"("\ude00")") == mark);
  CHECK(string_value(R"("\ud83dx")") == mark + "x");
  CHECK(string_value(R"("\ud83d\n")") == mark + "\n");
  CHECK(string_value(R"("\ud83d\u0041")") == mark + "A");
  CHECK(string_value(R"("\ud83d\ud83d\ude00")") == mark + "\xF0\x9F\x98\x80");
}

TEST_CASE("What is no string has no string value") {
  for (const char* json : {"", "1", "null", "{}", "\"", "\"x", "x\"", R"("\q")", R"("\u12")"}) {
    CAPTURE(json);
    CHECK_FALSE(string_value(json).has_value());
  }
  CHECK_FALSE(string_value(raw_json()).has_value());
}

TEST_CASE("A plain string is one without escapes") {
  CHECK(plain_string(R"("abc")") == "abc");
  CHECK(plain_string(R"("")") == "");
  CHECK_FALSE(plain_string(R"("a\/b")").has_value());
  CHECK_FALSE(plain_string("1").has_value());
  CHECK_FALSE(plain_string("").has_value());
}

TEST_CASE("An integer's value is exact or nothing") {
  CHECK(integer_value("0") == 0);
  CHECK(integer_value("-12") == -12);
  CHECK(integer_value("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(integer_value("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  for (const char* json : {"", "9223372036854775808", "1.0", "1e3", "\"1\"", "null", "-", "+1", " 1"}) {
    CAPTURE(json);
    CHECK_FALSE(integer_value(json).has_value());
  }
}

TEST_CASE("A quoted text reads back as itself") {
  CHECK(quote("") == R"("")");
  CHECK(quote("a\"b\\c/d") == R"("a\"b\\c/d")");
  CHECK(quote("\b\t\n\f\r") == R"("\b\t\n\f\r")");
  CHECK(quote(std::string("\0\x1f\x7f", 3)) == "\"\\u0000\\u001f\x7f\"");
  CHECK(quote("\xC3\xA9") == "\"\xC3\xA9\"");
  for (int c = 0; c < 0x80; ++c) {
    const std::string text = "x" + std::string(1, static_cast<char>(c)) + "y";
    REQUIRE(string_value(quote(text)) == text);
    REQUIRE(elements("[" + quote(text) + "]").has_value());
  }
}

TEST_CASE("Quoting makes valid JSON even of bytes that are no UTF-8") {
  CHECK(quote("a\xFFz") == "\"a\xEF\xBF\xBDz\"");
  CHECK(quote("\xE4\xBD") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  for (int a = 0x80; a < 0x100; ++a) {
    for (int b = 0; b < 0x100; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      REQUIRE(elements("[" + quote(text) + "]").has_value());
    }
  }
}

TEST_CASE("Splicing replaces the parts and keeps every other byte") {
  const std::string_view whole = "0123456789";
  CHECK(splice(whole, {}) == whole);
  CHECK(splice(whole, {{whole.substr(2, 3), "abcd"}}) == "01abcd56789");
  CHECK(splice(whole, {{whole.substr(0, 1), ""}, {whole.substr(1, 1), "x"}, {whole.substr(9, 1), "yz"}}) ==
        "x2345678yz");
  CHECK(splice(whole, {{whole.substr(4, 0), "-"}}) == "0123-456789");
  CHECK(splice(whole, {{whole, ""}}).empty());
  CHECK(splice("", {}).empty());
}

TEST_CASE("A member is replaced where it stands, or else put first") {
  CHECK(with_member(R"({"a":1,"b":2})", "b", "[3]") == R"({"a":1,"b":[3]})");
  CHECK(with_member(R"({"a":1,"b":2})", "c", "3") == R"({"c":3,"a":1,"b":2})");
  CHECK(with_member("{ }", "c", "3") == R"({"c":3})");
  CHECK(with_member(R"({"b\u0061":1})", "ba", "2") == R"({"b\u0061":2})");
  CHECK(with_member(R"({"a":1})", "q\"", "2") == R"({"q\"":2,"a":1})");
  CHECK(with_member(R"({ "a" : 1.0e400 , "b" : { } })", "c", "3") == R"({"c":3,"a":1.0e400,"b":{ }})");
}

TEST_CASE("A member with a null value is removed, however often it stands there") {
  CHECK(with_member(R"({"a":1,"b":2,"c":3})", "b", {}) == R"({"a":1,"c":3})");
  CHECK(with_member(R"({"a":1,"b":2,"\u0061":3})", "a", {}) == R"({"b":2})");
  CHECK(with_member(R"({"a":1})", "a", {}) == "{}");
  CHECK(with_member(R"({"a":1})", "b", {}) == R"({"a":1})");
  CHECK(with_member(R"({"a":1,"a":2})", "a", "3") == R"({"a":3})");
}
