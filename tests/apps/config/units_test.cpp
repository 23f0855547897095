#include "apps/config/units.hpp"

#include <doctest/doctest.h>

#include "apps/config/expand.hpp"
#include "apps/config/nearest.hpp"

using namespace holdfast::apps;
using namespace std::chrono_literals;

TEST_CASE("a duration is a whole number and a unit") {
  CHECK(*parse_duration("250ms") == 250ms);
  CHECK(*parse_duration("30s") == 30s);
  CHECK(*parse_duration("5m") == 5min);
  CHECK(*parse_duration("1h") == 1h);
  CHECK(*parse_duration("0s") == 0ms);
  for (const char* bad :
       {"", "s", "1.5s", "-1s", " 1s", "1 s", "1d", "1S", "99999999999999999h", "18446744073709551616s"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("a duration without a unit is refused with all that could be meant") {
  CHECK(parse_duration("30").error() == "needs a unit: write 30ms, 30s, 30m or 30h");
}

TEST_CASE("a size is bytes or a binary multiple of them") {
  CHECK(*parse_size("65536") == 65536);
  CHECK(*parse_size("64KiB") == 65536);
  CHECK(*parse_size("4MiB") == 4u << 20);
  CHECK(*parse_size("2GiB") == std::uint64_t{2} << 30);
  for (const char* bad : {"", "KiB", "4MB", "4 MiB", "1.5MiB", "-1", "99999999999GiB"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_size(bad));
  }
}

TEST_CASE("durations and sizes are spelled in the largest unit that fits") {
  CHECK(duration_text(90s) == "90s");
  CHECK(duration_text(300s) == "5m");
  CHECK(duration_text(0ms) == "0s");
  CHECK(duration_text(1'500ms) == "1500ms");
  CHECK(size_text(4u << 20) == "4MiB");
  CHECK(size_text(1000) == "1000");
  CHECK(size_text(0) == "0");
}

TEST_CASE("an address to listen on has a host and a port") {
  CHECK(parse_listen("127.0.0.1:7420")->host == "127.0.0.1");
  CHECK(parse_listen("127.0.0.1:7420")->port == 7420);
  CHECK(parse_listen("[::1]:0")->host == "::1");
  CHECK(parse_listen("localhost:80")->host == "localhost");
  for (const char* bad : {"", "7420", ":7420", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536",
                          "::1:7420", "[127.0.0.1]:1", "example.com:80", "127.0.0.1:-1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_listen(bad).has_value());
  }
}

TEST_CASE("the nearest candidate is found by spelling, and none if all are far") {
  const std::vector<std::string> keys = {"call_timeout", "list_timeout", "command", "cwd", "env"};
  CHECK(nearest("comand", keys) == "command");
  CHECK(nearest("callTimeout", keys) == "call_timeout");
  CHECK(nearest("call-timeout", keys) == "call_timeout");
  CHECK(nearest("evn", keys) == "env");
  CHECK_FALSE(nearest("banana", keys));
  CHECK_FALSE(nearest("", keys));
}

namespace {

const environment fixed = [](const std::string& name) -> std::optional<std::string> {
  if (name == "TOKEN") return "s3cret";
  if (name == "HOME") return "/home/me";
  if (name == "EMPTY") return "";
  if (name == "TRICKY") return "a: [${TOKEN}]\nb: c";
  return std::nullopt;
};

std::string expanded(std::string_view text, const expansion& how = {fixed, true, ""}) { return *expand(text, how); }

}  // namespace

TEST_CASE("variables are replaced, with a default where they are unset or empty") {
  CHECK(expanded("Bearer ${TOKEN}!") == "Bearer s3cret!");
  CHECK(expanded("${NONE:-fallback}") == "fallback");
  CHECK(expanded("${EMPTY:-fallback}") == "fallback");
  CHECK(expanded("${EMPTY}") == "");
  CHECK(expanded("${NONE:-}") == "");
  CHECK(expanded("${NONE:-a:-b}") == "a:-b");
}

TEST_CASE("a dollar that begins no variable is itself, and two are one") {
  CHECK(expanded("pa$$word") == "pa$word");
  CHECK(expanded("$${TOKEN}") == "${TOKEN}");
  CHECK(expanded("5$ $x $") == "5$ $x $");
  CHECK(expanded("pa$$word", {fixed, false, ""}) == "pa$$word");
}

TEST_CASE("what a variable holds is not expanded again") { CHECK(expanded("${TRICKY}") == "a: [${TOKEN}]\nb: c"); }

TEST_CASE("a variable that is not set is named") {
  const auto missing = expand("x ${NO_SUCH} ${TOKEN}", {fixed, true, ""});
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().why == bad_expansion::reason::unset);
  CHECK(missing.error().text.find("NO_SUCH") != std::string::npos);
  CHECK(missing.error().text.find("s3cret") == std::string::npos);
}

TEST_CASE("a malformed variable is refused") {
  using reason = bad_expansion::reason;
  CHECK(expand("${TOKEN", {fixed, true, ""}).error().why == reason::malformed);
  CHECK(expand("${}", {fixed, true, ""}).error().why == reason::malformed);
  CHECK(expand("${1X}", {fixed, true, ""}).error().why == reason::malformed);
  CHECK(expand("${env:TOKEN}", {fixed, true, ""}).error().why == reason::malformed);
  CHECK(expand("${A:-${B}}", {fixed, true, ""}).error().why == reason::unsupported);
}

TEST_CASE("files of clients may use the variables of editors") {
  const expansion how{fixed, false, "/home/ann/shop"};
  CHECK(expanded("${env:TOKEN}", how) == "s3cret");
  CHECK(expanded("${TOKEN}", how) == "s3cret");
  CHECK(expanded("${workspaceFolder}/data", how) == "/home/ann/shop/data");
  CHECK(expanded("${workspaceFolderBasename}", how) == "shop");
  CHECK(expanded("${userHome}${/}x", how) == "/home/me/x");
  CHECK(expand("${input:key}", how).error().why == bad_expansion::reason::unsupported);
  CHECK(expand("${command:x}", how).error().why == bad_expansion::reason::unsupported);
}
