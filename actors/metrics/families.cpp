#include "actors/metrics/families.hpp"

#include <algorithm>
#include <bit>

namespace holdfast::actors::metrics {

using prometheus::MetricType;

void families::merged_histogram::add(const duration_histogram& part) {
  constexpr std::size_t first = 6, count = transport::latency_histogram::bounds;
  counts_.resize(count + 1);
  bounds_.resize(count);
  for (std::size_t i = 0; i < count; ++i) bounds_[i] = static_cast<double>(std::uint64_t{1} << (first + i));
  for (std::size_t b = 0; b < duration_histogram::buckets; ++b) {
    const auto most = duration_histogram::bound_of(b);
    const auto bits = most ? static_cast<std::size_t>(std::bit_width(*most)) : first + count;
    counts_[bits <= first ? 0 : std::min(bits - first, count)] += part.in(b);
  }
  sum_ += static_cast<double>(part.sum());
}

families& families::counter(std::string_view name, std::string_view help) {
  return begin(name, help, MetricType::Counter);
}

families& families::gauge(std::string_view name, std::string_view help) { return begin(name, help, MetricType::Gauge); }

families& families::histogram(std::string_view name, std::string_view help) {
  return begin(name, help, MetricType::Histogram);
}

families& families::begin(std::string_view name, std::string_view help, MetricType type) {
  auto& f = all_.emplace_back();
  f.name = name;
  f.help = help;
  f.type = type;
  return *this;
}

prometheus::ClientMetric& families::sample(labels l) {
  auto& m = all_.back().metric.emplace_back();
  for (const auto& [name, value] : l) m.label.push_back({std::string(name), std::string(value)});
  return m;
}

families& families::add(double value, labels l) {
  auto& m = sample(l);
  if (all_.back().type == MetricType::Counter) {
    m.counter.value = value;
  } else {
    m.gauge.value = value;
  }
  return *this;
}

families& families::add_if_any(double value, labels l) { return value != 0 ? add(value, l) : *this; }

families& families::add(const merged_histogram& h, double unit, labels l) {
  std::uint64_t all = 0;
  for (const auto n : h.counts_) all += n;
  if (all == 0 && l.size() > 0) return *this;  // a label that has not come yet
  auto& to = sample(l).histogram;
  to.sample_count = all;
  to.sample_sum = h.sum_ * unit;
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < h.bounds_.size(); ++i) to.bucket.push_back({so_far += h.counts_[i], h.bounds_[i] * unit});
  return *this;
}

}  // namespace holdfast::actors::metrics
