#include "apps/config/trace_keys.hpp"

#include <charconv>

#include "apps/config/upstream_keys.hpp"
#include "transport/url.hpp"

namespace holdfast::apps {
namespace {

using namespace std::chrono_literals;
using actors::trace_config;

void read_endpoint(const value& v, trace_config& c) {
  const auto text = v.text();
  if (!text) return;
  const auto where = transport::parse_url(*text);
  if (!text->empty() && !where)
    return v.wrong("must be a URL such as http://127.0.0.1:4318/v1/traces: " + where.error().detail);
  c.endpoint = *text;
}

void read_sample(const value& v, trace_config& c) {
  const auto text = v.text();
  if (!text) return;
  double share = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), share);
  if (error != std::errc{} || end != text->data() + text->size() || !(share >= 0 && share <= 1))
    return v.wrong(v.shown() + " must be a share from 0 to 1, such as 0.01");
  c.sample = share;
}

}  // namespace

const keys<trace_config>& trace_keys() {
  using T = trace_config;
  static const keys<T> table = {
      {"endpoint", read_endpoint, {}},
      {"sample", read_sample, {}},
      {"headers", [](const value& v, T& c) { read_header_pairs(v, c.headers); }, {}},
      number<T>("queue_max", &T::queue_max, 1, 1'000'000),
      duration<T>("interval", &T::interval, 10ms, 1min),
      duration<T>("timeout", &T::timeout, 10ms, 1min),
  };
  return table;
}

}  // namespace holdfast::apps
