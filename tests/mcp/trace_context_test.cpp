#include "transport/mcp/trace_context.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace holdfast::mcp;

namespace {

const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string span = "00f067aa0ba902b7";
const std::string good = "00-" + trace + "-" + span + "-01";

std::string meta(const std::string& traceparent) {
  return R"({"progressToken":1,"traceparent":")" + traceparent + "\"}";
}

}  // namespace

TEST_CASE("a traceparent is read and written again") {
  const auto c = parse_traceparent(good);
  REQUIRE(c);
  CHECK(c->present());
  CHECK(c->sampled());
  CHECK(trace_id_text(*c) == trace);
  CHECK(span_id_text(*c) == span);
  CHECK(to_traceparent(*c) == good);
  CHECK_FALSE(parse_traceparent("00-" + trace + "-" + span + "-00")->sampled());
  // Flags that version 00 does not know are not passed on as set (2.2.3.1).
  CHECK(to_traceparent(*parse_traceparent("00-" + trace + "-" + span + "-03")) == good);
}

TEST_CASE("a later version is read as far as it is known") {
  CHECK(to_traceparent(*parse_traceparent("01-" + trace + "-" + span + "-01")) == good);
  CHECK(to_traceparent(*parse_traceparent("cc-" + trace + "-" + span + "-01-what-comes-later")) == good);
  CHECK_FALSE(parse_traceparent("cc-" + trace + "-" + span + "-01.what"));
}

TEST_CASE("a malformed traceparent is none") {
  for (const auto& bad : {
           std::string(),
           std::string("00"),
           "ff-" + trace + "-" + span + "-01",
           "00-" + trace + "-" + span,
           "00-" + trace + "-" + span + "-1",
           "00-" + trace + "-" + span + "-01-more",
           "00-" + trace + "-" + span + "-01 ",
           "0x-" + trace + "-" + span + "-01",
           "00_" + trace + "-" + span + "-01",
           "00-" + std::string(32, '0') + "-" + span + "-01",
           "00-" + trace + "-" + std::string(16, '0') + "-01",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01",
           "00-" + trace.substr(1) + "--" + span + "-01",
           "00-" + trace + "-" + span + "-zz",
       }) {
    CAPTURE(bad);
    CHECK_FALSE(parse_traceparent(bad));
  }
}

TEST_CASE("the message's own context counts, unless the header is of the same trace") {
  const auto other = "00-" + std::string(32, 'a') + "-" + std::string(16, 'b') + "-00";
  const auto nearer = "00-" + trace + "-" + std::string(16, 'c') + "-01";
  CHECK_FALSE(context_of({}, {}).present());
  CHECK(to_traceparent(context_of({}, good)) == good);
  CHECK(to_traceparent(context_of(meta(good), {})) == good);
  CHECK(to_traceparent(context_of(meta(good), other)) == good);
  CHECK(to_traceparent(context_of(meta(good), nearer)) == nearer);
  CHECK(to_traceparent(context_of(meta("bad"), good)) == good);
  CHECK(to_traceparent(context_of(R"({"traceparent":7})", good)) == good);
  CHECK_FALSE(context_of(meta("bad"), "bad").present());
}

TEST_CASE("a new span stays in its trace, or begins one") {
  const auto parent = *parse_traceparent(good);
  const auto child = child_of(parent, true);
  CHECK(child.trace == parent.trace);
  CHECK(child.span != parent.span);
  CHECK(child.sampled());
  const auto first = child_of({}, false), second = child_of({}, false);
  CHECK(first.present());
  CHECK(first.trace != second.trace);
  CHECK_FALSE(first.sampled());
  CHECK(parse_traceparent(to_traceparent(first)));
}
