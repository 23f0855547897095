#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "transport/http_request_reader_impl.hpp"

using holdfast::transport::http_limits;
using holdfast::transport::http_method;
using holdfast::transport::http_request_reader;
using state = http_request_reader::state;

namespace {

void fill(http_request_reader& r, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto room = r.space();
    REQUIRE_FALSE(room.empty());
    const auto n = std::min(room.size(), bytes.size());
    bytes.copy(room.data(), n);
    r.filled(n);
    bytes.remove_prefix(n);
  }
}

/// Feeds in steps, advancing after each like a connection does, and returns the last state.
state feed(http_request_reader& r, std::string_view bytes, std::size_t step = 1000) {
  state s = state::need_more;
  for (; !bytes.empty() && s == state::need_more; bytes.remove_prefix(std::min(step, bytes.size()))) {
    fill(r, bytes.substr(0, step));
    s = r.advance();
  }
  return s;
}

/// The status a request is refused with; 0 if it is accepted, -1 if more is awaited.
int verdict(std::string_view bytes, const http_limits& limits = {}) {
  http_request_reader r(limits);
  switch (feed(r, bytes)) {
    case state::complete: return 0;
    case state::need_more: return -1;
    case state::failed: return r.status();
  }
  return -2;
}

const std::string plain_post =
    "POST /mcp?x=1&y HTTP/1.1\r\nhost: a.example:7420\r\nOrigin:  http://b \r\nAccept: application/json\r\n"
    "ACCEPT: text/event-stream\r\nContent-Type: application/json\r\nAuthorization: Bearer t\r\nMcp-Session-Id: s1\r\n"
    "MCP-Protocol-Version: 2025-06-18\r\nLast-Event-ID:\r\ntraceparent: 00-1\r\nHoldfast-Repeated: 1\r\n"
    "Holdfast-Awaited: 1,2\r\nHoldfast-User: ann\r\n"
    "X-Unknown: u\r\n"
    "Content-Length: 11\r\n\r\nhello world";

const std::string chunked_post =
    "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nMcp-Session-Id: s2\r\n\r\n"
    "5\r\nhello\r\n1;ext=\"v\"\r\n \r\n00005\r\nworld\r\n0\r\nHost: trailer\r\nX-T: 1\r\n\r\n";

}  // namespace

TEST_CASE("all that the handler may ask for is taken from a request, cut at any byte") {
  const http_limits limits;
  for (std::size_t cut = 1; cut < plain_post.size(); ++cut) {
    http_request_reader r(limits);
    REQUIRE(feed(r, plain_post.substr(0, cut)) == state::need_more);
    REQUIRE(feed(r, plain_post.substr(cut)) == state::complete);
    const auto& q = r.request();
    CHECK(q.method == http_method::post);
    CHECK(q.path == "/mcp");
    CHECK(q.query == "x=1&y");
    CHECK(q.host == "a.example:7420");
    CHECK(q.origin == "http://b");
    CHECK(q.accept == "application/json, text/event-stream");
    CHECK(q.content_type == "application/json");
    CHECK(q.authorization == "Bearer t");
    CHECK(q.session_id == "s1");
    CHECK(q.protocol_version == "2025-06-18");
    CHECK(q.last_event_id.data() != nullptr);
    CHECK(q.last_event_id.empty());
    CHECK(q.traceparent == "00-1");
    CHECK(q.repeated == "1");
    CHECK(q.awaited == "1,2");
    CHECK(q.user == "ann");
    CHECK(q.body == "hello world");
    CHECK(r.keep_alive());
  }
}

TEST_CASE("a chunked body is put together, cut at any byte, and its trailer changes nothing") {
  const http_limits limits;
  for (std::size_t cut = 1; cut < chunked_post.size(); ++cut) {
    http_request_reader r(limits);
    REQUIRE(feed(r, chunked_post.substr(0, cut)) == state::need_more);
    REQUIRE(feed(r, chunked_post.substr(cut)) == state::complete);
    CHECK(r.request().body == "hello world");
    CHECK(r.request().host == "h");
    CHECK(r.request().session_id == "s2");
  }
  http_request_reader r(limits);
  REQUIRE(feed(r, chunked_post, 1) == state::complete);
  CHECK(r.request().body == "hello world");
}

TEST_CASE("an empty chunked body may come byte by byte") {
  const http_limits limits;
  http_request_reader r(limits);
  REQUIRE(feed(r, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1) == state::complete);
  CHECK(r.request().body.empty());
}

TEST_CASE("a header that was not sent has null data") {
  const http_limits limits;
  http_request_reader r(limits);
  REQUIRE(feed(r, "GET / HTTP/1.1\r\nHost: h\r\n\r\n") == state::complete);
  CHECK(r.request().origin.data() == nullptr);
  CHECK(r.request().session_id.data() == nullptr);
  CHECK(r.request().query.data() == nullptr);
  CHECK(r.request().method == http_method::get);
}

TEST_CASE("requests that follow each other in the buffer are all found, in steps of any size") {
  const http_limits limits;
  std::string all;
  for (int i = 0; i < 40; ++i) all += i % 2 ? plain_post : chunked_post;
  for (const std::size_t step : {1u, 7u, 300u, 4096u, 100000u}) {
    http_request_reader r(limits);
    int seen = 0;
    for (std::string_view rest = all; !rest.empty(); rest.remove_prefix(std::min(step, rest.size()))) {
      fill(r, rest.substr(0, step));
      while (r.buffered() > 0 && r.advance() == state::complete) {
        CHECK(r.request().body == "hello world");
        CHECK(r.request().session_id == (seen % 2 ? "s1" : "s2"));
        ++seen;
        r.next();
      }
    }
    CHECK(seen == 40);
    CHECK(r.buffered() == 0);
  }
}

TEST_CASE("a complete request stays where it is while bytes come in behind it") {
  const http_limits limits;
  http_request_reader r(limits);
  REQUIRE(feed(r, plain_post) == state::complete);
  const std::string_view host = r.request().host, body = r.request().body;
  while (!r.space().empty()) fill(r, "G");
  CHECK(r.request().host.data() == host.data());
  CHECK(host == "a.example:7420");
  CHECK(body == "hello world");
}

TEST_CASE("large bodies arrive whole") {
  const http_limits limits;
  std::string body(3'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 997) body[i] = static_cast<char>('a' + i % 26);
  http_request_reader r(limits);
  REQUIRE(feed(r, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" + body, 60'000) == state::complete);
  CHECK(r.request().body == body);
  CHECK(r.request().host == "h");
  r.next();
  std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 100'000) chunked += "186A0\r\n" + body.substr(at, 100'000) + "\r\n";
  REQUIRE(feed(r, chunked + "0\r\n\r\n", 60'000) == state::complete);
  CHECK(r.request().body == body);
  CHECK(r.request().host == "h");
  r.next();
  REQUIRE(feed(r, plain_post) == state::complete);
  CHECK(r.request().body == "hello world");
}

TEST_CASE("an announced length allocates nothing before its bytes come") {
  const http_limits limits;
  http_request_reader r(limits);
  REQUIRE(feed(r, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n") == state::need_more);
  CHECK(r.space().size() < 20'000);
}

TEST_CASE("empty lines before a request are skipped") {
  CHECK(verdict("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n") == 0);
  CHECK(verdict("\r\n\r\n") == -1);
}

TEST_CASE("keep-alive follows the version and the Connection header") {
  const http_limits limits;
  const auto lasting = [&](std::string_view text) {
    http_request_reader r(limits);
    REQUIRE(feed(r, text) == state::complete);
    return r.keep_alive();
  };
  CHECK(lasting("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  CHECK_FALSE(lasting("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  CHECK_FALSE(lasting("GET / HTTP/1.0\r\n\r\n"));
  CHECK(lasting("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST_CASE("the absolute form names the host") {
  const http_limits limits;
  http_request_reader r(limits);
  REQUIRE(feed(r, "GET http://real.example/p?q HTTP/1.1\r\nHost: other\r\n\r\n") == state::complete);
  CHECK(r.request().host == "real.example");
  CHECK(r.request().path == "/p");
  CHECK(r.request().query == "q");
}

TEST_CASE("what could be understood in two ways is refused") {
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";
  CHECK(verdict(start + "Host: h\r\n\r\n") == 400);
  CHECK(verdict("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(verdict(start + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
  CHECK(verdict(start + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n") == 400);
  CHECK(verdict(start + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc") == 400);
  CHECK(verdict(start + "Content-Length: 3, 3\r\n\r\nabc") == 400);
  CHECK(verdict(start + "Content-Length: +3\r\n\r\nabc") == 400);
  CHECK(verdict(start + "Content-Length: 0x3\r\n\r\nabc") == 400);
  CHECK(verdict(start + "Content-Length:\r\n\r\n") == 400);
  CHECK(verdict(start + "Content-Length: 18446744073709551617\r\n\r\n") == 400);
  CHECK(verdict(start + "Content-Length : 3\r\n\r\nabc") == 400);
  CHECK(verdict(start + " folded\r\n\r\n") == 400);
  CHECK(verdict(start + "X: a\r\n b\r\n\r\n") == 400);
  CHECK(verdict(start + "X: a\r\n \r\n\r\n") == 400);
  CHECK(verdict(start + "Origin:\r\n b\r\n\r\n") == 400);
  CHECK(verdict(start + "X: a\nContent-Length: 3\r\n\r\nabc") == 400);
  CHECK(verdict(start + "X: a\rb\r\n\r\n") == 400);
  CHECK(verdict(start + std::string("X: a\0b\r\n\r\n", 10)) == 400);
  CHECK(verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
  CHECK(verdict(start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400);
  for (const std::string_view name :
       {"Origin", "Content-Type", "Mcp-Session-Id", "MCP-Protocol-Version", "Authorization", "Last-Event-ID"})
    CHECK(verdict(start + std::string(name) + ": a\r\n" + std::string(name) + ": a\r\n\r\n") == 400);
}

TEST_CASE("request lines that are none are refused") {
  CHECK(verdict("hello\r\n\r\n") == 400);
  CHECK(verdict("GET / \r\nHost: h\r\n\r\n") == 400);
  CHECK(verdict("GET /\r\n\r\n") == 400);
  CHECK(verdict("GET / HTTP/1.1\nHost: h\n\n") == 400);
  CHECK(verdict("GET mcp HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
  CHECK(verdict("CONNECT a.example:443 HTTP/1.1\r\nHost: h\r\n\r\n") == 400);
  CHECK(verdict("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n") == 0);
  CHECK(verdict("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") == 400);
}

TEST_CASE("only HTTP/1.0 and HTTP/1.1 are spoken") {
  CHECK(verdict("GET / HTTP/2.0\r\nHost: h\r\n\r\n") == 505);
  CHECK(verdict("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(verdict("GET / HTTP/0.9\r\nHost: h\r\n\r\n") == 505);
  CHECK(verdict("GET / HTTX/1.1\r\nHost: h\r\n\r\n") == 400);
}

TEST_CASE("transfer codings other than chunked are unknown") {
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";
  CHECK(verdict(start + "Transfer-Encoding: gzip\r\n\r\n") == 501);
  CHECK(verdict(start + "Transfer-Encoding: gzip, chunked\r\n\r\n") == 501);
  CHECK(verdict(start + "Transfer-Encoding: chunked, identity\r\n\r\n") == 501);
  CHECK(verdict(start + "Transfer-Encoding: xchunked\r\n\r\n") == 501);
}

TEST_CASE("broken chunks are refused") {
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(verdict(start + "x\r\nhello\r\n0\r\n\r\n") == 400);
  CHECK(verdict(start + "-5\r\nhello\r\n0\r\n\r\n") == 400);
  CHECK(verdict(start + "4\r\nhello\r\n0\r\n\r\n") == 400);
  CHECK(verdict(start + "5\r\nhello0\r\n\r\n") == 400);
  CHECK(verdict(start + "fffffffffffffffff\r\n") == 400);
}

TEST_CASE("limits are kept") {
  http_limits limits;
  limits.header_bytes_max = 1000;
  limits.headers_max = 5;
  limits.body_bytes_max = 50;
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";
  CHECK(verdict(start + "X: " + std::string(900, 'x') + "\r\n\r\n", limits) == 0);
  CHECK(verdict(start + "X: " + std::string(1000, 'x') + "\r\n\r\n", limits) == 431);
  CHECK(verdict(start + "X: " + std::string(5000, 'x'), limits) == 431);
  CHECK(verdict("POST /" + std::string(1000, 'x'), limits) == 431);
  CHECK(verdict("POST /" + std::string(600, 'x') + " HTTP/1.1\r\nHost: h\r\nX: " + std::string(600, 'x') + "\r\n\r\n",
                limits) == 431);
  CHECK(verdict(start + "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n", limits) == 0);
  CHECK(verdict(start + "A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n", limits) == 431);
  CHECK(verdict(start + "Content-Length: 50\r\n\r\n" + std::string(50, 'x'), limits) == 0);
  CHECK(verdict(start + "Content-Length: 51\r\n\r\n", limits) == 413);
  const std::string chunked = start + "Transfer-Encoding: chunked\r\n\r\n";
  CHECK(verdict(chunked + "32\r\n" + std::string(50, 'x') + "\r\n0\r\n\r\n", limits) == 0);
  CHECK(verdict(chunked + "19\r\n" + std::string(25, 'x') + "\r\n1a\r\n", limits) == 413);
  CHECK(verdict(chunked + "5;" + std::string(2000, 'x'), limits) == 431);
  CHECK(verdict(chunked + "0\r\nX: " + std::string(2000, 'x'), limits) == 431);
}

TEST_CASE("the wish for 100 Continue is reported once and only while it is waited for") {
  const http_limits limits;
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n";
  http_request_reader r(limits);
  REQUIRE(feed(r, start) == state::need_more);
  CHECK(r.take_expectation());
  CHECK_FALSE(r.take_expectation());
  CHECK(feed(r, "hello") == state::complete);
  http_request_reader impatient(limits);
  REQUIRE(feed(impatient, start + "he") == state::need_more);
  CHECK_FALSE(impatient.take_expectation());
}
