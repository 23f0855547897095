#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>

#include "tests/support/fake_mcp.hpp"
#include "tests/support/upstream_probe.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using transport::errc;
using namespace std::chrono_literals;

namespace {

constexpr auto as_usual = std::nullopt;

std::string message_event(std::string_view data) { return "event: message\ndata: " + std::string(data) + "\n\n"; }

/// A server of the older transport: GET /sse is the stream, POST /messages takes messages. Tests say how it answers
/// calls and may change everything.
class fake_sse {
 public:
  using route = fake_mcp::route;
  /// What goes onto the stream for a message; empty: nothing.
  using answerer = std::function<std::string(const fake_request&)>;

  explicit fake_sse(answerer a = {}, route before = {})
      : answer_(std::move(a)),
        before_(std::move(before)),
        server([this](const fake_request& r, fake_peer& peer) { return serve(r, peer); }) {}

  transport::http_endpoint endpoint(transport::http_endpoint::protocol speaks) const {
    transport::http_endpoint e;
    e.url = server.server.url("/sse");
    e.headers = {{"Authorization", "Bearer 1"}};
    e.speaks = speaks;
    return e;
  }

  /// Puts bytes onto the open stream.
  void emit(std::string_view bytes) {
    std::lock_guard lock(mutex_);
    if (stream_ && !bytes.empty()) stream_->chunk(bytes);  // an empty chunk would end it
  }

  void end_stream() {
    std::lock_guard lock(mutex_);
    if (stream_) ::shutdown(stream_->descriptor(), SHUT_RDWR);
  }

  std::string endpoint_event = "event: endpoint\ndata: /messages?session=s-1\n\n";

 private:
  std::optional<bool> serve(const fake_request& r, fake_peer& peer) {
    if (before_)
      if (auto handled = before_(r, peer)) return handled;
    if (r.method == "GET") {
      {
        std::lock_guard lock(mutex_);
        stream_ = &peer;
        peer.open_stream();
        peer.chunk(endpoint_event);
      }
      peer.wait_for_end();
      std::lock_guard lock(mutex_);
      stream_ = nullptr;
      return false;
    }
    if (r.target != "/messages?session=s-1") return peer.answer(405, "", "");
    peer.answer(202, "Accepted", "text/plain");
    std::string out;
    if (r.calls("initialize"))
      out = message_event(result_of(r.id(), initialize_result("2024-11-05")));
    else if (answer_)
      out = answer_(r);
    else if (!r.id().empty())
      out = message_event(result_of(r.id()));
    emit(out);
    return true;
  }

  answerer answer_;
  route before_;
  std::mutex mutex_;
  fake_peer* stream_ = nullptr;

 public:
  fake_mcp server;
};

constexpr auto detect = transport::http_endpoint::protocol::detect;
constexpr auto sse = transport::http_endpoint::protocol::sse;

}  // namespace

TEST_CASE("A server of HTTP+SSE is found out and spoken to") {
  auto speaks = sse;
  SUBCASE("as configured") {}
  SUBCASE("because it answers 405 to a POST") { speaks = detect; }
  fake_sse server;
  upstream_probe up(server.endpoint(speaks));
  auto opened = up.open();
  REQUIRE(opened.has_value());
  CHECK(*opened == initialize_result("2024-11-05"));
  CHECK(std::string(up.connection->protocol()) == "sse");
  for (bool other : {false, true}) {
    auto call = up.request("work", "{}", patience, other);
    CHECK(call->result().answer);
    CHECK_FALSE(call->wrong_loop);
  }
  auto posted = server.server.request_with([](const auto& r) { return r.calls("work"); });
  CHECK(posted.target == "/messages?session=s-1");
  CHECK(posted.header("authorization") == "Bearer 1");
  auto told = server.server.request_with([](const auto& r) { return r.calls("notifications/initialized"); });
  CHECK(told.target == "/messages?session=s-1");
}

TEST_CASE("Only what may come from a server of HTTP+SSE makes us try it") {
  int status = 200;
  std::string body;
  std::size_t streams = 0;
  SUBCASE("400") { status = 400, streams = 1; }
  SUBCASE("400 with an error of the legacy kind") { status = 400, body = error_of("1", -32600, "x"), streams = 1; }
  SUBCASE("404") { status = 404, streams = 1; }
  SUBCASE("405") { status = 405, streams = 1; }
  SUBCASE("400 by a modern server") { status = 400, body = error_of("1", -32022, "x", "{\"supported\":[]}"); }
  SUBCASE("401") { status = 401; }
  SUBCASE("403") { status = 403; }
  SUBCASE("415") { status = 415; }
  SUBCASE("500") { status = 500; }
  SUBCASE("502") { status = 502; }
  fake_mcp server([&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.method == "POST") return peer.answer(status, body, body.empty() ? "" : "application/json");
    return peer.answer(404, "", "");
  });
  upstream_probe up(server.endpoint());
  auto opened = up.open();
  REQUIRE_FALSE(opened.has_value());
  CHECK(server.count("GET") == streams);
  if (streams != 0) CHECK(opened.error().detail.find("HTTP+SSE") != std::string::npos);
}

TEST_CASE("A server configured as Streamable HTTP is not tried as HTTP+SSE") {
  fake_sse server;
  upstream_probe up(server.endpoint(transport::http_endpoint::protocol::streamable_http));
  auto opened = up.open();
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == errc::http_status);
  CHECK(server.server.count("GET") == 0);
}

TEST_CASE("The endpoint may be named in several ways, but on the same origin only") {
  fake_sse server;
  bool good = true;
  SUBCASE("whole") {
    server.endpoint_event = "event: endpoint\ndata: " + server.server.server.url("/messages?session=s-1") + "\n\n";
  }
  SUBCASE("relative") { server.endpoint_event = "event: endpoint\ndata: messages?session=s-1\n\n"; }
  SUBCASE("another host") {
    server.endpoint_event = "event: endpoint\ndata: http://evil.example/messages\n\n";
    good = false;
  }
  SUBCASE("another port") {
    server.endpoint_event = "event: endpoint\ndata: http://127.0.0.1:1/messages\n\n";
    good = false;
  }
  SUBCASE("nonsense") {
    server.endpoint_event = "event: endpoint\ndata: file:///etc/passwd\n\n";
    good = false;
  }
  upstream_probe up(server.endpoint(sse));
  auto opened = up.open();
  CHECK(opened.has_value() == good);
  if (!good) CHECK(opened.error().code == errc::bad_address);
}

TEST_CASE("A stream without an endpoint does not hold open for ever") {
  fake_sse server;
  server.endpoint_event = ": nothing yet\n\n";
  auto limits = upstream_probe::quick_limits();
  limits.connect_timeout = 200ms;
  upstream_probe up(server.endpoint(sse), limits);
  auto opened = up.open();
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == errc::timed_out);
  CHECK(opened.error().detail.find("endpoint") != std::string::npos);
}

TEST_CASE("Answers find their requests, progress finds its request, everything else the connection") {
  fake_sse server([](const fake_request& r) -> std::string {
    if (r.id().empty()) return {};
    return message_event("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":" +
                         r.id() + ",\"progress\":1}}") +
           message_event("{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"sampling/createMessage\",\"params\":{}}") +
           message_event(result_of("99999")) + "event: other\ndata: {}\n\n" + "data: not json\n\n" +
           message_event(result_of(r.id()));
  });
  upstream_probe up(server.endpoint(sse));
  REQUIRE(up.open().has_value());
  auto call = up.request("work", "{}", patience, true);
  auto result = call->result();
  REQUIRE(result.answer);
  REQUIRE(result.messages.size() == 1);
  CHECK(result.messages[0].find("notifications/progress") != std::string::npos);
  up.events.message_with("sampling/createMessage");
  CHECK(up.events.record.get().messages.size() == 1);
  CHECK_FALSE(call->wrong_loop);
}

TEST_CASE("With its stream the connection is lost, and so are its calls") {
  fake_sse server([](const fake_request&) { return std::string(); });
  upstream_probe up(server.endpoint(sse));
  REQUIRE(up.open().has_value());
  auto here = up.request("work"), there = up.request("work", "{}", patience, true);
  server.server.request_with([](const auto& r) { return r.calls("work"); });
  server.end_stream();
  CHECK(here->error() == errc::answer_lost);
  CHECK(there->error() == errc::answer_lost);
  CHECK(up.events.down().code == errc::answer_lost);
  CHECK(up.request("work")->error() == errc::session_lost);
  up.close();
  CHECK(up.events.record.get().downs.size() == 1);
}

TEST_CASE("A call whose POST is refused fails at once") {
  int status = 500;
  errc expected = errc::http_status;
  bool down = false;
  SUBCASE("an error of the server") {}
  SUBCASE("no credentials") {
    status = 401;
    expected = errc::unauthorized;
  }
  SUBCASE("the session is gone") {
    status = 404;
    expected = errc::session_lost;
    down = true;
  }
  fake_sse server({}, [&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (r.calls("work")) return peer.answer(status, "", "");
    return as_usual;
  });
  upstream_probe up(server.endpoint(sse));
  REQUIRE(up.open().has_value());
  CHECK(up.request("work")->error() == expected);
  if (down) CHECK(up.events.down().code == errc::session_lost);
}

TEST_CASE("A call that is not answered in time is cancelled on the older transport, too") {
  fake_sse server([](const fake_request&) { return std::string(); });
  upstream_probe up(server.endpoint(sse));
  REQUIRE(up.open().has_value());
  CHECK(up.request("work", "{}", 100ms, true)->error() == errc::timed_out);
  server.server.request_with([](const auto& r) { return r.calls("notifications/cancelled"); });
}

TEST_CASE("A message over the limit ends the stream") {
  fake_sse server([](const fake_request& r) {
    return r.id().empty() ? std::string() : message_event(result_of(r.id(), "\"" + std::string(5000, 'x') + "\""));
  });
  auto limits = upstream_probe::quick_limits();
  limits.message_bytes_max = 3000;
  upstream_probe up(server.endpoint(sse), limits);
  REQUIRE(up.open().has_value());
  CHECK(up.request("work")->result().failed);
  CHECK(up.events.down().detail.find("an event") != std::string::npos);
}

TEST_CASE("Closing ends the stream and says nothing more") {
  fake_sse server([](const fake_request&) { return std::string(); });
  upstream_probe up(server.endpoint(detect));
  REQUIRE(up.open().has_value());
  auto call = up.request("work");
  up.close();
  CHECK(call->error() == errc::closed);
  CHECK(up.events.record.get().downs.empty());
}
