#pragma once

#include <memory>

#include "transport/http_server.hpp"

namespace holdfast::actors {

/// An exchange as an actor of another shard may use it: every call is passed on to the loop that owns the connection,
/// in order, and `on_closed` comes back to the loop it was called from. `write` always says true; a connection that is
/// cut reports it through `on_closed`.
std::shared_ptr<transport::http_exchange> make_remote(std::shared_ptr<transport::http_exchange> exchange);

/// What was made a remote exchange, for an actor of its own shard; any other one as it is.
std::shared_ptr<transport::http_exchange> as_at_home(const std::shared_ptr<transport::http_exchange>& exchange);

}  // namespace holdfast::actors
