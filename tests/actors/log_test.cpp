#include "actors/log.hpp"

#include <doctest/doctest.h>

#include <string>
#include <type_traits>

#include "actors/log_repeats.hpp"
#include "actors/tracing/otlp_text.hpp"
#include "transport/secret.hpp"

using namespace holdfast;
using namespace std::chrono_literals;
using actors::log_level;
using actors::log::field;
using actors::log::repeats;

// A secret gets into no line, text or number by accident.
static_assert(!std::is_constructible_v<field, std::string_view, transport::secret>);
static_assert(!std::is_constructible_v<field, std::string_view, const transport::secret&>);
static_assert(!std::is_convertible_v<transport::secret, std::string>);
static_assert(!std::is_convertible_v<transport::secret, std::string_view>);
static_assert(!std::is_constructible_v<std::string, transport::secret>);
static_assert(std::is_constructible_v<field, std::string_view, std::string>);

TEST_CASE("what goes wrong in the same way is admitted some times, and then counted") {
  repeats r(3);
  const repeats::clock::time_point t{};
  for (int i = 0; i < 3; ++i) CHECK(r.admit(log_level::warning, "upstream.down upstream=a", t));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(r.admit(log_level::warning, "upstream.down upstream=a", t + 1s));
  CHECK(r.admit(log_level::warning, "upstream.down upstream=b", t + 1s));
  CHECK(r.over(t + 9s).empty());
  const auto told = r.over(t + 10s);
  REQUIRE(told.size() == 1);
  CHECK(told[0].key == "upstream.down upstream=a");
  CHECK(told[0].times == 5);
  CHECK(told[0].level == log_level::warning);
  CHECK(r.over(t + 10s).empty());
  CHECK(r.admit(log_level::warning, "upstream.down upstream=a", t + 11s));
}

TEST_CASE("what comes seldom is always admitted") {
  repeats r(2);
  repeats::clock::time_point t{};
  for (int i = 0; i < 20; ++i, t += 6s) CHECK(r.admit(log_level::error, "x", t));
  CHECK(r.over(t + 1h).empty());
}

TEST_CASE("nothing is lost that was held back while nobody asked") {
  repeats r(1);
  const repeats::clock::time_point t{};
  CHECK(r.admit(log_level::error, "x", t));
  CHECK_FALSE(r.admit(log_level::error, "x", t));
  CHECK_FALSE(r.admit(log_level::error, "x", t + 30s));
  CHECK(r.over(t + 30s).at(0).times == 2);
}

TEST_CASE("without a limit everything is admitted, and so is what there is no room to count") {
  repeats all(0), few(1);
  for (int i = 0; i < 100; ++i) CHECK(all.admit(log_level::error, "x", {}));
  for (std::size_t i = 0; i < repeats::keys_max; ++i) CHECK(few.admit(log_level::error, std::to_string(i), {}));
  CHECK(few.admit(log_level::error, "one more", {}));
  CHECK(few.admit(log_level::error, "one more", {}));
}

TEST_CASE("the level changes at run time") {
  const auto before = actors::log::level();
  actors::log::set_level(log_level::error);
  CHECK_FALSE(actors::log::enabled(log_level::warning));
  actors::log::set_level(log_level::debug);
  CHECK(actors::log::enabled(log_level::debug));
  CHECK(actors::log::name_of(actors::log::level()) == "debug");
  actors::log::set_level(before);
}

TEST_CASE("spans are written as OTLP wants them") {
  using actors::tracing::span;
  const auto parent = *mcp::parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  span below(parent, span::kind::client, "a \"name\"");
  below.began = span::clock::time_point(1ns);
  below.ended = span::clock::time_point(1s);
  below.failed = true;
  below.note("holdfast.upstream", "u");
  span first({}, span::kind::server, "root");
  const auto text = actors::tracing::to_otlp({below, first}, "n1");
  CAPTURE(text);
  const auto says = [&](const std::string& part) { return text.find(part) != text.npos; };
  CHECK(says(R"({"key":"service.instance.id","value":{"stringValue":"n1"}})"));
  CHECK(
      says(R"({"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":")" + mcp::span_id_text(below.self) +
           R"(","parentSpanId":"00f067aa0ba902b7","name":"a \"name\"","kind":3,"startTimeUnixNano":"1",)" +
           R"("endTimeUnixNano":"1000000000","attributes":[{"key":"holdfast.upstream","value":{"stringValue":"u"}}],)" +
           R"("status":{"code":2}})"));
  CHECK(says(R"("spanId":")" + mcp::span_id_text(first.self) + R"(","name":"root")"));
  CHECK(mcp::is_object(text));
}
