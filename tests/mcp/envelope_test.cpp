#include "transport/mcp/envelope.hpp"

#include <doctest/doctest.h>

#include <string>

#include "transport/errc.hpp"

using namespace holdfast::mcp;
using holdfast::transport::errc;

namespace {

// What `scan` says about a text, in one word.
std::string verdict(std::string_view json, scan_limits limits = {}) {
  const auto scanned = scan(json, limits);
  if (scanned) return "message";
  if (scanned.error() == errc::bad_json) return "bad_json";
  if (scanned.error() == errc::bad_message) return "bad_message";
  return scanned.error().message();
}

// A message whose params hold `value`.
std::string around(std::string_view value) {
  return R"({"jsonrpc":"2.0","method":"m","params":{"x":)" + std::string(value) + "}}";
}

std::string nested(std::size_t depth, char open, char close) {
  return std::string(depth, open) + std::string(depth, close);
}

}  // namespace

TEST_CASE("A request shows its id, method, params and the values that routing needs, as they stood") {
  const std::string json =
      " { \"jsonrpc\" : \"2.0\" , \"id\" : \"a\\u0062\" ,\n\"method\":\"tools/call\",\t\"params\" : { \"name\" : "
      "\"echo\" , "
      R"("uri":"file:///x","arguments":{"name":"inner","n":1.0e400}, "_meta" : {"progressToken" : 7 ,)"
      R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","k":[1]} } } )";
  const auto e = scan(json).value();
  CHECK(e.kind == message_kind::request);
  CHECK(e.what == method::tools_call);
  CHECK(e.method_name.empty());
  CHECK(e.id == R"("a\u0062")");
  CHECK(e.name == R"("echo")");
  CHECK(e.uri == R"("file:///x")");
  CHECK(e.progress_token == "7");
  CHECK(e.meta_protocol_version == R"("2026-07-28")");
  CHECK(e.meta == R"({"progressToken" : 7 ,"io.modelcontextprotocol/protocolVersion":"2026-07-28","k":[1]})");
  CHECK(e.params.front() == '{');
  CHECK(e.params.back() == '}');
  CHECK(member(e.params, "arguments") == R"({"name":"inner","n":1.0e400})");
  CHECK(e.result.data() == nullptr);
  CHECK(e.error.data() == nullptr);
  const bool within = e.params.data() > json.data() && e.params.data() + e.params.size() < json.data() + json.size();
  CHECK(within);
}

TEST_CASE("A message without id is a notification") {
  const auto e = scan(R"({"method":"notifications/initialized","jsonrpc":"2.0"})").value();
  CHECK(e.kind == message_kind::notification);
  CHECK(e.what == method::initialized);
  CHECK(e.id.data() == nullptr);
  CHECK(e.params.data() == nullptr);
}

TEST_CASE("Answers hold exactly one of result and error") {
  const auto good = scan(R"({"jsonrpc":"2.0","id":1,"result":{}})").value();
  CHECK(good.kind == message_kind::answer);
  CHECK(good.what == method::none);
  CHECK(good.result == "{}");
  CHECK(good.error.data() == nullptr);
  const auto bad = scan(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}})").value();
  CHECK(bad.kind == message_kind::answer);
  CHECK(bad.id == "null");
  CHECK(bad.error == R"({"code":-32700,"message":"no"})");
  CHECK(scan(R"({"jsonrpc":"2.0","error":{"code":1,"message":""}})").value().id.data() == nullptr);
}

TEST_CASE("Every method that is branched on is recognized by its name, with and without escapes") {
  for (int i = 1; i < static_cast<int>(method::other); ++i) {
    const auto m = static_cast<method>(i);
    const std::string name(to_string(m));
    REQUIRE_FALSE(name.empty());
    CHECK(scan(R"({"jsonrpc":"2.0","id":1,"method":")" + name + "\"}").value().what == m);
    char escaped[8];
    std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(name[0]));
    CHECK(scan(R"({"jsonrpc":"2.0","id":1,"method":")" + (escaped + name.substr(1)) + "\"}").value().what == m);
  }
  CHECK(to_string(method::none).empty());
  CHECK(to_string(method::other).empty());
  CHECK(to_string(method::elicitation_complete) == "notifications/elicitation/complete");
  CHECK(scan(R"({"jsonrpc":"2.0","id":1,"method":"tools\/call"})").value().what == method::tools_call);
}

TEST_CASE("An unknown method keeps its name, unless it holds escapes") {
  const auto plain = scan(R"({"jsonrpc":"2.0","id":1,"method":"tasks/get"})").value();
  CHECK(plain.what == method::other);
  CHECK(plain.method_name == "tasks/get");
  const auto escaped = scan(R"({"jsonrpc":"2.0","id":1,"method":"tasks\/get"})").value();
  CHECK(escaped.what == method::other);
  CHECK(escaped.method_name.empty());
  CHECK(scan(R"({"jsonrpc":"2.0","id":1,"method":""})").value().what == method::other);
}

TEST_CASE("Members are recognized by their unescaped names") {
  const auto e = scan(R"({"json\u0072pc":"2.\u0030","\u0069d":3,"method":"ping","params":{"n\u0061me":"x"}})").value();
  CHECK(e.id == "3");
  CHECK(e.name == R"("x")");
}

TEST_CASE("JSON that is no JSON-RPC 2.0 message is called a bad message") {
  for (const char* json : {
           "1",
           "\"x\"",
           "null",
           "true",
           "[]",
           R"([{"jsonrpc":"2.0","method":"m"}])",
           "{}",
           R"({"method":"m"})",
           R"({"jsonrpc":"1.0","method":"m"})",
           R"({"jsonrpc":2.0,"method":"m"})",
           R"({"jsonrpc":"2.00","method":"m"})",
           R"({"jsonrpc":"2.0"})",
           R"({"jsonrpc":"2.0","id":1})",
           R"({"jsonrpc":"2.0","method":7})",
           R"({"jsonrpc":"2.0","method":null,"id":1})",
           R"({"jsonrpc":"2.0","method":"m","id":null})",
           R"({"jsonrpc":"2.0","method":"m","id":true})",
           R"({"jsonrpc":"2.0","method":"m","id":{}})",
           R"({"jsonrpc":"2.0","method":"m","id":[1]})",
           R"({"jsonrpc":"2.0","method":"m","params":null})",
           R"({"jsonrpc":"2.0","method":"m","params":"x"})",
           R"({"jsonrpc":"2.0","method":"m","params":1})",
           R"({"jsonrpc":"2.0","method":"m","id":1,"result":{}})",
           R"({"jsonrpc":"2.0","method":"m","error":{}})",
           R"({"jsonrpc":"2.0","id":1,"result":{},"error":{}})",
           R"({"jsonrpc":"2.0","result":{}})",
           R"({"jsonrpc":"2.0","id":null,"result":{}})",
           R"({"jsonrpc":"2.0","id":1,"error":"x"})",
           R"({"jsonrpc":"2.0","id":1,"error":null})",
           R"({"jsonrpc":"2.0","id":false,"error":{}})",
       }) {
    CAPTURE(json);
    CHECK(verdict(json) == "bad_message");
  }
}

TEST_CASE("A member that is named twice is refused, since others might read the other one") {
  for (const char* json : {
           R"({"jsonrpc":"2.0","jsonrpc":"2.0","method":"m"})",
           R"({"jsonrpc":"2.0","method":"m","method":"n"})",
           R"({"jsonrpc":"2.0","method":"m","m\u0065thod":"n"})",
           R"({"jsonrpc":"2.0","method":"m","id":1,"id":1})",
           R"({"jsonrpc":"2.0","method":"m","params":{},"params":{}})",
           R"({"jsonrpc":"2.0","method":"m","params":[],"params":{}})",
           R"({"jsonrpc":"2.0","method":"m","params":{},"params":[]})",
           R"({"jsonrpc":"2.0","id":1,"result":{},"result":{}})",
           R"({"jsonrpc":"2.0","id":1,"error":{},"error":{}})",
           R"({"jsonrpc":"2.0","method":"m","params":{"name":"a","name":"b"}})",
           R"({"jsonrpc":"2.0","method":"m","params":{"name":"a","\u006eame":"b"}})",
           R"({"jsonrpc":"2.0","method":"m","params":{"uri":"a","uri":"b"}})",
           R"({"jsonrpc":"2.0","method":"m","params":{"_meta":{},"_meta":{}}})",
           R"({"jsonrpc":"2.0","method":"m","params":{"_meta":1,"_meta":{}}})",
           R"({"jsonrpc":"2.0","method":"m","params":{"_meta":{"progressToken":1,"progressToken":1}}})",
           R"({"jsonrpc":"2.0","method":"m","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":1,)"
           R"("io.modelcontextprotocol/protocolVersion":1}}})",
       }) {
    CAPTURE(json);
    CHECK(verdict(json) == "bad_json");
  }
  CHECK(verdict(around(R"({"name":1,"name":2})")) == "message");
  CHECK(verdict(R"({"jsonrpc":"2.0","method":"m","x":1,"x":2})") == "message");
}

TEST_CASE("Text that is no JSON is refused wherever the fault is") {
  for (const char* json :
       {"",           " ",    "{",      "}",         "[",       "[1,]",          "[,1]",  "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{,}",  "{a:1}",  "{1:1}",     "nul",     "tru",           "True",  "nulll",   "'x'",
        "\"x",        "\"\\", "\"\\\"", "1 2",       "{}{}",    "{}x",           "[1 2]", "[1:2]",   "{\"a\":1:2}",
        "[}",         "{]",   "[1}",    "{\"a\":1]", "// c\n1", "\xEF\xBB\xBF{}"}) {
    CAPTURE(json);
    CHECK(verdict(json) == "bad_json");
    CHECK(verdict(around(json)) == "bad_json");
  }
  CHECK(verdict(around("1") + "x") == "bad_json");
  CHECK(verdict(around("1") + around("1")) == "bad_json");
  CHECK(verdict(around("1") + std::string(1, '\0')) == "bad_json");
  CHECK(verdict(std::string(1, '\0')) == "bad_json");
  CHECK(verdict(around("1") + " \t\r\n") == "message");
}

TEST_CASE("Numbers follow the grammar and have no limit of size") {
  for (const char* good : {"0", "-0", "1", "-1", "10", "0.5", "1e5", "1E+5", "1e-5", "0e0", "-0.0e-0", "1e400",
                           "1E-999999", "123456789012345678901234567890.123456789"}) {
    CAPTURE(good);
    CHECK(verdict(around(good)) == "message");
  }
  CHECK(verdict(around(std::string(1000, '9'))) == "message");
  for (const char* bad : {"01", "-", "-01", "1.", ".5", "1e", "1e+", "+1", "1.e5", "0x1", "--1", "1e5.5", "NaN",
                          "Infinity", "-Infinity", "1_000"}) {
    CAPTURE(bad);
    CHECK(verdict(around(bad)) == "bad_json");
  }
}

TEST_CASE("Strings may hold any escape of JSON, and no raw control character") {
  for (const char* good : {R"("")", R"("\"\\\/\b\f\n\r\t")", R"("\u0000\uABCD\uabcd")", R"("\ud83d\ude00")", "\"\x7f\"",
                           R"("\ud83d")", R"("\ude00x")"}) {
    CAPTURE(good);
    CHECK(verdict(around(good)) == "message");
  }
  for (const char* bad : {R"("\x")", R"("\u12")", R"("\u12g4")", R"("\U0041")", R"("\")", R"("\u-001")"}) {
    CAPTURE(bad);
    CHECK(verdict(around(bad)) == "bad_json");
  }
  // At every distance from the end, since strings are read in blocks.
  for (std::size_t before = 0; before < 40; ++before) {
    for (int c = 0; c < 0x20; ++c) {
      const std::string text = std::string(before, 'a') + static_cast<char>(c) + std::string(before % 7, 'b');
      REQUIRE(verdict(around('"' + text + '"')) == "bad_json");
    }
    REQUIRE(verdict(around('"' + std::string(before, 'a') + "\\n\"")) == "message");
    REQUIRE(verdict(around('"' + std::string(before, 'a'))) == "bad_json");
  }
}

TEST_CASE("Text must be well-formed UTF-8") {
  for (const char* good : {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF",
                           "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "\xD0\x9F\xD1\x80\xE4\xBD\xA0"}) {
    for (std::size_t before = 0; before < 20; ++before) {
      REQUIRE(verdict(around('"' + std::string(before, 'a') + good + '"')) == "message");
    }
  }
  for (const char* bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2 ", "\xE0\x9F\xBF", "\xE0\xA0", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFE", "\xFF"}) {
    for (std::size_t before = 0; before < 20; ++before) {
      REQUIRE(verdict(around('"' + std::string(before, 'a') + bad + '"')) == "bad_json");
    }
    CHECK(verdict(std::string(bad) + around("1")) == "bad_json");
  }
}

TEST_CASE("Nesting is allowed down to the limit and no deeper, wherever it is") {
  const auto message = [](std::string_view params) {
    return R"({"jsonrpc":"2.0","method":"m","params":)" + std::string(params) + "}";
  };
  CHECK(verdict(message(nested(63, '[', ']'))) == "message");
  CHECK(verdict(message(nested(64, '[', ']'))) == "bad_json");
  CHECK(verdict(around(nested(62, '[', ']'))) == "message");
  CHECK(verdict(around(nested(63, '[', ']'))) == "bad_json");
  CHECK(verdict(message(R"({"_meta":{"a":)" + nested(61, '[', ']') + "}}")) == "message");
  CHECK(verdict(message(R"({"_meta":{"a":)" + nested(62, '[', ']') + "}}")) == "bad_json");
  CHECK(verdict(message("[]"), {.depth_max = 2}) == "message");
  CHECK(verdict(message("[]"), {.depth_max = 1}) == "bad_json");
  CHECK(verdict(message("{}"), {.depth_max = 1}) == "bad_json");
  CHECK(verdict(nested(64, '[', ']')) == "bad_message");
  CHECK(verdict(nested(65, '[', ']')) == "bad_json");
  CHECK(verdict(message(nested(1023, '[', ']')), {.depth_max = 1'000'000}) == "message");
  CHECK(verdict(message(nested(1024, '[', ']')), {.depth_max = 1'000'000}) == "bad_json");
  CHECK(verdict(std::string(1'000'000, '[')) == "bad_json");
}

TEST_CASE("A message cut short anywhere is refused") {
  const std::string json =
      R"({"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"п","a":[true,false,null,-1.5e+3,"\u00e9"]}})";
  REQUIRE(verdict(json) == "message");
  for (std::size_t size = 0; size < json.size(); ++size) {
    // A copy of its own, so that reading past its end is noticed.
    const std::string cut(json, 0, size);
    CAPTURE(cut);
    REQUIRE(verdict(cut) == "bad_json");
  }
}

TEST_CASE("A batch is told by its first byte") {
  CHECK(is_batch("[]"));
  CHECK(is_batch(" \r\n\t[{}"));
  CHECK_FALSE(is_batch("{}"));
  CHECK_FALSE(is_batch("x["));
  CHECK_FALSE(is_batch(""));
}
