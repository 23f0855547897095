#include "apps/commands/terminal.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "apps/commands/content.hpp"
#include "apps/commands/json_text.hpp"
#include "apps/commands/progress.hpp"

using namespace holdfast::apps;

TEST_CASE("control characters do not reach a terminal") {
  CHECK(printable("a\x1b[31mb\x07\x7f\n\tc\r") == "a[31mb\n\tc");
  CHECK(printable("caf\xc3\xa9 \xc2\x9b"
                  "31m \xc2\xa0|") == "caf\xc3\xa9 31m \xc2\xa0|");
}

TEST_CASE("the first line of a text is the first with words") {
  CHECK(first_line("\n\n  Reads a file. \r\nMore.") == "Reads a file.");
  CHECK(first_line("a\tb") == "a b");
  CHECK(first_line(" \n ") == "");
  CHECK(first_line("") == "");
}

TEST_CASE("text is cut by characters, not bytes") {
  CHECK(cut("äöü", 3) == "äöü");
  CHECK(cut("äöüß", 3) == "äö…");
  CHECK(cut("", 3) == "");
}

TEST_CASE("a table aligns its columns and cuts the last one") {
  std::ostringstream out;
  print_table(out, {"NAME", "DESCRIPTION"},
              {{"ä", "short"}, {"longer", "a description of more than thirty characters"}}, 38);
  CHECK(out.str() ==
        "NAME    DESCRIPTION\n"
        "ä       short\n"
        "longer  a description of more than th…\n");
  std::ostringstream wide;
  print_table(wide, {"A", "B"}, {{"x", ""}, {"y", std::string(500, 'z')}}, 0);
  CHECK(wide.str() == "A  B\nx\ny  " + std::string(500, 'z') + "\n");
}

namespace {

std::string shown(const std::string& result, bool to_terminal = false) {
  std::ostringstream out;
  print_content(out, result, to_terminal);
  return out.str();
}

}  // namespace

TEST_CASE("texts of a result are printed as they are, each ended by one line end") {
  CHECK(shown(R"({"content":[{"type":"text","text":"a\nb"},{"type":"text","text":"c\n"}]})") == "a\nb\nc\n");
  CHECK(shown(R"({"content":[{"type":"text","text":"\u001b[31m"}]})") == "\x1b[31m\n");
  CHECK(shown(R"({"content":[{"type":"text","text":"\u001b[31m"}]})", true) == "[31m\n");
}

TEST_CASE("what is no text is summed up in a line") {
  CHECK(shown(R"({"content":[{"type":"image","data":"aGVsbG8=","mimeType":"image/png"}]})") ==
        "[image: image/png, 5 bytes]\n");
  CHECK(shown(R"({"content":[{"type":"resource_link","uri":"file:///a","name":"a"}]})") == "[link: file:///a]\n");
  CHECK(shown(R"({"content":[{"type":"resource","resource":{"uri":"x:y","text":"inside"}}]})") ==
        "[resource: x:y]\ninside\n");
  CHECK(shown(R"({"content":[{"type":"resource","resource":{"uri":"x:y","blob":"AAAA"}}]})") ==
        "[resource: x:y, unknown type, 3 bytes]\n");
  CHECK(shown(R"({"content":[{"type":"hologram"}]})") == "[hologram]\n");
}

TEST_CASE("structured content is printed where there is no other") {
  CHECK(shown(R"({"content":[],"structuredContent":{"a":1}})") == "{\"a\":1}\n");
  CHECK(shown(R"({"structuredContent":{"a":1}})") == "{\"a\":1}\n");
  CHECK(shown(R"({"content":[{"type":"text","text":"t"}],"structuredContent":{"a":1}})") == "t\n");
  CHECK(shown("{}") == "");
}

namespace {

std::string progress(const std::string& params) {
  return R"({"jsonrpc":"2.0","method":"notifications/progress","params":)" + params + "}";
}

}  // namespace

TEST_CASE("progress is a line each where there is no terminal") {
  std::ostringstream out;
  progress_display display(out, false);
  display.show(progress(R"({"progressToken":1,"progress":3,"total":10,"message":"three\nfour"})"));
  display.show(progress(R"({"progressToken":1,"progress":7})"));
  display.show(progress(R"({"progressToken":1,"progress":12,"total":10})"));
  display.show(progress(R"({"progressToken":1,"progress":1,"total":0})"));
  display.show(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}})");
  display.clear();
  CHECK(out.str() == "30% (3/10) three\n7\n100% (12/10)\n1\n");
}

TEST_CASE("progress is one line that goes away on a terminal") {
  std::ostringstream out;
  progress_display display(out, true);
  display.clear();
  CHECK(out.str() == "");
  display.show(progress(R"({"progressToken":1,"progress":1,"total":2})"));
  display.clear();
  display.clear();
  CHECK(out.str() == "\r\x1b[K50% (1/2)\r\x1b[K");
}

TEST_CASE("trouble with JSON is told with its place") {
  CHECK_FALSE(json_trouble(R"({"a":[1,2,{"b":"ü"}]})").has_value());
  CHECK_FALSE(json_trouble(std::string(10'000, '[') + std::string(10'000, ']')).has_value());
  for (const char* bad : {"", " ", "{", "{a:1}", "[1,]", "{}{}", "\"\xff\"", "01", "nul"}) {
    CAPTURE(bad);
    REQUIRE(json_trouble(bad).has_value());
    CHECK(json_trouble(bad)->starts_with("at character "));
  }
  CHECK(json_trouble("{a")->starts_with("at character 2:"));
}

TEST_CASE("members are read as text and as numbers") {
  const std::string object = R"({"s":"x","n":-1.5e3,"o":{},"t":true})";
  CHECK(text_member(object, "s") == "x");
  CHECK(text_member(object, "n") == "");
  CHECK(text_member(object, "none") == "");
  CHECK(number_member(object, "n") == "-1.5e3");
  CHECK(number_member(object, "s") == "-");
  CHECK(number_member(object, "none") == "-");
}
