#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "tests/support/upstream_probe.hpp"
#include "transport/mcp/envelope.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using transport::errc;
using namespace std::chrono_literals;

namespace {

transport::program_tool tool(const std::string& script, const std::string& name = "t") {
  transport::program_tool t;
  t.name = name;
  t.entry = R"({"name":")" + name + R"(","inputSchema":{"type":"object"}})";
  t.command = {"sh", {"-c", script}, {}, {}, "", 0};
  t.timeout = 20s;
  return t;
}

struct programs : upstream_probe {
  explicit programs(transport::program_set s) : upstream_probe(std::move(s)) { REQUIRE(open().has_value()); }
  explicit programs(transport::program_tool t) : programs(transport::program_set{{std::move(t)}, 4, "de"}) {}

  std::shared_ptr<recorded_call> call(const std::string& more = "", bool from_other = false,
                                      std::chrono::milliseconds timeout = patience) {
    return request("tools/call", R"({"name":"t","arguments":{"a":[1]})" + more + "}", timeout, from_other);
  }
  std::string result(const std::string& more = "", bool from_other = false) {
    const auto r = call(more, from_other)->result();
    REQUIRE(r.answer);
    CHECK(r.ends == 1);
    return std::string(mcp::member(*r.answer, "result"));
  }
};

std::string text_of(const std::string& result) {
  const auto content = mcp::elements(mcp::member(result, "content"));
  std::string all;
  for (const auto item : *content) all += mcp::string_value(mcp::member(item, "text")).value_or("?") + "|";
  return all;
}

bool is_error(const std::string& result) { return mcp::member(result, "isError") == "true"; }

/// A call counts until its program has ended, which is after its result.
bool comes_to_rest(const programs& up) {
  for (const auto end = std::chrono::steady_clock::now() + patience; up.link->in_flight() > 0;) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

constexpr const char* progress_wanted = R"(,"_meta":{"progressToken":7})";

}  // namespace

TEST_CASE("A program gets its call on standard input and answers with a line of JSON") {
  programs up(tool(R"(line=$(cat); printf '{"result":%s}\n' "$line")"));
  CHECK(std::string(up.connection->protocol()) == "exec");
  const auto list = up.request("tools/list")->result();
  CHECK(list.answer->find(R"("tools":[{"name":"t")") != std::string::npos);
  for (const bool other : {false, true}) {
    const auto result = up.result("", other);
    const auto given = mcp::member(result, "structuredContent");
    CHECK(mcp::member(given, "tool") == "\"t\"");
    CHECK(mcp::member(given, "params") == R"({"a":[1]})");
    CHECK(mcp::member(given, "locale") == "\"de\"");
    CHECK(mcp::member(given, "timeoutMs") == "20000");
    CHECK(mcp::member(given, "state").data() == nullptr);
    CHECK_FALSE(is_error(result));
  }
  const auto asked = up.result(R"(,"_meta":{"holdfast/locale":"fr"})");
  CHECK(mcp::member(mcp::member(asked, "structuredContent"), "locale") == "\"fr\"");
  CHECK(comes_to_rest(up));
}

TEST_CASE("A program's lines become progress, log messages, pieces and the result") {
  programs up(tool(R"(read line
    echo '{"progress":1,"total":2,"message":"half"}'
    echo '{"log":{"x":1},"level":"warning"}'
    echo '{"partial":"one "}'
    echo 'not JSON'
    echo '{"partial":[{"type":"image","data":"","mimeType":"image/png"}]}'
    echo '{"result":"two"}')"));
  const auto r = up.call(progress_wanted)->result();
  REQUIRE(r.messages.size() == 4);
  CHECK(r.messages[0].find(R"("progress":1,"total":2,"message":"half")") != std::string::npos);
  CHECK(r.messages[1].find(R"("level":"warning","logger":"t","data":{"x":1})") != std::string::npos);
  CHECK(r.messages[2].find(R"("holdfast/partial":"one ")") != std::string::npos);
  CHECK(r.messages[3].find("image/png") != std::string::npos);
  double before = 0;
  for (const auto i : {0, 2, 3}) {
    const auto value = std::stod(std::string(mcp::member(mcp::member(r.messages[i], "params"), "progress")));
    CHECK(value > before);
    before = value;
  }
  CHECK(text_of(std::string(mcp::member(*r.answer, "result"))) == "one |?|two|");
  CHECK(up.events.stderr_with("not JSON") == "t: stdout: not JSON");
  const auto quiet = up.call()->result();
  CHECK(quiet.messages.size() == 1);  // the log message
}

TEST_CASE("What a program says of its failure is the tool's error") {
  CHECK(text_of(programs(tool(R"(echo '{"error":"no such thing"}')")).result()) == "no such thing|");
  const auto died = programs(tool("echo why >&2; exit 3")).result();
  CHECK(is_error(died));
  CHECK(text_of(died).find("exit status 3); its last words: why") != std::string::npos);
  const auto pieces = programs(tool(R"(printf '{"partial":"all"}')")).result();
  CHECK(text_of(pieces) == "all|");
  CHECK_FALSE(is_error(pieces));
}

TEST_CASE("A program keeps to its limits") {
  auto slow = tool("sleep 60");
  slow.timeout = 200ms;
  const auto late = programs(slow).result();
  CHECK(text_of(late) == "The program did not end within 200 ms and was stopped|");
  auto loud = tool("yes '{\"log\":1}'");
  loud.output_bytes_max = 4096;
  CHECK(text_of(programs(loud).result()) == "The program wrote more than 4096 bytes and was stopped|");
  auto hungry = tool(
      R"(python3 -c 'x = bytearray(300 << 20)' 2>/dev/null && echo '{"result":"got it"}' || echo '{"result":"did not"}')");
  hungry.command.memory_bytes_max = 100u << 20;
  CHECK(text_of(programs(hungry).result()) == "did not|");
  hungry.command.memory_bytes_max = 0;
  CHECK(text_of(programs(hungry).result()) == "got it|");
  programs up(tool("sleep 60"));
  CHECK(up.call("", false, 200ms)->error() == errc::timed_out);
}

TEST_CASE("Too many programs at once are refused before they run") {
  programs up(transport::program_set{{tool("sleep 60")}, 2, ""});
  const auto first = up.call(), second = up.call("", true);
  CHECK(up.call()->error() == errc::overloaded);
  up.close();
  CHECK(first->error() == errc::closed);
  CHECK(second->error() == errc::closed);
  CHECK_FALSE(first->wrong_loop);
  CHECK_FALSE(second->wrong_loop);
}

TEST_CASE("A cancelled program is killed with all that it has started") {
  const auto mark = std::filesystem::temp_directory_path() / ("holdfast-program-" + std::to_string(::getpid()));
  programs up(tool("setsid sh -c 'echo $$ >" + mark.string() + ".tmp; mv " + mark.string() + ".tmp " + mark.string() +
                   "; exec sleep 60' & wait"));
  const auto id = up.link->next_id();
  const auto call = up.request_with_id(id, "tools/call", R"({"name":"t"})");
  const auto until = [](auto condition) {
    for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;) {
      if (condition()) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  };
  REQUIRE(until([&] { return std::filesystem::exists(mark); }));
  std::ifstream in(mark);
  int pid = 0;
  in >> pid;
  std::filesystem::remove(mark);
  REQUIRE(pid > 0);
  up.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" + std::to_string(id) + "}}");
  CHECK(until([&] { return ::kill(pid, 0) != 0; }));
  CHECK(comes_to_rest(up));
  CHECK(call->record.get().ends == 0);
}

TEST_CASE("A stateful program gets its state and leaves another") {
  auto t = tool(R"(line=$(cat); printf '{"state":{"n":2}}\n{"result":%s}\n' "$line")");
  t.stateful = true;
  programs up(std::move(t));
  const auto result = up.result(R"(,"_meta":{"holdfast/state":{"n":1}})");
  CHECK(mcp::member(mcp::member(result, "structuredContent"), "state") == R"({"n":1})");
  CHECK(mcp::member(mcp::member(result, "_meta"), "holdfast/state") == R"({"n":2})");
}

TEST_CASE("Processes that wait take the next calls, and one that has ended takes none") {
  auto t = tool(R"(echo started >&2; read line; echo '{"result":"'$$'"}')");
  t.warm = 1;
  programs up(std::move(t));
  const auto first = up.result();
  up.events.record.wait([](const auto& r) { return r.stderr_lines.size() == 2; });  // the second waits
  CHECK(first != up.result());
  auto mortal = tool("exit 0");
  mortal.warm = 2;
  programs other(std::move(mortal));
  for (int i = 0; i < 5; ++i) CHECK(is_error(other.result()));
}

TEST_CASE("What is missing leaves a tool out, in words") {
  auto lacking = tool("true", "lacking");
  lacking.needs = {"sh", "no-such-program"};
  CHECK(transport::lacks(lacking) == std::vector<std::string>{"no-such-program is not in PATH"});
  programs up(transport::program_set{{tool("true"), lacking}, 2, ""});
  CHECK(up.events.stderr_with("lacking") == "lacking is left out: no-such-program is not in PATH");
  CHECK(up.request("tools/list")->result().answer->find("lacking") == std::string::npos);
  const auto unknown = up.request("tools/call", R"({"name":"lacking"})")->result();
  CHECK(unknown.answer->find("Unknown tool: lacking") != std::string::npos);
  CHECK(up.request("prompts/list")->result().answer->find("-32601") != std::string::npos);
}
