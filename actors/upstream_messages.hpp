#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "actors/catalogue_view.hpp"
#include "actors/client_capabilities.hpp"
#include "actors/listing.hpp"
#include "transport/upstream_link.hpp"

/// The messages between sessions, upstreams and the catalogue. All stay inside the process.
namespace holdfast::actors {

using link_ptr = std::shared_ptr<transport::upstream_link>;
struct call;
using call_ptr = std::shared_ptr<call>;

// session, catalogue → upstream

/// The link is needed: `link_ready` or `link_refused` comes back.
struct acquire {
  caf::actor from;
};
/// This link's upstream session has ended; a new one is needed.
struct link_expired {
  link_ptr link;
};
struct subscribe {
  caf::actor from;
  std::string uri;
  call_ptr call;  ///< given back with the outcome; null: it stood before the session came here, and stands
};
struct unsubscribe {
  caf::actor from;
  std::string uri;
  call_ptr call;
};
/// Log messages from this level on are wanted: `level_told` comes back once the upstream knows.
struct level_wanted {
  caf::actor from;
  std::string level;
};
/// The session needs nothing more from this upstream.
struct released {
  caf::actor from;
};
struct fetch_listing {};
struct upstream_stop {
  bool leaves_session = false;  ///< somebody will go on with the session at the upstream
};

/// Another definition, or none, is in force: the connection ends once nothing is under way on it.
struct upstream_retire {};

// upstream → session, catalogue

struct link_ready {
  std::uint32_t upstream;
  link_ptr link;
};
struct link_refused {
  std::uint32_t upstream;
  std::string reason;
};
struct level_told {
  std::uint32_t upstream;
};
/// A message of a connection that belongs to no call.
struct upstream_message {
  std::uint32_t upstream;
  link_ptr link;
  std::string json;
  std::string event_id;  ///< of the stream it came on, where that can be resumed
};
struct subscription_done {
  call_ptr call;
  std::string error;  ///< raw error object; empty if all went well
};
struct listing_ready {
  std::uint32_t upstream;
  std::uint8_t capabilities;  ///< `capability_set::index`
  listing_ptr what;           ///< null: the upstream cannot be reached
  list_kinds changed;         ///< what the upstream said has changed
};

// catalogue ↔ session, roster

struct view_wanted {
  caf::actor from;
  capability_set capabilities;
  std::string user;                ///< who has upstreams of their own; empty: what everybody is shown
  std::chrono::milliseconds wait;  ///< for upstreams that have not answered yet
  bool for_list;                   ///< after the wait others need not wait again; `initialize` only takes a look
};
struct view_ready {
  view_ptr view;
};
/// What another node's catalogue shows has changed, or is heard for the first time.
struct peer_lists {
  std::string from;  ///< its incarnation
  view_digests theirs;
};
struct catalogue_changed {
  list_kinds what;
  std::uint8_t capabilities;  ///< of which sessions: `capability_set::index`
  std::string user;           ///< and of whom; empty: of those who are shown what everybody is
};

}  // namespace holdfast::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::acquire)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::link_expired)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::subscribe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::unsubscribe)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::level_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::released)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::fetch_listing)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::upstream_stop)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::link_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::link_refused)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::level_told)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::upstream_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::subscription_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::listing_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::view_wanted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::view_ready)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::peer_lists)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::catalogue_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::upstream_retire)
