#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "transport/secret.hpp"

namespace holdfast::actors {

/// Spans, sent to an OpenTelemetry collector over HTTP.
struct trace_config {
  std::string endpoint;  ///< where batches are POSTed to, such as http://127.0.0.1:4318/v1/traces; empty = no traces
  double sample = 0.01;  ///< the share of requests without a trace of their client's that are traced
  std::vector<std::pair<std::string, transport::secret>> headers;  ///< sent with every batch
  std::size_t queue_max = 2'048;                                   ///< spans not sent yet, per I/O thread
  std::chrono::milliseconds interval{1'000};                       ///< between two batches
  std::chrono::milliseconds timeout{10'000};                       ///< for a batch to be taken
};

}  // namespace holdfast::actors
