#include "transport/sse_parser.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using holdfast::transport::sse_event;
using holdfast::transport::sse_parser;

namespace {

// Events written out one after another, so that they compare as text.
struct transcript {
  std::string text;
  bool within_limit = true;
  std::optional<unsigned> retry_ms;
  std::string last_id;
  bool operator==(const transcript&) const = default;
};

transcript parse(const std::vector<std::string>& chunks, std::size_t limit = 1000) {
  transcript t;
  sse_parser parser(limit);
  for (const auto& chunk : chunks) {
    t.within_limit = parser.feed(chunk, [&](const sse_event& e) {
      t.text += "[" + std::string(e.type) + "|" + std::string(e.data) + (e.id ? "|" + std::string(*e.id) : "") + "]";
    });
    if (!t.within_limit) break;
  }
  t.retry_ms = parser.retry_ms();
  t.last_id = parser.last_event_id();
  return t;
}

std::string events(const std::string& stream) { return parse({stream}).text; }

}  // namespace

TEST_CASE("Lines end in LF, CR or CRLF") {
  CHECK(events("data: a\n\ndata: b\n\n") == "[|a][|b]");
  CHECK(events("data: a\r\rdata: b\r\r") == "[|a][|b]");
  CHECK(events("data: a\r\n\r\ndata: b\r\n\r\n") == "[|a][|b]");
  CHECK(events("data: a\r\n\rdata: b\n\r\n") == "[|a][|b]");
  CHECK(events("data: a\n\rdata: b\r\n\n") == "[|a][|b]");
}

TEST_CASE("Data lines are joined by LF, without a last one") {
  CHECK(events("data: a\ndata: b\ndata\ndata:\ndata: c\n\n") == "[|a\nb\n\n\nc]");
}

TEST_CASE("One space after the colon belongs to the syntax, a second one to the value") {
  CHECK(events("data:a\n\ndata: a\n\ndata:  a\n\ndata:\ta\n\ndata: a:b\n\n") == "[|a][|a][| a][|\ta][|a:b]");
}

TEST_CASE("The event's type is that of its last event line and lasts for one event") {
  CHECK(events("event: a\nevent: b\ndata: 1\n\ndata: 2\n\nevent\ndata: 3\n\n") == "[b|1][|2][|3]");
}

TEST_CASE("Comments, unknown fields and lines without meaning are ignored") {
  CHECK(events(": hello\n:\n\nfoo: bar\nDATA: x\n data: y\ndatax: z\n\ndata: 1\n: in between\n\n") == "[|1]");
}

TEST_CASE("An event without data and id is not dispatched and its type is dropped") {
  CHECK(events("event: a\n\ndata: 1\n\n") == "[|1]");
  CHECK(events("\n\n\n") == "");
}

TEST_CASE("Empty data is data") { CHECK(events("data\n\ndata:\n\ndata: \n\n") == "[|][|][|]"); }

TEST_CASE("An event with an id and no data is dispatched, as the priming event is") {
  CHECK(events("id: 7\n\n") == "[||7]");
  CHECK(events("id: 7\ndata:\n\n") == "[||7]");
}

TEST_CASE("An event shows an id only if it carries one, while the parser remembers the last") {
  const auto t = parse({"id: 7\ndata: a\n\ndata: b\n\n"});
  CHECK(t.text == "[|a|7][|b]");
  CHECK(t.last_id == "7");
  CHECK(parse({"id: 7\ndata: a\n\nid\ndata: b\n\n"}).last_id == "");
  CHECK(parse({"id: 7\ndata: a\n\nid\ndata: b\n\n"}).text == "[|a|7][|b|]");
}

TEST_CASE("An id with a NUL is ignored") {
  const auto t = parse({std::string("id: 7\n\nid: a\0b\ndata: x\n\n", 24)});
  CHECK(t.text == "[||7][|x]");
  CHECK(t.last_id == "7");
}

TEST_CASE("A retry field counts if it is digits only and fits") {
  CHECK(parse({"retry: 1500\n"}).retry_ms == 1500u);
  CHECK(parse({"retry:0\n"}).retry_ms == 0u);
  for (const char* line :
       {"retry: 10\nretry: 1x\n", "retry: 10\nretry: -1\n", "retry: 10\nretry\n", "retry: 10\nretry:\n",
        "retry: 10\nretry: 1.5\n", "retry: 10\nretry: 99999999999\n", "retry: 10\nretry:  7\n"}) {
    CAPTURE(line);
    CHECK(parse({line}).retry_ms == 10u);
  }
  CHECK_FALSE(parse({"data: x\n\n"}).retry_ms.has_value());
}

TEST_CASE("A byte order mark is skipped at the start of the stream only") {
  CHECK(events("\xEF\xBB\xBF"
               "data: a\n\n\xEF\xBB\xBF"
               "data: b\n\n") == "[|a]");
  CHECK(events("\xEF\xBB\xBF\xEF\xBB\xBF"
               "data: a\n\n") == "");
  CHECK(events("\xEF\xBB"
               "data: a\n\n") == "");
}

TEST_CASE("An unfinished event is not dispatched") {
  CHECK(events("data: a\n") == "");
  CHECK(events("data: a") == "");
}

TEST_CASE("A line over the limit ends the parsing, whether it is finished or not") {
  CHECK(parse({"data: 4567\n\n"}, 10).within_limit);
  CHECK_FALSE(parse({"data: 45678\n\n"}, 10).within_limit);
  CHECK_FALSE(parse({"data: ", "45678"}, 10).within_limit);
  CHECK_FALSE(parse({": comments count too"}, 10).within_limit);
}

TEST_CASE("An event over the limit ends the parsing, though each line is within it") {
  CHECK(parse({"data:45678\ndata:1234\n\n"}, 10).within_limit);
  CHECK_FALSE(parse({"data:45678\ndata:12345\n\n"}, 10).within_limit);
  CHECK(parse({"data:12345\n\ndata:12345\n\ndata:12345\n\n"}, 10).within_limit);
  const auto t = parse({"data:1\n\ndata: 4567890123\n\n"}, 10);
  CHECK(t.text == "[|1]");
  CHECK_FALSE(t.within_limit);
}

TEST_CASE("A stream of lone carriage returns costs no more than any other") {
  std::string stream(1'000'000, '\r');
  stream += "data: x\n\n";
  CHECK(events(stream) == "[|x]");
}

TEST_CASE("However a stream is cut, it yields the same") {
  std::mt19937 random(20251125);
  const std::vector<std::string> pieces{"data: a",
                                        "data:",
                                        "data",
                                        "id: 1",
                                        "id",
                                        "event: e",
                                        "retry: 12",
                                        ": c",
                                        "x: y",
                                        "\n",
                                        "\n",
                                        "\r",
                                        "\r",
                                        "\r\n",
                                        "\r\n",
                                        "\xEF\xBB\xBF",
                                        std::string("id: \0", 5)};
  for (int round = 0; round < 3000; ++round) {
    std::string stream;
    for (int i = 0; i < 30; ++i) stream += pieces[random() % pieces.size()];
    const std::size_t limit = random() % 4 == 0 ? 4 + random() % 20 : 1000;
    const transcript whole = parse({stream}, limit);
    std::vector<std::string> cut, bytes;
    for (std::size_t from = 0; from < stream.size();) {
      const std::size_t size = random() % 6;
      cut.push_back(stream.substr(from, size));
      from += size;
    }
    for (char c : stream) bytes.emplace_back(1, c);
    CAPTURE(stream);
    REQUIRE(parse(cut, limit) == whole);
    REQUIRE(parse(bytes, limit) == whole);
  }
}
