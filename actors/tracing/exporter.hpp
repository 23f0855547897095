#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/metrics/counters.hpp"
#include "actors/node_config.hpp"
#include "actors/tracing/span.hpp"
#include "transport/loop.hpp"

namespace holdfast::actors::tracing {

/// Sends the spans of one I/O thread to the collector, some at a time. Nobody waits for it: what the collector does not
/// take is dropped, and counted. That thread only.
class exporter {
 public:
  /// The endpoint is a usable URL. `node` is the name of this node; `c` and `to` outlive this.
  static std::shared_ptr<exporter> create(transport::loop& on, const trace_config& c, std::string node,
                                          metrics::span_counters& to);
  virtual ~exporter() = default;

  /// Whether a request in this context is to be traced: the client says so, or chance does where it says nothing.
  virtual bool wants(const mcp::trace_context& c) const = 0;

  /// A span that has ended; it ends now if it has not.
  virtual void add(span s) = 0;

  /// Sends what there is.
  virtual void flush() = 0;
};

}  // namespace holdfast::actors::tracing
