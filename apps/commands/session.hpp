#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "apps/commands/commands.hpp"
#include "apps/commands/mcp_client.hpp"
#include "transport/mcp/envelope.hpp"

namespace holdfast::apps {

/// What went wrong, and the code to end with.
struct ending {
  int code;
  std::string words;
};

/// The node's MCP endpoint, as the user of the token where there is one.
transport::http_endpoint endpoint_of(const common_options& common);

/// The exit code that stands for a failure to connect to a node or to get an answer from it.
int code_of(const std::error_code& e);

/// Connects to the node's MCP endpoint; the result of `initialize` is dropped.
std::optional<ending> connect(mcp_client& client, const std::string& url);

/// The response's result, raw, as part of `answer`; or the words for an error in it, with `protocol_error`.
boost::system::result<mcp::raw_json, ending> result_in(const std::string& answer);

/// All tools that a server lists, raw, every page of them.
struct tool_list {
  std::vector<std::string> tools;
  std::optional<ending> trouble;
};
tool_list list_tools(mcp_client& client, std::chrono::milliseconds timeout);

}  // namespace holdfast::apps
