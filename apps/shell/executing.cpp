#include <array>
#include <chrono>
#include <memory>

#include "apps/commands/options.hpp"
#include "apps/shell/listing.hpp"
#include "apps/shell/operator_commands.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;

struct execute_options {
  std::string tool, params = "{}", session, key, user;
  std::chrono::milliseconds timeout = 60s;
  bool no_cache = false;
};

constexpr std::array facts = {
    field_view{"execution", "executionId"},
    field_view{"status", "status"},
    field_view{"took", "executionTimeMs", as::milliseconds},
    field_view{"kept result", "fromCache"},
};

void show_executed(std::ostream& out, const json_value& e) {
  print_facts(out, e, facts);
  const auto& error = member(e, "error");
  if (error.IsObject())
    out << "error " << plain(member(error, "code")) << ": " << plain(member(error, "message")) << '\n';
  const auto& content = member(member(e, "result"), "content");
  if (!content.IsArray()) return;
  for (const auto& part : content.GetArray()) {
    const auto& text = member(part, "text");
    out << (text.IsString() ? plain(text) : "[" + plain(member(part, "type")) + "]") << '\n';
  }
}

void execute(console& at, const execute_options& o) {
  if (!parse_json(o.params) || o.params.find('{') == std::string::npos) {
    complain("the parameters must be a JSON object, such as '{\"a\":1}'");
    finish(exit_code::usage);
  }
  auto body = R"({"tool":)" + mcp::quote(o.tool) + R"(,"params":)" + o.params;
  if (!o.session.empty()) body += R"(,"sessionId":)" + mcp::quote(o.session);
  if (!o.key.empty()) body += R"(,"idempotencyKey":)" + mcp::quote(o.key);
  if (!o.user.empty()) body += R"(,"user":)" + mcp::quote(o.user);
  if (o.no_cache) body += R"(,"useCached":false)";
  body += R"(,"timeout":)" + std::to_string(o.timeout.count()) + "}";
  const auto answer = at.post(api_path({"executions"}), o.timeout + 5s, body);
  show(at, answer, [&](std::ostream& out) { show_executed(out, answer.json); });
  finish(plain(member(answer.json, "status")) == "succeeded" ? exit_code::ok : exit_code::failed);
}

}  // namespace

void add_executing(CLI::App& app, console& at) {
  const auto o = std::make_shared<execute_options>();
  auto* command =
      add_command(app, "execute", "Execute a tool and show what comes of it", [&at, o] { execute(at, *o); });
  add_argument(*command, o->tool, "TOOL", "its name as clients see it");
  command->add_option("params", o->params, "a JSON object")->type_name("JSON");
  command->add_option("--session", o->session, "the session that it runs in; without it, one of its own")
      ->type_name("SESSION");
  command->add_option("--key", o->key, "an idempotency key: whoever uses it again gets this execution")
      ->type_name("KEY");
  command->add_option("--user", o->user, "whose session it is to be, where the node has users")->type_name("NAME");
  command->add_flag("--no-cache", o->no_cache, "ask the tool itself");
  add_duration(*command, "--timeout", o->timeout, "how long it may take");
  command->footer("Exit codes: 0 succeeded, 1 not, 2 bad usage, 4 no node can be reached.");
}

}  // namespace holdfast::apps
