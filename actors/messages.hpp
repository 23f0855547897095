#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/catalogue_view.hpp"
#include "actors/client_capabilities.hpp"
#include "actors/listing.hpp"
#include "transport/http_server.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/upstream_link.hpp"

/// Every message between the actors of a node. All stay inside the process.
namespace holdfast::actors {

using exchange_ptr = std::shared_ptr<transport::http_exchange>;
using bytes_ptr = std::shared_ptr<const std::string>;
using link_ptr = std::shared_ptr<transport::upstream_link>;
struct call;
struct post;
using call_ptr = std::shared_ptr<call>;

/// Something that happened on the actor's own shard (a timer, a connection's event), taken up in its turn.
struct callback {
  std::function<void()> run;
};

// ingress → session

/// One message of the client. Its views point into the request of `exchange` or, where that is null (the older SSE
/// transport, which has answered 202 already), into `bytes`.
struct client_message {
  exchange_ptr exchange;
  bytes_ptr bytes;
  mcp::envelope message;
};
struct client_batch {
  exchange_ptr exchange;
  std::vector<mcp::raw_json> messages;
};
/// GET: the session's own stream, or the resumption of one. With `opens_session` it is the one of the older SSE
/// transport, whose end ends the session.
struct client_stream {
  exchange_ptr exchange;
  bool opens_session = false;
};
struct client_goodbye {
  exchange_ptr exchange;
};

// session → itself, from its exchanges, upstream requests and timers

struct stream_closed {
  std::uint32_t stream;
  std::uint64_t attachment;  ///< which of the stream's connections
};
struct call_message {
  call_ptr of;
  std::string json;
};
struct call_answer {
  call_ptr of;
  std::string json;
};
struct call_failure {
  call_ptr of;
  transport::failure why;
};
/// A POST has waited so long for its answer that it becomes an event stream.
struct post_is_slow {
  std::shared_ptr<post> of;
};
struct session_tick {};
struct session_end {
  std::string reason;
};

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
  call_ptr call;  ///< given back with the outcome
};
struct unsubscribe {
  caf::actor from;
  std::string uri;
  call_ptr call;
};
struct level_wanted {
  caf::actor from;
  std::string level;
};
/// The session needs nothing more from this upstream.
struct released {
  caf::actor from;
};
struct fetch_listing {};
struct upstream_stop {};

// upstream → session, catalogue

struct link_ready {
  std::uint32_t upstream;
  link_ptr link;
};
struct link_refused {
  std::uint32_t upstream;
  std::string reason;
};
/// A message of a connection that belongs to no call.
struct upstream_message {
  std::uint32_t upstream;
  link_ptr link;
  std::string json;
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

// catalogue ↔ session

struct view_wanted {
  caf::actor from;
  capability_set capabilities;
  std::chrono::milliseconds wait;  ///< for upstreams that have not answered yet
  bool for_list;                   ///< after the wait others need not wait again; `initialize` only takes a look
};
struct view_ready {
  view_ptr view;
};
struct catalogue_changed {
  list_kinds what;
  std::uint8_t capabilities;  ///< of which sessions: `capability_set::index`
};

}  // namespace holdfast::actors

#define HOLDFAST_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::name)
HOLDFAST_LOCAL_MESSAGE(callback)
HOLDFAST_LOCAL_MESSAGE(client_message)
HOLDFAST_LOCAL_MESSAGE(client_batch)
HOLDFAST_LOCAL_MESSAGE(client_stream)
HOLDFAST_LOCAL_MESSAGE(client_goodbye)
HOLDFAST_LOCAL_MESSAGE(stream_closed)
HOLDFAST_LOCAL_MESSAGE(call_message)
HOLDFAST_LOCAL_MESSAGE(call_answer)
HOLDFAST_LOCAL_MESSAGE(call_failure)
HOLDFAST_LOCAL_MESSAGE(post_is_slow)
HOLDFAST_LOCAL_MESSAGE(session_tick)
HOLDFAST_LOCAL_MESSAGE(session_end)
HOLDFAST_LOCAL_MESSAGE(acquire)
HOLDFAST_LOCAL_MESSAGE(link_expired)
HOLDFAST_LOCAL_MESSAGE(subscribe)
HOLDFAST_LOCAL_MESSAGE(unsubscribe)
HOLDFAST_LOCAL_MESSAGE(level_wanted)
HOLDFAST_LOCAL_MESSAGE(released)
HOLDFAST_LOCAL_MESSAGE(fetch_listing)
HOLDFAST_LOCAL_MESSAGE(upstream_stop)
HOLDFAST_LOCAL_MESSAGE(link_ready)
HOLDFAST_LOCAL_MESSAGE(link_refused)
HOLDFAST_LOCAL_MESSAGE(upstream_message)
HOLDFAST_LOCAL_MESSAGE(subscription_done)
HOLDFAST_LOCAL_MESSAGE(listing_ready)
HOLDFAST_LOCAL_MESSAGE(view_wanted)
HOLDFAST_LOCAL_MESSAGE(view_ready)
HOLDFAST_LOCAL_MESSAGE(catalogue_changed)
#undef HOLDFAST_LOCAL_MESSAGE
