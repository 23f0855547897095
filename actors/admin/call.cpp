#include "actors/admin/desk.hpp"
#include "actors/admin/inner_client.hpp"
#include "actors/admin/json.hpp"
#include "actors/admin/routes.hpp"
#include "transport/mcp/messages.hpp"

// A tool call for an operator: through the front door, as a client of its own, which says goodbye afterwards.

namespace holdfast::actors::admin {
namespace {

constexpr milliseconds timeout_max{600'000}, timeout_default{30'000};
constexpr std::size_t name_max = 512;

void begin(desk& at, const std::string& params, milliseconds limit, reply done) {
  const auto client = std::make_shared<inner_client>(at);
  const auto until = inner_client::clock::now() + limit;
  const auto finish = [client, done = std::move(done)](answer a) {
    done(std::move(a));
    client->say_goodbye();
  };
  client->open(until, [client, params, until, finish](std::optional<problem> trouble) {
    if (trouble) return finish(std::move(*trouble));
    client->send(mcp::make_request("2", "tools/call", params), until, [finish](int status, const std::string& json) {
      const auto result = status == 200 ? mcp::member(json, "result") : mcp::raw_json();
      if (!result.empty()) return finish(json_object().raw("result", result).str());
      finish(trouble_in(status, json));
    });
  });
}

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
  const auto params = json_object().text("name", *name).raw("arguments", arguments.empty() ? "{}" : arguments).str();
  begin(at, params, milliseconds{timeout}, std::move(done));
}

}  // namespace holdfast::actors::admin
