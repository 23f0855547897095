#include "persistence/msgpack.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "persistence/json_tokens.hpp"

using namespace holdfast::persistence;

namespace {

constexpr std::size_t room = 1 << 20;

std::string there_and_back(std::string_view json) {
  const auto bytes = msgpack_of(json);
  REQUIRE(bytes.has_value());
  return json_of(*bytes, room).value();
}

/// Bytes given as numbers, since NUL is among them.
std::string bytes_of(std::vector<int> values) { return {values.begin(), values.end()}; }

bool refused(const std::string& msgpack) {
  const auto text = json_of(msgpack, room);
  return text.has_error() && text.error().code == store_errc::corrupt;
}

std::string random_text(std::mt19937_64& random, int depth) {
  static const std::vector<std::string> scalars = {
      "0",  "-1",  "4294967296", "1.5",   "\"\"",           "\"a\\nb\"", "\"\\u0041\"", "null",
      "-0", "1e9", "true",       "false", "\"gr\xC3\xBC\"", "\"\\/\"",   "-129",        "123456789012345678901"};
  const auto pick = random() % 4;
  if (depth == 0 || pick > 1) return scalars[random() % scalars.size()];
  std::string text(1, pick == 0 ? '[' : '{');
  for (auto left = random() % 20; left > 0; --left) {
    if (text.size() > 1) text += ',';
    if (pick == 1) text += "\"k" + std::to_string(random() % 10) + "\":";
    text += random_text(random, depth - 1);
  }
  return text + (pick == 0 ? ']' : '}');
}

}  // namespace

TEST_CASE("small values take the bytes that MessagePack gives them") {
  CHECK(msgpack_of("{}") == bytes_of({0x80}));
  CHECK(msgpack_of("[]") == bytes_of({0x90}));
  CHECK(msgpack_of(R"({"a":[1,-1,true,false,null]})") ==
        bytes_of({0x81, 0xA1, 'a', 0x95, 0x01, 0xFF, 0xC3, 0xC2, 0xC0}));
  CHECK(msgpack_of("[200,-200,70000,-70000]") ==
        bytes_of({0x94, 0xCC, 0xC8, 0xD1, 0xFF, 0x38, 0xCE, 0x00, 0x01, 0x11, 0x70, 0xD2, 0xFF, 0xFE, 0xEE, 0x90}));
  CHECK(msgpack_of("[1.5]") == bytes_of({0x91, 0xC7, 0x03, 0x01, '1', '.', '5'}));
  CHECK(msgpack_of("[-0]") == bytes_of({0x91, 0xD5, 0x01, '-', '0'}));
  CHECK(msgpack_of(R"(["\/"])") == bytes_of({0x91, 0xD5, 0x02, '\\', '/'}));
  CHECK(msgpack_of(R"(["\n"])") == bytes_of({0x91, 0xA1, '\n'}));
}

TEST_CASE("numbers come back as they were written") {
  for (const char* number : {"0",
                             "-0",
                             "1",
                             "-1",
                             "127",
                             "128",
                             "255",
                             "256",
                             "65535",
                             "65536",
                             "4294967295",
                             "4294967296",
                             "9223372036854775807",
                             "9223372036854775808",
                             "18446744073709551615",
                             "18446744073709551616",
                             "-32",
                             "-33",
                             "-128",
                             "-129",
                             "-32768",
                             "-32769",
                             "-2147483648",
                             "-2147483649",
                             "-9223372036854775808",
                             "-9223372036854775809",
                             "1.0",
                             "0.1",
                             "1e5",
                             "1E+5",
                             "-0.0",
                             "3.141592653589793238462643383279"}) {
    const std::string text = "[" + std::string(number) + "]";
    CHECK(there_and_back(text) == text);
  }
  const std::string huge = "[" + std::string(70'000, '9') + "]";
  CHECK(there_and_back(huge) == huge);
}

TEST_CASE("strings come back with the escapes they had") {
  for (const char* string : {R"("")", R"("\"\\\b\f\n\r\t")", R"("\u0000\u001f")", R"("\u001F")", R"("\u000a")",
                             R"("\/")", R"("\u0041\ud800")", R"("x\u00e9")", "\"\x7f\"", "\"\xF0\x9F\x99\x82\""}) {
    const std::string text = "{" + std::string(string) + ":" + string + "}";
    CHECK(there_and_back(text) == text);
  }
  for (const std::size_t size : {31, 32, 255, 256, 65'535, 65'536}) {
    const std::string text = "[\"" + std::string(size, 'x') + "\"]";
    CHECK(there_and_back(text) == text);
    const std::string escaped = "[\"\\/" + std::string(size, 'x') + "\"]";
    CHECK(there_and_back(escaped) == escaped);
  }
}

TEST_CASE("containers of every size keep the order of what they hold") {
  for (const int size : {0, 1, 15, 16, 65'535, 65'536}) {
    std::string array = "[", object = "{";
    for (int i = 0; i < size; ++i) {
      if (i != 0) array += ',', object += ',';
      array += std::to_string(i);
      object += "\"" + std::to_string(size - i) + "\":{}";
    }
    array += ']', object += '}';
    const auto packed = msgpack_of(object);
    CHECK(there_and_back(array) == array);
    CHECK(json_of(packed.value(), 2 * object.size()).value() == object);
  }
}

TEST_CASE("white space between tokens is dropped") {
  CHECK(there_and_back(" { \"a b\" : [ 1 ,\t2 ] ,\r\n\"c\" : { } } ") == R"({"a b":[1,2],"c":{}})");
}

TEST_CASE("what is not one object or array has no MessagePack") {
  for (const std::string_view bad : {"",
                                     " ",
                                     "1",
                                     "\"a\"",
                                     "null",
                                     "{",
                                     "[",
                                     "}",
                                     "[1",
                                     "[1,]",
                                     "[,1]",
                                     "{,}",
                                     "{\"a\"}",
                                     "{\"a\":}",
                                     "{\"a\":1,}",
                                     "{a:1}",
                                     "{1:1}",
                                     "[01]",
                                     "[1.]",
                                     "[.5]",
                                     "[+1]",
                                     "[1e]",
                                     "[-]",
                                     "[nul]",
                                     "[NaN]",
                                     "['a']",
                                     "[\"a]",
                                     "[\"\\x\"]",
                                     "[\"\\u12g4\"]",
                                     "[\"\n\"]",
                                     "[\"\xC0\x80\"]",
                                     "[\"\xED\xA0\x80\"]",
                                     "[\"\xF4\x90\x80\x80\"]",
                                     "[\"\xE2\x82\"]",
                                     "[1}",
                                     "{\"a\":1]",
                                     "[]]",
                                     "[] []",
                                     "[1 2]"}) {
    CAPTURE(bad);
    CHECK(!msgpack_of(bad));
    CHECK(!is_json(bad));
  }
}

TEST_CASE("random texts survive") {
  std::mt19937_64 random(11);
  for (int round = 0; round < 300; ++round) {
    const std::string text = "[" + random_text(random, 4) + "]";
    CHECK(is_json(text));
    const auto packed = msgpack_of(text);
    CHECK(json_of(packed.value(), room).value() == text);
    for (std::size_t size = 0; size < std::min<std::size_t>(packed->size(), 200); ++size) {
      if (!refused(packed->substr(0, size))) FAIL(text, " cut at ", size);
    }
  }
}

TEST_CASE("MessagePack that JSON cannot say is refused") {
  CHECK(refused(""));
  CHECK(refused(bytes_of({0x01})));
  CHECK(refused(bytes_of({0xA1, 'a'})));
  CHECK(refused(bytes_of({0x90, 0x90})));
  CHECK(refused(bytes_of({0x91, 0xC1})));
  CHECK(refused(bytes_of({0x91, 0xC4, 0x01, 'a'})));
  CHECK(refused(bytes_of({0x91, 0xCB, 0x7F, 0xF8, 0, 0, 0, 0, 0, 0})));
  CHECK(refused(bytes_of({0x91, 0xD4, 0x03, 'a'})));
  CHECK(refused(bytes_of({0x91, 0xD4, 0x01, 'a'})));
  CHECK(refused(bytes_of({0x91, 0xD5, 0x01, '0', '1'})));
  CHECK(refused(bytes_of({0x91, 0xC7, 0x00, 0x01})));
  CHECK(refused(bytes_of({0x91, 0xD4, 0x02, '"'})));
  CHECK(refused(bytes_of({0x91, 0xD4, 0x02, '\\'})));
  CHECK(refused(bytes_of({0x91, 0xA1, 0xFF})));
  CHECK(refused(bytes_of({0x81, 0x01, 0x01})));
  CHECK(refused(bytes_of({0x81, 0x80, 0x01})));
  CHECK(refused(bytes_of({0x81, 0xD4, 0x01, '1', 0x01})));
}

TEST_CASE("MessagePack nested too deep is refused") {
  const auto nested = [](std::size_t depth) { return std::string(depth - 1, '\x91') + '\x90'; };
  CHECK(json_of(nested(json_tokens::depth_max), room).value().size() == 2 * json_tokens::depth_max);
  CHECK(refused(nested(json_tokens::depth_max + 1)));
}

TEST_CASE("counts and sizes beyond what is there are refused") {
  CHECK(refused(bytes_of({0xDD, 0xFF, 0xFF, 0xFF, 0xFF})));
  CHECK(refused(bytes_of({0xDF, 0xFF, 0xFF, 0xFF, 0xFF, 0xA0})));
  CHECK(refused(bytes_of({0x91, 0xDB, 0xFF, 0xFF, 0xFF, 0xFF, 'a'})));
  CHECK(refused(bytes_of({0x91, 0xC9, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 'a'})));
}
