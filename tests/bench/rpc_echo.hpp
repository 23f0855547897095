#pragma once

#include <string>
#include <string_view>

namespace holdfast::bench {

/// The answer of an MCP server with one tool, `echo`, to one message; empty for a notification. `echo` returns its
/// arguments as text. Reads just enough JSON for well-formed messages, so that the server costs next to nothing.
std::string answer_rpc(std::string_view message);

}  // namespace holdfast::bench
