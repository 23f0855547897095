#include <doctest/doctest.h>

#include <string>

#include "apps/config/config.hpp"

using namespace holdfast;
using namespace holdfast::apps;
using namespace std::chrono_literals;

namespace {

config_outcome read(const std::string& traces) {
  return load_config_text("traces: " + traces + "\nlog: {repeats_max: 7}\nstore: 'memory:'\n", "x.yaml",
                          [](const std::string&) { return std::optional<std::string>(); });
}

std::string mistakes_of(const std::string& traces) {
  const auto r = read(traces);
  return r ? std::string() : to_string(r.error());
}

}  // namespace

TEST_CASE("traces are off unless a collector is named") {
  CHECK(read("{}")->traces.endpoint.empty());
  const auto c = read(
      "{endpoint: 'http://127.0.0.1:4318/v1/traces', sample: 0.25, headers: {Authorization: Bearer s}, "
      "queue_max: 10, interval: 2s, timeout: 3s}");
  REQUIRE(c.has_value());
  CHECK(c->traces.endpoint == "http://127.0.0.1:4318/v1/traces");
  CHECK(c->traces.sample == 0.25);
  CHECK(c->traces.headers.at(0).first == "Authorization");
  CHECK(c->traces.headers.at(0).second.reveal() == "Bearer s");
  CHECK(c->traces.queue_max == 10);
  CHECK(c->traces.interval == 2s);
  CHECK(c->traces.timeout == 3s);
  CHECK(c->log_repeats_max == 7);
}

TEST_CASE("what cannot be right of traces is a mistake that names its place") {
  CHECK(mistakes_of("{endpoint: collector}").find("traces.endpoint") != std::string::npos);
  CHECK(mistakes_of("{sample: 2}").find("from 0 to 1") != std::string::npos);
  CHECK(mistakes_of("{sample: nan}").find("from 0 to 1") != std::string::npos);
  CHECK(mistakes_of("{sample: 0.5x}").find("from 0 to 1") != std::string::npos);
  CHECK(mistakes_of("{headers: {Host: x}}").find("sets this header itself") != std::string::npos);
  CHECK(mistakes_of("{rate: 1}").find("not a known key") != std::string::npos);
}
