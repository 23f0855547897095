#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/cluster.hpp"
#include "transport/loop.hpp"
#include "transport/result.hpp"

namespace holdfast::actors {

/// Posts a small JSON text to another node. `done` runs once, never from within this call, with the text of a 200
/// answer; `timed_out` if it does not come within `limit`, `unauthorized` if our secret is another one, `bad_http` if
/// TLS is spoken there and not here, `http_status` for any other answer. The thread of `on`.
void ask_peer(transport::loop& on, const cluster& in, const transport::http_target& to, std::string_view path,
              std::string body, std::chrono::milliseconds limit,
              std::function<void(transport::outcome<std::string>)> done);

/// Asks several at once. `done` runs once, never from within this call: whether the answer of any of them is a yes.
void ask_any(transport::loop& on, const cluster& in, const std::vector<transport::http_target>& of,
             std::string_view path, const std::string& body, std::chrono::milliseconds limit,
             std::function<bool(const std::string&)> is_yes, std::function<void(bool)> done);

}  // namespace holdfast::actors
