#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "actors/session_trace.hpp"

/// What operators tell sessions and upstreams. All stays inside the process.
namespace holdfast::actors {

/// An operator wants to see the session's messages, or no more of them.
struct trace_begin {
  std::shared_ptr<session_trace> to;
};
struct trace_end {
  std::uint64_t id;
};
/// The call of this number, as operators know it, is cancelled.
struct execution_cancel {
  std::string number;
};
/// The session's own kept results count no more.
struct results_forgotten {};
/// The upstream gets a new connection, or none if it is disabled by now.
struct upstream_steer {};

}  // namespace holdfast::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::trace_begin)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::trace_end)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::execution_cancel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::upstream_steer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::results_forgotten)
