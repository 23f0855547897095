#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "transport/result.hpp"

namespace holdfast::apps {

/// The tools of the demonstration's upstream.
inline constexpr std::string_view slow_tool = "slow_count", runs_tool = "count_runs";

/// An MCP server over Streamable HTTP on 127.0.0.1, on a thread of its own, for demonstrations: `slow_count` counts
/// slowly and reports its progress, on a stream that can be resumed by event id; `count_runs` tells how often that was
/// run under a ticket, whoever asked for it. What it runs goes on without its client.
class demo_upstream {
 public:
  /// Port 0 lets the system choose.
  static transport::outcome<std::unique_ptr<demo_upstream>> start(std::uint16_t port);
  virtual ~demo_upstream() = default;

  virtual std::string url() const = 0;
};

}  // namespace holdfast::apps
