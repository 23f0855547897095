#include <doctest/doctest.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <thread>

#include "actors/metrics/counters.hpp"
#include "actors/metrics/families.hpp"

using namespace holdfast;
using namespace std::chrono_literals;
using actors::metrics::duration_histogram;
using actors::metrics::families;

namespace {

std::string text_of(families& f) { return prometheus::TextSerializer().Serialize(f.take()); }

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != text.npos;
}

}  // namespace

TEST_CASE("a histogram puts every value at or under the bound of its bucket") {
  transport::log_histogram<4, 3> h;  // up to 16, 32, 64, and the rest
  for (const std::uint64_t v : {0, 1, 16}) h.add(v);
  for (const std::uint64_t v : {17, 32}) h.add(v);
  h.add(33);
  h.add(64);
  h.add(65);
  h.add(~std::uint64_t{0} >> 1u);
  CHECK(h.count(0) == 3);
  CHECK(h.count(1) == 2);
  CHECK(h.count(2) == 2);
  CHECK(h.count(3) == 2);
  CHECK(h.bound(0) == 16);
  CHECK(h.bound(2) == 64);
}

TEST_CASE("a latency below nothing is none") {
  transport::latency_histogram h;
  h.add(-5ns);
  h.add(1h);
  CHECK(h.count(0) == 1);
  CHECK(h.count(transport::latency_histogram::bounds) == 1);
  CHECK(h.sum() == 3'600'000'000'000);
}

TEST_CASE("a duration falls into the bucket that its bound says") {
  for (const std::uint64_t us : {0u, 7u, 8u, 9u, 10u, 15u, 16u, 1000u, 1'000'000u, 4'000'000'000u}) {
    CAPTURE(us);
    const auto b = duration_histogram::bucket_of(us);
    CHECK(us <= duration_histogram::bound_of(b).value_or(~0ull));
    if (b > 0) CHECK(us > *duration_histogram::bound_of(b - 1));
  }
  for (std::size_t b = 1; b + 1 < duration_histogram::buckets; ++b)
    CHECK(*duration_histogram::bound_of(b) > *duration_histogram::bound_of(b - 1));
  duration_histogram h;
  h.add(5us);
  h.add(1h);
  h.add(-1us);
  CHECK(h.count() == 3);
  CHECK(h.sum() == 5 + 3'600'000'000u);
}

TEST_CASE("Prometheus is told durations in wider buckets, none of them on the wrong side of a bound") {
  duration_histogram h;
  for (const auto us : {3us, 63us, 64us, 127us, 128us}) h.add(us);
  h.add(24h);
  families::merged_histogram all;
  all.add(h);
  families f;
  f.histogram("took", "Duration.").add(all, 1);
  const auto text = text_of(f);
  CAPTURE(text);
  CHECK(has(text, R"(took_bucket{le="64"} 2)"));
  CHECK(has(text, R"(took_bucket{le="128"} 4)"));
  CHECK(has(text, R"(took_bucket{le="256"} 5)"));
  CHECK(has(text, R"(took_bucket{le="67108864"} 5)"));
  CHECK(has(text, R"(took_bucket{le="+Inf"} 6)"));
}

TEST_CASE("a counter can be read while its thread counts") {
  transport::counter c;
  std::thread counting([&] {
    for (int i = 0; i < 100'000; ++i) c.add();
  });
  std::uint64_t last = 0;
  while (last < 100'000) {
    const auto now = c.value();
    REQUIRE(now >= last);
    last = now;
  }
  counting.join();
  c.take(99'999);
  CHECK(c.value() == 1);
}

TEST_CASE("metrics are told in the text format of Prometheus") {
  transport::log_histogram<0, 2> first, second;
  first.add(1);
  second.add(2);
  second.add(9);
  families::merged_histogram all;
  all.add(first);
  all.add(second);
  families f;
  f.counter("calls_total", "Calls.").add(3, {{"upstream", "a \"b\""}}).add_if_any(0, {{"upstream", "never"}});
  f.gauge("sessions", "Sessions.").add(7);
  f.histogram("took_seconds", "Duration.").add(all, 0.5);
  const auto text = text_of(f);
  CAPTURE(text);
  CHECK(has(text, "# TYPE calls_total counter"));
  CHECK(has(text, "# HELP calls_total Calls."));
  CHECK(has(text, R"(calls_total{upstream="a \"b\""} 3)"));
  CHECK(text.find("never") == text.npos);
  CHECK(has(text, "sessions 7"));
  CHECK(has(text, R"(took_seconds_bucket{le="0.5"} 1)"));
  CHECK(has(text, R"(took_seconds_bucket{le="1"} 2)"));
  CHECK(has(text, R"(took_seconds_bucket{le="+Inf"} 3)"));
  CHECK(has(text, "took_seconds_count 3"));
  CHECK(has(text, "took_seconds_sum 6"));
}

TEST_CASE("an execution is counted in one state at a time, and once at its end") {
  namespace execution = actors::machines::execution;
  actors::metrics::execution_counters c;
  execution::state s;
  const auto go = [&](const execution::event& e) {
    const auto before = s.index();
    s = execution::advance(s, e).next;
    c.step(before, s.index());
  };
  const auto now = [&] {
    std::uint64_t sum = 0;
    for (const auto& n : c.now) sum += n.value();
    return sum;
  };
  go(execution::select{"t"});
  go(execution::parameters_given{});
  go(execution::dispatched{1});
  CHECK(now() == 1);
  CHECK(c.now[execution::state(execution::executing{}).index()].value() == 1);
  go(execution::result_came{false});
  go(execution::error_came{});  // too late
  CHECK(now() == 0);
  CHECK(c.ended[execution::state(execution::succeeded{}).index()].value() == 1);
  std::uint64_t ended = 0;
  for (std::size_t i = 0; i < c.ended.size(); ++i) {
    ended += c.ended[i].value();
    execution::state of;
    CHECK(c.ends(i) == (i >= execution::state(execution::succeeded{}).index()));
  }
  CHECK(ended == 1);
}
