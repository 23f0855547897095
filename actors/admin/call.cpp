#include <caf/send.hpp>

#include "actors/admin/desk.hpp"
#include "actors/admin/inner_exchange.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/routes.hpp"
#include "actors/messages.hpp"
#include "transport/mcp/messages.hpp"

// A tool call for an operator: through the front door, as a client of its own, which says goodbye afterwards.

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds timeout_max{600'000}, timeout_default{30'000};
constexpr std::size_t name_max = 512;

struct one_call : std::enable_shared_from_this<one_call> {
  one_call(desk& d, std::string n, std::string a, reply f)
      : at(d.shared_from_this()), name(std::move(n)), arguments(std::move(a)), done(std::move(f)) {}

  void begin(milliseconds limit) {
    at->after(limit, [self = shared_from_this()] {
      self->finish(problem{504, "The tool did not answer in time", "The call was cancelled", {}, {}});
    });
    const auto info = R"({"name":"holdfast-admin","version":")" HOLDFAST_VERSION R"("})";
    const auto params = R"({"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":)" + std::string(info) + "}";
    send(mcp::make_request("1", "initialize", params),
         [self = shared_from_this()](int status, const std::string& json) {
           if (status != 200) return self->finish(self->trouble(status, json));
           self->send(mcp::make_notification("notifications/initialized", {}),
                      [self](int, const std::string&) { self->call(); });
         });
  }

  void call() {
    if (!done) return say_goodbye();
    const auto params = json_object().text("name", name).raw("arguments", arguments).str();
    send(mcp::make_request("2", "tools/call", params),
         [self = shared_from_this()](int status, const std::string& json) {
           const auto result = status == 200 ? mcp::member(json, "result") : mcp::raw_json();
           if (!result.empty()) return self->finish(json_object().raw("result", result).str());
           self->finish(self->trouble(status, json));
         });
  }

  /// Of a JSON-RPC error.
  problem trouble(int status, const std::string& json) const {
    const auto error = mcp::member(json, "error");
    const auto code = mcp::integer_value(mcp::member(error, "code")).value_or(0);
    const auto words = text_of(error, "message");
    if (status == 200 && code == mcp::code::invalid_params) return {404, "The tool cannot be called so", words, {}, {}};
    return {status == 503 ? 503 : 502, "The call failed", words, {}, {}};
  }

  void send(std::string body, std::function<void(int, const std::string&)> then) {
    const auto& hosts = at->node().config.access.hosts;
    auto exchange = make_inner_exchange(
        at->home().loop(), hosts.front() == "*" ? "localhost" : hosts.front(), session, std::move(body),
        [self = shared_from_this(), then = std::move(then)](int status, std::string id, const std::string& json) {
          if (self->at->closed()) return;
          if (!id.empty()) self->session = std::move(id);
          then(status, json);
        });
    caf::anon_send(at->node().ingresses.front(), client_request{std::move(exchange)});
  }

  void finish(answer a) {
    const auto f = std::exchange(done, nullptr);
    if (!f) return;
    f(std::move(a));
    say_goodbye();
  }

  void say_goodbye() {
    if (session.empty()) return;
    const auto entry = at->node().sessions.find(session);
    if (entry) caf::anon_send(entry->session, session_end{"the operator's call is over"});
    session.clear();
  }

  const std::shared_ptr<desk> at;
  const std::string name, arguments;
  reply done;
  std::string session;
};

}  // namespace

void call_tool(desk& at, const request& r, reply done) {
  const auto wrong = [&](std::string_view why) { done(problem{400, "The body is wrong", std::string(why), {}, {}}); };
  const auto listed = "[" + r.body + "]";
  const auto whole = mcp::elements(listed);
  if (!whole || whole->size() != 1 || !mcp::is_object(whole->front())) return wrong("It must be a JSON object");
  const auto body = whole->front();
  for (const auto& [member, value] : mcp::members(body)) {
    if (member != "name" && member != "arguments" && member != "timeout")
      return wrong("It has a member that nobody knows");
  }
  const auto name = mcp::string_value(mcp::member(body, "name"));
  if (!name || name->empty() || name->size() > name_max) return wrong("`name` must be a tool's name");
  const auto arguments = mcp::member(body, "arguments");
  if (arguments.data() != nullptr && !mcp::is_object(arguments)) return wrong("`arguments` must be an object");
  const auto given = mcp::member(body, "timeout");
  const auto timeout = given.data() == nullptr ? timeout_default.count() : mcp::integer_value(given).value_or(0);
  if (timeout < 1 || timeout > timeout_max.count()) return wrong("`timeout` must be 1 to 600000 milliseconds");
  if (at.node().draining) return done(problem{503, "The node is stopping", {}, {}, {}});
  std::make_shared<one_call>(at, *name, arguments.empty() ? "{}" : std::string(arguments), std::move(done))
      ->begin(milliseconds{timeout});
}

}  // namespace holdfast::actors::admin
