#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/cluster.hpp"
#include "transport/loop.hpp"
#include "transport/result.hpp"

namespace holdfast::actors {

/// Posts a small JSON text to another node. `done` runs once, never from within this call, with the text of a 200
/// answer; `timed_out` if it does not come within `limit`, `unauthorized` if our secret is another one, `bad_http` if
/// TLS is spoken there and not here, `http_status` for any other answer, `too_large` for one of more than `bytes_max`.
/// The thread of `on`.
void ask_peer(transport::loop& on, const cluster& in, const transport::http_target& to, std::string_view path,
              std::string body, std::chrono::milliseconds limit,
              std::function<void(transport::outcome<std::string>)> done, std::size_t bytes_max = 64u << 10);

/// What several were asked, in their order; nothing where no answer came.
using said_by_all = std::vector<std::optional<bool>>;
bool any_yes(const said_by_all& said) noexcept;

/// Asks several at once. `done` runs once, never from within this call; whether an answer is a yes is seen as it comes.
void ask_all(transport::loop& on, const cluster& in, const std::vector<transport::http_target>& of,
             std::string_view path, const std::string& body, std::chrono::milliseconds limit,
             std::function<bool(const std::string&)> is_yes, std::function<void(said_by_all)> done);

}  // namespace holdfast::actors
