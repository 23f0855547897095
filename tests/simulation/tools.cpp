#include "tests/simulation/tools.hpp"

#include <charconv>
#include <set>

#include "tests/simulation/process.hpp"
#include "tests/simulation/scene.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/upstream_connection.hpp"

namespace holdfast::simulation {

class simulated_link final : public transport::upstream_link {
 public:
  simulated_link(process& of, tools& at, std::string session) : of_(of), tools_(at), session_(std::move(session)) {}

  void request(transport::upstream_request r, std::shared_ptr<transport::upstream_events> events) override {
    tools_.take(of_, session_, r, std::move(events));
  }
  bool resume(transport::upstream_request r, const std::string& last_event_id,
              std::shared_ptr<transport::upstream_events> events) override {
    return tools_.take_up(of_, session_, r.id, last_event_id, std::move(events));
  }
  transport::upstream_session session() const override { return {session_, "2025-11-25", {}, "{}"}; }
  void send(std::string) override {}
  void forget(std::uint64_t id) override { tools_.forget(of_, session_, id); }
  std::size_t in_flight() const noexcept override { return 0; }

 private:
  process& of_;
  tools& tools_;
  const std::string session_;
};

actors::upstream_config tools::config() {
  actors::upstream_config c;
  c.alias = "up";
  c.target = transport::http_endpoint{"http://up", {}, {}, {}};
  c.scope = actors::upstream_scope::shared;
  c.call_timeout = milliseconds{60'000};
  c.retry_read_only = true;
  return c;
}

std::shared_ptr<const actors::catalogue_view> tools::view() {
  static const auto made = [] {
    auto l = std::make_shared<actors::listing>();
    l->capabilities = R"({"tools":{}})";
    l->revision = "2025-11-25";
    for (const std::string name : {"count", "slow", "deaf"})
      l->tools.push_back({name, R"({"name":")" + name + R"(","inputSchema":{"type":"object"}})"});
    l->tools.push_back(
        {"look", R"({"name":"look","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}})"});
    const auto up = config();
    return std::make_shared<const actors::catalogue_view>(std::vector<actors::catalogue_view::offer>{{0, &up, l}},
                                                          actors::catalogue_config{});
  }();
  return made;
}

std::shared_ptr<transport::upstream_link> tools::link(process& of) {
  return std::make_shared<simulated_link>(of, *this, "u" + std::to_string(++sessions_));
}

/// The key of a call is the argument of that name.
void tools::take(process& of, const std::string& session, const transport::upstream_request& r,
                 std::shared_ptr<transport::upstream_events> to) {
  const auto t = std::make_shared<talk>();
  talks_[{session, r.id}] = t;
  read(t, of, std::move(to), 0);
  const auto params = mcp::member(r.body, "params");
  const auto name = mcp::string_value(mcp::member(params, "name")).value_or("");
  const auto key = mcp::string_value(mcp::member(mcp::member(params, "arguments"), "key")).value_or("");
  t->resumable = name == "slow";
  const auto takes = name == "count" || name == "look" ? world_.random().ms(1, 20) : world_.random().ms(100, 1'200);
  world_.after(std::chrono::microseconds(world_.random().between(100, 2'000)), [this, t, key, name, takes, id = r.id] {
    const auto count = ++calls_[key];
    world_.tell("up", name + " " + key + " runs, count " + std::to_string(count));
    const auto number = std::to_string(id);
    if (name == "slow") {
      for (int i = 1; i <= steps; ++i) {
        world_.after(takes * i / (steps + 1), [this, t, i, number] {
          say(t,
              R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + number +
                  R"(,"progress":)" + std::to_string(i) + "}}",
              false);
        });
      }
    }
    world_.after(takes, [this, t, key, count, number] {
      say(t,
          R"({"jsonrpc":"2.0","id":)" + number + R"(,"result":{"content":[{"type":"text","text":")" + key + ":" +
              std::to_string(count) + "\"}]}}",
          true);
    });
  });
}

bool tools::take_up(process& of, const std::string& session, std::uint64_t id, const std::string& event,
                    std::shared_ptr<transport::upstream_events> to) {
  const auto found = talks_.find({session, id});
  if (found == talks_.end()) return false;
  std::size_t after = 0;
  std::from_chars(event.data(), event.data() + event.size(), after);
  read(found->second, of, std::move(to), after);
  return true;
}

/// One reader at a time: the one before hears no more of it.
void tools::read(const talk_ptr& t, process& of, std::shared_ptr<transport::upstream_events> to, std::size_t after) {
  if (const auto before = std::exchange(t->to, std::move(to))) {
    t->reader->run(
        [before] {
          before->on_failed({make_error_code(transport::errc::answer_lost), "somebody else reads on"});
        },
        true);
  }
  t->reader = &of;
  t->reads = false;
  const auto reading = ++t->reading;
  world_.after(std::chrono::microseconds(world_.random().between(100, 2'000)), [this, t, after, reading] {
    if (t->reading != reading) return;
    t->reads = true;
    for (auto at = after; at < t->said.size(); ++at) tell(t, at);
  });
}

void tools::say(const talk_ptr& t, std::string json, bool is_answer) {
  t->said.emplace_back(std::move(json), is_answer);
  if (t->reads) tell(t, t->said.size() - 1);
}

void tools::forget(process& of, const std::string& session, std::uint64_t id) {
  const auto found = talks_.find({session, id});
  if (found != talks_.end() && found->second->reader == &of) found->second->to = nullptr;
}

void tools::tell(const talk_ptr& t, std::size_t at) {
  if (!t->to) return;
  const auto [json, is_answer] = t->said[at];
  t->reader->run(
      [t, reading = t->reading, json = json, is_answer = is_answer, at] {
        const auto to = t->to;
        if (!to || t->reading != reading) return;
        if (is_answer) t->to = nullptr;
        if (t->resumable) to->on_event_id(std::to_string(at + 1));
        is_answer ? to->on_answer(json) : to->on_message(json);
      },
      true);
}

}  // namespace holdfast::simulation

namespace holdfast::transport {

outcome<std::shared_ptr<upstream_link>> adopt_session(const http_endpoint&, const upstream_limits&,
                                                      const upstream_session& s) {
  auto& of = *simulation::process::current();
  return std::shared_ptr<upstream_link>(
      std::make_shared<simulation::simulated_link>(of, simulation::scene::current()->upstream, s.id));
}

}  // namespace holdfast::transport
