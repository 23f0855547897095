#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/shell_server.hpp"
#include "tests/support/upstream_probe.hpp"

using namespace holdfast;
using namespace holdfast::tests;
using transport::errc;
using namespace std::chrono_literals;

namespace {

transport::stdio_command sh(const std::string& script) { return {"sh", {"-c", script}, {}, {}, ""}; }

/// What `open` failed with, and the detail.
transport::failure refusal(transport::stdio_command c, transport::upstream_limits l = upstream_probe::quick_limits()) {
  upstream_probe up(std::move(c), l);
  auto opened = up.open();
  REQUIRE_FALSE(opened.has_value());
  CHECK(up.link == nullptr);
  up.close();
  CHECK(up.events.record.get().downs.empty());
  return opened.error();
}

}  // namespace

TEST_CASE("A stdio server is started, initialized and called from any loop") {
  upstream_probe up(shell_server());
  auto opened = up.open();
  REQUIRE(opened.has_value());
  CHECK(opened->find("\"protocolVersion\":\"2025-06-18\"") != std::string::npos);
  CHECK(std::string(up.connection->protocol()) == "stdio");
  up.events.stderr_with("notifications/initialized");
  for (bool other : {false, true, false}) {
    auto call = up.request("work", "{\n\"a\":1\n}", patience, other);
    auto result = call->result();
    REQUIRE(result.answer);
    CHECK(result.answer->find("\"ok\":true") != std::string::npos);
    CHECK(result.ends == 1);
    CHECK_FALSE(call->wrong_loop);
  }
  up.send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}");
  up.events.stderr_with("roots/list_changed");
  CHECK(up.link->in_flight() == 0);
}

TEST_CASE("Answers find their requests in any order") {
  upstream_probe up(
      shell_server("case $line in *first*) held=$id;; *) answer $id '\"second\"'; answer $held '\"first\"';; esac"));
  REQUIRE(up.open().has_value());
  auto first = up.request("first", "{}", patience, true), second = up.request("second");
  CHECK(first->result().answer->find("\"first\"") != std::string::npos);
  CHECK(second->result().answer->find("\"second\"") != std::string::npos);
}

TEST_CASE("What is no message is reported and passed over") {
  upstream_probe up(shell_server(
      "echo 'starting up'; echo '{\"json\":true}'; echo; printf '\\377\\n'; answer 4711 '{}'; answer '\"x\"' '{}'; "
      "answer $id '{}'; answer $id '{}'"));
  REQUIRE(up.open().has_value());
  CHECK(up.request("work")->result().answer);
  CHECK(up.request("work")->result().answer);
  CHECK(up.events.stderr_with("starting up") == "stdout: starting up");
  up.events.stderr_with("{\"json\":true}");
  up.events.stderr_with("\xef\xbf\xbd");
  CHECK(up.events.record.get().downs.empty());
}

TEST_CASE("Progress goes to the request it names") {
  upstream_probe up(
      shell_server("case $line in *first*) held=$id;; "
                   "*) notify notifications/progress '{\"progressToken\":'$held',\"progress\":1}'; "
                   "   notify notifications/progress '{\"progressToken\":\"x\",\"progress\":2}'; answer $id '{}'; "
                   "answer $held '{}';; esac"));
  REQUIRE(up.open().has_value());
  auto first = up.request("first", "{}", patience, true), second = up.request("second");
  CHECK(second->result().messages.empty());
  CHECK(first->result().messages.size() == 1);
  CHECK(up.events.message_with("\"progress\":2").find("\"x\"") != std::string::npos);
}

TEST_CASE("Other messages go to the only request in flight, save for those about the server") {
  const std::string say =
      "notify notifications/message '{}'; notify notifications/tools/list_changed '{}'; "
      "notify notifications/resources/updated '{\"uri\":\"x\"}'; "
      "printf '{\"jsonrpc\":\"2.0\",\"id\":\"s1\",\"method\":\"sampling/createMessage\",\"params\":{}}\\n'; "
      "printf '[{\"jsonrpc\":\"2.0\",\"id\":\"e1\",\"method\":\"elicitation/create\",\"params\":{}}]\\n'; ";
  SUBCASE("one request") {
    upstream_probe up(shell_server(say + "answer $id '{}'"));
    REQUIRE(up.open().has_value());
    auto call = up.request("work", "{}", patience, true);
    auto result = call->result();
    REQUIRE(result.messages.size() == 3);
    CHECK(result.messages[0].find("notifications/message") != std::string::npos);
    CHECK(result.messages[1].find("sampling") != std::string::npos);
    CHECK(result.messages[2].find("elicitation") != std::string::npos);
    CHECK_FALSE(call->wrong_loop);
    up.events.message_with("tools/list_changed");
    up.events.message_with("resources/updated");
    CHECK(up.events.record.get().messages.size() == 2);
  }
  SUBCASE("two requests") {
    upstream_probe up(
        shell_server("case $line in *first*) held=$id;; *) " + say + "answer $id '{}'; answer $held '{}';; esac"));
    REQUIRE(up.open().has_value());
    auto first = up.request("first"), second = up.request("second");
    CHECK(first->result().messages.empty());
    CHECK(second->result().messages.empty());
    CHECK(up.events.record.get().messages.size() == 5);
  }
}

TEST_CASE("Messages before and after initialize reach the connection") {
  upstream_probe up(shell_server("answer $id '{}'", "notify notifications/tools/list_changed '{}'"));
  REQUIRE(up.open().has_value());
  up.events.message_with("list_changed");
}

TEST_CASE("Open fails with the reason") {
  const std::string hello = "read line; printf '%s\\n' ";
  SUBCASE("not found") {
    auto why = refusal({"no-such-server", {}, {}, {}, ""});
    CHECK(why.code == errc::spawn_failed);
    CHECK(why.detail == "no-such-server: No such file or directory");
  }
  SUBCASE("it exits at once") {
    auto why = refusal(sh("exit 7"));
    CHECK(why.code == errc::process_exited);
    CHECK(why.detail.find("exit status 7") != std::string::npos);
  }
  SUBCASE("it is silent") {
    auto limits = upstream_probe::quick_limits();
    limits.connect_timeout = 200ms;
    limits.shutdown_grace = 50ms;
    CHECK(refusal(sh("trap '' TERM; while :; do sleep 1; done"), limits).code == errc::timed_out);
  }
  SUBCASE("it refuses") {
    auto why =
        refusal(sh(hello + R"('{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"go away"}}'; sleep 9)"));
    CHECK(why.code == errc::handshake_failed);
    CHECK(why.detail.find("go away") != std::string::npos);
  }
  SUBCASE("it is too new") {
    auto why = refusal(sh(hello + R"('{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2026-07-28"}}'; sleep 9)"));
    CHECK(why.code == errc::unsupported_era);
  }
}

TEST_CASE("A process that dies takes its calls with it, and says how it died") {
  std::string end = "exit 9", words = "exit status 9";
  SUBCASE("by itself") {}
  SUBCASE("by a signal") {
    end = "kill -ABRT $$";
    words = "signal 6 (Aborted)";
  }
  upstream_probe up(shell_server("case $line in *first*) ;; *) printf '{\"half'; " + end + ";; esac"));
  REQUIRE(up.open().has_value());
  auto first = up.request("first", "{}", patience, true), second = up.request("second");
  for (auto& call : {first, second}) {
    CHECK(call->error() == errc::process_exited);
    CHECK(call->result().failed->detail.find(words) != std::string::npos);
    CHECK_FALSE(call->wrong_loop);
  }
  CHECK(up.events.down().detail.find(words) != std::string::npos);
  CHECK(up.request("late")->error() == errc::session_lost);
  CHECK(up.request("late", "{}", patience, true)->error() == errc::session_lost);
  up.close();
  CHECK(up.events.record.get().downs.size() == 1);
}

TEST_CASE("A server that hangs is cancelled and can be closed") {
  upstream_probe up(shell_server("printf 'got %s\\n' \"$line\" >&2"));
  REQUIRE(up.open().has_value());
  auto call = up.request("work", "{}", 150ms, true);
  CHECK(call->error() == errc::timed_out);
  up.events.stderr_with("notifications/cancelled");
  CHECK(up.link->in_flight() == 0);
  auto open_call = up.request("work");
  up.close();
  CHECK(open_call->error() == errc::closed);
}

TEST_CASE("An answer that comes too late or was not waited for is ignored") {
  upstream_probe up(shell_server("case $line in *slow*) held=$id;; *) answer $held '{}'; answer $id '{}';; esac"));
  REQUIRE(up.open().has_value());
  auto id = up.link->next_id();
  auto forgotten = up.request_with_id(id, "slow", "{}", patience, true);
  up.forget(id, true);
  CHECK(up.link->in_flight() == 0);
  CHECK(up.request("quick")->result().answer);
  auto timed_out = up.request("slow", "{}", 50ms);
  CHECK(timed_out->error() == errc::timed_out);
  CHECK(up.request("quick")->result().answer);
  CHECK(timed_out->record.get().ends == 1);
  CHECK(forgotten->record.get().ends == 0);
}

TEST_CASE("A line over the limit ends the connection") {
  upstream_probe up(
      shell_server("case $line in *huge*) head -c 67108864 /dev/zero | tr '\\0' x;; *) answer $id '{}';; esac"));
  REQUIRE(up.open().has_value());
  CHECK(up.request("work")->result().answer);
  CHECK(up.request("huge")->error() == errc::too_large);
  CHECK(up.events.down().code == errc::too_large);
}

TEST_CASE("A large answer within the limit comes whole") {
  upstream_probe up(shell_server(
      "printf '{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":\"' $id; head -c 8000000 /dev/zero | tr '\\0' x; echo '\"}'"));
  REQUIRE(up.open().has_value());
  auto result = up.request("work", "{}", patience, true)->result();
  REQUIRE(result.answer);
  CHECK(result.answer->size() > 8'000'000);
}

TEST_CASE("Floods do not stop the calls") {
  upstream_probe up(shell_server("answer $id '{}'",
                                 "yes 'noise on stderr' | head -n 20000 >&2 & yes 'noise on stdout' | head -n 2000"));
  REQUIRE(up.open().has_value());
  for (int i = 0; i < 5; ++i) CHECK(up.request("work")->result().answer);
}

TEST_CASE("A server that reads nothing does not make us hoard") {
  auto limits = upstream_probe::quick_limits();
  limits.queue_bytes_max = 200'000;
  upstream_probe up(shell_server("sleep 1000"), limits);
  REQUIRE(up.open().has_value());
  const auto big = "{\"x\":\"" + std::string(90'000, 'x') + "\"}";
  std::vector<std::shared_ptr<recorded_call>> calls;
  for (int i = 0; i < 6; ++i) calls.push_back(up.request("work", big, patience, i % 2 == 1));
  up.close();
  int refused = 0;
  for (auto& c : calls) {
    const auto why = c->error();
    CHECK((why == errc::overloaded || why == errc::closed));
    refused += why == errc::overloaded;
  }
  CHECK(refused > 0);
}

TEST_CASE("Too many calls at once are refused, and free places are used again") {
  auto limits = upstream_probe::quick_limits();
  limits.in_flight_max = 2;
  upstream_probe up(shell_server("case $line in *hold*) ;; *) answer $id '{}';; esac"), limits);
  REQUIRE(up.open().has_value());
  auto held = up.request("hold");
  CHECK(up.request("work")->result().answer);
  auto id = up.link->next_id();
  up.request_with_id(id, "hold", "{}");
  auto refused = up.request("work", "{}", patience, true);
  CHECK(refused->error() == errc::overloaded);
  CHECK_FALSE(refused->wrong_loop);
  up.forget(id);
  CHECK(up.request("work")->result().answer);
}

TEST_CASE("Closing leaves no process") {
  temporary_directory here;
  const auto file = here / "pids";
  upstream_probe up(shell_server("answer $id '{}'", breed(file), "trap '' TERM; while :; do sleep 1; done"));
  REQUIRE(up.open().has_value());
  auto pids = pids_in(file, bred);
  up.close();
  CHECK(all_gone(pids, 2s));
}

TEST_CASE("A connection that is dropped without close leaves no process either") {
  temporary_directory here;
  const auto file = here / "pids";
  upstream_probe up(shell_server("answer $id '{}'", breed(file)));
  REQUIRE(up.open().has_value());
  auto pids = pids_in(file, bred);
  auto call = up.request("work", "{}", patience, true);
  CHECK(call->result().answer);
  up.home.run([&] {
    up.connection = nullptr;
    return 0;
  });
  CHECK(all_gone(pids, 3s));
  CHECK(up.request("work")->error() == errc::session_lost);
}

TEST_CASE("Many calls from two loops at once are all answered on their loop") {
  upstream_probe up(shell_server());
  REQUIRE(up.open().has_value());
  std::vector<std::shared_ptr<recorded_call>> calls;
  for (int i = 0; i < 200; ++i) calls.push_back(up.request("work", "{}", patience, i % 2 == 1));
  for (auto& c : calls) {
    CHECK(c->result().answer);
    CHECK_FALSE(c->wrong_loop);
  }
}
