#include <doctest/doctest.h>

#include <map>

#include "apps/config/config.hpp"
#include "tests/apps/config/config_equal.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using namespace std::chrono_literals;

namespace {

environment with(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

const environment at_home = with({{"HOME", "/home/me"}, {"PASSWORD", "p4ss"}});

actors::store_config load(std::string_view text, const environment& env = at_home) {
  auto loaded = load_config_text(text, "x.yaml", env);
  if (!loaded) FAIL(to_string(loaded.error()));
  return loaded->store;
}

std::string mistakes_in(std::string_view text) {
  const auto loaded = load_config_text(text, "x.yaml", at_home);
  return loaded ? "" : to_string(loaded.error());
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a store is given by its URL alone") {
  for (const char* url : {"memory:", "sqlite:/var/lib/holdfast.db", "sqlite:holdfast.db", "redis://db",
                          "redis://u:p@db:6380/2", "redis://", "rediss://db", "unix:/run/redis.sock?db=1",
                          "redis+sentinel://a,b:26380/main/1", "redis+cluster://a,b"}) {
    CAPTURE(url);
    actors::store_config expected;
    expected.primary.url = url;
    CHECK(parts(load("store: '" + std::string(url) + "'")) == parts(expected));
  }
  CHECK(load("store: 'redis://:${PASSWORD}@db'").primary.url == "redis://:p4ss@db");
}

TEST_CASE("a store is given by a map of its options") {
  const auto s = load(R"(
store:
  url: rediss://db
  prefix: acme:hf-1
  ca_file: ca.pem
  connections: 4
  wait_replicas: 1
  deadline: 2s
  waiting_max: 500
  hold_timeout: 1m
  shadow: sqlite:/tmp/x.db
  format: msgpack
  compress_above: 16KiB
  keys: file:${KEYS:-/etc/holdfast/keys}
on_store_loss: degrade
)");
  CHECK(s.primary.url == "rediss://db");
  CHECK(s.primary.prefix == "acme:hf-1");
  CHECK(s.primary.ca_file == "ca.pem");
  CHECK(s.primary.connections == 4);
  CHECK(s.primary.wait_replicas == 1);
  CHECK(s.primary.deadline == 2s);
  CHECK(s.primary.waiting_max == 500);
  CHECK(s.hold_timeout == 1min);
  CHECK(s.shadow == "sqlite:/tmp/x.db");
  CHECK(s.format == persistence::text_format::msgpack);
  CHECK(s.compress_above == 16384);
  CHECK(s.keys == "file:/etc/holdfast/keys");
  CHECK(s.on_loss == actors::on_store_loss::degrade);
}

TEST_CASE("without a store it is a file in the state folder of the user") {
  const std::string client_file = R"({"mcpServers": {"a": {"command": "x"}}})";
  for (const auto& text : {std::string(), std::string("store: {prefix: x}"), client_file}) {
    CAPTURE(text);
    CHECK(load(text).primary.url == "sqlite:/home/me/.local/state/holdfast/holdfast.db");
    CHECK(load(text, with({{"HOME", "/home/me"}, {"XDG_STATE_HOME", "/state"}})).primary.url ==
          "sqlite:/state/holdfast/holdfast.db");
    CHECK(load(text, with({{"HOME", "/home/me"}, {"XDG_STATE_HOME", "not/absolute"}})).primary.url ==
          "sqlite:/home/me/.local/state/holdfast/holdfast.db");
  }
  CHECK(default_config(at_home).store.primary.url == "sqlite:/home/me/.local/state/holdfast/holdfast.db");
}

TEST_CASE("without a store and a place for one, the place is left open") {
  CHECK(load("", with({})).primary.url == "");
  CHECK(load("", with({{"HOME", ""}})).primary.url == "");
  CHECK(load("store: 'memory:'", with({})).primary.url == "memory:");
}

TEST_CASE("a store is shown without user and password") {
  CHECK(shown_store("redis://u:s3cret@db:6380/2") == "redis://db:6380/2");
  CHECK(shown_store("rediss://:s3c/r@et@db") == "rediss://db");
  CHECK(shown_store("redis+sentinel://u:s3cret@a,b/main") == "redis+sentinel://a,b/main");
  CHECK(shown_store("redis+cluster://a,b") == "redis+cluster://a,b");
  CHECK(shown_store("unix:/run/r.sock?user=u&password=s3cret") == "unix:/run/r.sock");
  CHECK(shown_store("sqlite:/home/me@work/x.db") == "sqlite:/home/me@work/x.db");
  CHECK(shown_store("s3cret@db") == "db");
  CHECK(shown_store("memory:") == "memory:");
}

TEST_CASE("a URL of no store is refused with those there are") {
  for (const char* text : {"store: postgres://db", "store: redis", "store: ''", "store: {url: /var/lib/x.db}",
                           "store: {url: 'memory:', shadow: 'http://db'}"}) {
    CAPTURE(text);
    CHECK(has(mistakes_in(text),
              "must begin with memory:, sqlite:PATH, redis://, rediss://, unix:PATH, redis+sentinel:// or "
              "redis+cluster://"));
  }
  CHECK(has(mistakes_in("store: 'memory:x'"), "must be `memory:` with nothing after it"));
  CHECK(has(mistakes_in("store: 'sqlite://x.db'"), "must be sqlite:PATH, without `//`"));
  CHECK(has(mistakes_in("store: 'sqlite:'"), "must name a file"));
  CHECK(has(mistakes_in("store: 'unix:'"), "must be unix:PATH"));
  CHECK(has(mistakes_in("store: 'redis+sentinel://a'"), "the name of the master must follow"));
  CHECK(has(mistakes_in("store: 'redis+cluster://a/2'"), "only database 0"));
  CHECK(has(mistakes_in("store: 'redis://:s3cret@a:port'"), "a host is to be written as"));
}

TEST_CASE("options of a store that do not go together are refused") {
  CHECK(has(mistakes_in("store: {url: 'sqlite:x.db', wait_replicas: 1}"), "store: has `wait_replicas`"));
  CHECK(has(mistakes_in("store: {wait_replicas: 1}"), "store: has `wait_replicas`"));
  CHECK(has(mistakes_in("store: {url: 'redis://a', shadow: 'redis://a'}"), "the same store"));
}

TEST_CASE("the durability settings are checked") {
  CHECK(has(mistakes_in("store: {prefix: 'a{b}'}"), "store.prefix: \"a{b}\" must be 1 to 64"));
  CHECK(has(mistakes_in("store: {prefix: ''}"), "must be 1 to 64"));
  CHECK(has(mistakes_in("store: {connections: 0}"), "must be from 1 to 64"));
  CHECK(has(mistakes_in("store: {format: xml}"), "must be json or msgpack"));
  CHECK(load("store: {compress_above: 0}").compress_above == 0);
  CHECK(has(mistakes_in("store: {keys: keys.txt}"), "store.keys: must be file:PATH or env:NAME"));
  CHECK(has(mistakes_in("store: {keys: 'file:'}"), "must be file:PATH or env:NAME"));
  CHECK(has(mistakes_in("store: {usl: x}"), "did you mean `url`?"));
  CHECK(has(mistakes_in("on_store_loss: ignore"), "must be hold or degrade"));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, durability: full}}"), "must be journal or none"));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, retry_hints: [destructiveHint]}}"),
            "must be readOnlyHint or idempotentHint"));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, unjournaled_tools: ['']}}"), "pattern"));
}
