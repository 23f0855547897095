#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/mcp/envelope.hpp"

namespace holdfast::mcp {

/// Where a request stands in a distributed trace: a `traceparent` of W3C Trace Context.
struct trace_context {
  std::array<std::uint8_t, 16> trace{};  ///< all zero: there is none
  std::array<std::uint8_t, 8> span{};    ///< of whoever has sent the request
  std::uint8_t flags = 0;

  bool present() const noexcept { return trace != std::array<std::uint8_t, 16>{}; }
  bool sampled() const noexcept { return (flags & 1u) != 0; }
  bool operator==(const trace_context&) const = default;
};

/// Reads a `traceparent` (version 00, or what a later version has in common with it: W3C Trace Context, 3.2 and 4.3).
/// Nothing if it is malformed, upon which the trace begins anew.
std::optional<trace_context> parse_traceparent(std::string_view text) noexcept;

/// "00-…-…-01"; of the flags those that version 00 knows.
std::string to_traceparent(const trace_context& c);

std::string trace_id_text(const trace_context& c);  ///< 32 hexadecimal digits
std::string span_id_text(const trace_context& c);   ///< 16

/// The one in a request's `params._meta`, as it stands there; null if there is none.
raw_json traceparent_in(raw_json meta);

/// A message's context: that of its `_meta`, or else that of the HTTP request it came in; where both belong to the same
/// trace the latter, whose sender is nearer. Absent if neither is valid.
trace_context context_of(raw_json meta, std::string_view header);

/// A new span in the trace of `parent`, or in a new one if that is absent. Ids are random, not secret.
trace_context child_of(const trace_context& parent, bool sampled);

/// A random number from 0 to 1, for deciding which requests are traced.
double sampling_dice();

}  // namespace holdfast::mcp
