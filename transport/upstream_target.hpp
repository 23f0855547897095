#pragma once

#include <memory>
#include <variant>

#include "transport/program_tool.hpp"
#include "transport/upstream_connection.hpp"

namespace holdfast::transport {

/// What an upstream is: a command that speaks MCP, a server over HTTP, or tools that are programs.
using upstream_target = std::variant<stdio_command, http_endpoint, program_set>;

/// A connection of the right kind, see `upstream_connection`.
std::shared_ptr<upstream_connection> connection_to(loop& on, upstream_target to, const upstream_limits& l,
                                                   upstream_connection_events& events);

}  // namespace holdfast::transport
