#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/actors/gateway_fixture.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using namespace std::chrono_literals;

namespace {

constexpr auto sampling = R"({"sampling":{}})";

bool holds(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

/// The request id that a `notifications/cancelled` names.
std::string cancelled_id(const fake_request& r) {
  return std::string(mcp::member(mcp::member(r.body, "params"), "requestId"));
}

}  // namespace

TEST_CASE("a session is opened, lists, calls and is ended") {
  scripted_upstream up;
  gateway g(up);
  g.start();
  mcp_session s(g);
  CHECK(s.id.size() >= 20);
  CHECK(g.health("sessions") == 1);
  CHECK(holds(s.request("tools/list", "{}").body, R"("name":"echo")"));
  const auto a = s.call("echo", "\"seven\"");
  CHECK(a.status == 200);
  CHECK(a.body == R"({"jsonrpc":"2.0","id":"seven","result":{"ok":true}})");
  CHECK(s.request("ping", "{}").body == R"({"jsonrpc":"2.0","id":1,"result":{}})");
  CHECK(s.end().status == 200);
  CHECK(s.call("echo").status == 404);
  CHECK(s.notify("notifications/initialized").status == 404);
  CHECK(s.end().status == 404);
  CHECK(g.health("sessions") == 0);
}

TEST_CASE("an upstream's error reaches the client as it is, an unknown tool does not reach the upstream") {
  scripted_upstream up;
  gateway g(up);
  g.start();
  const mcp_session s(g);
  CHECK(s.call("fail").body ==
        R"({"jsonrpc":"2.0","id":1,"error":{"code":-32050,"message":"failed on purpose","data":{"x":1}}})");
  CHECK(error_code(s.call("nothing")) == -32602);
  CHECK(error_code(s.request("no/such", "{}")) == -32601);
  CHECK(up.all("tools/call").size() == 1);
}

TEST_CASE("a call cancelled at the upstream is cancelled there and gets no answer") {
  scripted_upstream up;
  gateway g(up);
  g.start();
  const mcp_session s(g);
  auto call = s.begin_call("hang", "5");
  const auto sent = up.await("tools/call");
  CHECK(s.notify("notifications/cancelled", R"({"requestId":"5"})").status == 202);  // another id: a string
  CHECK(s.notify("notifications/cancelled", R"({"requestId":5})").status == 202);
  const auto a = call.answer();
  CHECK(a.status == 202);
  CHECK(a.body.empty());
  CHECK(cancelled_id(up.await("notifications/cancelled")) == sent.id());
  CHECK(g.health("callsInFlight") == 0);
  CHECK(s.call("echo", "5").status == 200);
}

TEST_CASE("a call cancelled before it was sent is never sent") {
  gate initialize;
  scripted_upstream up([&](const fake_request& r, fake_peer&) -> std::optional<bool> {
    // The first connection only lists; the second one is the session's own.
    if (r.calls("initialize") && r.calls("dev.holdfast/client")) initialize.pass();
    return std::nullopt;
  });
  gateway g(up);
  g.start();
  const mcp_session s(g, sampling);
  auto call = s.begin_call("echo", "5");
  up.await("initialize", 2);
  g.await_health("callsInFlight", 1);
  s.notify("notifications/cancelled", R"({"requestId":5})");
  CHECK(call.answer().status == 202);
  initialize.open();
  CHECK(s.call("echo", "6").status == 200);
  CHECK(up.all("tools/call").size() == 1);
}

TEST_CASE("a session has so many requests at once and no more") {
  scripted_upstream up;
  gateway g(up);
  g.config.sessions.in_flight_max = 2;
  g.start();
  const mcp_session s(g), other(g);
  auto one = s.begin_call("hang", "1"), two = s.begin_call("hang", "2");
  up.await("tools/call", 2);
  CHECK(error_code(s.call("echo", "3")) == -32000);
  CHECK(other.call("echo").status == 200);
  s.notify("notifications/cancelled", R"({"requestId":1})");
  CHECK(one.answer().status == 202);
  CHECK(error_code(s.call("echo", "4")) == 0);
}

TEST_CASE("a request id that is in use is refused") {
  scripted_upstream up;
  gateway g(up);
  g.start();
  const mcp_session s(g);
  auto one = s.begin_call("hang", "1");
  up.await("tools/call");
  CHECK(error_code(s.call("echo", "1")) == -32600);
  CHECK(error_code(s.call("echo", "\"1\"")) == 0);
}

TEST_CASE("the end of a session answers each of its calls") {
  scripted_upstream up;
  gateway g(up);
  g.start();
  const mcp_session s(g);
  std::vector<mcp_session::pending> calls;
  for (int i = 1; i <= 5; ++i) calls.push_back(s.begin_call("hang", std::to_string(i)));
  up.await("tools/call", 5);
  CHECK(s.end().status == 200);
  for (int i = 1; i <= 5; ++i) {
    const auto a = calls[static_cast<std::size_t>(i - 1)].answer();
    CHECK(error_code(a) == -32603);
    CHECK(mcp::member(a.body, "id") == std::to_string(i));
  }
  up.await("notifications/cancelled", 5);
  CHECK(g.health("callsInFlight") == 0);
}

TEST_CASE("a session that nobody uses ends, one with a call does not") {
  scripted_upstream up;
  gateway g(up);
  g.config.sessions.idle_timeout = 500ms;
  g.start();
  const mcp_session busy(g);
  auto call = busy.begin_call("hang", "1");
  up.await("tools/call");
  const mcp_session idle(g);
  g.await_health("sessions", 1);
  CHECK(idle.call("echo").status == 404);
  busy.notify("notifications/cancelled", R"({"requestId":1})");
  CHECK(call.answer().status == 202);
  g.await_health("sessions", 0);
}

TEST_CASE("an upstream that has forgotten its session gets a new one and the call once more") {
  scripted_upstream up;
  gateway g(up);
  g.start();
  const mcp_session s(g);
  CHECK(error_code(s.call("echo", "1")) == 0);
  up.restart();
  const auto a = s.call("echo", "2");
  CHECK(a.body == R"({"jsonrpc":"2.0","id":2,"result":{"ok":true}})");
  const auto calls = up.all("tools/call");
  REQUIRE(calls.size() == 3);  // one of them got 404
  CHECK(calls[1].header("mcp-session-id") == calls[0].header("mcp-session-id"));
  CHECK(calls[2].header("mcp-session-id") != calls[1].header("mcp-session-id"));
  CHECK(up.all("initialize").size() == 2);
}

TEST_CASE("a call that is not answered in time may have run, which the client is told") {
  scripted_upstream up;
  gateway g(up);
  g.config.upstreams[0].call_timeout = 50ms;
  g.start();
  const mcp_session s(g);
  const auto a = s.call("hang");
  CHECK(error_code(a) == -32603);
  const auto data = mcp::member(mcp::member(a.body, "error"), "data");
  CHECK(mcp::member(data, "mayHaveRun") == "true");
  CHECK(mcp::member(data, "upstream") == "\"up\"");
  CHECK(cancelled_id(up.await("notifications/cancelled")) == up.await("tools/call").id());
}

TEST_CASE("sessions that can be asked never share a connection, and theirs end with them") {
  scripted_upstream up;
  gateway g(up);
  g.start();
  const mcp_session plain(g), one(g, sampling), two(g, sampling);
  for (const auto* s : {&plain, &one, &two, &one, &two}) CHECK(error_code(s->call("echo")) == 0);
  const auto calls = up.all("tools/call");
  REQUIRE(calls.size() == 5);
  std::vector<std::string> sessions;
  for (const auto& c : calls) sessions.push_back(c.header("mcp-session-id"));
  CHECK(sessions[0] != sessions[1]);
  CHECK(sessions[0] != sessions[2]);
  CHECK(sessions[1] != sessions[2]);
  CHECK(sessions[3] == sessions[1]);
  CHECK(sessions[4] == sessions[2]);
  one.end();
  const auto deleted = up.mcp.request_with([](const auto& r) { return r.method == "DELETE"; });
  CHECK(deleted.header("mcp-session-id") == sessions[1]);
  CHECK(error_code(two.call("echo")) == 0);
}

TEST_CASE("a client that can be asked nothing is not declared to an upstream as one that can") {
  scripted_upstream up;
  gateway g(up);
  g.start();
  const mcp_session plain(g);
  plain.call("echo");
  CHECK_FALSE(holds(up.all("initialize")[0].body, "sampling"));
  const mcp_session asked(g, sampling);
  asked.call("echo");
  for (const auto& r : up.all("initialize")) {
    CHECK(holds(r.body, "dev.holdfast/client") <= holds(r.body, "sampling"));
  }
}

TEST_CASE("when the first subscription fails, everybody who waited for it is told") {
  gate answer;
  scripted_upstream up([&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (!r.calls("resources/subscribe")) return std::nullopt;
    answer.pass();
    return peer.answer(200, error_of(r.id(), -32603, "not now"));
  });
  gateway g(up);
  g.start();
  const mcp_session one(g), two(g);
  auto a = one.begin("resources/subscribe", R"({"uri":"test://watched"})", "1");
  up.await("resources/subscribe");
  auto b = two.begin("resources/subscribe", R"({"uri":"test://watched"})", "1");
  g.await_health("callsInFlight", 2);
  answer.open();
  CHECK(error_code(a.answer()) == -32603);
  CHECK(error_code(b.answer()) == -32603);
  CHECK(up.all("resources/subscribe").size() == 1);
  CHECK(error_code(two.request("resources/subscribe", R"({"uri":"test://watched"})")) == -32603);
  CHECK(up.all("resources/subscribe").size() == 2);
}

TEST_CASE("an upstream hears of the first subscriber and of the last one's leaving") {
  scripted_upstream up;
  gateway g(up);
  g.start();
  const mcp_session one(g), two(g);
  const auto watched = R"({"uri":"test://watched"})";
  for (const auto* s : {&one, &two, &one}) CHECK(error_code(s->request("resources/subscribe", watched)) == 0);
  CHECK(error_code(one.request("resources/unsubscribe", watched)) == 0);
  CHECK(up.all("resources/subscribe").size() == 1);
  CHECK(up.all("resources/unsubscribe").empty());
  two.end();
  up.await("resources/unsubscribe");
}

TEST_CASE("a node that stops answers every call and leaves nothing open") {
  scripted_upstream up;
  const auto before = descriptors();
  {
    gateway g(up);
    g.config.drain_timeout = 50ms;
    g.start();
    const mcp_session plain(g), asked(g, sampling);
    std::vector<mcp_session::pending> calls;
    for (int i = 1; i <= 3; ++i) {
      calls.push_back(plain.begin_call("hang", std::to_string(i)));
      calls.push_back(asked.begin_call("hang", std::to_string(i)));
    }
    up.await("tools/call", 6);
    g.node->stop();  // ends the process if an actor is left
    for (auto& c : calls) CHECK(error_code(c.answer()) == -32603);
    CHECK_THROWS(mcp_session(g));
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (descriptors() > before && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(2ms);
  CHECK(descriptors() == before);
}

TEST_CASE("a node waits for calls under way before it stops") {
  gate answer;
  scripted_upstream up([&](const fake_request& r, fake_peer& peer) -> std::optional<bool> {
    if (!r.calls("tools/call")) return std::nullopt;
    answer.pass();
    return peer.answer(200, result_of(r.id()));
  });
  gateway g(up);
  g.config.drain_timeout = 20s;
  g.start();
  const mcp_session s(g);
  auto call = s.begin_call("echo", "1");
  up.await("tools/call");
  raw_answer got;
  std::thread client([&] {
    answer.open();
    got = call.answer();
  });
  g.node->stop();
  client.join();
  CHECK(got.status == 200);
  CHECK(error_code(got) == 0);
}

TEST_CASE("a call under way is not sent again because another one found the upstream's session gone") {
  scripted_upstream up;
  gateway g(up);
  g.start();
  const mcp_session s(g);
  auto long_one = s.begin_call("hang", "1");
  up.await_hanging();
  up.restart();
  CHECK(error_code(s.call("echo", "2")) == 0);
  CHECK(up.all("hang").size() == 1);
  s.notify("notifications/cancelled", R"({"requestId":1})");
  const auto a = long_one.answer();
  // Either it still ran when it was cancelled, or its client was told that it may have run.
  CHECK((a.status == 202 || holds(a.body, "mayHaveRun")));
  CHECK(up.all("hang").size() == 1);
}
