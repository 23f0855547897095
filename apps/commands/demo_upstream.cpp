#include "apps/commands/demo_upstream.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <deque>
#include <future>
#include <map>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "transport/http_server.hpp"
#include "transport/loop.hpp"
#include "transport/mcp/classify.hpp"
#include "transport/mcp/messages.hpp"
#include "transport/mcp/revision.hpp"
#include "transport/mcp/sealed.hpp"

namespace holdfast::apps {
namespace {

using exchange_ptr = std::shared_ptr<transport::http_exchange>;
using transport::http_method;

constexpr std::size_t sessions_max = 1000, counts_max = 1000, ticket_bytes_max = 100;
constexpr std::int64_t steps_max = 1000, step_ms_max = 60'000, steps_default = 20, step_ms_default = 200;
constexpr std::string_view json_type = "application/json", session_header = "Mcp-Session-Id: ";

constexpr std::string_view tools =
    R"({"tools":[{"name":"slow_count","description":"Counts to a number, slowly, and reports each step as progress",)"
    R"("inputSchema":{"type":"object","properties":{"steps":{"type":"integer","minimum":1,"maximum":1000,"default":20},)"
    R"("step_ms":{"type":"integer","minimum":1,"maximum":60000,"default":200},)"
    R"("ticket":{"type":"string","maxLength":100,"description":"for count_runs"}}},)"
    R"("annotations":{"readOnlyHint":false,"idempotentHint":false}},)"
    R"({"name":"count_runs","description":"How often slow_count was run with a ticket","inputSchema":)"
    R"({"type":"object","properties":{"ticket":{"type":"string"}},"required":["ticket"]},)"
    R"("annotations":{"readOnlyHint":true}}]})";

std::string text_result(std::string_view text) {
  return R"({"content":[{"type":"text","text":)" + mcp::quote(text) + "}]}";
}

/// One run of `slow_count`, and the stream of what it says.
struct count {
  std::uint64_t number = 0;
  std::string session, id, token, ticket;  // the second and the third as they came
  std::int64_t steps = 0, done = 0;
  std::chrono::milliseconds step{0};
  std::vector<std::string> events;  // whole; the position is part of the id
  exchange_ptr reader;
  bool over = false;

  std::string event(std::string_view json) const {
    return "id: " + std::to_string(number) + "-" + std::to_string(events.size()) + "\ndata: " + std::string(json) +
           "\n\n";
  }
};
using count_ptr = std::shared_ptr<count>;

/// "12-3": event 3 of run 12.
std::optional<std::pair<std::uint64_t, std::size_t>> read_event_id(std::string_view text) {
  std::pair<std::uint64_t, std::size_t> id;
  const auto* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, id.first);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, id.second);
  return second.ec == std::errc{} && second.ptr == end ? std::optional(id) : std::nullopt;
}

/// An integer of the arguments within its bounds; nothing if it is something else.
std::optional<std::int64_t> number_in(mcp::raw_json arguments, std::string_view name, std::int64_t usual,
                                      std::int64_t max) {
  const auto raw = mcp::member(arguments, name);
  if (raw.data() == nullptr) return usual;
  const auto n = mcp::integer_value(raw);
  return n && *n >= 1 && *n <= max ? n : std::nullopt;
}

/// On its loop's thread only.
class counting_server final : public transport::http_handler {
 public:
  explicit counting_server(transport::loop& on) : loop_(on) {}
  counting_server(const counting_server&) = delete;
  counting_server& operator=(const counting_server&) = delete;
  // Their timers may still run.
  ~counting_server() override {
    for (const auto& [number, c] : counts_) end(*c);
  }

  transport::outcome<std::uint16_t> listen(std::uint16_t port) {
    auto server = transport::http_server::listen(loop_, "127.0.0.1", port, {}, *this);
    if (!server) return server.error();
    server_ = std::move(*server);
    return server_->port();
  }

 private:
  void on_request(exchange_ptr to) override {
    const auto& r = to->request();
    static const mcp::access_rules local{{"localhost", "127.0.0.1"}, {}};
    if (!mcp::allowed(local, r.host, r.origin)) return to->respond(403, {}, {}, {});
    if (r.path != "/mcp") return to->respond(404, {}, {}, {});
    if (r.method == http_method::post) return on_message(std::move(to));
    const bool known = std::find(sessions_.begin(), sessions_.end(), r.session_id) != sessions_.end();
    if (!known) return to->respond(404, {}, {}, {});
    if (r.method == http_method::get && !r.last_event_id.empty()) return resume(std::move(to));
    if (r.method != http_method::del) return to->respond(405, {}, "Allow: POST, DELETE\r\n", {});
    std::erase(sessions_, r.session_id);
    to->respond(204, {}, {}, {});
  }

  void on_message(exchange_ptr to) {
    const auto& r = to->request();
    const auto message = mcp::scan(r.body);
    if (!message) return to->respond(400, json_type, {}, {mcp::make_error({}, mcp::code::parse_error, "bad message")});
    const auto& m = *message;
    if (m.what == mcp::method::initialize) return initialize(*to, m);
    if (std::find(sessions_.begin(), sessions_.end(), r.session_id) == sessions_.end())
      return to->respond(404, json_type, {},
                         {mcp::make_error(m.id, mcp::code::session_not_found, "Session not found")});
    if (m.what == mcp::method::cancelled) cancel(r.session_id, mcp::member(m.params, "requestId"));
    if (m.kind != mcp::message_kind::request) return to->respond(202, {}, {}, {});
    if (m.what == mcp::method::ping) return result(*to, m, "{}");
    if (m.what == mcp::method::tools_list) return result(*to, m, tools);
    if (m.what == mcp::method::tools_call) return call(std::move(to), m);
    to->respond(200, json_type, {}, {mcp::make_error(m.id, mcp::code::method_not_found, "no such method here")});
  }

  static void result(transport::http_exchange& to, const mcp::envelope& m, std::string_view json) {
    to.respond(200, json_type, {}, {mcp::make_result(m.id, json)});
  }

  static void refuse(transport::http_exchange& to, const mcp::envelope& m, std::string_view why) {
    to.respond(200, json_type, {}, {mcp::make_error(m.id, mcp::code::invalid_params, why)});
  }

  void initialize(transport::http_exchange& to, const mcp::envelope& m) {
    sessions_.push_back(mcp::random_id());
    if (sessions_.size() > sessions_max) sessions_.pop_front();
    const auto asked = mcp::string_value(mcp::member(m.params, "protocolVersion")).value_or("");
    to.respond(200, json_type, std::string(session_header) + sessions_.back() + "\r\n",
               {mcp::make_result(m.id, R"({"protocolVersion":)" + mcp::quote(mcp::to_string(mcp::negotiate(asked))) +
                                           R"(,"capabilities":{"tools":{}},"serverInfo":{"name":"holdfast demo",)"
                                           R"("version":")" HOLDFAST_VERSION R"("}})")});
  }

  void call(exchange_ptr to, const mcp::envelope& m) {
    const auto name = mcp::string_value(m.name).value_or("");
    const auto arguments = mcp::member(m.params, "arguments");
    const auto ticket = mcp::string_value(mcp::member(arguments, "ticket")).value_or("");
    if (ticket.size() > ticket_bytes_max) return refuse(*to, m, "the ticket is too long");
    if (name == runs_tool) {
      const auto same = [&](const auto& c) { return c.second->ticket == ticket; };
      return result(*to, m, text_result(std::to_string(std::count_if(counts_.begin(), counts_.end(), same))));
    }
    if (name != slow_tool) return refuse(*to, m, "there is no such tool");
    const auto steps = number_in(arguments, "steps", steps_default, steps_max);
    const auto step = number_in(arguments, "step_ms", step_ms_default, step_ms_max);
    if (!steps || !step) return refuse(*to, m, "steps is from 1 to 1000, step_ms from 1 to 60000");
    const auto c = std::make_shared<count>();
    c->number = ++last_count_;
    c->session = to->request().session_id;
    c->id = m.id;
    c->token = m.progress_token;
    c->ticket = ticket;
    c->steps = *steps;
    c->step = std::chrono::milliseconds(*step);
    begin(c, std::move(to));
  }

  void begin(const count_ptr& c, exchange_ptr reader) {
    counts_.emplace(c->number, c);
    if (counts_.size() > counts_max) {
      end(*counts_.begin()->second);
      counts_.erase(counts_.begin());
    }
    reader->open_stream({});
    c->reader = std::move(reader);
    say(*c, "");  // from its id on the stream can be resumed
    go_on(c);
  }

  void go_on(const count_ptr& c) {
    loop_.after(c->step, [this, c] {
      if (c->over) return;
      ++c->done;
      const auto progress = std::to_string(c->done);
      if (!c->token.empty())
        say(*c, mcp::make_notification(mcp::to_string(mcp::method::progress),
                                       R"({"progressToken":)" + c->token + R"(,"progress":)" + progress +
                                           R"(,"total":)" + std::to_string(c->steps) + "}"));
      if (c->done < c->steps) return go_on(c);
      say(*c, mcp::make_result(c->id, text_result("counted to " + progress)));
      end(*c);
    });
  }

  static void say(count& c, std::string_view json) {
    c.events.push_back(c.event(json));
    if (c.reader && !c.reader->write(c.events.back())) c.reader.reset();
  }

  static void end(count& c) {
    c.over = true;
    if (const auto reader = std::exchange(c.reader, nullptr)) reader->end_stream();
  }

  void cancel(std::string_view session, mcp::raw_json id) {
    for (const auto& [number, c] : counts_) {
      if (c->session == session && c->id == id && !c->over) end(*c);
    }
  }

  /// Everything behind the event, and then what comes.
  void resume(exchange_ptr reader) {
    const auto after = read_event_id(reader->request().last_event_id);
    const auto found = after ? counts_.find(after->first) : counts_.end();
    if (found == counts_.end() || found->second->session != reader->request().session_id)
      return reader->respond(404, {}, {}, {});
    auto& c = *found->second;
    reader->open_stream({});
    c.reader = std::move(reader);
    for (auto at = after->second + 1; at < c.events.size() && c.reader; ++at) {
      if (!c.reader->write(c.events[at])) c.reader.reset();
    }
    if (c.over) end(c);
  }

  transport::loop& loop_;
  std::deque<std::string> sessions_;           // the oldest first
  std::map<std::uint64_t, count_ptr> counts_;  // so are these
  std::uint64_t last_count_ = 0;
  std::unique_ptr<transport::http_server> server_;
};

class running_upstream final : public demo_upstream {
 public:
  running_upstream() : loop_(transport::loop::create()), thread_([this] { loop_->run(); }) {}

  ~running_upstream() override {
    on_loop([this] {
      server_.reset();
      return 0;
    });
    loop_->stop();
    thread_.join();
  }

  transport::outcome<void> listen(std::uint16_t port) {
    const auto bound = on_loop([this, port] {
      server_ = std::make_unique<counting_server>(*loop_);
      return server_->listen(port);
    });
    if (!bound) return bound.error();
    port_ = *bound;
    return {};
  }

  std::string url() const override { return "http://127.0.0.1:" + std::to_string(port_) + "/mcp"; }

 private:
  template <class F>
  std::invoke_result_t<F> on_loop(F f) {
    std::packaged_task<std::invoke_result_t<F>()> task(std::move(f));
    auto done = task.get_future();
    loop_->post([&task] { task(); });
    return done.get();
  }

  std::unique_ptr<transport::loop> loop_;
  std::unique_ptr<counting_server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

transport::outcome<std::unique_ptr<demo_upstream>> demo_upstream::start(std::uint16_t port) {
  auto upstream = std::make_unique<running_upstream>();
  if (const auto listening = upstream->listen(port); !listening) return listening.error();
  return std::unique_ptr<demo_upstream>(std::move(upstream));
}

}  // namespace holdfast::apps
