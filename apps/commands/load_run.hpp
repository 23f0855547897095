#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "apps/commands/histogram.hpp"
#include "transport/result.hpp"
#include "transport/upstream_connection.hpp"

namespace holdfast::apps {

/// A small load test: so many sessions, each calling one tool again and again, the next call after the last answer.
struct load_plan {
  transport::http_endpoint to;
  std::string tool;
  std::string arguments = "{}";  ///< a JSON object
  std::size_t sessions = 16;
  std::chrono::milliseconds duration{10'000};
  std::chrono::milliseconds call_timeout{30'000};
};

struct load_report {
  std::uint64_t calls = 0;  ///< answered by a result that is no error
  std::uint64_t errors = 0;
  std::string first_error;
  std::chrono::nanoseconds elapsed{0};
  histogram latencies;  ///< nanoseconds, of `calls` alone
};

/// Runs the plan on the calling thread, until its end or until `interrupted`. A failure is a session that could not be
/// opened; a session whose connection fails later counts as an error and makes no more calls.
transport::outcome<load_report> run_load(const load_plan& plan, const std::atomic<bool>& interrupted);

}  // namespace holdfast::apps
