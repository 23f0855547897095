#include "transport/mcp/classify.hpp"

#include <doctest/doctest.h>

#include <string>

#include "transport/mcp/messages.hpp"

using namespace holdfast::mcp;
using kind = classified::kind;
using verb = http_facts::verb;

namespace {

constexpr std::string_view both_types = "application/json, text/event-stream";
constexpr std::string_view ping = R"({"jsonrpc":"2.0","id":5,"method":"ping"})";
constexpr std::string_view initialize = R"({"jsonrpc":"2.0","id":5,"method":"initialize","params":{}})";

http_facts post(std::string_view body) {
  http_facts f;
  f.method = verb::post;
  f.host = "localhost";
  f.accept = both_types;
  f.content_type = "application/json";
  f.body = body;
  return f;
}

http_facts post_in_session(std::string_view body) {
  http_facts f = post(body);
  f.session_id = "s";
  return f;
}

http_facts get() {
  http_facts f;
  f.method = verb::get;
  f.accept = "text/event-stream";
  f.session_id = "s";
  return f;
}

// "400 -32600 id 5", or what it is if it is not refused.
std::string verdict(const http_facts& facts, std::size_t batch_max = 10) {
  const auto c = classify(facts, batch_max);
  switch (c.what) {
    case kind::open_stream: return "open_stream";
    case kind::end_session: return "end_session";
    case kind::initialize: return "initialize";
    case kind::single: return "single";
    case kind::batch: return "batch of " + std::to_string(c.batch.size());
    case kind::refused: break;
  }
  const auto e = scan(c.refused.body).value();
  CHECK_FALSE(string_value(member(e.error, "message")).value().empty());
  std::string text = std::to_string(c.refused.status) + " " + std::string(member(e.error, "code"));
  if (e.id.data() != nullptr) text += " id " + std::string(e.id);
  return text;
}

std::string claim(std::string_view raw_version, std::string_view method_name = "server/discover") {
  return R"({"jsonrpc":"2.0","id":"p1","method":")" + std::string(method_name) +
         R"(","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":)" + std::string(raw_version) +
         R"(,"io.modelcontextprotocol/clientCapabilities":{}}}})";
}

}  // namespace

TEST_CASE("GET with a session id opens a stream, if the client accepts one") {
  auto f = get();
  CHECK(verdict(f) == "open_stream");
  f.last_event_id = "7";
  CHECK(verdict(f) == "open_stream");
  f.accept = "*/*";
  CHECK(verdict(f) == "open_stream");
  for (const char* accept : {"", "application/json", "text/html"}) {
    f.accept = accept;
    CHECK(verdict(f) == "406 -32000");
  }
  f = get();
  f.session_id = {};
  CHECK(verdict(f) == "400 -32000");
  f.session_id = "";
  CHECK(verdict(f) == "400 -32000");
}

TEST_CASE("DELETE with a session id ends the session, whatever it accepts") {
  http_facts f;
  f.method = verb::del;
  CHECK(verdict(f) == "400 -32000");
  f.session_id = "s";
  CHECK(verdict(f) == "end_session");
}

TEST_CASE("Other methods are refused with the ones that are allowed") {
  http_facts f = post_in_session(ping);
  f.method = verb::other;
  const auto c = classify(f, 10);
  CHECK(c.what == kind::refused);
  CHECK(c.refused.status == 405);
  CHECK(c.refused.allow == "GET, POST, DELETE");
}

TEST_CASE("POST needs a JSON body and a client that reads both kinds of answer") {
  auto f = post_in_session(ping);
  CHECK(verdict(f) == "single");
  f.content_type = "Application/JSON; charset=utf-8";
  CHECK(verdict(f) == "single");
  for (std::string_view type : {std::string_view(), std::string_view("text/plain"), std::string_view("")}) {
    f.content_type = type;
    CHECK(verdict(f) == "415 -32000");
  }
  f = post_in_session(ping);
  f.accept = "*/*";
  CHECK(verdict(f) == "single");
  f.accept = "application/*, text/*";
  CHECK(verdict(f) == "single");
  for (std::string_view accept : {std::string_view(), std::string_view("application/json"),
                                  std::string_view("text/event-stream"), std::string_view("text/html")}) {
    f.accept = accept;
    CHECK(verdict(f) == "406 -32000");
  }
}

TEST_CASE("The content type is judged before Accept, and both before the body") {
  auto f = post("{");
  f.content_type = "text/plain";
  f.accept = "text/html";
  CHECK(verdict(f) == "415 -32000");
  f.content_type = "application/json";
  CHECK(verdict(f) == "406 -32000");
  f.accept = both_types;
  CHECK(verdict(f) == "400 -32700");
}

TEST_CASE("A body that is no JSON is a parse error, one that is no message an invalid request") {
  for (const char* body : {"", "{", "x", "[1", R"({"jsonrpc":"2.0","id":1,"id":1,"method":"m"})", "{}x"}) {
    CAPTURE(body);
    CHECK(verdict(post_in_session(body)) == "400 -32700");
  }
  CHECK(verdict(post_in_session("{}")) == "400 -32600");
  CHECK(verdict(post_in_session("7")) == "400 -32600");
  CHECK(verdict(post_in_session(R"({"jsonrpc":"1.0","id":5,"method":"m"})")) == "400 -32600 id 5");
  CHECK(verdict(post_in_session(R"({"jsonrpc":"2.0","id":"a","method":"m","params":null})")) == "400 -32600 id \"a\"");
  CHECK(verdict(post_in_session(R"({"jsonrpc":"2.0","id":{},"method":"m"})")) == "400 -32600");
}

TEST_CASE("A malformed answer is refused without its id, which is one of ours") {
  CHECK(verdict(post_in_session(R"({"jsonrpc":"2.0","id":5,"result":{},"error":{}})")) == "400 -32600");
}

TEST_CASE("Initialize needs no session and must have none") {
  auto f = post(initialize);
  CHECK(verdict(f) == "initialize");
  const auto c = classify(f, 10);
  CHECK(c.message.id == "5");
  CHECK(c.message.params == "{}");
  f.session_id = "s";
  CHECK(verdict(f) == "400 -32600 id 5");
}

TEST_CASE("Initialize may come with any version header but one that names a revision without initialize") {
  auto f = post(initialize);
  for (const char* version : {"2025-11-25", "2024-11-05", "1.0", ""}) {
    f.protocol_version = version;
    CHECK(verdict(f) == "initialize");
  }
  f.protocol_version = "2026-07-28";
  CHECK(verdict(f) == "400 -32020 id 5");
}

TEST_CASE("An initialize without id is no request and begins nothing") {
  CHECK(verdict(post(R"({"jsonrpc":"2.0","method":"initialize"})")) == "400 -32000");
  CHECK(verdict(post_in_session(R"({"jsonrpc":"2.0","method":"initialize"})")) == "single");
}

TEST_CASE("A claim to a modern revision is refused in the way that makes clients fall back") {
  const std::string body = claim(R"("2026-07-28")");
  auto f = post(body);
  f.protocol_version = "2026-07-28";
  const auto c = classify(f, 10);
  CHECK(c.what == kind::refused);
  CHECK(c.refused.status == 400);
  const auto e = scan(c.refused.body).value();
  CHECK(e.id == R"("p1")");
  CHECK(member(e.error, "code") == "-32022");
  CHECK(member(e.error, "data") ==
        R"({"supported":["2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"requested":"2026-07-28"})");
  CHECK(string_value(member(e.error, "message")).value().find("2026-07-28") != std::string::npos);
}

TEST_CASE("The body's claim decides, whatever the headers and the method say") {
  for (const char* method_name : {"server/discover", "tools/call", "initialize", "x"}) {
    const std::string body = claim(R"("2026-07-28")", method_name);
    CHECK(verdict(post(body)) == "400 -32022 id \"p1\"");
    CHECK(verdict(post_in_session(body)) == "400 -32022 id \"p1\"");
    auto f = post(body);
    f.protocol_version = "2025-11-25";
    CHECK(verdict(f) == "400 -32022 id \"p1\"");
  }
  CHECK(verdict(post(claim(R"("2099-01-01")"))) == "400 -32022 id \"p1\"");
  CHECK(verdict(post(claim("7"))) == "400 -32602 id \"p1\"");
  CHECK(verdict(post(claim("null"))) == "400 -32602 id \"p1\"");
}

TEST_CASE("A claim to a legacy revision changes nothing") {
  CHECK(verdict(post_in_session(claim(R"("2025-11-25")"))) == "single");
  CHECK(verdict(post(claim(R"("2025-11-25")"))) == "400 -32000 id \"p1\"");
}

TEST_CASE("The revisions offered are all legacy ones, newest first") {
  const std::string body = claim(R"("2026-07-28")");
  const auto c = classify(post(body), 10);
  const auto error = scan(c.refused.body).value().error;
  const auto offered = elements(member(member(error, "data"), "supported")).value();
  REQUIRE(offered.size() == static_cast<std::size_t>(newest_legacy) + 1);
  for (std::size_t i = 0; i < offered.size(); ++i) {
    const auto r = parse_revision(string_value(offered[i]).value());
    REQUIRE(r.has_value());
    CHECK(static_cast<std::size_t>(*r) == static_cast<std::size_t>(newest_legacy) - i);
  }
}

TEST_CASE("A modern version header without a claim in the body is malformed") {
  auto f = post(ping);
  for (const char* version : {"2026-07-28", "2099-01-01", "x", ""}) {
    f.protocol_version = version;
    CHECK(verdict(f) == "400 -32602 id 5");
  }
  f.protocol_version = "2025-06-18";
  CHECK(verdict(f) == "400 -32000 id 5");
}

TEST_CASE("Inside a session the version header must name a legacy revision or be missing") {
  for (auto f : {post_in_session(ping), get()}) {
    for (const char* version : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
      f.protocol_version = version;
      CHECK(verdict(f) == (f.method == verb::get ? "open_stream" : "single"));
    }
    for (const char* version : {"2026-07-28", "2025-11-26", "", "x"}) {
      f.protocol_version = version;
      const auto c = classify(f, 10);
      CHECK(verdict(f).starts_with("400 -32000"));
      CHECK(c.refused.body.find("2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05") != std::string::npos);
    }
  }
}

TEST_CASE("Everything but initialize needs a session") {
  CHECK(verdict(post(ping)) == "400 -32000 id 5");
  CHECK(verdict(post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})")) == "400 -32000");
  CHECK(verdict(post(R"({"jsonrpc":"2.0","id":5,"result":{}})")) == "400 -32000");
  CHECK(verdict(post(R"({"jsonrpc":"2.0","id":"d","method":"server/discover"})")) == "400 -32000 id \"d\"");
}

TEST_CASE("Inside a session requests, notifications and answers are single messages") {
  const std::string_view body = R"({"jsonrpc":"2.0","id":9,"error":{"code":-1,"message":""}})";
  const auto f = post_in_session(body);
  const auto c = classify(f, 10);
  CHECK(c.what == kind::single);
  CHECK(c.message.kind == message_kind::answer);
  CHECK(c.message.error.data() > body.data());
  CHECK(verdict(post_in_session(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})")) ==
        "single");
}

TEST_CASE("A batch inside a session comes as its raw messages") {
  const std::string_view body = R"( [ {"jsonrpc":"2.0","id":1,"method":"ping"} , {"jsonrpc":"2.0","method":"x"} ] )";
  const auto c = classify(post_in_session(body), 10);
  REQUIRE(c.what == kind::batch);
  CHECK(c.batch[0] == R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
  CHECK(c.batch[1] == R"({"jsonrpc":"2.0","method":"x"})");
  CHECK(verdict(post_in_session(body), 2) == "batch of 2");
  CHECK(verdict(post_in_session(body), 1) == "400 -32600");
  CHECK(verdict(post(body)) == "400 -32000");
}

TEST_CASE("A batch must be whole, not empty, and hold neither initialize nor a modern claim") {
  const auto batch = [](std::string_view second) {
    return R"([{"jsonrpc":"2.0","id":1,"method":"ping"},)" + std::string(second) + "]";
  };
  CHECK(verdict(post_in_session("[]")) == "400 -32600");
  CHECK(verdict(post_in_session(" [ ] ")) == "400 -32600");
  CHECK(verdict(post_in_session(batch(""))) == "400 -32700");
  CHECK(verdict(post_in_session(batch("{}"))) == "400 -32600");
  CHECK(verdict(post_in_session(batch("[]"))) == "400 -32600");
  CHECK(verdict(post_in_session(batch("1"))) == "400 -32600");
  CHECK(verdict(post_in_session(batch(R"({"jsonrpc":"2.0","id":1,"id":1,"method":"m"})"))) == "400 -32700");
  CHECK(verdict(post_in_session(batch(initialize))) == "400 -32600");
  CHECK(verdict(post(batch(initialize))) == "400 -32600");
  CHECK(verdict(post_in_session(batch(claim(R"("2026-07-28")")))) == "400 -32600");
  const std::string two = batch(ping);
  auto f = post(two);
  f.protocol_version = "2026-07-28";
  CHECK(verdict(f) == "400 -32600");
}
