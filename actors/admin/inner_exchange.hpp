#pragma once

#include <functional>
#include <memory>
#include <string>

#include "transport/http_server.hpp"

namespace holdfast::actors::admin {

/// A request to a session that comes from this process, not over a connection. `done` runs once, in a task of `home`,
/// with the status, the session id that was given, and the JSON text of the answer: of a stream, its last message.
/// `host` is one that may be asked here, `principal` whose request it is. `repeated`: it was sent before, and may have
/// been carried out.
std::shared_ptr<transport::http_exchange> make_inner_exchange(
    transport::loop& home, std::string host, std::string principal, std::string session, std::string body,
    bool repeated, std::function<void(int status, std::string session, std::string json)> done);

}  // namespace holdfast::actors::admin
