#include "actors/session_text.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace holdfast;
using namespace holdfast::actors;
using namespace std::chrono_literals;
namespace execution = machines::execution;

namespace {

/// A text that an earlier version wrote, without the line end that editors like.
std::string golden(const std::string& name) {
  std::ifstream in(HOLDFAST_SOURCE_DIR "/tests/actors/golden/" + name);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  REQUIRE_FALSE(text.empty());
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::uint8_t index_of(std::string_view name, std::string_view (*name_at)(std::uint8_t) noexcept) {
  for (std::uint8_t i = 0; i < 16; ++i) {
    if (name_at(i) == name) return i;
  }
  throw std::logic_error("no such name: " + std::string(name));
}

execution::transition step(std::string_view event, std::string_view state, std::int64_t ms) {
  return {index_of(event, execution::event_name), index_of(state, execution::state_name),
          execution::timestamp(std::chrono::milliseconds(ms))};
}

std::vector<execution::transition> a_history() {
  return {step("select", "selected", 1763712000000), step("parameters_given", "ready", 1763712000000),
          step("dispatched", "executing", 1763712000001), step("connection_lost", "interrupted", 1763712000500)};
}

session_snapshot full_snapshot() {
  session_snapshot s;
  s.id = "AAAAAAAAAAAAAAAAAAAAAA";
  s.principal = "anonymous";
  s.revision = mcp::revision::r2025_11_25;
  s.operating = true;
  s.client = R"({"info":{"name":"c\"ü","version":"1"},"capabilities":{"sampling":{}}})";
  s.log_level = "warning";
  s.last_ask = 7;
  s.last_execution = 12;
  s.subscriptions = {{"up", "test://watched?a=1"}, {"other", "file:///a b"}};
  s.learned_uris = {{"up", "test://seen"}};
  s.upstreams = {{"up", {"upstream-session", "2025-06-18", "3_7", {}}, R"({"capabilities":{"tools":{}}})"}};
  s.processes = {"files", "m\"ü"};
  s.losses = {{"files", execution::timestamp(1763712000000ms)}, {"memory", execution::timestamp(1763712000700ms)}};
  s.asks = {{"up", 6, "\"ask-7\"", "5", "sampling/createMessage", {}},
            {"up", 7, "9", {}, "roots/list", R"({"jsonrpc":"2.0","id":9,"result":{"roots":[]}})"}};
  s.lists = {1, 0, 4294967295};
  s.finished = {{"echo", execution::timestamp(1763712000000ms), a_history(), 12, "up", "it \"broke\""}};
  s.story.add({"n1", "abc", 3, execution::timestamp(1763712000000ms), session_story::beginning::created});
  s.story.add({"n2", "def", 4, execution::timestamp(1763712000400ms), session_story::beginning::taken_over});
  s.story.negotiated = execution::timestamp(1763712000001ms);
  s.story.operating = execution::timestamp(1763712000002ms);
  s.tool_state = R"({"cart":[1,2]})";
  return s;
}

journal_text full_journal() {
  journal_text j;
  j.client_id = "\"seven\"";
  j.digest = 0xfedcba9876543210;
  j.what = mcp::method::tools_call;
  j.tool = "echo";
  j.upstream = "up";
  j.params = R"({"name":"echo","arguments":{"a":"ü"},"_meta":{"progressToken":17}})";
  j.progress_token = "\"p\"";
  j.stream = 3;
  j.repeatable = true;
  j.dispatch = 17;
  j.session = {"upstream-session", "2025-11-25", {}, {}};
  j.event_id = "3-2-upstream";
  j.shown_uri = "up+test://a";
  j.upstream_uri = "test://a";
  j.started = execution::timestamp(1763712000000ms);
  j.history = a_history();
  j.asks = {{4, "\"ask-1\"", "5", "sampling/createMessage", {}},
            {5, {}, {}, {}, R"({"jsonrpc":"2.0","id":9,"result":{}})"}};
  j.answer = R"({"jsonrpc":"2.0","id":"seven","result":{}})";
  return j;
}

void check_same(const std::vector<execution::transition>& a, const std::vector<execution::transition>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].event == b[i].event);
    CHECK(a[i].state == b[i].state);
    CHECK(a[i].at == b[i].at);
  }
}

void check_same(const session_snapshot& a, const session_snapshot& b) {
  CHECK(a.id == b.id);
  CHECK(a.principal == b.principal);
  CHECK(a.revision == b.revision);
  CHECK(a.operating == b.operating);
  CHECK(a.client == b.client);
  CHECK(a.log_level == b.log_level);
  CHECK(a.last_ask == b.last_ask);
  CHECK(a.last_execution == b.last_execution);
  CHECK(a.subscriptions == b.subscriptions);
  CHECK(a.learned_uris == b.learned_uris);
  REQUIRE(a.upstreams.size() == b.upstreams.size());
  for (std::size_t i = 0; i < a.upstreams.size(); ++i) {
    CHECK(a.upstreams[i].upstream == b.upstreams[i].upstream);
    CHECK(a.upstreams[i].session.id == b.upstreams[i].session.id);
    CHECK(a.upstreams[i].session.revision == b.upstreams[i].session.revision);
    CHECK(a.upstreams[i].session.last_event_id == b.upstreams[i].session.last_event_id);
    CHECK(a.upstreams[i].initialize_result == b.upstreams[i].initialize_result);
  }
  CHECK(a.processes == b.processes);
  CHECK(a.losses == b.losses);
  CHECK(a.asks == b.asks);
  CHECK(a.lists == b.lists);
  REQUIRE(a.finished.size() == b.finished.size());
  for (std::size_t i = 0; i < a.finished.size(); ++i) {
    CHECK(a.finished[i].tool == b.finished[i].tool);
    CHECK(a.finished[i].started == b.finished[i].started);
    check_same(a.finished[i].history, b.finished[i].history);
    CHECK(a.finished[i].number == b.finished[i].number);
    CHECK(a.finished[i].upstream == b.finished[i].upstream);
    CHECK(a.finished[i].reason == b.finished[i].reason);
  }
  CHECK(a.story == b.story);
  CHECK(a.tool_state == b.tool_state);
}

void check_same(const journal_text& a, const journal_text& b) {
  CHECK(a.client_id == b.client_id);
  CHECK(a.digest == b.digest);
  CHECK(a.what == b.what);
  CHECK(a.tool == b.tool);
  CHECK(a.upstream == b.upstream);
  CHECK(a.params == b.params);
  CHECK(a.progress_token == b.progress_token);
  CHECK(a.stream == b.stream);
  CHECK(a.repeatable == b.repeatable);
  CHECK(a.dispatch == b.dispatch);
  CHECK(a.session.id == b.session.id);
  CHECK(a.session.revision == b.session.revision);
  CHECK(a.event_id == b.event_id);
  CHECK(a.shown_uri == b.shown_uri);
  CHECK(a.upstream_uri == b.upstream_uri);
  CHECK(a.trace == b.trace);
  CHECK(a.started == b.started);
  check_same(a.history, b.history);
  REQUIRE(a.asks.size() == b.asks.size());
  for (std::size_t i = 0; i < a.asks.size(); ++i) {
    CHECK(a.asks[i].id == b.asks[i].id);
    CHECK(a.asks[i].upstream_id == b.asks[i].upstream_id);
    CHECK(a.asks[i].progress_token == b.asks[i].progress_token);
    CHECK(a.asks[i].method == b.asks[i].method);
    CHECK(a.asks[i].answer == b.asks[i].answer);
  }
  CHECK(a.answer == b.answer);
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  REQUIRE(at != text.npos);
  return text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("a snapshot says all of a session, and is read as it was") {
  const auto s = full_snapshot();
  const auto again = read_snapshot(to_json(s));
  REQUIRE(again);
  check_same(*again, s);
}

TEST_CASE("a session that has done nothing yet has a short snapshot") {
  session_snapshot s;
  s.id = "AAAAAAAAAAAAAAAAAAAAAA";
  s.principal = "anonymous";
  s.revision = mcp::revision::r2025_06_18;
  const auto text = to_json(s);
  CHECK(text == R"({"v":1,"id":"AAAAAAAAAAAAAAAAAAAAAA","principal":"anonymous","revision":"2025-06-18"})");
  const auto again = read_snapshot(text);
  REQUIRE(again);
  check_same(*again, s);
}

TEST_CASE("a client's description that is stored apart is named by its hash") {
  auto s = full_snapshot();
  s.client = "\"a-hash\"";
  CHECK(read_snapshot(to_json(s))->client == "\"a-hash\"");
}

TEST_CASE("a journal entry says all of an execution, and is read as it was") {
  auto j = full_journal();
  j.trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const auto again = read_journal(to_json(j));
  REQUIRE(again);
  check_same(*again, j);
}

TEST_CASE("parameters that are stored apart are named by their hash") {
  auto j = full_journal();
  j.params = "\"a-hash\"";
  const auto again = read_journal(to_json(j));
  REQUIRE(again);
  CHECK(again->params == "\"a-hash\"");
}

TEST_CASE("a journal entry keeps the type of its client's id") {
  for (const auto* id : {"1", "\"1\"", "-7", "\"\\u0000\\\"\""}) {
    auto j = full_journal();
    j.client_id = id;
    const auto again = read_journal(to_json(j));
    REQUIRE(again);
    CHECK(again->client_id == id);
  }
}

TEST_CASE("every request that may be open can be written down") {
  using mcp::method;
  for (const auto m : {method::tools_call, method::prompts_get, method::resources_read, method::resources_subscribe,
                       method::resources_unsubscribe, method::completion_complete}) {
    auto j = full_journal();
    j.what = m;
    const auto again = read_journal(to_json(j));
    REQUIRE(again);
    CHECK(again->what == m);
  }
}

TEST_CASE("what a newer version wrote is refused, not misread") {
  CHECK_FALSE(read_snapshot(replaced(to_json(full_snapshot()), "\"v\":1", "\"v\":2")));
  CHECK_FALSE(read_journal(replaced(to_json(full_journal()), "\"v\":1", "\"v\":2")));
}

TEST_CASE("what is no snapshot or journal entry is refused") {
  for (const auto* text : {"", "{}", "[]", "null", "\"v\"", R"({"v":0})", R"({"v":"1"})", R"({"v":1})",
                           R"({"v":1,"revision":"1999-01-01"})", R"({"revision":"2025-11-25"})"}) {
    CHECK_FALSE(read_snapshot(text));
    CHECK_FALSE(read_journal(text));
  }
  const auto good = to_json(full_journal());
  CHECK_FALSE(read_journal(replaced(good, R"("id":"seven",)", "")));
  CHECK_FALSE(read_journal(replaced(good, "tools/call", "tools/eat")));
}

TEST_CASE("members that this version does not know are passed over") {
  const auto strange = R"("v":1,"later":{"v":9,"id":["x"]},"more":[1,{"revision":"x"}])";
  const auto s = read_snapshot(replaced(to_json(full_snapshot()), "\"v\":1", strange));
  REQUIRE(s);
  check_same(*s, full_snapshot());
  const auto j = read_journal(replaced(to_json(full_journal()), "\"v\":1", strange));
  REQUIRE(j);
  check_same(*j, full_journal());
}

TEST_CASE("a step of a history that this version does not know is left out, the others stand") {
  auto text = replaced(to_json(full_journal()), "\"parameters_given\"", "\"something_new\"");
  const auto j = read_journal(text);
  REQUIRE(j);
  auto expected = a_history();
  expected.erase(expected.begin() + 1);
  check_same(j->history, expected);
}

TEST_CASE("numbers that cannot be are taken as none") {
  const auto s = read_snapshot(replaced(to_json(full_snapshot()), R"("lastAsk":7)", R"("lastAsk":-7)"));
  REQUIRE(s);
  CHECK(s->last_ask == 0);
}

session_snapshot without_its_past() {
  auto s = full_snapshot();
  s.story = {};
  s.finished = {{"echo", execution::timestamp(1763712000000ms), a_history()}};
  return s;
}

TEST_CASE("a snapshot that version 1 wrote is readable") {
  const auto s = read_snapshot(golden("session_v1_gaps.json"));
  REQUIRE(s);
  check_same(*s, without_its_past());
}

TEST_CASE("a snapshot from before version 1 knew of gaps is readable") {
  const auto s = read_snapshot(golden("session_v1.json"));
  REQUIRE(s);
  auto expected = without_its_past();
  expected.processes.clear();
  expected.losses.clear();
  expected.asks.clear();
  expected.lists = {};
  check_same(*s, expected);
}

TEST_CASE("a journal entry that version 1 wrote is readable") {
  const auto j = read_journal(golden("journal_v1.json"));
  REQUIRE(j);
  check_same(*j, full_journal());
}
