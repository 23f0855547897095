#include <doctest/doctest.h>

#include "apps/config/config.hpp"

using namespace holdfast::apps;

namespace {

const environment fixed = [](const std::string& name) -> std::optional<std::string> {
  if (name == "TOKEN") return "s3cret";
  if (name == "PORT") return "s3cret";
  return std::nullopt;
};

std::string mistakes_in(std::string_view text) {
  const auto loaded = load_config_text(text, "x.yaml", fixed);
  return loaded ? "" : to_string(loaded.error());
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a mistake names file, line, column, key and remedy") {
  CHECK(mistakes_in("threads: 2\nsessions:\n  retry: 500\n") ==
        "x.yaml:3:10: sessions.retry: \"500\" needs a unit: write 500ms, 500s, 500m or 500h\n");
}

TEST_CASE("all mistakes are reported at once, in the order of the file") {
  const auto said =
      mistakes_in("listen: 7420\nthraeds: 2\nlog: {level: loud}\nupstreams:\n  a b: {command: x}\n  c: {}\n");
  CHECK(said ==
        "x.yaml:1:9: listen: \"7420\" must be HOST:PORT, such as 127.0.0.1:7420, [::1]:7420 or 0.0.0.0:7420\n"
        "x.yaml:2:1: thraeds: is not a known key; did you mean `threads`?\n"
        "x.yaml:3:14: log.level: \"loud\" must be debug, info, warning or error\n"
        "x.yaml:5:3: upstreams.a b: is not a usable name for an upstream: must be 1 to 32 letters, digits, `_` or `-`\n"
        "x.yaml:6:3: upstreams.c: must have a `url`, a `command` or `exec`\n");
}

TEST_CASE("an unknown key far from all others is told what there is") {
  CHECK(
      has(mistakes_in("log: {banana: 1}"), "log.banana: is not a known key; there are level, format and repeats_max"));
  CHECK(has(mistakes_in("banana: 1"), "conf/holdfast.yaml"));
}

TEST_CASE("a key that stands twice is reported with both places") {
  CHECK(mistakes_in("threads: 1\nthreads: 2\n") == "x.yaml:2:1: threads: is given twice; the first is in line 1\n");
  CHECK(has(mistakes_in("upstreams:\n  a: {command: x}\n  a: {command: y}\n"), "upstreams.a: is given twice"));
}

TEST_CASE("values outside their range are refused with the range") {
  CHECK(has(mistakes_in("threads: 257"), "\"257\" is outside the range: must be from 0 to 256"));
  CHECK(has(mistakes_in("http: {body_bytes_max: 1}"), "must be from 1KiB to 1GiB"));
  CHECK(has(mistakes_in("sessions: {keep_alive: 2h}"), "must be from 10ms to 1h"));
  CHECK(has(mistakes_in("threads: -1"), "must be a whole number"));
}

TEST_CASE("a value of the wrong shape is refused") {
  CHECK(has(mistakes_in("threads: [1]"), "must be a single value, not a list"));
  CHECK(has(mistakes_in("threads: {a: 1}"), "must be a single value, not a map"));
  CHECK(has(mistakes_in("threads:\n"), "x.yaml:1:1: threads: has no value"));
  CHECK(has(mistakes_in("log: info"), "log: must be a map"));
  CHECK(has(mistakes_in("- a\n- b"), "must be a map"));
  CHECK(has(mistakes_in("upstreams: [a]"), "must be a map from a name to its options"));
  CHECK(has(mistakes_in("upstreams: {a: npx}"), "must be a map with a `url`, a `command` or `exec`"));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, args: y}}"), "args: must be a list"));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, env: [A=b]}}"), "NAME: value"));
  CHECK(has(mistakes_in("? [a]\n: b\n"), "not a plain name"));
  CHECK(has(mistakes_in("upstreams: {a: {command: \"x\\0y\"}}"), "NUL"));
}

TEST_CASE("an upstream is reached in exactly one way, and its other keys fit that way") {
  CHECK(has(mistakes_in("upstreams: {a: {command: x, url: http://y}}"), "exactly one"));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, headers: {A: b}}}"),
            "upstreams.a.headers: is for upstreams with a `url`"));
  CHECK(has(mistakes_in("upstreams: {a: {url: http://x, args: [b]}}"),
            "upstreams.a.args: is for upstreams with a `command`"));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, reconnect_min: 1m, reconnect_max: 1s}}"), "over its"));
  CHECK(has(mistakes_in("upstreams: {a: {command: npx -y thing}}"), "go into `args`"));
}

TEST_CASE("what is kept is said by rules") {
  const auto in_cache = [](const std::string& rules) {
    return mistakes_in("upstreams: {a: {command: x, cache: " + rules + "}}");
  };
  CHECK(in_cache("[{tools: [x], ttl: 1s}]") == "");
  CHECK(has(in_cache("{tools: [x], ttl: 1s}"), "upstreams.a.cache: must be a list of rules"));
  CHECK(has(in_cache("[x]"), "must be a map with `tools` and `ttl`"));
  CHECK(has(in_cache("[{ttl: 1s}]"), "must have `tools`"));
  CHECK(has(in_cache("[{tools: [x]}]"), "must have a `ttl`"));
  CHECK(has(in_cache("[{tools: [x], ttl: 1s, scope: all}]"), "scope: "));
  CHECK(has(in_cache("[{tools: [\"\"], ttl: 1s}]"), "must be a name, or a pattern"));
  CHECK(has(mistakes_in("cache: {blind_max: 1ms}"), "cache.blind_max: "));
  CHECK(has(mistakes_in("cache: {bytes: 1}"), "bytes_max"));
}

TEST_CASE("how an upstream is spared has its bounds") {
  const auto in_breaker = [](const std::string& key) {
    return mistakes_in("upstreams: {a: {command: x, breaker: {" + key + "}}}");
  };
  CHECK(in_breaker("failures: 1, failure_rate: 100, window: 1s, open_for: 1ms, open_max: 1h, probes: 16") == "");
  CHECK(has(in_breaker("failures: 0"), "upstreams.a.breaker.failures: "));
  CHECK(has(in_breaker("failure_rate: 0"), "upstreams.a.breaker.failure_rate: "));
  CHECK(has(in_breaker("failure_rate: 101"), "upstreams.a.breaker.failure_rate: "));
  CHECK(has(in_breaker("window: 10ms"), "upstreams.a.breaker.window: "));
  CHECK(has(in_breaker("window: 10"), "upstreams.a.breaker.window: "));
  CHECK(has(in_breaker("probes: 17"), "upstreams.a.breaker.probes: "));
  CHECK(has(in_breaker("probes: 0"), "upstreams.a.breaker.probes: "));
  CHECK(has(in_breaker("failure: 3"), "failures"));
  CHECK(has(in_breaker("enabled: often"), "upstreams.a.breaker.enabled: "));
  CHECK(has(in_breaker("open_for: 2m"), "has a `breaker.open_for` (2m) over its `breaker.open_max` (1m)"));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, breaker: off}}"), "breaker: must be a map"));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, retry: {attempts: 0}}}"), "upstreams.a.retry.attempts: "));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, retry: {min: 5s}}}"),
            "has a `retry.min` (5s) over its `retry.max` (2s)"));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, max_concurrent: -1}}"), "upstreams.a.max_concurrent: "));
  CHECK(has(mistakes_in("upstreams: {a: {command: x, queue: many}}"), "upstreams.a.queue: "));
}

TEST_CASE("the two listeners must differ") {
  CHECK(has(mistakes_in("listen: 127.0.0.1:9\nadmin: {listen: 127.0.0.1:9}"), "they must differ"));
  CHECK(has(mistakes_in("listen: 127.0.0.1:65535"), "set admin.listen"));
  CHECK(mistakes_in("listen: 127.0.0.1:65535\nadmin: {listen: off}") == "");
  CHECK(has(mistakes_in("admin: {listen: no}"), ", or off"));
  CHECK(has(mistakes_in("admin: {socket: x.sock}"), "must be an absolute path, or off"));
  CHECK(has(mistakes_in("admin: {token: short}"), "at least 16 visible ASCII characters"));
  CHECK(has(mistakes_in("admin: {listen: '0.0.0.0:7421'}"), "set `admin.token`"));
  CHECK(mistakes_in("admin: {listen: '0.0.0.0:7421', token: 0123456789abcdef}") == "");
}

TEST_CASE("access rules are checked") {
  CHECK(has(mistakes_in("access: {hosts: ['example.com:80']}"), "without port"));
  CHECK(has(mistakes_in("access: {origins: [app.example.com]}"), "https://app.example.com"));
  CHECK(has(mistakes_in("access: {origins: ['https://app.example.com/']}"), "origin without path"));
}

TEST_CASE("secrets never stand in a mistake") {
  for (const char* text : {
           "upstreams: {a: {url: 'https://u:s3cret@x/y?k=s3cret'}}",
           "upstreams: {a: {url: 'ftp://x/s3cret'}}",
           "upstreams: {a: {url: http://x, headers: {'Bad Name': s3cret}}}",
           "upstreams: {a: {url: http://x, headers: {Host: s3cret}}}",
           "upstreams: {a: {url: http://x, headers: {A: \"s3cret\\nB: c\"}}}",
           "upstreams: {a: {command: x, env: {'A=B': s3cret}}}",
           "upstreams: {a: {command: x, env: {A: [s3cret]}}}",
           "upstreams: {a: {command: x, env: {A: 's3cret ${NONE}'}}}",
           "upstreams: {a: {command: x, env_pass: [A=s3cret]}}",
           "upstreams: {a: {command: 'x --token s3cret'}}",
           "upstreams: {a: {command: x, args: [[s3cret]]}}",
           "listen: 127.0.0.1:${PORT}",
           "threads: ${PORT}",
           "log: {level: '${TOKEN}'}",
           "drain_timeout: ${TOKEN}",
           "admin: {listen: '${TOKEN}'}",
           "store: postgres://u:s3cret@db",
           "store: {url: 'postgres://u:s3cret@db'}",
           "store: {shadow: 's3cret@db'}",
           "store: {url: 'redis://:s3cret@db', shadow: 'redis://:s3cret@db'}",
           "store: {keys: s3cret}",
           "store: 'unix:/x?password=a&s3cret'",
           "store: 'redis://:s3cret%zz@db'",
           "store: 'redis://u:x/s3cret@db'",
           "store: {prefix: '${TOKEN} x'}",
           "store: ['redis://:s3cret@db']",
       }) {
    CAPTURE(text);
    const auto said = mistakes_in(text);
    CHECK(said != "");
    CHECK_FALSE(has(said, "s3cret"));
  }
}

TEST_CASE("text that is not YAML is refused at its place") {
  CHECK(has(mistakes_in("a: [1\nb: 2\n"), "x.yaml:2:"));
  CHECK(has(mistakes_in("a: b: c\n"), "x.yaml:1:"));
  CHECK(has(mistakes_in("threads: 1\n---\nthreads: 2\n"), "second document"));
}

TEST_CASE("hostile text is refused and does no harm") {
  CHECK(mistakes_in(std::string(100'000, '[')) != "");
  CHECK(mistakes_in(std::string(100'000, '{')) != "");
  CHECK(mistakes_in("a: *nowhere") != "");
  CHECK(mistakes_in(std::string("\0\1\2", 3)) != "");
  CHECK(has(mistakes_in(std::string((4u << 20) + 1, '#')), "larger than 4 MiB"));
  CHECK_FALSE(has(mistakes_in("\"a\\nb\": 1"), "a\nb"));
}

TEST_CASE("a file that cannot be read says why") {
  CHECK(has(to_string(load_config("/no/such/file.yaml", fixed).error()),
            "/no/such/file.yaml: cannot be opened: No such"));
  CHECK(has(to_string(load_config("/", fixed).error()), "is a folder"));
}
