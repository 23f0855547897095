#pragma once

#include <memory>

#include "transport/upstream_connection.hpp"
#include "transport/upstream_site.hpp"

namespace holdfast::transport {

class loop;

/// A connection to a server of the older transport, HTTP+SSE (revision 2024-11-05): one event stream carries everything
/// the server says, each message to it is a POST to the URL that the stream's first event names.
std::shared_ptr<upstream_connection> connect_sse(loop& on, std::shared_ptr<const upstream_site> site, upstream_limits l,
                                                 upstream_connection_events& events);

}  // namespace holdfast::transport
