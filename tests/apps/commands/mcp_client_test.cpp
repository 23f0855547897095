#include "apps/commands/mcp_client.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "apps/commands/findings.hpp"
#include "apps/commands/session.hpp"
#include "tests/apps/commands/fake_node.hpp"
#include "transport/errc.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/messages.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using namespace std::chrono_literals;
using tests::fake_node;

namespace {

const std::atomic<bool> never{false};

fake_node::answer events(const std::vector<std::string>& messages) {
  std::string stream;
  for (const auto& each : messages) stream += "data: " + each + "\n\n";
  return {200, stream, "", "text/event-stream", false};
}

fake_node::answer json(std::string body) { return {200, std::move(body), "", "application/json", false}; }

constexpr const char* greeting =
    R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"fake","version":"1"}})";

/// A node that initializes, and answers all other requests by `rest`.
fake_node::script node_with(const std::function<fake_node::answer(const mcp::envelope&)>& rest) {
  return [rest](const transport::http_request& r) -> fake_node::answer {
    if (r.method == transport::http_method::get) return {405, "", "", "application/json", false};
    if (r.method == transport::http_method::del) return json("");
    const auto message = mcp::scan(r.body);
    if (!message) return {400, "", "", "application/json", false};
    if (message->kind != mcp::message_kind::request) return {202, "", "", "application/json", false};
    if (message->what != mcp::method::initialize) return rest(*message);
    auto a = json(mcp::make_result(message->id, greeting));
    a.headers = "Mcp-Session-Id: s1\r\n";
    return a;
  };
}

/// Answers everything but calls.
fake_node::answer holds_calls(const mcp::envelope& m) {
  auto a = json(mcp::make_result(m.id, "{}"));
  a.never = m.what == mcp::method::tools_call;
  return a;
}

transport::http_endpoint at(fake_node& node) {
  transport::http_endpoint e;
  e.url = node.url("/mcp");
  return e;
}

std::size_t count_of(const std::vector<std::string>& seen, std::string_view part) {
  return static_cast<std::size_t>(
      std::count_if(seen.begin(), seen.end(), [&](const auto& s) { return s.find(part) != s.npos; }));
}

}  // namespace

TEST_CASE("a client connects, asks, and ends its session when it goes") {
  fake_node node(node_with([](const auto& m) { return json(mcp::make_result(m.id, R"({"ok":true})")); }));
  {
    mcp_client client(at(node));
    const auto opened = client.open(never);
    REQUIRE(opened.has_value());
    CHECK(*opened == greeting);
    CHECK(client.protocol() == "streamable-http");
    const auto answer = client.request({"tools/call", R"({"name":"x"})", 5s, {}}, never);
    REQUIRE(answer.has_value());
    CHECK(*result_in(*answer) == R"({"ok":true})");
  }
  CHECK(count_of(node.seen(), "\"tools/call\"") == 1);
  CHECK(count_of(node.seen(), "progressToken") == 0);
  CHECK(count_of(node.seen(), "DELETE") == 1);
}

TEST_CASE("notifications of a call are handed over, and requests of the server answered") {
  fake_node node(node_with([](const auto& m) {
    return events({R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}})",
                   R"({"jsonrpc":"2.0","id":"p","method":"ping"})",
                   R"({"jsonrpc":"2.0","id":"r","method":"roots/list"})", mcp::make_result(m.id, "{}")});
  }));
  std::vector<std::string> heard;
  {
    mcp_client client(at(node));
    REQUIRE(client.open(never).has_value());
    const auto answer = client.request(
        {"tools/call", R"({"name":"x"})", 5s, [&](const std::string& json_text) { heard.push_back(json_text); }},
        never);
    CHECK(answer.has_value());
    CHECK(node.sees(R"("id":"p","result":{})"));
    CHECK(node.sees(R"("code":-32601)"));
  }
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].find("notifications/progress") != std::string::npos);
  CHECK(count_of(node.seen(), "\"progressToken\":") == 1);
}

TEST_CASE("an interrupted call is cancelled at the server") {
  fake_node node(node_with(holds_calls));
  std::atomic<bool> interrupted{false};
  {
    mcp_client client(at(node));
    REQUIRE(client.open(interrupted).has_value());
    interrupted = true;
    const auto answer = client.request({"tools/call", R"({"name":"x"})", 60s, {}}, interrupted);
    REQUIRE_FALSE(answer.has_value());
    CHECK(code_of(answer.error().code) == exit_code::interrupted);
  }
  CHECK(count_of(node.seen(), "notifications/cancelled") == 1);
}

TEST_CASE("a call without answer ends at its timeout and is cancelled") {
  fake_node node(node_with(holds_calls));
  {
    mcp_client client(at(node));
    REQUIRE(client.open(never).has_value());
    const auto answer = client.request({"tools/call", R"({"name":"x"})", 100ms, {}}, never);
    REQUIRE_FALSE(answer.has_value());
    CHECK(code_of(answer.error().code) == exit_code::timed_out);
  }
  CHECK(count_of(node.seen(), "notifications/cancelled") == 1);
}

TEST_CASE("a list of tools is followed through its pages") {
  fake_node node(node_with([](const auto& m) {
    const auto cursor = mcp::string_value(mcp::member(m.params, "cursor"));
    if (!cursor) return json(mcp::make_result(m.id, R"({"tools":[{"name":"a"}],"nextCursor":""})"));
    if (cursor->empty()) return json(mcp::make_result(m.id, R"({"tools":[{"name":"b"}],"nextCursor":"2"})"));
    return json(mcp::make_result(m.id, R"({"tools":[{"name":"c"}]})"));
  }));
  mcp_client client(at(node));
  REQUIRE(client.open(never).has_value());
  const auto list = list_tools(client, 5s);
  CHECK_FALSE(list.trouble.has_value());
  CHECK(list.tools == std::vector<std::string>{R"({"name":"a"})", R"({"name":"b"})", R"({"name":"c"})"});
}

TEST_CASE("an error of the server is told with its code") {
  const auto result = result_in(R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"Unknown tool"}})");
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().code == exit_code::protocol_error);
  CHECK(result.error().words == "error -32602: Unknown tool");
  CHECK(result_in("nonsense").error().code == exit_code::protocol_error);
}

TEST_CASE("failures to connect are told apart by their exit code") {
  fake_node strange([](const auto&) { return fake_node::answer{500, "", "", "text/plain", false}; });
  mcp_client to_strange(at(strange));
  const auto trouble = connect(to_strange, strange.url());
  REQUIRE(trouble.has_value());
  CHECK(trouble->code == exit_code::no_connection);
  CHECK(trouble->words.starts_with("cannot connect to " + strange.url() + ": "));

  fake_node refusing([](const transport::http_request& r) {
    const auto m = mcp::scan(r.body);
    return json(m ? mcp::make_error(m->id, -32603, "not today") : "");
  });
  mcp_client to_refusing(at(refusing));
  CHECK(connect(to_refusing, refusing.url())->code == exit_code::protocol_error);
}

TEST_CASE("an upstream over HTTP that works is found to be well") {
  fake_node node(node_with([](const auto& m) { return json(mcp::make_result(m.id, R"({"tools":[{},{}]})")); }));
  actors::upstream_config u;
  u.alias = "web";
  u.target = at(node);
  const auto found = check_connection(u);
  CHECK(found.how == finding::grade::good);
  CHECK(found.about == "upstream web");
  CHECK(found.detail == "connected, 2 tools (2025-11-25 over streamable-http)");
}

TEST_CASE("an upstream that wants a token is found out, with a remedy") {
  fake_node node([](const auto&) { return fake_node::answer{401, "", "", "text/plain", false}; });
  actors::upstream_config u;
  u.alias = "web";
  u.target = at(node);
  const auto found = check_connection(u);
  CHECK(found.how == finding::grade::bad);
  CHECK(found.remedy.find("headers") != std::string::npos);
}
