#include "apps/commands/demo_upstream.hpp"

#include <doctest/doctest.h>

#include "apps/commands/json_text.hpp"
#include "apps/commands/mcp_client.hpp"
#include "apps/commands/session.hpp"
#include "tests/support/loop_thread.hpp"
#include "tests/support/upstream_probe.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/upstream_connection.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using namespace std::chrono_literals;

namespace {

const std::atomic<bool> never{false};

transport::http_endpoint at(const demo_upstream& upstream) {
  transport::http_endpoint e;
  e.url = upstream.url();
  return e;
}

/// A client of a running upstream, in a session.
struct conversation {
  conversation() {
    REQUIRE(upstream.has_value());
    client.emplace(at(**upstream));
    REQUIRE(client->open(never).has_value());
  }

  std::string call(const std::string& tool, const std::string& arguments,
                   std::function<void(const std::string&)> on_notification = {}) {
    const auto answer = client->request(
        {"tools/call", R"({"name":")" + tool + R"(","arguments":)" + arguments + "}", 20s, std::move(on_notification)},
        never);
    REQUIRE(answer.has_value());
    const auto result = result_in(*answer);
    if (!result) return result.error().words;
    const auto content = mcp::elements(mcp::member(*result, "content"));
    REQUIRE((content && content->size() == 1));
    return text_member(content->front(), "text");
  }

  transport::outcome<std::unique_ptr<demo_upstream>> upstream = demo_upstream::start(0);
  std::optional<mcp_client> client;
};

struct heard {
  std::vector<std::string> messages;
  std::string last_id;
  std::optional<std::string> answer;
  bool failed = false;
};

class listener final : public transport::upstream_events {
 public:
  tests::watched<heard> record;

 private:
  void on_message(std::string json) override {
    record.change([&](heard& h) { h.messages.push_back(std::move(json)); });
  }
  void on_event_id(std::string_view id) override {
    record.change([&](heard& h) { h.last_id = id; });
  }
  void on_answer(std::string json) override {
    record.change([&](heard& h) { h.answer = std::move(json); });
  }
  void on_failed(transport::failure) override {
    record.change([](heard& h) { h.failed = true; });
  }
};

/// A request in a session that somebody else has opened, from a loop of its own.
class heard_call {
 public:
  heard_call(const conversation& c, const std::string& session)
      : record(&listener_->record),
        link_(*transport::adopt_session(at(**c.upstream), {}, {session, "2025-11-25", "", "{}"})) {}

  void ask(const std::string& params) {
    loop_.run([&] {
      link_->request({id, mcp::make_request(std::to_string(id), "tools/call", params), 20s}, listener_);
      return 0;
    });
  }
  void resume(const std::string& after) {
    CHECK(loop_.run([&] { return link_->resume({id, "", 20s}, after, listener_); }));
  }
  void leave() {
    loop_.run([&] {
      link_->forget(id);
      return 0;
    });
  }

 private:
  static constexpr std::uint64_t id = 7;
  std::shared_ptr<listener> listener_ = std::make_shared<listener>();
  tests::loop_thread loop_;

 public:
  tests::watched<heard>* const record;

 private:
  std::shared_ptr<transport::upstream_link> link_;
};

}  // namespace

TEST_CASE("the demonstration's upstream counts, and tells each step") {
  conversation c;
  CHECK(list_tools(*c.client, 10s).tools.size() == 2);
  std::string steps;
  const auto note = [&](const std::string& json) {
    steps += number_member(mcp::member(json, "params"), "progress") + " ";
  };
  CHECK(c.call("slow_count", R"({"steps":4,"step_ms":5,"ticket":"a"})", note) == "counted to 4");
  CHECK(steps == "1 2 3 4 ");
  CHECK(c.call("slow_count", R"({"steps":1,"step_ms":1,"ticket":"a"})") == "counted to 1");
  CHECK(c.call("count_runs", R"({"ticket":"a"})") == "2");
  CHECK(c.call("count_runs", R"({"ticket":"b"})") == "0");
}

TEST_CASE("the demonstration's upstream refuses what it cannot do") {
  conversation c;
  CHECK(c.call("quick_count", "{}").find("no such tool") != std::string::npos);
  for (const auto* wrong : {R"({"steps":0})", R"({"steps":1001})", R"({"step_ms":"1"})", R"({"steps":1.5})"}) {
    CAPTURE(wrong);
    CHECK(c.call("slow_count", wrong).find("steps is from 1 to 1000") != std::string::npos);
  }
  CHECK(c.call("slow_count", R"({"ticket":")" + std::string(101, 'x') + "\"}").find("too long") != std::string::npos);
}

TEST_CASE("a count goes on without its client, and another one in the same session takes it up behind an event") {
  conversation c;
  const auto session = c.client->session();
  heard_call first(c, session), second(c, session);
  first.ask(R"({"name":"slow_count","arguments":{"steps":6,"step_ms":20,"ticket":"t"},"_meta":{"progressToken":7}})");
  const auto seen = first.record->wait([](const auto& r) { return r.messages.size() >= 3; });
  first.leave();
  second.resume(seen.last_id);
  const auto rest = second.record->wait([](const auto& r) { return r.answer.has_value(); });
  CHECK(rest.answer->find("counted to 6") != std::string::npos);
  CHECK(seen.messages.size() + rest.messages.size() == 6);
  heard_call late(c, session);
  late.resume("1-0");
  CHECK(late.record->wait([](const auto& r) { return r.answer.has_value(); }).messages.size() == 6);
  CHECK(c.call("count_runs", R"({"ticket":"t"})") == "1");
}

TEST_CASE("a stream that is not there cannot be taken up") {
  conversation c;
  for (const auto* id : {"9-0", "x", "1-", "-1"}) {
    CAPTURE(id);
    heard_call call(c, c.client->session());
    call.resume(id);
    CHECK(call.record->wait([](const auto& r) { return r.failed; }).messages.empty());
  }
}
