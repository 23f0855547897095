#include <doctest/doctest.h>

#include "transport/mcp/classify.hpp"

using namespace holdfast::mcp;

namespace {

constexpr std::string_view not_sent;

const access_rules local{.hosts = {"localhost", "127.0.0.1", "[::1]"}, .origins = {}};

}  // namespace

TEST_CASE("A host is allowed by its name, whatever its case, port and trailing dot") {
  for (const char* host : {"localhost", "localhost:8080", "LOCALHOST", "LocalHost:1", "localhost.", "localhost.:80",
                           "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8080"}) {
    CAPTURE(host);
    CHECK(allowed(local, host, not_sent));
  }
}

TEST_CASE("Other hosts and things that are no hosts are not allowed") {
  for (const char* host : {"",
                           "evil.example",
                           "localhost.evil.example",
                           "evil-localhost",
                           "localhost..",
                           "127.0.0.2",
                           "::1",
                           "[::1",
                           "[]",
                           "[::2]",
                           "[::1]x",
                           "[::1]:",
                           "[::1]:x",
                           "localhost:",
                           "localhost:80:80",
                           "localhost:123456",
                           "localhost:-1",
                           "localhost/x",
                           "user@localhost",
                           "localhost ",
                           " localhost",
                           "localhost,evil.example",
                           "localhost\t",
                           "."}) {
    CAPTURE(host);
    CHECK_FALSE(allowed(local, host, not_sent));
  }
  CHECK_FALSE(allowed(local, not_sent, not_sent));
}

TEST_CASE("A star allows any host, but not a missing one") {
  const access_rules any{.hosts = {"*"}, .origins = {}};
  CHECK(allowed(any, "evil.example:80", not_sent));
  CHECK_FALSE(allowed(any, not_sent, not_sent));
  CHECK_FALSE(allowed(any, "", not_sent));
  CHECK_FALSE(allowed(any, "a b", not_sent));
}

TEST_CASE("Without a list of origins, those on an allowed host are allowed") {
  for (const char* origin : {"http://localhost", "http://localhost:3000", "https://localhost:3000", "http://127.0.0.1",
                             "http://[::1]:5173"}) {
    CAPTURE(origin);
    CHECK(allowed(local, "localhost", origin));
  }
  for (const char* origin : {"", "null", "http://evil.example", "http://localhost.evil.example", "http://", "localhost",
                             "file://localhost", "http://localhost/", "http://localhost@evil.example",
                             "http://evil.example#localhost", "http://localhost:3000, http://evil.example"}) {
    CAPTURE(origin);
    CHECK_FALSE(allowed(local, "localhost", origin));
  }
}

TEST_CASE("A list of origins allows exactly those") {
  const access_rules listed{.hosts = {"localhost"}, .origins = {"https://app.example.com", "null"}};
  CHECK(allowed(listed, "localhost", "https://app.example.com"));
  CHECK(allowed(listed, "localhost", "null"));
  CHECK(allowed(listed, "localhost", not_sent));
  CHECK_FALSE(allowed(listed, "localhost", "http://localhost"));
  CHECK_FALSE(allowed(listed, "localhost", "https://app.example.com:444"));
  CHECK_FALSE(allowed(listed, "evil.example", "https://app.example.com"));
}

TEST_CASE("A star among the origins allows any origin, on an allowed host only") {
  const access_rules any{.hosts = {"localhost"}, .origins = {"*"}};
  CHECK(allowed(any, "localhost", "https://evil.example"));
  CHECK(allowed(any, "localhost", "null"));
  CHECK_FALSE(allowed(any, "evil.example", "http://localhost"));
}

TEST_CASE("An Accept header admits the types it names, by whole or by wildcard") {
  for (const char* header :
       {"text/event-stream", "TEXT/Event-Stream", "*/*", "text/*", "application/json, text/event-stream",
        "application/json,text/event-stream", " , text/event-stream ,", "text/event-stream;q=0.5",
        "text/event-stream;charset=utf-8", "a/b;x=\"1,2\", text/event-stream", "text/event-stream ; q=0.001",
        "*/*;q=0, text/event-stream", "text/*;q=0, text/event-stream;q=1", "a/b;x=\"\\\",\", text/event-stream",
        "text/event-stream;q=0, text/event-stream"}) {
    CAPTURE(header);
    CHECK(accepts(header, "text/event-stream"));
  }
  for (const char* header :
       {"", "application/json", "text/html", "text", "text/", "/event-stream", "text/event-streams", "application/*",
        "text/event-stream;q=0", "text/event-stream; Q=0.000", "*/*, text/event-stream;q=0",
        "text/*, text/event-stream;q=0.0", "*/*;q=0", "a/b;x=\", text/event-stream\"", "*", "*/event-stream"}) {
    CAPTURE(header);
    CHECK_FALSE(accepts(header, "text/event-stream"));
  }
  CHECK_FALSE(accepts(not_sent, "text/event-stream"));
}

TEST_CASE("JSON is told by the media type alone") {
  for (const char* type :
       {"application/json", "Application/JSON", "application/json;charset=utf-8", "application/json ; x"}) {
    CAPTURE(type);
    CHECK(is_json(type));
  }
  for (const char* type : {"", "text/plain", "application/jsonx", "application/json-rpc", "text/plain;application/json",
                           "application/json, text/plain"}) {
    CAPTURE(type);
    CHECK_FALSE(is_json(type));
  }
}
