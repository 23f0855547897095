#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "actors/admin/document.hpp"
#include "actors/admin/explain.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/merge.hpp"
#include "actors/admin/questions.hpp"
#include "actors/admin/request.hpp"
#include "actors/admin/routes.hpp"
#include "actors/recent_events.hpp"
#include "actors/session_trace.hpp"

using namespace holdfast;
using namespace holdfast::actors;
using namespace holdfast::actors::admin;

namespace {

request asking(std::map<std::string, std::string> query) {
  request r;
  r.query = std::move(query);
  return r;
}

const route& at(transport::http_method method, std::string_view path) {
  auto found = find_route(method, path);
  REQUIRE(std::holds_alternative<resolved>(found));
  return *std::get<resolved>(found).to;
}

constexpr auto get = transport::http_method::get;
constexpr auto post = transport::http_method::post;

std::string call(const std::string& state, const std::string& transitions, const std::string& reason = "") {
  return R"({"execution":{"id":"s.1","upstream":"up","journaled":true,"state":")" + state + R"("},"transitions":[)" +
         transitions + R"(],"reason":")" + reason + R"("})";
}

std::string moment(const std::string& event, const std::string& node = "n1") {
  return R"({"at":"2026-11-28T12:00:00.000Z","event":")" + event + R"(","node":")" + node + R"("})";
}

}  // namespace

TEST_CASE("the description and the table have the same paths and methods") {
  const auto paths = mcp::member(document(), "paths");
  REQUIRE(mcp::is_object(paths));
  std::size_t described = 0;
  for (const auto& [key, methods] : mcp::members(paths)) {
    auto path = key;
    CAPTURE(path);
    for (auto open = path.find('{'); open != std::string::npos; open = path.find('{'))
      path.replace(open, path.find('}') - open + 1, "0");
    for (const auto& [method, operation] : mcp::members(methods)) {
      ++described;
      const auto found = find_route(method == "get" ? get : post, path);
      CHECK(std::holds_alternative<resolved>(found));
    }
  }
  CHECK(described == all_routes().size());
}

TEST_CASE("a path that is none is told from a method that is none") {
  CHECK(std::get<problem>(find_route(get, "/v1/nothing")).status == 404);
  CHECK(std::get<problem>(find_route(get, "/v1/sessions//history")).status == 404);
  CHECK(std::get<problem>(find_route(get, "/v1/sessions/a/history/b")).status == 404);
  CHECK(std::get<problem>(find_route(post, "/v1/status")).status == 405);
  CHECK(std::get<problem>(find_route(post, "/v1/status")).detail == "GET");
  CHECK(std::get<problem>(find_route(get, "/v1/nodes/%zz")).status == 400);
  CHECK(std::get<resolved>(find_route(get, "/v1/nodes/a%20b")).args == std::vector<std::string>{"a b"});
}

TEST_CASE("parameters are checked by their kind") {
  const auto& sessions = at(get, "/v1/sessions");
  CHECK_FALSE(check_parameters(sessions, asking({})));
  CHECK_FALSE(check_parameters(sessions, asking({{"limit", "1000"}, {"sort", "age"}, {"scope", "node"}})));
  for (const auto& wrong : std::map<std::string, std::string>{
           {"limit", "1001"}, {"sort", "size"}, {"scope", ""}, {"prefix", ""}, {"unheard_of", "1"}, {"wher", "all"}}) {
    CAPTURE(wrong.first);
    CHECK(check_parameters(sessions, asking({wrong}))->status == 400);
  }
  CHECK(check_parameters(sessions, asking({{"limit", "-1"}})));
  CHECK(check_parameters(sessions, asking({{"limit", "1x"}})));
  CHECK(check_parameters(at(post, "/v1/log/level"), asking({}))->detail == "level is needed");
  CHECK_FALSE(check_parameters(at(post, "/v1/log/level"), asking({{"level", "debug"}})));
}

TEST_CASE("a query is read, or refused") {
  CHECK(read_query("a=1&b=two%20words&c") ==
        std::map<std::string, std::string>{{"a", "1"}, {"b", "two words"}, {"c", ""}});
  for (const auto* text : {"a=%", "a=%4", "a=%zz", "a=%00", "a=%ff", "a=1&a=2"}) {
    CAPTURE(text);
    CHECK_FALSE(read_query(text));
  }
}

TEST_CASE("a call that was sent and then lost may have run, and one that never left has not") {
  const auto lost = explained(
      call("interrupted", moment("select") + "," + moment("dispatched") + "," + moment("connection_lost", "n2"), "x"));
  CHECK(lost.may_have_run);
  CHECK(lost.words.front() == "2026-11-28T12:00:00.000Z: It was sent to up (node n1).");
  CHECK(lost.words.back().find("may have run") != std::string::npos);
  const auto refused = explained(call("failed", moment("select") + "," + moment("error_came")));
  CHECK_FALSE(refused.may_have_run);
  CHECK(refused.words.back() == "It failed before it was sent: it has not run.");
  CHECK_FALSE(
      explained(call("cancelled", moment("dispatched") + "," + moment("returned") + "," + moment("cancel_asked")))
          .may_have_run);
}

TEST_CASE("of several nodes one has the session, or none, or the id is not enough") {
  parts p;
  p.all = {{"a", R"({"matches":[],"answer":null})"}, {"b", R"({"matches":["xy1"],"answer":{"id":"xy1"}})"}};
  p.unreachable = {"c"};
  CHECK(std::get<std::string>(only_one(p, "none")) == R"({"unreachable":["c"],"id":"xy1"})");
  p.all.push_back({"d", R"({"matches":["xy2"],"answer":null})"});
  const auto ambiguous = std::get<problem>(only_one(p, "none"));
  CHECK(ambiguous.status == 409);
  CHECK(ambiguous.matches == std::vector<std::string>{"xy1", "xy2"});
  p.all.resize(1);
  CHECK(std::get<problem>(only_one(p, "none")).status == 404);
}

TEST_CASE("slots without an owner, or with more than one, are seen") {
  parts p;
  const std::string wanted = R"("wanted":["a","a","b"],"pinned":[2])";
  p.all = {
      {"a", R"({"slots":[{"slot":0,"state":"held","epoch":3},{"slot":2,"state":"held","epoch":1}],)" + wanted + "}"},
      {"b", R"({"slots":[{"slot":2,"state":"sealed","epoch":2}],)" + wanted + "}"}};
  const auto all = picture_of(p);
  CHECK(all.unowned == 1022);
  CHECK(all.contested == 1);
  CHECK(all.moving == 0);
  CHECK(all.places[2].holders[0].node == "b");
  CHECK(all.places[2].pinned);
}

TEST_CASE("what sounds secret is not shown") {
  CHECK(without_secrets(R"({"a":[{"apiKey":"x","Api-Key":1}],"password":{"x":"y"},"n":1,"progressToken":3})") ==
        R"({"a":[{"apiKey":"***","Api-Key":"***"}],"password":"***","n":1,"progressToken":3})");
}

TEST_CASE("values that look like secrets are not shown, whatever their name") {
  CHECK(without_secrets(R"({"text":"use sk-abcdefghijklmnop1234, then go","list":["ghp_0123456789abcdefghij0123"]})") ==
        R"({"text":"use ***, then go","list":["***"]})");
}

TEST_CASE("nodes that do not agree on a route are marked") {
  const auto said = [](const char* node, const char* owner, const char* state, int epoch) {
    return part{node, json_object()
                          .text("node", node)
                          .text_or_null("owner", owner)
                          .text("state", state)
                          .number("epoch", epoch)
                          .str()};
  };
  const auto agrees = [](const route_picture& r) {
    std::vector<bool> all;
    for (const auto& v : r.views) all.push_back(flag_of(v, "agrees"));
    return all;
  };
  parts p;
  p.all = {said("a", "a", "held", 4), said("b", "a", "elsewhere", 0)};
  CHECK(route_of(p).agreed);
  CHECK(agrees(route_of(p)) == std::vector<bool>{true, true});
  p.all = {said("a", "b", "elsewhere", 0), said("b", "b", "sealed", 3), said("c", "c", "held", 4)};
  const auto split = route_of(p);
  CHECK_FALSE(split.agreed);
  CHECK(split.owner == "c");
  CHECK(agrees(split) == std::vector<bool>{false, false, true});
  p.all = {said("a", "", "elsewhere", 0), said("b", "", "elsewhere", 0)};
  const auto nobody = route_of(p);
  CHECK_FALSE(nobody.agreed);
  CHECK(nobody.owner.empty());
  CHECK(agrees(nobody) == std::vector<bool>{false, false});
}

TEST_CASE("a listener is shown no more than it asked for, and is told of the rest") {
  using place = session_trace::place;
  std::vector<std::string> events;
  {
    session_trace t(1, "n1", {3, 2, false}, [&](std::string e) { events.push_back(std::move(e)); });
    for (int i = 0; i < 5; ++i)
      t.note(place::client, place::session, R"({"jsonrpc":"2.0","id":1,"method":"ping"})", {}, {});
    CHECK_FALSE(t.over());
    t.note(place::client, place::session, "no JSON", {}, {});
  }
  REQUIRE(events.size() == 4);
  CHECK(events[0].starts_with("event: message\n"));
  CHECK(events[0].find("body") == std::string::npos);
  CHECK(events[2] == "event: dropped\ndata: {\"count\":3}\n\n");
  CHECK(events[3] == "event: detached\ndata: {\"node\":\"n1\",\"reason\":\"gone\"}\n\n");
}

TEST_CASE("only what an operator should know is kept of the log, and not for ever") {
  const auto before = recent_events::after(0, 1);
  const auto last = before.empty() ? 0 : before.back().sequence;
  recent_events::note(log_level::info, "session.opened", {});
  recent_events::note(log_level::debug, "cluster.dead", {});
  recent_events::note(log_level::warning, "cluster.dead", {{"node", "n\"1"}});
  recent_events::note(log_level::info, "audit.x", {});
  const auto news = recent_events::after(last, 10);
  REQUIRE(news.size() == 2);
  CHECK(news[0].fields == R"({"node":"n\"1"})");
  CHECK(recent_events::after(last, 10, "audit.").size() == 1);
  for (std::size_t i = 0; i < recent_events::kept_max + 10; ++i) recent_events::note(log_level::info, "node.test", {});
  CHECK(recent_events::after(0, 10'000).size() == recent_events::kept_max);
}
