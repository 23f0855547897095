#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/http_server.hpp"
#include "transport/mcp/envelope.hpp"
#include "transport/result.hpp"

/// The messages that a session gets from its client and from itself. All stay inside the process.
namespace holdfast::actors {

using exchange_ptr = std::shared_ptr<transport::http_exchange>;
using bytes_ptr = std::shared_ptr<const std::string>;
struct call;
using call_ptr = std::shared_ptr<call>;
struct post;

/// Something that happened on the actor's own shard (a timer, a connection's event), taken up in its turn.
struct callback {
  std::function<void()> run;
};

// ingress → session
// `principal` in these: whose they are, where the ingress cannot tell whether the session is theirs, because it is
// being read from the store. Empty: they have been let in.

/// One message of the client. Its views point into the request of `exchange` or, where that is null (the older SSE
/// transport, which has answered 202 already), into `bytes`.
struct client_message {
  exchange_ptr exchange;
  bytes_ptr bytes;
  mcp::envelope message;
  bool repeated = false;  ///< another node had it, and may have carried it out
  std::string principal = {};
};
struct client_batch {
  exchange_ptr exchange;
  std::vector<mcp::raw_json> messages;
  std::string principal = {};
};
/// GET: the session's own stream, or the resumption of one. With `opens_session` it is the one of the older SSE
/// transport, whose end ends the session.
struct client_stream {
  exchange_ptr exchange;
  bool opens_session = false;
  std::string principal = {};
};
struct client_goodbye {
  exchange_ptr exchange;
  bool repeated = false;  ///< as above
  std::string principal = {};
};

// session → ingress

/// A request that was delivered here, to be routed anew.
struct client_request {
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
/// The connection of a POST has ended before its answer was out.
struct post_lost {
  std::shared_ptr<post> of;
};
/// The upstream's stream of a call can be taken up again from here on.
struct call_resumable {
  call_ptr of;
};
/// The session's slot goes to another node: it is written down and ends here, unless calls are under way.
struct session_move {};
/// The session's slot stays for now: requests that were held back begin.
struct session_stay {};
/// The session's slot is another node's: what is here of it is void.
struct session_fenced {};
/// The node stops: the session is written down and ends here, not for its client.
struct session_suspend {};
/// Everything that was sent to an ended session before this has been answered: its actor can go.
struct session_over {};

}  // namespace holdfast::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::callback)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::client_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::client_batch)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::client_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::client_goodbye)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::client_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::stream_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::call_message)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::call_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::call_failure)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::post_is_slow)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::session_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::session_end)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::session_over)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::post_lost)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::call_resumable)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::session_move)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::session_stay)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::session_fenced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(holdfast::actors::session_suspend)
