#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/metrics/duration_histogram.hpp"
#include "transport/counter.hpp"

namespace holdfast::actors::metrics {

/// The metrics of one moment, in the making.
class families {
 public:
  using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// Several histograms of the same bounds as one: the shards' parts.
  class merged_histogram {
   public:
    template <unsigned First, std::size_t Count>
    void add(const transport::log_histogram<First, Count>& part) {
      counts_.resize(Count + 1);
      bounds_.resize(Count);
      for (std::size_t i = 0; i <= Count; ++i) counts_[i] += part.count(i);
      for (std::size_t i = 0; i < Count; ++i) bounds_[i] = static_cast<double>(part.bound(i));
      sum_ += static_cast<double>(part.sum());
    }
    /// In microseconds, and with four buckets as one: as wide as those of a `latency_histogram`.
    void add(const duration_histogram& part);

   private:
    friend class families;
    std::vector<std::uint64_t> counts_;
    std::vector<double> bounds_;
    double sum_ = 0;
  };

  /// Begins a family; what is added next belongs to it.
  families& counter(std::string_view name, std::string_view help);
  families& gauge(std::string_view name, std::string_view help);
  families& histogram(std::string_view name, std::string_view help);

  families& add(double value, labels l = {});
  /// Nothing if the value is 0: for families of many possible labels, most of which never come.
  families& add_if_any(double value, labels l);
  /// `unit`: how much of the metric's unit one of the counted ones is.
  families& add(const merged_histogram& h, double unit, labels l = {});

  std::vector<prometheus::MetricFamily> take() { return std::move(all_); }

 private:
  families& begin(std::string_view name, std::string_view help, prometheus::MetricType type);
  prometheus::ClientMetric& sample(labels l);

  std::vector<prometheus::MetricFamily> all_;
};

}  // namespace holdfast::actors::metrics
