#include "apps/config/program_keys.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "apps/config/config.hpp"
#include "tests/persistence/temporary_folder.hpp"
#include "transport/mcp/envelope.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using namespace std::chrono_literals;

namespace {

const environment nothing = [](const std::string&) { return std::nullopt; };

config_outcome read(const std::string& exec) {
  return load_config_text("store: 'memory:'\nupstreams: {p: {exec: " + exec + "}}", "x.yaml", nothing);
}

transport::program_set programs(const std::string& exec) {
  const auto loaded = read(exec);
  if (!loaded) FAIL(to_string(loaded.error()));
  return std::get<transport::program_set>(loaded->upstreams.at(0).target);
}

std::string wrong(const std::string& exec) {
  const auto loaded = read(exec);
  REQUIRE_FALSE(loaded.has_value());
  return to_string(loaded.error());
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a tool that is a program is read with all its keys") {
  const auto set =
      programs(R"({processes_max: 5, locale: en, tools: {t: {command: wc, args: [-l], env: {A: b}, env_pass: [C],
    cwd: /srv, title: T, description: D, input: {properties: {n: {minimum: 1, default: "1"}, ok: {const: true}}},
    timeout: 5s, output_max: 64KiB, memory_max: 1GiB, warm: 2, stateful: true, read_only: true,
    needs: {programs: [jq]}}}})");
  CHECK(set.processes_max == 5);
  CHECK(set.locale == "en");
  REQUIRE(set.tools.size() == 1);
  const auto& t = set.tools[0];
  CHECK(t.name == "t");
  CHECK(t.command == transport::stdio_command{"wc", {"-l"}, {{"A", "b"}}, {"C"}, "/srv", 1u << 30});
  CHECK(t.timeout == 5s);
  CHECK(t.output_bytes_max == 65536);
  CHECK(t.warm == 2);
  CHECK(t.stateful);
  CHECK(t.needs == std::vector<std::string>{"jq"});
  CHECK(mcp::member(t.entry, "inputSchema") ==
        R"({"type":"object","properties":{"n":{"minimum":1,"default":"1"},"ok":{"const":true}}})");
  CHECK(mcp::member(t.entry, "annotations") == R"({"readOnlyHint":true,"idempotentHint":false})");
  const auto loaded = read("{tools: {t: {command: wc}}}");
  CHECK(loaded->upstreams[0].retry_read_only);
  CHECK(loaded->upstreams[0].retry_idempotent);
}

TEST_CASE("versions of a tool stand side by side, and one is meant by the name alone") {
  const tests::temporary_folder folder;
  const auto root = folder / "tools";
  std::filesystem::create_directory(root);
  const auto add = [&](const std::string& name, const std::string& text) {
    std::filesystem::create_directories(root + "/" + name);
    std::ofstream(root + "/" + name + "/tool.yaml") << text;
  };
  add("a1", "{name: a, version: '1', command: ./run}");
  add("a2", "{name: a, version: '2', default: true, command: ./run, cwd: /}");
  std::filesystem::create_directory(root + "/other");
  const auto set = programs("{folder: " + root + "}");
  std::vector<std::string> names;
  for (const auto& t : set.tools) names.push_back(t.name + " " + t.version + " " + t.command.directory);
  const auto first = root + "/a1";
  CHECK(names == std::vector<std::string>{"a 2 /", "a@1 1 " + first, "a@2 2 /"});
  CHECK(has(set.tools[0].entry, R"("holdfast/version":"2","holdfast/versions":["1","2"])"));

  add("a3", "{name: a, version: '2', command: ./run}");
  CHECK(has(wrong("{folder: " + root + "}"), "each must have a `version` of its own"));
  add("a3", "{name: a, version: '3', default: true, command: ./run}");
  CHECK(has(wrong("{folder: " + root + "}"), "exactly one of them must be `default: true`"));
  add("a3", "{comand: ./run}");
  CHECK(has(wrong("{folder: " + root + "}"), "a3/tool.yaml:1:2: comand: is not a known key; did you mean `command`?"));
  add("a3", "{");
  CHECK(has(wrong("{folder: " + root + "}"), "a3/tool.yaml:1"));
}

TEST_CASE("what is wrong with program tools is named") {
  CHECK(has(wrong("{}"), "has no tools"));
  CHECK(has(wrong("{tools: {t: {args: [a]}}}"), "must have a `command`"));
  CHECK(has(wrong("{tools: {'a b': {command: x}}}"), "must be 1 to 64 letters"));
  CHECK(has(wrong("{tools: {t: {command: x, input: {type: array}}}}"), "must have the type object"));
  CHECK(has(wrong("{tools: {t: {command: x, needs: {tools: [u]}}}}"), "needs the tool \"u\", which is not there"));
  CHECK(has(wrong("{folder: /no/such/folder}"), "cannot be read"));
  const auto both = load_config_text("store: 'memory:'\nupstreams: {p: {command: x, exec: {tools: {t: {command: x}}}}}",
                                     "x.yaml", nothing);
  REQUIRE_FALSE(both.has_value());
  CHECK(has(to_string(both.error()), "must have exactly one of them"));
}
