#include "apps/config/client_file.hpp"

#include <doctest/doctest.h>

#include "apps/config/config.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using transport::http_endpoint;
using transport::stdio_command;

namespace {

const environment fixed = [](const std::string& name) -> std::optional<std::string> {
  if (name == "TOKEN") return "s3cret";
  return std::nullopt;
};

actors::node_config load(std::string_view text, const std::string& source = "/home/ann/shop/mcp.json") {
  auto loaded = load_config_text(text, source, fixed);
  if (!loaded) FAIL(to_string(loaded.error()));
  return *loaded;
}

std::string mistakes_in(std::string_view text) {
  const auto loaded = load_config_text(text, "mcp.json", fixed);
  return loaded ? "" : to_string(loaded.error());
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a Claude Desktop file is accepted as it is") {
  const auto c = load(R"json({
    "globalShortcut": "",
    "mcpServers": {
      "filesystem": {
        "command": "npx",
        "args": ["-y", "@modelcontextprotocol/server-filesystem", "/Users/me/Desktop"],
        "env": {"LEVEL": 3, "PASSWORD": "pa$$word"}
      },
      "off": {"command": "uvx", "args": ["x"], "disabled": true, "autoApprove": ["a"], "timeout": 60}
    }
  })json");
  REQUIRE(c.upstreams.size() == 2);
  CHECK(c.upstreams[0].alias == "filesystem");
  const auto& command = std::get<stdio_command>(c.upstreams[0].target);
  CHECK(command.command == "npx");
  CHECK(command.args == std::vector<std::string>{"-y", "@modelcontextprotocol/server-filesystem", "/Users/me/Desktop"});
  CHECK(command.env[0] == std::pair<std::string, transport::secret>("LEVEL", "3"));
  CHECK(command.env[1].second == "pa$$word");
  CHECK(c.upstreams[0].enabled);
  CHECK_FALSE(c.upstreams[1].enabled);
  CHECK(c.listen_port == 7420);
}

TEST_CASE("servers over HTTP say by their type what they speak") {
  const auto c = load(R"json({"mcpServers": {
    "plain": {"url": "https://a.example/mcp", "headers": {"Authorization": "Bearer ${env:TOKEN}"}},
    "http": {"type": "http", "url": "https://b.example/mcp"},
    "streamable": {"type": "streamable-http", "url": "https://c.example/mcp"},
    "sse": {"type": "sse", "url": "https://d.example/sse"},
    "windsurf": {"serverUrl": "https://e.example/mcp"},
    "gemini": {"httpUrl": "https://f.example/mcp", "excludeTools": ["rm"]}
  }})json");
  REQUIRE(c.upstreams.size() == 6);
  const auto endpoint = [&](std::size_t i) { return std::get<http_endpoint>(c.upstreams[i].target); };
  CHECK(endpoint(0).headers.at(0).second == "Bearer s3cret");
  CHECK(endpoint(0).speaks == http_endpoint::protocol::detect);
  CHECK(endpoint(1).speaks == http_endpoint::protocol::detect);
  CHECK(endpoint(2).speaks == http_endpoint::protocol::streamable_http);
  CHECK(endpoint(3).speaks == http_endpoint::protocol::sse);
  CHECK(endpoint(4).url == "https://e.example/mcp");
  CHECK(endpoint(5).speaks == http_endpoint::protocol::streamable_http);
  CHECK(c.upstreams[5].deny_tools == std::vector<std::string>{"rm"});
}

TEST_CASE("a VS Code file with comments, inputs and tabs is accepted as it is") {
  const auto c = load(
      "{\n\t// servers of this project\n\t\"inputs\": [{\"id\": \"k\", \"type\": \"promptString\"}],\n"
      "\t\"servers\": {\n\t\t\"db\": {\n\t\t\t\"type\": \"stdio\",\n\t\t\t\"command\": \"node\",\n"
      "\t\t\t\"args\": [\"${workspaceFolder}/db.js\",],\n\t\t},\n\t},\n}\n",
      "/home/ann/shop/.vscode/mcp.json");
  REQUIRE(c.upstreams.size() == 1);
  CHECK(std::get<stdio_command>(c.upstreams[0].target).args.at(0) == "/home/ann/shop/db.js");
}

TEST_CASE("a value that only an editor can ask for is refused with a remedy") {
  const auto said = mistakes_in(R"json({"inputs": [], "servers": {
    "x": {"command": "node", "env": {"KEY": "${input:api-key}"}}}})json");
  CHECK(has(said, "mcp.json:2:"));
  CHECK(has(said, "servers.x.env.KEY: uses ${input:…}"));
  CHECK(has(said, "${env:NAME}"));
}

TEST_CASE("names become aliases that are unique") {
  const auto c = load(R"json({"mcpServers": {
    "GitHub (work)": {"command": "a"}, "GitHub  work": {"command": "b"}, "io.github.acme/tool": {"command": "c"},
    "日本": {"command": "d"}, "a-name-that-is-much-too-long-for-an-alias": {
    "command" : "e"}
}
})json");
  REQUIRE(c.upstreams.size() == 5);
  CHECK(c.upstreams[0].alias == "GitHub-work");
  CHECK(c.upstreams[1].alias == "GitHub-work-2");
  CHECK(c.upstreams[2].alias == "io-github-acme-tool");
  CHECK(c.upstreams[3].alias == "server");
  CHECK(c.upstreams[4].alias == "a-name-that-is-much-too-long-for");
}

TEST_CASE("what a client's file cannot say is refused") {
  CHECK(has(mistakes_in(R"json({"mcpServers": {"x": {"comand": "y"}}})json"), "did you mean `command`?"));
  CHECK(has(mistakes_in(R"json({"mcpServers": {"x": {"command": "y", "envFile": "z"}}})json"), "is not supported"));
  CHECK(has(mistakes_in(R"json({"mcpServers": {"x": {"command": "y", "type": "http"}}})json"),
            "x.type: is for upstreams with"));
  CHECK(has(mistakes_in(R"json({"mcpServers": {"x": {"url": "http://y", "type": "websocket"}}})json"),
            "must be stdio, http"));
  CHECK(has(mistakes_in(R"json({"mcpServers": {}, "listen": "127.0.0.1:1"})json"), "listen: cannot stand"));
  CHECK(has(mistakes_in(R"json({"mcpServers": {}, "servers": {}})json"), "must be the only one"));
  CHECK(
      has(mistakes_in(R"json({"mcpServers": {"x": {"command": "y"}, "x": {"command": "z"}}})json"), "is given twice"));
  CHECK(has(mistakes_in(R"json({"mcpServers": []})json"), "must be a map"));
  CHECK(has(mistakes_in("{\"mcpServers\": {"), "mcp.json:1:"));
}
