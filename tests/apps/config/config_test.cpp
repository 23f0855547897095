#include "apps/config/config.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/apps/config/config_equal.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using namespace std::chrono_literals;
using transport::http_endpoint;
using transport::stdio_command;

namespace {

environment with(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

const environment at_home = with({{"HOME", "/home/me"}});

/// What a configuration that says nothing comes to at home.
actors::node_config all_defaults() {
  actors::node_config c;
  c.store.primary.url = "sqlite:/home/me/.local/state/holdfast/holdfast.db";
  c.admin.socket = "/home/me/.local/state/holdfast/";
  return c;
}

actors::node_config load(std::string_view text, const environment& env = at_home) {
  auto loaded = load_config_text(text, "x.yaml", env);
  if (!loaded) FAIL(to_string(loaded.error()));
  return *loaded;
}

std::string file_text(const std::string& path) {
  std::ifstream in(std::string(HOLDFAST_SOURCE_DIR) + "/" + path);
  REQUIRE(in);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

bool is_prose(const std::string& line) {
  const auto hash = line.find_first_not_of(' ');
  return hash == std::string::npos || line[hash] != '#' || hash + 1 == line.size() || line[hash + 1] == ' ' ||
         line[hash + 1] == '#';
}

/// The reference configuration with its settings, which stand behind a `#` without space, switched on.
std::string reference_in_full() {
  std::istringstream in(file_text("conf/holdfast.yaml"));
  std::string out, line;
  while (std::getline(in, line)) {
    if (!is_prose(line)) line.erase(line.find('#'), 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("an empty configuration is all defaults") {
  CHECK(same(load(""), all_defaults()));
  CHECK(same(load("# nothing\n"), all_defaults()));
  CHECK(same(load("upstreams:\nlog:\nsessions:\nstore:\n"), all_defaults()));
}

TEST_CASE("every section reaches its place") {
  const auto c = load(R"(
listen: "[::1]:9000"
threads: 3
store: "memory:"
admin: {listen: 127.0.0.1:9100}
log: {level: debug, format: json}
http: {body_bytes_max: 1MiB, headers_max: 50, write_timeout: 5s}
access: {hosts: [MCP.example.com, "[::1]"], origins: [https://app.example.com, "*"]}
sessions: {sessions_max: 10, replay_bytes_max: 64KiB, stream_after: 0s, passivate_after: 0s}
catalogue: {always_prefix: true, page_size: 7}
drain_timeout: 1m
)");
  CHECK(c.listen_host == "::1");
  CHECK(c.listen_port == 9000);
  CHECK(c.threads == 3);
  CHECK(admin_port(c) == 9100);
  CHECK(c.level == actors::log_level::debug);
  CHECK(c.format == actors::log_format::json);
  CHECK(c.http.body_bytes_max == 1u << 20);
  CHECK(c.http.headers_max == 50);
  CHECK(c.http.write_timeout == 5s);
  CHECK(c.access.hosts == std::vector<std::string>{"mcp.example.com", "[::1]"});
  CHECK(c.access.origins == std::vector<std::string>{"https://app.example.com", "*"});
  CHECK(c.sessions.sessions_max == 10);
  CHECK(c.sessions.replay_bytes_max == 65536);
  CHECK(c.sessions.stream_after == 0ms);
  CHECK(c.sessions.passivate_after == 0ms);
  CHECK(c.catalogue.always_prefix);
  CHECK(c.catalogue.page_size == 7);
  CHECK(c.drain_timeout == 1min);
}

TEST_CASE("the operators' port is one above the MCP port unless it is given") {
  CHECK(admin_port(load("")) == 7421);
  CHECK(admin_port(load("listen: 127.0.0.1:9000")) == 9001);
  CHECK(admin_port(load("listen: 127.0.0.1:0")) == 0);
  CHECK_FALSE(load("admin: {listen: off}").admin.enabled);
}

TEST_CASE("operators have a socket of their own unless it is off") {
  CHECK(load("", with({{"XDG_RUNTIME_DIR", "/run/me"}, {"HOME", "/home/me"}})).admin.socket == "/run/me/holdfast/");
  CHECK(load("admin: {socket: /run/x.sock}").admin.socket == "/run/x.sock");
  CHECK(load("admin: {socket: off}").admin.socket.empty());
  CHECK(load("admin: {answer_within: 2s}").admin.answer_within == 2s);
  CHECK(load("admin: {token: '0123456789abcdef'}").admin.token == "0123456789abcdef");
}

TEST_CASE("upstreams keep their order and all their options") {
  const auto env = with({{"TOKEN", "s3cret: [x]"}});
  const auto c = load(R"(
upstreams:
  web:
    url: https://x.example/mcp?k=${NONE:-v}
    headers: {Authorization: "Bearer ${TOKEN}"}
    transport: sse
    ca_file: ca.pem
    enabled: false
    scope: session
    tools: {allow: [get_*], deny: [get_secret]}
    prompts: {allow: [a]}
    resources: {deny: ["file://*"]}
    durability: none
    call_timeout: 10s
    limits: {in_flight_max: 5, connect_timeout: 2s}
  local:
    command: node
    args: [server.js, --port, 1]
    env: {LEVEL: debug}
    env_pass: [SSH_AUTH_SOCK]
    cwd: /srv
    eager: true
    unjournaled_tools: [get_*, "list?"]
    retry_hints: [idempotentHint]
    max_concurrent: 8
    queue: 0
    retry: {attempts: 5, min: 10ms, max: 1s}
    breaker: {enabled: false, failures: 2, failure_rate: 25, window: 1m, open_for: 1s, open_max: 1s, probes: 3}
    cache: [{tools: ["get_*", look], ttl: 5m, scope: shared}, {tools: ["*"], ttl: 0s}]
    reconnect_min: 1s
    reconnect_max: 1s
)",
                      env);
  REQUIRE(c.upstreams.size() == 2);
  const auto& web = c.upstreams[0];
  const auto& endpoint = std::get<http_endpoint>(web.target);
  CHECK(web.alias == "web");
  CHECK(endpoint.url == "https://x.example/mcp?k=v");
  CHECK(endpoint.headers.at(0) == std::pair<std::string, transport::secret>("Authorization", "Bearer s3cret: [x]"));
  CHECK(endpoint.speaks == http_endpoint::protocol::sse);
  CHECK(endpoint.ca_file == "ca.pem");
  CHECK_FALSE(web.enabled);
  CHECK(web.scope == actors::upstream_scope::session);
  CHECK(web.allow_tools == std::vector<std::string>{"get_*"});
  CHECK(web.deny_tools == std::vector<std::string>{"get_secret"});
  CHECK(web.allow_prompts == std::vector<std::string>{"a"});
  CHECK(web.deny_resources == std::vector<std::string>{"file://*"});
  CHECK(web.kept == actors::durability::none);
  CHECK(web.call_timeout == 10s);
  CHECK(web.limits.in_flight_max == 5);
  CHECK(web.max_concurrent == 0);
  CHECK(web.breaker_enabled);
  CHECK(web.breaker.failures == 5);
  CHECK(web.limits.connect_timeout == 2s);
  const auto& local = c.upstreams[1];
  const auto& command = std::get<stdio_command>(local.target);
  CHECK(command.command == "node");
  CHECK(command.args == std::vector<std::string>{"server.js", "--port", "1"});
  CHECK(command.env.at(0).second == "debug");
  CHECK(command.env_pass == std::vector<std::string>{"SSH_AUTH_SOCK"});
  CHECK(command.directory == "/srv");
  CHECK(local.eager);
  CHECK(local.kept == actors::durability::journal);
  CHECK(local.unjournaled_tools == std::vector<std::string>{"get_*", "list?"});
  CHECK(local.retry_idempotent);
  CHECK(local.max_concurrent == 8);
  CHECK(local.queue == 0);
  CHECK(parts(local.retry) == std::make_tuple(5u, 10ms, 1'000ms));
  CHECK_FALSE(local.breaker_enabled);
  CHECK(parts(local.breaker) == std::make_tuple(2u, 25u, 60'000ms, 1'000ms, 1'000ms, 3u));
  CHECK(local.cache == std::vector<actors::cache_rule>{{{"get_*", "look"}, 300s, actors::cache_scope::shared},
                                                       {{"*"}, 0s, actors::cache_scope::session}});
  CHECK_FALSE(local.retry_read_only);
  CHECK(local.scope == actors::upstream_scope::automatic);
}

TEST_CASE("a value cannot bring in structure") {
  const environment env = [](const std::string&) -> std::optional<std::string> { return "x\nthreads: 9\n"; };
  const auto c = load("upstreams: {a: {command: x, cwd: '${DIR}'}}", env);
  CHECK(c.threads == 0);
  CHECK(std::get<stdio_command>(c.upstreams[0].target).directory == "x\nthreads: 9\n");
}

TEST_CASE("the built-in configuration has three example servers") {
  const auto c = default_config(at_home);
  REQUIRE(c.upstreams.size() == 3);
  CHECK(c.upstreams[0].alias == "everything");
  CHECK(std::get<stdio_command>(c.upstreams[0].target).command ==
        "build/example/node_modules/.bin/mcp-server-everything");
  const auto elsewhere = default_config(with({{"HOLDFAST_EXAMPLE", "/opt/x"}}));
  CHECK(std::get<stdio_command>(elsewhere.upstreams[1].target).args.at(0) == "/opt/x/files");
  auto without = c;
  without.upstreams.clear();
  CHECK(same(without, all_defaults()));
  CHECK(default_config_text() == file_text("conf/default.yaml"));
}

TEST_CASE("the reference configuration loads and is all defaults") {
  auto c = load(file_text("conf/holdfast.yaml"));
  CHECK(c.upstreams.size() == 1);
  c.upstreams.clear();
  CHECK(same(c, all_defaults()));
}

TEST_CASE("every setting that the reference shows is the default") {
  auto c = load(reference_in_full());
  REQUIRE(c.upstreams.size() >= 2);
  for (const auto& u : c.upstreams) {
    CAPTURE(u.alias);
    actors::upstream_config defaults;
    defaults.retry_read_only = defaults.retry_idempotent = std::holds_alternative<transport::program_set>(u.target);
    CHECK(same_options(u, defaults));
  }
  CHECK(admin_port(c) == admin_port(actors::node_config{}));
  c.admin.port.reset();
  c.upstreams.clear();
  CHECK(same(c, all_defaults()));
}

TEST_CASE("the reference shows every key") {
  // Each line's path follows from its indentation.
  std::vector<std::string> shown, open;
  std::istringstream in(reference_in_full());
  for (std::string line; std::getline(in, line);) {
    const auto indent = line.find_first_not_of(' ');
    const auto colon = line.find(':');
    if (indent == std::string::npos || line[indent] == '#' || colon == std::string::npos) continue;
    open.resize(indent / 2);
    open.push_back(line.substr(indent, colon - indent));
    std::string path;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const bool alias = i == 1 && open[0] == "upstreams";
      path += (i > 0 ? "." : "") + (alias ? std::string("*") : open[i]);
    }
    shown.push_back(path);
  }
  for (const auto& key : known_keys()) {
    CAPTURE(key);
    CHECK(std::count(shown.begin(), shown.end(), key) > 0);
  }
}
