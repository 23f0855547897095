#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <optional>
#include <vector>

#include "persistence/store_values.hpp"

/// What the store answers to a session, as messages that the session sends itself.
namespace holdfast::actors {

/// The outcome of the commit under way.
struct commit_done {
  persistence::result<persistence::verdict> outcome;
};
struct commit_retry {};
/// Whether the session's slot is still this process's.
struct ownership_checked {
  persistence::result<bool> ours;
};
/// What the store holds of the session; `of` is nothing if it holds nothing.
struct session_loaded {
  persistence::result<std::optional<persistence::record>> of;
};
/// The same, to see whether somebody else has gone on with the session.
struct session_compared {
  persistence::result<std::optional<persistence::record>> of;
};
struct session_events {
  persistence::result<std::vector<persistence::event>> events;
};
}  // namespace holdfast::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::commit_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::commit_retry)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::ownership_checked)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::session_loaded)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::session_compared)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::session_events)
