#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transport/mcp/trace_context.hpp"

namespace holdfast::actors::tracing {

/// Something that was done for a request, in its trace. Attributes hold neither secrets nor arguments of tools.
struct span {
  enum class kind : std::uint8_t { internal = 1, server = 2, client = 3 };  ///< the numbers of OTLP
  using clock = std::chrono::system_clock;

  /// Begins now; below `parent`, or as the first of a new trace if that is absent.
  span(const mcp::trace_context& parent, kind k, std::string n)
      : self(mcp::child_of(parent, true)), above(parent.span), what(k), name(std::move(n)), began(clock::now()) {}

  void note(std::string_view key, std::string value) { attributes.emplace_back(key, std::move(value)); }

  mcp::trace_context self;
  std::array<std::uint8_t, 8> above;  ///< the span above it; all zero: none
  kind what;
  std::string name;
  clock::time_point began, ended{};
  bool failed = false;
  std::vector<std::pair<std::string_view, std::string>> attributes;
};

/// A call's execution, and what its upstream does of it.
struct traced_call {
  span execution;
  std::optional<span> upstream = {};
};

}  // namespace holdfast::actors::tracing
