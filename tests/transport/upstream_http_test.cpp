#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "tests/support/fake_mcp.hpp"
#include "tests/support/test_certificates.hpp"
#include "tests/support/upstream_probe.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using transport::errc;
using namespace std::chrono_literals;

namespace {

constexpr auto as_usual = std::nullopt;
using clock_type = std::chrono::steady_clock;

auto posts(std::string_view method) {
  return [method](const fake_request& r) { return r.method == "POST" && r.calls(method); };
}

bool gets(const fake_request& r) { return r.method == "GET"; }

/// Answers POSTs that call `work` with what the test says.
fake_mcp::route on_work(std::function<bool(const fake_request&, fake_peer&)> f) {
  return [f = std::move(f)](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.method == "POST" && r.calls("work")) return f(r, peer);
    return as_usual;
  };
}

std::error_code open_error(fake_mcp& server, std::string* detail = nullptr) {
  upstream_probe up(server.endpoint());
  auto opened = up.open();
  if (opened) return {};
  if (detail) *detail = opened.error().detail;
  CHECK(up.link == nullptr);
  return opened.error().code;
}

}  // namespace

TEST_CASE("A session is opened by initialize, initialized and the event stream") {
  fake_mcp server;
  auto endpoint = server.endpoint();
  endpoint.headers = {{"Authorization", "Bearer 1"}, {"X-Team", "a"}};
  upstream_probe up(endpoint);
  auto opened = up.open();
  REQUIRE(opened.has_value());
  CHECK(*opened == initialize_result());
  CHECK(std::string(up.connection->protocol()) == "streamable-http");

  auto first = server.request_with(posts("initialize"));
  CHECK(first.target == "/mcp");
  CHECK(first.header("accept") == "application/json, text/event-stream");
  CHECK(first.header("content-type") == "application/json");
  CHECK(first.header("authorization") == "Bearer 1");
  CHECK(first.headers.count("mcp-protocol-version") == 0);
  CHECK(first.headers.count("mcp-session-id") == 0);
  CHECK(first.body.find("\"params\":" + initialize_params) != std::string::npos);

  for (const auto& later : {server.request_with(posts("notifications/initialized")), server.request_with(gets)}) {
    CHECK(later.header("mcp-session-id") == "session-1");
    CHECK(later.header("mcp-protocol-version") == "2025-11-25");
    CHECK(later.header("x-team") == "a");
  }
  CHECK(server.request_with(gets).header("accept") == "text/event-stream");

  up.close();
  CHECK(server.request_with([](const auto& r) { return r.method == "DELETE"; }).header("mcp-session-id") ==
        "session-1");
}

TEST_CASE("A server without sessions is sent no session id and no DELETE") {
  fake_mcp server({}, "");
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  CHECK(up.request("work")->result().answer);
  up.close();
  CHECK(server.count("DELETE") == 0);
  CHECK(server.request_with(posts("work")).headers.count("mcp-session-id") == 0);
}

TEST_CASE("A call is answered by JSON, from any loop, over connections of that loop") {
  fake_mcp server;
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  const int before = server.server.connections();
  for (bool other : {false, true, false, true}) {
    auto call = up.request("work", "{\"x\":1}", patience, other);
    auto result = call->result();
    REQUIRE(result.answer);
    CHECK(*result.answer == result_of(server.requests.get().back().id()));
    CHECK(result.messages.empty());
    CHECK_FALSE(call->wrong_loop);
  }
  CHECK(up.link->in_flight() == 0);
  CHECK(server.server.connections() <= before + 2);
}

TEST_CASE("Many calls run side by side") {
  fake_mcp server(on_work([](const fake_request& r, fake_peer& peer) {
    std::this_thread::sleep_for(20ms);
    return peer.answer(200, result_of(r.id()));
  }));
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  std::vector<std::shared_ptr<recorded_call>> calls;
  const auto before = clock_type::now();
  for (int i = 0; i < 40; ++i) calls.push_back(up.request("work", "{}", patience, i % 2 == 1));
  for (auto& c : calls) CHECK(c->result().answer);
  CHECK(clock_type::now() - before < 700ms);
}

TEST_CASE("Messages of the call's own stream come before its answer, in order") {
  fake_mcp server(on_work([](const fake_request& r, fake_peer& peer) {
    peer.open_stream();
    peer.chunk(": hello\n\nevent: ping\ndata: {}\n\n");
    peer.chunk(event(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}})"));
    peer.chunk(event(
        R"([{"jsonrpc":"2.0","method":"notifications/message"},{"jsonrpc":"2.0","id":7,"method":"roots/list"}])"));
    peer.chunk("data: {\"jsonrpc\":\"2.0\",\ndata: \"id\":" + r.id() + ",\"result\":{}}\n\n");
    return peer.end_chunks();
  }));
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  const int before = server.server.connections();
  for (int i = 0; i < 20; ++i) {
    auto result = up.request("work")->result();
    REQUIRE(result.answer);
    CHECK(result.messages.size() == 3);
    CHECK(result.messages.at(0).find("progress") != std::string::npos);
    CHECK(result.messages.at(1).find("notifications/message") != std::string::npos);
    CHECK(result.messages.at(2).find("roots/list") != std::string::npos);
    CHECK(result.ends == 1);
  }
  // The rest of a stream is read, so that its connection serves a later call.
  CHECK(server.server.connections() <= before + 5);
}

TEST_CASE("A stream that stays open after the answer holds nobody up") {
  fake_mcp server(on_work([](const fake_request& r, fake_peer& peer) {
    peer.open_stream();
    peer.chunk(event(result_of(r.id())) + event(result_of(r.id())) +
               event("{\"jsonrpc\":\"2.0\",\"method\":\"late\"}"));
    peer.wait_for_end();
    return false;
  }));
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  auto call = up.request("work");
  auto result = call->result();
  CHECK(result.answer);
  CHECK(up.link->in_flight() == 0);
  up.close();
  CHECK(call->record.get().ends == 1);
  CHECK(call->record.get().messages.empty());
}

TEST_CASE("A stream that ends early is resumed after the server's retry time") {
  std::atomic<int> resumed{0};
  clock_type::time_point ended, asked;
  std::string id;
  fake_mcp server([&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.calls("work")) {
      id = r.id();
      peer.open_stream();
      peer.chunk("id: e-1\nretry: 300\ndata:\n\n");
      peer.end_chunks();
      ended = clock_type::now();
      return true;
    }
    if (r.method != "GET" || r.header("last-event-id").empty()) return as_usual;
    if (++resumed == 1) {
      asked = clock_type::now();
      CHECK(r.header("last-event-id") == "e-1");
      peer.open_stream();
      peer.chunk(event("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}", "e-2"));
      return false;  // without a proper end, too
    }
    CHECK(r.header("last-event-id") == "e-2");
    CHECK(r.header("mcp-session-id") == "session-1");
    peer.open_stream();
    peer.chunk(event(result_of(id), "e-3"));
    return peer.end_chunks();
  });
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  auto result = up.request("work")->result();
  CHECK(result.answer);
  CHECK(result.messages.size() == 1);
  CHECK(resumed == 2);
  CHECK(asked - ended >= 295ms);
  CHECK(asked - ended < 480ms);
}

TEST_CASE("A call whose stream cannot be resumed is lost, and said to be") {
  std::string stream = "retry: 10\n" + event("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", "e-1"), words;
  int status = 200;
  std::size_t gets_expected = 1;
  bool down = false;
  errc expected = errc::answer_lost;
  SUBCASE("no event id was seen") { stream = event("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}"); }
  SUBCASE("the id cannot be sent back") { stream = event("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", "e\x01"); }
  SUBCASE("the server does not resume") {
    status = 405;
    gets_expected = 2;
    words = "405";
  }
  SUBCASE("the session has ended: the call may have run, so it must not be sent again") {
    status = 404;
    gets_expected = 2;
    down = true;
  }
  SUBCASE("the resumed streams bring nothing") {
    gets_expected = 11;
    words = "again and again";
  }
  SUBCASE("the server is down for good") {
    status = 503;
    gets_expected = 11;
  }
  SUBCASE("the answer carried another id") {
    stream = event(result_of("4711"));
    words = "another id";
  }
  SUBCASE("the answer was no JSON") {
    stream = event("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":}");
    expected = errc::bad_json;
  }
  fake_mcp server([&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.method == "GET" && !r.header("last-event-id").empty()) {
      if (status != 200) return peer.answer(status, "", "");
      peer.open_stream();
      return peer.end_chunks();
    }
    if (!r.calls("work")) return as_usual;
    peer.open_stream();
    peer.chunk(stream);
    return peer.end_chunks();
  });
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  auto call = up.request("work");
  auto result = call->result();
  REQUIRE(result.failed);
  CHECK(result.failed->code == expected);
  CHECK(result.failed->detail.find(words) != std::string::npos);
  CHECK(server.count("GET") >= gets_expected);
  CHECK(server.count("GET") <= gets_expected + 1);
  if (down) CHECK(up.events.down().code == errc::session_lost);
}

TEST_CASE("An answer that is none fails the call with the reason") {
  int status = 200;
  std::string body, type = "application/json", words;
  errc expected = errc::http_status;
  SUBCASE("not JSON") {
    body = "{\"jsonrpc\":\"2.0\",";
    expected = errc::bad_json;
  }
  SUBCASE("empty") { expected = errc::bad_json; }
  SUBCASE("not JSON-RPC") {
    body = "{\"hello\":1}";
    expected = errc::bad_message;
  }
  SUBCASE("another id") {
    body = result_of("4711");
    expected = errc::bad_message;
  }
  SUBCASE("a notification") {
    body = "{\"jsonrpc\":\"2.0\",\"method\":\"x\"}";
    expected = errc::bad_message;
  }
  SUBCASE("HTML") {
    body = "<p>hi";
    type = "text/html; charset=utf-8";
    expected = errc::bad_message;
    words = "text/html";
  }
  SUBCASE("accepted without an answer") {
    status = 202;
    words = "202";
  }
  SUBCASE("a redirect") {
    status = 302;
    words = "302";
  }
  SUBCASE("an error of the server") {
    status = 500;
    type = "text/plain";
    body = "stack trace with secrets";
    words = "500";
  }
  SUBCASE("an error with JSON that is no answer") {
    status = 422;
    body = "{\"detail\":[]}";
    words = "422";
  }
  SUBCASE("no credentials") {
    status = 401;
    expected = errc::unauthorized;
  }
  SUBCASE("wrong credentials") {
    status = 403;
    body = error_of("null", -32000, "no");
    expected = errc::unauthorized;
  }
  fake_mcp server(on_work([&](const fake_request&, fake_peer& peer) { return peer.answer(status, body, type); }));
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  auto result = up.request("work")->result();
  REQUIRE(result.failed);
  CHECK(result.failed->code == expected);
  CHECK(result.failed->detail.find(words) != std::string::npos);
  CHECK(result.failed->detail.find("secret") == std::string::npos);
  CHECK(up.events.record.get().downs.empty());
}

TEST_CASE("A JSON-RPC error is an answer, whatever the HTTP status") {
  int status = 400;
  std::string id;
  SUBCASE("with our id") {}
  SUBCASE("with our id and status 200") { status = 200; }
  SUBCASE("with null, by a server that refused before it read the id") { id = "null"; }
  SUBCASE("with a text of the server's own") { id = "\"server-error\""; }
  fake_mcp server(on_work([&](const fake_request& r, fake_peer& peer) {
    return peer.answer(status, error_of(id.empty() ? r.id() : id, -32602, "bad argument"));
  }));
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  auto result = up.request("work")->result();
  REQUIRE(result.answer);
  CHECK(*result.answer == error_of(server.requests.get().back().id(), -32602, "bad argument"));
}

TEST_CASE("A session that the server has forgotten ends the connection once") {
  int status = 404;
  std::string body, type;
  SUBCASE("as the specification wants it") {}
  SUBCASE("with an error as body") {
    body = error_of("null", -32001, "Session not found");
    type = "application/json";
  }
  SUBCASE("as some servers say it") {
    status = 400;
    body = error_of("null", -32000, "Bad Request: No valid session ID provided");
    type = "application/json";
  }
  fake_mcp server(on_work([&](const fake_request&, fake_peer& peer) { return peer.answer(status, body, type); }));
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  auto one = up.request("work"), two = up.request("work", "{}", patience, true);
  CHECK(one->error() == errc::session_lost);
  CHECK(two->result().failed);
  CHECK(up.events.down().code == errc::session_lost);
  CHECK(up.request("work")->error() == errc::session_lost);
  up.close();
  CHECK(up.events.record.get().downs.size() == 1);
  CHECK(server.count("DELETE") == 0);
}

TEST_CASE("Messages over the limit are refused") {
  std::string big(3000, 'x');
  bool chunked = false, stream = false;
  SUBCASE("by their length") {}
  SUBCASE("as they come") { chunked = true; }
  SUBCASE("in an event") { stream = true; }
  fake_mcp server(on_work([&](const fake_request& r, fake_peer& peer) {
    auto body = result_of(r.id(), "\"" + big + "\"");
    if (stream) {
      peer.open_stream();
      peer.chunk(event(body));
      return peer.end_chunks();
    }
    if (!chunked) return peer.answer(200, body);
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    peer.chunk(body);
    return peer.end_chunks();
  }));
  auto limits = upstream_probe::quick_limits();
  limits.message_bytes_max = 2000;
  upstream_probe up(server.endpoint(), limits);
  REQUIRE(up.open().has_value());
  CHECK(up.request("work")->error() == errc::too_large);
  big.resize(1000);
  CHECK(up.request("work")->result().answer);
}

TEST_CASE("A call that is not answered in time is cancelled upstream") {
  bool stream = false;
  SUBCASE("before the answer has begun") {}
  SUBCASE("while its stream is open") { stream = true; }
  fake_mcp server(on_work([&](const fake_request&, fake_peer& peer) {
    if (stream) {
      peer.open_stream();
      peer.chunk(event("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", "e-1"));
    }
    peer.wait_for_end();
    return false;
  }));
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  const auto before = clock_type::now();
  auto call = up.request("work", "{}", 150ms, true);
  CHECK(call->error() == errc::timed_out);
  CHECK(clock_type::now() - before >= 150ms);
  CHECK_FALSE(call->wrong_loop);
  auto told = server.request_with(posts("notifications/cancelled"));
  auto id = server.request_with(posts("work")).id();
  CHECK(told.body.find("\"requestId\":" + id) != std::string::npos);
  CHECK(up.link->in_flight() == 0);
}

TEST_CASE("A call that was forgotten is heard of no more") {
  watched<int> gone;
  fake_mcp server(on_work([&](const fake_request&, fake_peer& peer) {
    peer.open_stream();
    peer.chunk(event("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}"));
    peer.wait_for_end();
    gone.change([](int& n) { ++n; });
    return false;
  }));
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  auto id = up.link->next_id();
  auto call = up.request_with_id(id, "work", "{}", 300ms);
  call->record.wait([](const call_record& r) { return r.messages.size() == 1; });
  up.forget(id);
  CHECK(up.link->in_flight() == 0);
  gone.wait([](int n) { return n == 1; });
  std::this_thread::sleep_for(400ms);
  CHECK(call->record.get().ends == 0);
  for (const auto& r : server.requests.get()) CHECK_FALSE(r.calls("notifications/cancelled"));
}

TEST_CASE("A call can be forgotten from within its own events") {
  fake_mcp server(on_work([&](const fake_request& r, fake_peer& peer) {
    peer.open_stream();
    peer.chunk(event("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}") + event("{\"jsonrpc\":\"2.0\",\"method\":\"n\"}") +
               event(result_of(r.id())));
    peer.wait_for_end();
    return false;
  }));
  struct forgetting final : transport::upstream_events {
    void on_message(std::string) override {
      messages.change([](int& n) { ++n; });
      link->forget(id);
    }
    void on_answer(std::string) override {
      messages.change([](int& n) { n += 100; });
    }
    void on_failed(transport::failure) override { on_answer({}); }
    watched<int> messages;
    std::shared_ptr<transport::upstream_link> link;
    std::uint64_t id = 0;
  };
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  auto events = std::make_shared<forgetting>();
  events->link = up.link;
  events->id = up.link->next_id();
  up.home.run([&] {
    auto body = "{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(events->id) + ",\"method\":\"work\"}";
    up.link->request({events->id, body, {}}, events);
    return 0;
  });
  events->messages.wait([](int n) { return n > 0; });
  std::this_thread::sleep_for(50ms);
  CHECK(events->messages.get() == 1);
  up.home.run([&] {
    events->link = nullptr;
    return 0;
  });
}

TEST_CASE("Too many calls at once are refused") {
  fake_mcp server(on_work([](const fake_request&, fake_peer& peer) {
    peer.wait_for_end();
    return false;
  }));
  auto limits = upstream_probe::quick_limits();
  limits.in_flight_max = 3;
  upstream_probe up(server.endpoint(), limits);
  REQUIRE(up.open().has_value());
  std::vector<std::shared_ptr<recorded_call>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(up.request("work"));
  CHECK(up.link->in_flight() == 3);
  auto refused = up.request("work");
  CHECK(refused->error() == errc::overloaded);
  CHECK_FALSE(refused->wrong_loop);
  up.close();
  for (auto& c : calls) CHECK(c->error() == errc::closed);
  CHECK(up.request("work")->error() == errc::session_lost);
}

TEST_CASE("Notifications and answers to the server are sent in order") {
  fake_mcp server;
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  for (int i = 0; i < 20; ++i)
    up.send("{\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":{\"i\":" + std::to_string(i) + "}}");
  server.request_with([](const auto& r) { return r.body.find("\"i\":19}") != std::string::npos; });
  int expected = 0;
  for (const auto& r : server.requests.get())
    if (auto at = r.body.find("\"i\":"); at != std::string::npos)
      CHECK(std::atoi(r.body.c_str() + at + 4) == expected++);
  CHECK(expected == 20);
}

TEST_CASE("The server's own stream is read, and asked for again where it ended") {
  std::atomic<int> asked{0};
  std::string last_id;
  watched<std::vector<clock_type::time_point>> times;
  fake_mcp server([&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.method != "GET") return as_usual;
    times.change([](auto& t) { t.push_back(clock_type::now()); });
    const int n = ++asked;
    peer.open_stream();
    if (n == 1) {
      peer.chunk("retry: 50\n" + event("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"roots/list\"}", "g-1"));
      return peer.end_chunks();
    }
    if (n == 2) {
      last_id = r.header("last-event-id");
      peer.chunk(event("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}", "g-2"));
      peer.chunk(event(result_of("2")));
      return peer.end_chunks();
    }
    return peer.end_chunks();
  });
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  up.events.message_with("roots/list");
  up.events.message_with("list_changed");
  CHECK(last_id == "g-1");
  // Streams that bring nothing are asked for ever more slowly.
  auto all = times.wait([](const auto& t) { return t.size() >= 6; });
  CHECK(all[5] - all[4] > 2 * (all[3] - all[2]));
  CHECK(up.events.record.get().messages.size() == 2);
  up.close();
  CHECK(up.events.record.get().downs.empty());
}

TEST_CASE("A server that says on its stream that the session has ended, ends the connection") {
  std::atomic<bool> forgotten{false};
  fake_mcp server([&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.method != "GET") return as_usual;
    if (forgotten) return peer.answer(404, "", "");
    forgotten = true;
    peer.open_stream();
    peer.chunk("retry: 20\n" + event("{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", "g-1"));
    return peer.end_chunks();
  });
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  CHECK(up.events.down().code == errc::session_lost);
  CHECK(up.request("work")->error() == errc::session_lost);
}

TEST_CASE("Open does not wait for a stream whose head is late") {
  fake_mcp server([&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.method != "GET") return as_usual;
    peer.wait_for_end();
    return false;
  });
  upstream_probe up(server.endpoint());
  const auto before = clock_type::now();
  CHECK(up.open().has_value());
  CHECK(clock_type::now() - before < 5s);
}

TEST_CASE("Progress that comes on the server's own stream finds its request") {
  watched<std::string> id;
  fake_mcp server([&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.calls("work")) {
      id.change([&](std::string& s) { s = r.id(); });
      std::this_thread::sleep_for(150ms);
      return peer.answer(200, result_of(r.id()));
    }
    if (r.method != "GET") return as_usual;
    peer.open_stream();
    auto token = id.wait([](const std::string& s) { return !s.empty(); });
    peer.chunk(event("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":" +
                     token + ",\"progress\":1}}"));
    peer.wait_for_end();
    return false;
  });
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  auto call = up.request("work", "{}", patience, true);
  auto result = call->result();
  CHECK(result.answer);
  CHECK(result.messages.size() == 1);
  CHECK_FALSE(call->wrong_loop);
}

TEST_CASE("Open fails with the reason") {
  int status = 200;
  std::string body, words;
  std::error_code expected = errc::http_status;
  SUBCASE("a server error is no sign of another transport") { status = 500; }
  SUBCASE("too busy") { status = 503; }
  SUBCASE("no credentials") {
    status = 401;
    expected = errc::unauthorized;
  }
  SUBCASE("a refusal") {
    body = error_of("1", -32603, "no room");
    expected = errc::handshake_failed;
    words = "no room";
  }
  SUBCASE("only modern revisions, by an error") {
    status = 400;
    body = error_of("1", -32022, "unsupported", "{\"supported\":[\"2026-07-28\"],\"requested\":\"2025-11-25\"}");
    expected = errc::unsupported_era;
    words = "2026-07-28";
  }
  SUBCASE("only modern revisions, by an error without id") {
    status = 400;
    body = error_of("null", -32022, "unsupported", "{\"supported\":[\"2026-07-28\"]}");
    expected = errc::unsupported_era;
  }
  SUBCASE("a revision we do not know") {
    body = result_of("1", initialize_result("2031-01-01"));
    expected = errc::unsupported_era;
    words = "2031-01-01";
  }
  SUBCASE("no revision at all") {
    body = result_of("1", "{}");
    expected = errc::bad_message;
  }
  SUBCASE("not JSON") {
    body = "hello";
    expected = errc::bad_json;
  }
  fake_mcp server([&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.calls("initialize")) return peer.answer(status, body, body.empty() ? "" : "application/json");
    return peer.answer(500, "", "");
  });
  std::string detail;
  CHECK(open_error(server, &detail) == expected);
  CHECK(detail.find(words) != std::string::npos);
  CHECK(server.count("GET") == 0);
}

TEST_CASE("A configuration that cannot work is refused before anything is sent") {
  transport::http_endpoint e;
  e.url = "http://127.0.0.1:1/";
  SUBCASE("scheme") { e.url = "ftp://h/"; }
  SUBCASE("a header of ours") { e.headers = {{"Mcp-Session-Id", "x"}}; }
  SUBCASE("a header that would break out") { e.headers = {{"X", "secret\r\nY: z"}}; }
  SUBCASE("a name that would break out") { e.headers = {{"X: 1\r\nY", "z"}}; }
  upstream_probe up(e);
  auto opened = up.open();
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == errc::bad_address);
  CHECK(opened.error().detail.find("secret") == std::string::npos);
}

TEST_CASE("Open gives up in time") {
  fake_mcp server([](const fake_request&, fake_peer& peer) -> std::optional<bool> {
    peer.wait_for_end();
    return false;
  });
  auto limits = upstream_probe::quick_limits();
  limits.connect_timeout = 200ms;
  upstream_probe up(server.endpoint(), limits);
  auto opened = up.open();
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == errc::timed_out);
}

TEST_CASE("A server that nobody runs is refused") {
  fake_mcp server;
  server.server.stop_listening();
  CHECK(open_error(server) == errc::refused);
}

TEST_CASE("A connection may be closed while it opens") {
  fake_mcp server([](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.calls("initialize")) return as_usual;
    peer.wait_for_end();
    return false;
  });
  upstream_probe up(server.endpoint());
  std::atomic<bool> called{false};
  up.home->post([&] { up.connection->open(initialize_params, [&](auto) { called = true; }); });
  server.request_with(posts("notifications/initialized"));
  up.close();
  CHECK_FALSE(called);
}

TEST_CASE("Requests outlive their connection and fail") {
  fake_mcp server(on_work([](const fake_request&, fake_peer& peer) {
    peer.wait_for_end();
    return false;
  }));
  upstream_probe up(server.endpoint());
  REQUIRE(up.open().has_value());
  auto here = up.request("work"), there = up.request("work", "{}", patience, true);
  up.home.run([&] {
    up.connection = nullptr;
    return 0;
  });
  CHECK(here->error() == errc::closed);
  CHECK(there->error() == errc::closed);
  auto late = up.request("work", "{}", patience, true);
  CHECK(late->error() == errc::session_lost);
}

TEST_CASE("Everything works over TLS") {
  test_certificates certificates("DNS:localhost", "upstream_http_ca.pem");
  fake_mcp server({}, "session-1", certificates.server());
  transport::http_endpoint e;
  e.url = server.server.url("/mcp", "https", "localhost");
  SUBCASE("with the right authority") {
    e.ca_file = certificates.ca_file();
    upstream_probe up(e);
    REQUIRE(up.open().has_value());
    for (int i = 0; i < 3; ++i) CHECK(up.request("work")->result().answer);
  }
  SUBCASE("and not without it") {
    upstream_probe up(e);
    auto opened = up.open();
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == errc::tls_failed);
  }
}
