#include "apps/commands/demo_timeline.hpp"

#include <doctest/doctest.h>

#include <map>
#include <sstream>

using namespace holdfast::apps;
using namespace std::chrono_literals;

TEST_CASE("a timeline has columns, whatever stands in them") {
  std::ostringstream out;
  timeline t(out, false, 0);
  t.head();
  t.line(1500us, {}, "client", "calls a tool", timeline::tone::plain);
  t.line(12345ms, 213400us, "a-very-long-name", "two\nlines", timeline::tone::bad);
  CHECK(out.str() ==
        "     TIME      WAIT  WHO       WHAT\n"
        "  0.002 s            client    calls a tool\n"
        " 12.345 s    213 ms  a-very-l  two\n");
}

TEST_CASE("a timeline fits its terminal, and has colours where they are wanted") {
  std::ostringstream out;
  timeline t(out, true, 40);
  t.line(1s, {}, "n2", "is killed, which takes the rest of the line", timeline::tone::bad);
  t.line(1s, {}, "n2", "\x1b[2Jplain", timeline::tone::plain);
  CHECK(out.str() ==
        "\x1b[1;31m  1.000 s            n2        is kille…\x1b[0m\n"
        "  1.000 s            n2        [2Jplain\n");
}

TEST_CASE("colours are for terminals that know them, unless somebody wants none") {
  using map = std::map<std::string, std::string>;
  const auto wants = [](bool terminal, const map& variables) {
    return wants_colours(terminal, [&](const std::string& name) -> std::optional<std::string> {
      const auto at = variables.find(name);
      return at == variables.end() ? std::nullopt : std::optional(at->second);
    });
  };
  CHECK(wants(true, {{"TERM", "xterm"}}));
  CHECK(wants(true, {{"TERM", "xterm"}, {"NO_COLOR", ""}}));
  CHECK_FALSE(wants(true, {{"TERM", "xterm"}, {"NO_COLOR", "1"}}));
  CHECK_FALSE(wants(false, {{"TERM", "xterm"}}));
  CHECK_FALSE(wants(true, {{"TERM", "dumb"}}));
  CHECK_FALSE(wants(true, {}));
}

TEST_CASE("a progress bar is as full as the progress is") {
  CHECK(progress_bar(0, 24) == "[........................]   0 of 24");
  CHECK(progress_bar(8, 24) == "[########................]   8 of 24");
  CHECK(progress_bar(24, 24) == "[########################]  24 of 24");
  CHECK(progress_bar(99, 10) == "[########################]  99 of 10");
  CHECK(progress_bar(1, 0) == "[........................]  1 of 0");
}
